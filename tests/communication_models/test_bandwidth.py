"""BandwidthModel: its laws, its shares, and its steady state against slow sums."""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from failure_api.communication_models import (
    BandwidthModel,
    DistanceModel,
    MatrixModel,
    ProbabilisticModel,
)
from failure_api.core import Chain
from failure_api.core.queue import Queue
from failure_api.errors import InvalidArgumentError
from failure_api.testing import check_model
from helpers import Scripted, assert_one_sentence, off_diagonal, play

PAIR = ("agent_0", "agent_1")


@pytest.mark.parametrize(
    "model",
    [
        BandwidthModel(capacity=0.5),
        BandwidthModel(capacity=0),
        BandwidthModel(capacity=3),
        BandwidthModel(capacity=0.5, per="sender", drop="newest_first", queue_length=1),
        BandwidthModel(capacity=[[0, 0.2, 1], [2, 0, 0.5], [0, 1, 0]], per="sender"),
        BandwidthModel(capacity={("a", "b"): 0.3}, max_wait=4),
        BandwidthModel(capacity=0.3, per="sender", agent_ids=("a", "c")),
    ],
    ids=str,
)
def test_the_model_keeps_the_laws(model):
    check_model(model)


def test_capacity_bounds_what_other_models_leave():
    matrix = MatrixModel(matrix=[[0, 0.25], [2, 0]])
    for models in ([matrix, BandwidthModel(capacity=0.5)], [BandwidthModel(capacity=0.5), matrix]):
        assert off_diagonal(play(*models, agents=2).capacity)[0].tolist() == [0.25, 0.5]


def test_a_sender_divides_its_time_among_the_links_on_which_something_waits():
    alive = np.ones((5, 5), dtype=bool)
    alive[1:, 4] = alive[2:, 3] = False
    alive[3:, 1:] = False
    played = play(BandwidthModel(capacity=2, per="sender"), rounds=5, agents=5, alive=alive)
    # Message 0 leaves on all four links in round 1, and on those to 1, 2 and 3 message 1 waits
    # behind it, whether or not its receiver still lives; 2 is made for 1 and 2 alone.
    expected = [0.5, 0.5, 2 / 3, 2 / 3, 1]
    for number, share in enumerate(expected):
        np.testing.assert_allclose(played.capacity[number, 0, 1:], share)
    assert played.sends[:, 0, 1:].tolist() == [
        [False] * 4,
        [True] * 4,
        [False] * 4,
        [True, True, True, False],
        [True, True, False, False],
    ]


def test_each_episode_of_a_batch_has_receivers_of_its_own():
    alive = np.ones((1, 2, 3), dtype=bool)
    alive[0, 1, 2] = False
    model = BandwidthModel(capacity=1, per="sender")
    capacity = play(model, rounds=1, batch=(2,), alive=alive).capacity[0, :, 0, 1]
    assert capacity.tolist() == [0.5, 1]


def test_a_sender_confined_to_some_links_divides_its_time_among_those():
    model = BandwidthModel(capacity=1, per="sender", agent_ids=["agent_0", "agent_1", "agent_2"])
    capacity = play(model, agents=5).capacity[0]
    np.testing.assert_allclose(capacity[0, 1:], [0.5, 0.5, np.inf, np.inf])
    assert (capacity[3, :3] == np.inf).all()


def test_links_of_a_sender_may_differ():
    model = BandwidthModel(capacity={PAIR: 0.5}, per="sender")
    assert play(model).capacity[0, 0, 1:].tolist() == [0.25, 0.5]


def test_what_the_queue_is():
    assert BandwidthModel(capacity=0.5).traits.queue == Queue(length=10)
    model = BandwidthModel(capacity=0.5, queue_length=3, max_wait=7, drop="newest_first")
    assert model.traits.queue == Queue(length=3, max_wait=7, drop="newest_first")
    # It waits as long as it takes, whatever is known of the capacity.
    for capacity in (0, 1e-9, 0.25, 2.5, {PAIR: 0.25}):
        for per in ("link", "sender"):
            assert BandwidthModel(capacity=capacity, per=per).traits.queue.max_wait is None


@pytest.mark.parametrize(
    ("capacity", "narrows"),
    [
        (1, False),
        (0, True),
        (2.5, False),
        (0.5, True),
        ([[0.5, 1], [1, 0.5]], False),
        ([[1, 1], [0, 1]], True),
        ({PAIR: 1.5}, False),
        ({PAIR: 0.5}, True),
    ],
)
def test_only_a_narrow_link_makes_messages_wait(capacity, narrows):
    assert BandwidthModel(capacity=capacity).traits.narrows == narrows
    assert (Chain(models=[BandwidthModel(capacity=capacity)]).queue is not None) == narrows
    assert BandwidthModel(capacity=capacity, per="sender").traits.narrows


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"capacity": -0.5}, ["capacity", "-0.5"]),
        ({"capacity": math.nan}, ["capacity", "nan"]),
        ({"capacity": math.inf}, ["capacity", "inf"]),
        ({"capacity": "wide"}, ["capacity", "wide"]),
        ({"capacity": 1, "per": "team"}, ["per", "sender", "team"]),
        ({"capacity": 1, "queue_length": 0}, ["queue_length", "0"]),
        ({"capacity": 1, "queue_length": 2.5}, ["queue_length", "2.5"]),
        ({"capacity": 1, "drop": "newest"}, ["drop", "newest_first"]),
        ({"capacity": 1, "max_wait": -1}, ["max_wait", "-1"]),
    ],
)
def test_a_mistake_is_one_sentence(arguments, words):
    with pytest.raises(InvalidArgumentError) as caught:
        BandwidthModel(**arguments)
    assert_one_sentence(caught.value, *words)


