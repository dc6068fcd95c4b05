"""Independent shadowing: as wide as it should be, and nothing of it stays."""

import numpy as np
import pytest

from failure_api.communication_models import SignalBasedModel
from failure_api.communication_models.radio import (
    IndependentShadowing,
    LogDistance,
    LogNormalShadowing,
    SnrThreshold,
)
from failure_api.core import Links, NumpyStream
from failure_api.errors import InvalidArgumentError
from failure_api.testing import check_model
from helpers import FALSE_ALARM, assert_one_sentence, context_of

ROUNDS = 100_000
# Standard errors that a mean of so many numbers exceeds with that probability.
LIMIT = 4.9
assert FALSE_ALARM == 1e-6


def gains(shadowing, rounds=2, agents=2, batch=(ROUNDS,)):
    """Returns the gains [T, ..., N, N] of agents that stand still."""
    random = NumpyStream(0)
    context = context_of(agents, batch=batch, positions=np.zeros((*batch, agents, 2)))
    parameters = shadowing.prepare(context)
    state, found = shadowing.init(parameters, context, random), []
    for _ in range(rounds):
        state = shadowing.step(parameters, state, context, 1.0, random)
        found.append(shadowing.gain(state))
        assert found[-1].dtype == np.float32
    return np.asarray(found)


def test_it_has_its_deviation_and_forgets_between_rounds_and_directions():
    found = gains(IndependentShadowing(standard_deviation=3.0))
    one = found[..., 0, 1]
    np.testing.assert_allclose(one.mean(axis=1), 0.0, atol=LIMIT * 3.0 / np.sqrt(ROUNDS))
    np.testing.assert_allclose(one.var(axis=1), 9.0, rtol=LIMIT * np.sqrt(2 / ROUNDS))
    for other in (one[1], found[0, :, 1, 0]):
        correlation = np.corrcoef(one[0], other)[0, 1]
        assert abs(correlation) < LIMIT / np.sqrt(ROUNDS)


@pytest.mark.parametrize("reciprocal", [True, False])
def test_reciprocity(reciprocal):
    found = gains(
        IndependentShadowing(standard_deviation=3.0, reciprocal=reciprocal), agents=4, batch=(3,)
    )
    assert np.array_equal(found, np.swapaxes(found, -1, -2)) == reciprocal


def read_again(shadowing, attempts=40):
    """Returns what of a link between two agents that stand still is read in each attempt."""
    model = SignalBasedModel(
        path_loss=LogDistance(reference_loss=20.0),
        noise_floor=0.0,
        shadowing=shadowing,
        reception=SnrThreshold(threshold=0.0),
    )
    context = context_of(2, positions=[[0.0, 0.0], [1.0, 0.0]])
    parameters, random = model.prepare(context), NumpyStream(0)
    links = Links(np.ones((2, 2), dtype=bool))
    state = model.init(parameters, context, random)
    following, first = model.step(parameters, state, links, context, random)
    found = [first.lost[0, 1]]
    for number in range(attempts):
        stream = random.child("attempt", number)
        again = model.attempt(parameters, state, following, links, context, stream)
        found.append(again.lost[0, 1])
    return found


def test_a_further_attempt_has_its_own():
    """At the threshold the shadowing alone decides: one in two is read."""
    assert 8 < sum(read_again(IndependentShadowing(standard_deviation=3.0))) < 33
    slow = LogNormalShadowing(standard_deviation=3.0, decorrelation_distance=10.0)
    assert len(set(read_again(slow))) == 1


@pytest.mark.parametrize("reciprocal", [True, False])
def test_laws(reciprocal):
    shadowing = IndependentShadowing(standard_deviation=6.0, reciprocal=reciprocal)
    check_model(SignalBasedModel(shadowing=shadowing, metres_per_unit=150.0))


def test_the_mean_over_it_is_that_of_any_normal_shadowing():
    radios = [
        SignalBasedModel(shadowing=shadowing)
        for shadowing in (
            IndependentShadowing(standard_deviation=5.0),
            LogNormalShadowing(standard_deviation=5.0, decorrelation_distance=10.0),
        )
    ]
    one, other = (radio.reception_probability([50.0, 130.0, 300.0]) for radio in radios)
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("deviation", [-1.0, 101.0, np.nan, "wide", None])
def test_wrong_deviations(deviation):
    with pytest.raises(InvalidArgumentError) as caught:
        IndependentShadowing(standard_deviation=deviation)
    assert_one_sentence(caught.value, "standard_deviation")
