"""DistanceModel: a link reaches as far as it reaches, the threshold included."""

import numpy as np
import pytest
from scipy import stats

from failure_api.communication_models import DistanceModel
from failure_api.communication_models.distance import squared_distances
from helpers import FALSE_ALARM, off_diagonal, play


def on_a_line(*places, rounds=1):
    """Agents on a line: distances that float32 holds exactly, in places where they are not."""
    positions = np.zeros((rounds, len(places), 2))
    positions[..., 0] = places
    return positions


def test_the_share_of_links_in_range_in_a_unit_square():
    """Placements are independent and one link of each is counted: the number is binomial."""
    placements, radius = 200_000, 0.25
    positions = np.random.default_rng(0).random((1, placements, 2, 2))
    model = DistanceModel(distance_threshold=radius)
    arrived = play(model, agents=2, batch=(placements,), positions=positions).arrived
    exact = np.pi * radius**2 - 8 / 3 * radius**3 + radius**4 / 2
    assert exact == pytest.approx(0.156636, abs=5e-7)
    up = int(arrived[0, :, 0, 1].sum())
    assert stats.binomtest(up, placements, exact).pvalue > FALSE_ALARM


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_distances_are_euclidean_in_any_number_of_dimensions(axes):
    positions = np.random.default_rng(1).random((2, 5, axes))
    expected = np.linalg.norm(positions[:, :, None] - positions[:, None, :], axis=-1)
    np.testing.assert_allclose(squared_distances(positions, np), expected**2, atol=1e-12)
    played = play(
        DistanceModel(distance_threshold=0.4), agents=5, batch=(2,), positions=positions[None]
    )
    np.testing.assert_array_equal(off_diagonal(played.arrived[0]), off_diagonal(expected <= 0.4))


@pytest.mark.parametrize("radius", [0.25, 0.5, 3.0])
def test_the_threshold_itself_is_in_range(radius):
    positions = on_a_line(0.0, radius, -np.nextafter(np.float32(radius), np.float32(9)))
    arrived = play(DistanceModel(distance_threshold=radius), positions=positions).arrived[0]
    assert arrived[0, 1]
    assert arrived[1, 0]
    assert not arrived[0, 2]
    assert not arrived[2, 0]


def test_what_is_out_of_range_is_lost_and_nothing_else_limits_a_link_without_falloff():
    positions = on_a_line(0.0, 0.1, 0.9, 1.5)
    played = play(DistanceModel(distance_threshold=1.0), agents=4, positions=positions)
    np.testing.assert_array_equal(played.lost[0, 0, 1:], [False, False, True])
    assert played.capacity is None


def test_linear_falloff_takes_capacity_to_0_at_the_threshold_and_loses_beyond():
    positions = on_a_line(0.0, 0.5, 1.0, 1.5, 2.0, 2.5)
    model = DistanceModel(distance_threshold=2.0, falloff="linear")
    played = play(model, agents=6, positions=positions)
    np.testing.assert_array_equal(played.capacity[0, 0, 1:], [0.75, 0.5, 0.25, 0.0, np.inf])
    np.testing.assert_array_equal(played.lost[0, 0, 1:], [False, False, False, False, True])


def test_linear_falloff_is_never_negative_and_never_beyond_nominal():
    positions = np.random.default_rng(2).random((1, 30, 2))
    for radius in (0.01, 0.1, 0.3, 0.7, 2.0):
        model = DistanceModel(distance_threshold=radius, falloff="linear")
        played = play(model, agents=30, positions=positions)
        within = off_diagonal(played.capacity)[~off_diagonal(played.lost)]
        assert (within >= 0).all()
        assert (within <= 1).all()


def test_a_linear_link_carries_its_share_of_messages():
    model = DistanceModel(distance_threshold=1.0, falloff="linear")
    played = play(model, agents=2, rounds=20, positions=on_a_line(0.0, 0.75, rounds=20))
    assert np.flatnonzero(played.arrived[:, 0, 1]).tolist() == [3, 7, 11, 15, 19]


def test_agents_in_one_place_hear_each_other():
    for falloff in ("none", "linear"):
        model = DistanceModel(distance_threshold=0.1, falloff=falloff)
        played = play(model, positions=on_a_line(1.0, 1.0, 1.0))
        assert not off_diagonal(played.lost).any()
        assert played.capacity is None or (off_diagonal(played.capacity) == 1).all()
        assert off_diagonal(played.arrived).all()


def test_ranges_may_differ_by_link_and_direction():
    reach = np.full((3, 3), 0.5)
    reach[0, :] = 10.0
    model = DistanceModel(distance_threshold=reach)
    arrived = play(model, positions=on_a_line(0.0, 1.0, 2.0)).arrived[0]
    assert np.argwhere(arrived).tolist() == [[0, 1], [0, 2]]


def test_links_follow_the_agents():
    positions = np.concatenate([on_a_line(0.0, place) for place in (0.5, 2.0, 0.9)])
    played = play(DistanceModel(distance_threshold=1.0), agents=2, rounds=3, positions=positions)
    assert played.arrived[:, 0, 1].tolist() == [True, False, True]


def test_an_endless_range_reaches_everyone():
    model = DistanceModel(distance_threshold=np.inf)
    assert off_diagonal(play(model, positions=on_a_line(0.0, 1e6, -1e9)).arrived).all()


@pytest.mark.parametrize("probability", [0.2, 0.7])
def test_a_link_in_range_fails_with_its_probability(probability):
    """Losses are independent, so that their number is binomial."""
    rounds = 1000
    model = DistanceModel(distance_threshold=1.0, failure_prob=probability)
    positions = on_a_line(0.0, 0.5, 1.0, 5.0, rounds=rounds)
    arrived = play(model, rounds=rounds, agents=4, positions=positions).arrived
    lost = ~off_diagonal(arrived[:, :3, :3])
    assert stats.binomtest(int(lost.sum()), lost.size, probability).pvalue > FALSE_ALARM
    assert not arrived[:, 3].any()
    assert not arrived[:, :, 3].any()


def test_it_says_that_it_needs_positions():
    assert DistanceModel(distance_threshold=1.0).traits.positions