def steady(model, rounds):
    """Returns loss, burst length and age of one link once its queue is full."""
    played = play(model, rounds=2 * rounds, agents=2)
    lost, age = ~played.arrived[rounds:, 0, 1], played.age[rounds:, 0, 1]
    begins = (lost[1:] & ~lost[:-1]).sum()
    return lost.mean(), lost[1:].sum() / begins, age.mean()


@settings(max_examples=30, deadline=None)
@given(
    over=st.integers(2, 12),
    under=st.integers(1, 11),
    queue_length=st.integers(1, 6),
    drop=st.sampled_from(["tail", "newest_first"]),
)
def test_the_steady_state_is_what_the_closed_forms_say(over, under, queue_length, drop):
    capacity = min(under, over - 1) / over
    model = BandwidthModel(capacity=capacity, queue_length=queue_length, drop=drop)
    # A whole number of periods, so that the sums are exact but for where a burst is cut.
    loss, burst, age = steady(model, 50 * over)
    assert loss == pytest.approx(model.expected_loss(), abs=1e-4)
    assert burst == pytest.approx(model.expected_burst_length(), rel=0.03)
    assert age == pytest.approx(model.expected_age(), abs=1e-3)


def test_worked_values():
    # Every third message is carried. It begins when its forerunner is done and takes 3 rounds, so
    # that its age goes from 2 to 4.
    newest = BandwidthModel(capacity=1 / 3, drop="newest_first")
    assert newest.expected_age() == pytest.approx(1.5 * (3 - 1))
    # Four messages of 2 rounds each are in front of the end of the queue: 7 to 8 rounds.
    assert BandwidthModel(capacity=0.5, queue_length=4).expected_age() == 7.5
    assert newest.expected_loss() == pytest.approx(2 / 3)
    assert newest.expected_burst_length() == pytest.approx(2)
    # Without a place to wait, 0.4 takes 3 rounds and begins anew.
    alone = BandwidthModel(capacity=0.4, queue_length=1)
    assert alone.expected_loss() == pytest.approx(2 / 3)
    assert alone.expected_age() == pytest.approx(3)


def test_the_ends_of_the_scale():
    full, none = BandwidthModel(capacity=1), BandwidthModel(capacity=0)
    assert (full.expected_loss(), full.expected_burst_length(), full.expected_age()) == (0, 1, 0)
    assert none.expected_loss() == 1
    assert none.expected_burst_length() == none.expected_age() == math.inf


def test_closed_forms_take_the_form_of_the_capacity():
    table = BandwidthModel(capacity=[[0, 0.5], [1, 0]], queue_length=2)
    np.testing.assert_allclose(off_diagonal(table.expected_age()), [3.5, 0])
    assert BandwidthModel(capacity={PAIR: 0.25}).expected_loss() == {PAIR: 0.75}


def test_nothing_is_said_of_what_is_not_known():
    for model in (
        BandwidthModel(capacity=0.5, per="sender"),
        BandwidthModel(capacity=0.5, max_wait=3),
    ):
        assert model.expected_loss() is None
        assert model.expected_burst_length() is None
        assert model.expected_age() is None
    assert BandwidthModel(capacity=0.5, max_wait=20).expected_loss() == 0.5
    # By default nothing is cut short, however slow the link.
    slow = BandwidthModel(capacity=0.005)
    assert slow.expected_loss() == pytest.approx(0.995)
    assert slow.expected_age() == pytest.approx(10 / 0.005 - 1 + 199 / 2)


def test_capacities_sweep():
    model = BandwidthModel(capacity=0.5)
    arrived = [
        play(replace(model, capacity=capacity), rounds=60).arrived.sum() for capacity in (0.2, 0.6)
    ]
    assert arrived == [12 * 6, 36 * 6]


@pytest.mark.parametrize("places", [2, 5])
@pytest.mark.parametrize("capacity", [0.0007, 0.01234, 0.3, 1 / 3, 0.37, 0.9996])
def test_ages_are_means_over_what_has_been_carried(capacity, places):
    """Over all fractions, or twenty thousand, of a message, by the formulas of the docstring."""
    exact = Fraction(capacity).limit_denominator(1000)
    small = abs(exact / Fraction(capacity) - 1) < 1e-6
    steps = exact.denominator if small else 20_000
    rate = exact if small else Fraction(capacity)
    carried = [Fraction(step, steps) for step in range(steps)]
    tail = BandwidthModel(capacity=capacity, queue_length=places, max_wait=100_000)
    expected = np.mean([(places + x) / rate // 1 - 1 for x in carried], dtype=np.float64)
    assert tail.expected_age() == pytest.approx(float(expected), rel=1e-3)
    newest = replace(tail, drop="newest_first")
    expected = np.mean([-(-(1 + x) / rate // 1) - 1 for x in carried], dtype=np.float64)
    assert newest.expected_age() == pytest.approx(float(expected), rel=1e-3)


@pytest.mark.parametrize(
    "nothing", [ProbabilisticModel(failure_prob=0.0), DistanceModel(distance_threshold=100.0)]
)
def test_models_that_fail_nothing_do_not_slow_down_what_catches_up(nothing):
    """A link of half its bandwidth for a while, and of twice after that."""
    halved = np.full((60, 2, 2), 2.0)
    halved[:20] = 0.5
    models = [Scripted(capacities=halved), BandwidthModel(capacity=2.0)]
    where = np.zeros((60, 2, 2))
    alone = play(*models, rounds=60, agents=2, positions=where)
    beside = play(models[0], nothing, models[1], rounds=60, agents=2, positions=where)
    np.testing.assert_array_equal(beside.sent, alone.sent)
    assert alone.age[-1, 0, 1] == 0
