"""Shadowing: stationary, correlated in space, the same in both directions."""

from itertools import pairwise

import numpy as np
import pytest

from failure_api.communication_models.radio import LogNormalShadowing
from failure_api.core import NumpyStream
from failure_api.errors import InvalidArgumentError
from helpers import assert_one_sentence, context_of

EPISODES = 100_000


def fields(steps, *, agents=2, batch=(EPISODES,), deviation=6.0, seed=0, **others):
    """Returns the gains [T, ..., N, N] for positions [N, dim] of each step."""
    shadowing = LogNormalShadowing(
        standard_deviation=deviation, **{"decorrelation_distance": 10.0, **others}
    )
    random = NumpyStream(seed)
    contexts = [
        context_of(agents, batch=batch, positions=np.broadcast_to(step, (*batch, *np.shape(step))))
        for step in steps
    ]
    parameters = shadowing.prepare(contexts[0])
    state = shadowing.init(parameters, contexts[0], random)
    found = []
    for context in contexts:
        state = shadowing.step(parameters, state, context, 2.0, random)
        found.append(shadowing.gain(state))
        assert found[-1].dtype == np.float32
    return np.asarray(found)


def line(*places):
    return [[[0.0, 0.0], [place, 0.0]] for place in places]


def test_it_starts_and_stays_with_its_deviation():
    """The share of each normal variance is known to sqrt(2 / n); 5 of those are allowed."""
    found = fields(line(0.0, 0.0, 1.0, 3.0, 100.0, 100.1))[..., 0, 1]
    np.testing.assert_allclose(found.var(axis=1), 36.0, rtol=5 * np.sqrt(2 / EPISODES))
    np.testing.assert_allclose(found.mean(axis=1), 0.0, atol=5 * 6.0 / np.sqrt(EPISODES))


def test_the_correlation_falls_exponentially_with_the_distance_from_the_first_step_on():
    """Two metres a unit; a correlation is known to (1 - r^2) / sqrt(n)."""
    moves = [0.0, 1.0, 4.0, 4.0, 14.0]
    found = fields(line(*moves))[..., 0, 1]
    for step, (before, after) in enumerate(pairwise(moves)):
        expected = np.exp(-2.0 * (after - before) / 10.0)
        correlation = np.corrcoef(found[step], found[step + 1])[0, 1]
        assert correlation == pytest.approx(expected, abs=5 / np.sqrt(EPISODES))


def test_who_stands_still_keeps_it():
    still = fields([np.zeros((3, 2))] * 3, agents=3, batch=())
    np.testing.assert_array_equal(still[0], still[2])


@pytest.mark.parametrize(
    ("one", "other"),
    [((3.0, 4.0), (3.0, 4.0)), ((3.0, 4.0), (0.0, 0.0)), ((0.6, 0.8), (-1.2, 1.6))],
    ids=["a convoy", "one end", "both ends"],
)
def test_it_changes_with_the_movement_of_either_end(one, other):
    """In a convoy too, whose agents stay as far from each other as they are."""
    places = np.asarray([[0.0, 0.0], [5.0, 0.0]])
    found = fields([places, np.add(places, [one, other])])[..., 0, 1]
    # Two metres a unit.
    moved = 2.0 * (np.hypot(*one) + np.hypot(*other))
    correlation = np.corrcoef(found[0], found[1])[0, 1]
    assert correlation == pytest.approx(np.exp(-moved / 10.0), abs=5 / np.sqrt(EPISODES))


def test_of_a_convoy_that_has_driven_10_km_nothing_is_left():
    places = np.asarray([[0.0, 0.0], [5.0, 0.0]])
    found = fields([places, np.add(places, [5000.0, 0.0])])[..., 0, 1]
    assert abs(np.corrcoef(found[0], found[1])[0, 1]) < 5 / np.sqrt(EPISODES)


def test_either_end_may_move():
    one, other = (
        fields([[[0.0, 0.0], [5.0, 0.0]], step])[..., 0, 1]
        for step in ([[3.0, 0.0], [5.0, 0.0]], [[0.0, 0.0], [2.0, 0.0]])
    )
    np.testing.assert_allclose(one, other, atol=1e-4)


@pytest.mark.parametrize("reciprocal", [True, False])
def test_reciprocity(reciprocal):
    places = np.random.default_rng(0).random((4, 5, 2)) * 20
    found = fields(places, agents=5, batch=(3,), reciprocal=reciprocal)
    mirrored = np.swapaxes(found, -1, -2)
    assert np.array_equal(found, mirrored) == reciprocal
    above = np.triu_indices(5, k=1)
    assert len(np.unique(found[0, 0][above])) == 10
    other = fields(places, agents=5, batch=(3,), reciprocal=not reciprocal)
    np.testing.assert_array_equal(found[..., *above], other[..., *above])


def test_the_deviation_scales_what_is_drawn():
    places = line(0.0, 1.0, 2.0)
    np.testing.assert_allclose(
        2.0 * fields(places, deviation=3.0), fields(places, deviation=6.0), rtol=1e-6
    )
    assert not fields(places, deviation=0.0).any()


@pytest.mark.parametrize("value", [-1.0, np.nan, np.inf, "4", None])
@pytest.mark.parametrize("argument", ["standard_deviation", "decorrelation_distance"])
def test_wrong_numbers_are_refused(argument, value):
    given = {"standard_deviation": 4.0, "decorrelation_distance": 10.0, argument: value}
    with pytest.raises(InvalidArgumentError) as caught:
        LogNormalShadowing(**given)
    assert_one_sentence(caught.value, argument)
