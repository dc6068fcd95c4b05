"""Positions: found, given, missing, and wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from mpe2 import simple_spread_v3

from environments_under_test import EVERY, TICTACTOE, Plain, Subject
from failure_api import (
    CommunicationWrapper,
    CommunicationWrapperParallel,
    DistanceModel,
    ProbabilisticModel,
)
from failure_api.errors import FailureApiError, InvalidArgumentError
from helpers import assert_one_sentence

NEAR = DistanceModel(distance_threshold=1.0)


def on_a_line(env):
    """Puts the agents at 0, 1 and 3."""
    return [[0.0, 0.0], [1.0, 0.0], [3.0, 0.0]]


@pytest.mark.parametrize("subject", [s for s in EVERY if s.positions], ids=str)
@pytest.mark.parametrize("api", ["aec", "parallel"])
def test_they_are_found(subject, api):
    kind = CommunicationWrapper if api == "aec" else CommunicationWrapperParallel
    near = kind(subject.make(api), DistanceModel(distance_threshold=1e-6))
    far = kind(subject.make(api), DistanceModel(distance_threshold=1e6))
    for env in (near, far):
        env.reset(seed=0)
    apart = ~np.eye(len(far.possible_agents), dtype=bool)
    assert (far.get_communication_state() == apart).all()
    assert not near.get_communication_state().any() or subject.name == "pursuit"


def test_they_can_be_given():
    env = CommunicationWrapperParallel(Plain(), NEAR, positions=on_a_line)
    env.reset(seed=0)
    expected = [[False, True, False], [True, False, False], [False, False, False]]
    assert env.get_communication_state().tolist() == expected


def test_given_ones_go_before_known_ones():
    spread = Subject("mpe2", "simple_spread")
    env = CommunicationWrapper(spread.make(), NEAR, positions=on_a_line)
    env.reset(seed=0)
    assert env.get_communication_state().sum() == 2


def test_the_function_is_given_the_environment_once_a_round():
    given: list[Any] = []

    def positions(env):
        given.append(env)
        return on_a_line(env)

    bare = Plain()
    env = CommunicationWrapperParallel(bare, NEAR, positions=positions)
    assert not given
    env.reset(seed=0)
    env.step(dict.fromkeys(env.agents, 0))
    assert given == [bare, bare]


def test_nobody_asks_for_them_where_no_model_needs_them():
    def never(env):
        raise AssertionError

    env = CommunicationWrapperParallel(Plain(), ProbabilisticModel(failure_prob=0.1))
    env.reset(seed=0)
    env = CommunicationWrapperParallel(
        Plain(), ProbabilisticModel(failure_prob=0.1), positions=never
    )
    env.reset(seed=0)


@pytest.mark.parametrize(
    ("kind", "make"),
    [(CommunicationWrapper, TICTACTOE.make), (CommunicationWrapperParallel, Plain)],
)
def test_where_they_are_unknown_building_says_so(kind, make):
    env = make()
    with pytest.raises(InvalidArgumentError) as caught:
        kind(env, NEAR)
    text = str(caught.value)
    assert "DistanceModel needs the agents' positions" in text
    assert "give positions=" in text


@pytest.mark.parametrize(
    "positions",
    [
        lambda env: [[0.0, np.nan]] * 3,
        lambda env: [[0.0, np.inf]] * 3,
        lambda env: [[0.0, 0.0]] * 2,
        lambda env: [0.0, 1.0, 2.0],
        lambda env: np.zeros((3, 0)),
        lambda env: "here",
        lambda env: None,
        lambda env: {"a": [0, 0]},
    ],
)
def test_wrong_ones_are_one_sentence_at_the_first_reset(positions):
    env = CommunicationWrapperParallel(Plain(), NEAR, positions=positions)
    with pytest.raises(InvalidArgumentError, match="positions must ") as caught:
        env.reset(seed=0)
    assert "\n" not in str(caught.value)
    with pytest.raises(FailureApiError, match="reset"):
        env.get_communication_state()


@pytest.mark.parametrize("positions", [[[0, 0]] * 3, "here", 3])
def test_what_is_no_function_is_refused_when_built(positions):
    with pytest.raises(InvalidArgumentError, match="positions must be a function"):
        CommunicationWrapperParallel(Plain(), NEAR, positions=positions)


def test_the_dead_need_none():
    def positions(env):
        gone = [np.nan, np.nan]
        return [gone if env.steps >= 2 and agent == "b" else [0.0, 0.0] for agent in "abc"]

    env = CommunicationWrapperParallel(Plain(lengths={"b": 2}), NEAR, positions=positions)
    env.reset(seed=0)
    for _ in range(3):
        env.step(dict.fromkeys(env.agents, 0))
    assert env.get_communication_state()[0, 2]


def test_positions_that_change_their_dimension_are_one_sentence():
    columns = iter([2, 2, 3])
    env = CommunicationWrapperParallel(
        simple_spread_v3.parallel_env(),
        DistanceModel(distance_threshold=1.0),
        positions=lambda env: np.zeros((3, next(columns))),
    )
    env.reset(seed=0)
    env.step(dict.fromkeys(env.agents, 0))
    with pytest.raises(InvalidArgumentError, match="2 coordinates in every round") as caught:
        env.step(dict.fromkeys(env.agents, 0))
    assert_one_sentence(caught.value, "positions", "3")
