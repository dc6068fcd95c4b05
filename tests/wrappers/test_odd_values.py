"""What wrappers are given may have a wrong value, or no order: one sentence says so."""

from __future__ import annotations

import numpy as np
import pytest
from mpe2 import simple_spread_v3

from environments_under_test import Plain
from failure_api import (
    CommunicationWrapper,
    CommunicationWrapperParallel,
    DistanceModel,
    MaskSegments,
    ProbabilisticModel,
    ScheduledModel,
    ShareObservations,
)
from failure_api.errors import FailureApiError, InvalidArgumentError, WrongEnvironmentError
from helpers import assert_one_sentence

LOSSY = ProbabilisticModel(failure_prob=0.5)
RANGE = DistanceModel(distance_threshold=1.0)
MAKERS = {
    "aec": (CommunicationWrapper, simple_spread_v3.env),
    "parallel": (CommunicationWrapperParallel, simple_spread_v3.parallel_env),
}
every_kind = pytest.mark.parametrize(("wrap", "make"), MAKERS.values(), ids=MAKERS)


@every_kind
@pytest.mark.parametrize(
    "x", [1e300, np.inf, True, np.ma.masked, np.ma.array(0.5)], ids=["far", "inf", "flag", "m", "a"]
)
def test_positions_that_float32_cannot_tell_are_refused(wrap, make, x):
    rows = [[0.0, 0.0], [0.0, 1.0], [x, 0.0]]
    env = wrap(make(N=3), RANGE, positions=lambda env: rows)
    with pytest.raises(InvalidArgumentError) as caught:
        env.reset(seed=0)
    assert_one_sentence(caught.value, "positions")


@every_kind
@pytest.mark.parametrize("models", [np.array(0.5), {LOSSY}, {1}], ids=["number", "set", "one"])
def test_what_is_no_list_of_models_is_refused(wrap, make, models):
    for name in ("failure_models", "noise_models"):
        with pytest.raises(InvalidArgumentError) as caught:
            wrap(make(N=3), **{"failure_models": LOSSY, name: models})
        assert_one_sentence(caught.value, name)


@every_kind
@pytest.mark.parametrize("value", [True, np.True_, np.ma.array(0.5), "half", 1.5, None, {0.5}])
def test_a_severity_is_a_number(wrap, make, value):
    env = wrap(make(N=3), ScheduledModel(model=LOSSY))
    with pytest.raises(InvalidArgumentError) as caught:
        env.set_severity(value)
    assert_one_sentence(caught.value, "severity")


@every_kind
@pytest.mark.parametrize("seed", [True, -1, 0.5, "0"])
def test_a_seed_is_a_whole_number(wrap, make, seed):
    with pytest.raises(FailureApiError, match="seed must be a whole number or None"):
        wrap(make(N=3), LOSSY).reset(seed=seed)


def test_agents_in_a_set_have_no_order():
    class Unordered(Plain):
        """Keeps its agents in a set."""

    env = Unordered()
    env.possible_agents = set(env.possible_agents)
    with pytest.raises(WrongEnvironmentError) as caught:
        CommunicationWrapperParallel(env, LOSSY)
    assert "set, whose order changes from process to process" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("exchange", [None, ShareObservations()], ids=["default", "shared"])
@pytest.mark.parametrize(
    ("ids", "words"),
    [
        (["a", "a"], ["possible_agents must hold each agent once", "['a', 'a']"]),
        ([float("nan"), 1.0, 1], ["possible_agents must hold each agent once", "[nan, 1.0, 1]"]),
        ([["a"], ["b"]], ["possible_agents must hold each agent once", "[['a'], ['b']]"]),
        ((agent for agent in "abc"), ["possible_agents", "set possible_agents to a list"]),
        (3, ["possible_agents", "3 was given", "set possible_agents to a list"]),
    ],
    ids=["equal", "numbers", "lists", "a generator", "no list"],
)
def test_agents_that_cannot_be_told_apart_are_refused(ids, words, exchange):
    env = Plain()
    env.possible_agents = ids
    with pytest.raises(WrongEnvironmentError) as caught:
        CommunicationWrapperParallel(env, LOSSY, exchange=exchange)
    assert_one_sentence(caught.value, *words)


def offering(method, value):
    """Returns an environment that offers something by a method's name."""
    return type("Offering", (Plain,), {method: value})()


@pytest.mark.parametrize("method", ["communication_segments", "communication_positions"])
@pytest.mark.parametrize(
    ("value", "words"),
    [
        (5, ["must be a method", "is 5", "define it by def"]),
        (lambda self: 1 / 0, ["raised ZeroDivisionError: division by zero", "fix it"]),
        (property(lambda self: 1 / 0), ["raised ZeroDivisionError: division by zero", "fix it"]),
    ],
    ids=["a number", "raises", "a property"],
)
def test_what_an_environment_offers_is_a_method_that_works(method, value, words):
    env = offering(method, value)
    segments = {"a": {"b": [0]}}
    exchange = MaskSegments(segments=segments) if "positions" in method else None
    near = DistanceModel(distance_threshold=1.0)
    with pytest.raises(WrongEnvironmentError) as caught:
        CommunicationWrapperParallel(env, near, exchange=exchange).reset(seed=0)
    assert_one_sentence(caught.value, method, *words)


def test_an_environment_whose_unwrapped_raises_is_refused():
    for exchange in (None, MaskSegments(segments={"a": {"b": [0]}})):
        with pytest.raises(WrongEnvironmentError) as caught:
            CommunicationWrapperParallel(
                offering("unwrapped", property(lambda self: 1 / 0)),
                DistanceModel(distance_threshold=1.0),
                exchange=exchange,
            )
        assert_one_sentence(caught.value, "unwrapped of the environment", "ZeroDivisionError")


def test_agents_in_a_mapping_have_one():
    env = Plain()
    env.possible_agents = dict.fromkeys(env.possible_agents).keys()
    assert CommunicationWrapperParallel(env, LOSSY) is not None
