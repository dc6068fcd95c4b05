"""What perfect communication would have shown, for critics and logs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pettingzoo.utils.conversions import parallel_to_aec

from environments_under_test import KNIGHTS, PURSUIT, TICTACTOE, Plain, Subject
from failure_api import (
    CommunicationWrapper,
    CommunicationWrapperParallel,
    DelayBasedModel,
    GaussianNoiseModel,
    MaskSegments,
    ProbabilisticModel,
    ShareObservations,
)
from failure_api.errors import NotResetError

SPREAD = Subject("mpe2", "simple_spread", {"max_cycles": 6})
BAD = [ProbabilisticModel(failure_prob=0.5), DelayBasedModel(min_delay=0, max_delay=2)]
EXCHANGES = [
    MaskSegments(missing="hold"),
    MaskSegments(report_age=True),
    ShareObservations(missing="hold"),
    ShareObservations(form="flat"),
    ShareObservations(form="flat", missing="hold"),
]


def same(one, two):
    if isinstance(one, dict):
        return one.keys() == two.keys() and all(same(one[key], two[key]) for key in one)
    return np.array_equal(one, two) and np.asarray(one).dtype == np.asarray(two).dtype


def pair(env, perfect, exchange):
    kind: Any = CommunicationWrapper if hasattr(env, "last") else CommunicationWrapperParallel
    noise = [GaussianNoiseModel(standard_deviation=0.1)]
    failing = kind(env, BAD, exchange=exchange, noise_models=noise)
    return failing, kind(perfect, [], exchange=exchange)


@pytest.mark.parametrize("exchange", EXCHANGES, ids=repr)
def test_it_is_what_a_wrapper_without_failures_shows(exchange):
    failing, perfect = pair(SPREAD.make("parallel"), SPREAD.make("parallel"), exchange)
    shown, _ = failing.reset(seed=1)
    clean, _ = perfect.reset(seed=1)
    assert same(failing.clean_observations(), clean)
    assert not same(shown, clean)
    while failing.agents:
        actions = {agent: failing.action_space(agent).sample() for agent in failing.agents}
        failing.step(actions)
        clean = perfect.step(actions)[0]
        assert same(failing.clean_observations(), clean)
        assert all(failing.observation_space(a).contains(o) for a, o in clean.items())


@pytest.mark.parametrize("exchange", EXCHANGES[2:], ids=repr)
@pytest.mark.parametrize("always", [True, False])
@pytest.mark.parametrize("api", ["aec", "parallel"])
def test_what_the_dead_said_last_is_remembered_whoever_asks(exchange, always, api):
    def make():
        bare = Plain(lengths={"b": 2, "c": 3})
        return parallel_to_aec(bare) if api == "aec" else bare

    failing, perfect = pair(make(), make(), exchange)
    asked = 0
    for _ in range(2):
        for env in (failing, perfect):
            env.reset(seed=3)
        while failing.agents:
            for env in (failing, perfect):
                if api == "parallel":
                    env.step(dict.fromkeys(env.agents, 0))
                    continue
                over = env.terminations[env.agent_selection]
                env.step(None if over or env.truncations[env.agent_selection] else 0)
            if always or len(failing.agents) == 1:
                clean = failing.clean_observations()
                assert same(clean, {agent: perfect.clean_observations()[agent] for agent in clean})
                seen = {agent: perfect.observe(agent) for agent in clean} if api == "aec" else clean
                assert same(clean, seen)
                asked += len(clean)
    assert asked


@pytest.mark.parametrize("always", [True, False])
def test_segments_that_move_are_those_of_their_round(always):
    def segments(env):
        place = env.unwrapped.steps % 2
        return {"a": {"b": [place]}, "c": {"b": [place]}}

    exchange = MaskSegments(segments=segments, missing="hold")
    failing, perfect = pair(Plain(lengths={"b": 3}), Plain(lengths={"b": 3}), exchange)
    failing.reset(seed=1)
    perfect.reset(seed=1)
    while failing.agents:
        failing.step(dict.fromkeys(failing.agents, 0))
        seen = perfect.step(dict.fromkeys(perfect.agents, 0))[0]
        if always or len(failing.agents) < 3:
            assert same(failing.clean_observations(), seen)


@pytest.mark.parametrize("subject", [KNIGHTS, PURSUIT, TICTACTOE], ids=str)
def test_it_follows_agents_that_die_take_turns_or_move_in_mid_cycle(subject):
    failing, perfect = pair(subject.make(), subject.make(), ShareObservations(missing="hold"))
    failing.reset(seed=5)
    perfect.reset(seed=5)
    for turn in range(40):
        agent = failing.agent_selection
        if not failing.agents:
            break
        clean = failing.clean_observations()
        assert same(clean, {agent: perfect.observe(agent) for agent in clean})
        mask = clean[agent].get("action_mask")
        failing.action_space(agent).seed(turn)
        over = failing.terminations[agent] or failing.truncations[agent]
        action = None if over else failing.action_space(agent).sample(mask)
        failing.step(action)
        perfect.step(action)


@pytest.mark.parametrize("exchange", EXCHANGES, ids=repr)
def test_looking_changes_nothing(exchange):
    looked, left = (
        pair(SPREAD.make("parallel"), SPREAD.make("parallel"), exchange)[0] for _ in range(2)
    )
    for env in (looked, left):
        env.reset(seed=2)
    while left.agents:
        first = looked.clean_observations()
        for agent, each in first.items():
            again = looked.clean_observations()[agent]
            assert same(each, again)
            if isinstance(each, np.ndarray):
                assert not np.shares_memory(each, again)
                each[:] = 7.0
        steps = [env.step(dict.fromkeys(env.agents, 1)) for env in (looked, left)]
        assert same(steps[0][0], steps[1][0])
        assert np.array_equal(looked.message_age, left.message_age)


def test_the_state_is_the_environments_own():
    bare = SPREAD.make("parallel")
    env = CommunicationWrapperParallel(SPREAD.make("parallel"), BAD)
    for each in (bare, env):
        each.reset(seed=4)
        each.step(dict.fromkeys(each.agents, 2))
    assert np.array_equal(env.state(), bare.state())


def test_before_the_first_reset_it_says_so():
    with pytest.raises(NotResetError, match="call reset"):
        CommunicationWrapper(SPREAD.make(), BAD).clean_observations()
