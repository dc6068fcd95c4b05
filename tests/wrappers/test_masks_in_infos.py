"""Action masks in infos are honoured wherever those in observations are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from pettingzoo.classic import connect_four_v3
from pettingzoo.utils.conversions import parallel_to_aec

from environments_under_test import Plain
from failure_api import (
    CommunicationWrapper,
    CommunicationWrapperParallel,
    ProbabilisticModel,
    SendMessages,
)
from failure_api.errors import InvalidArgumentError
from failure_api.evaluation.policies import check_actions, make_policy
from failure_api.testing import check_wrapper
from failure_api.testing.rollout import play

LOSSY = ProbabilisticModel(failure_prob=0.5)


class Masked(Plain):
    """Allows one action in each round, says which in its infos, and refuses all others."""

    def legal(self, agent):
        return (self.steps + self.possible_agents.index(agent)) % 3

    def told(self):
        return {
            agent: {"action_mask": np.eye(3, dtype=np.int8)[self.legal(agent)]}
            for agent in self.agents
        }

    def reset(self, seed=None, options=None):
        observations, _ = super().reset(seed, options)
        return observations, self.told()

    def step(self, actions):
        for agent, action in actions.items():
            assert action == self.legal(agent), f"{agent} played {action}"
        observations, rewards, over, cut, _ = super().step(actions)
        infos: dict[Any, Any] = {agent: {} for agent in observations}
        return observations, rewards, over, cut, infos | self.told()


def wrapped(api):
    if api == "aec":
        return CommunicationWrapper(parallel_to_aec(Masked()), LOSSY)
    return CommunicationWrapperParallel(Masked(), LOSSY)


@pytest.mark.parametrize("api", ["aec", "parallel"])
def test_the_check_of_wrappers_plays_legal_actions(api):
    check_wrapper((lambda: parallel_to_aec(Masked())) if api == "aec" else Masked, steps=12)


@pytest.mark.parametrize("api", ["aec", "parallel"])
def test_the_rollout_plays_to_the_end(api):
    *_, last = play(wrapped(api), 0, 40)
    assert not last.agents


def test_the_random_policy_plays_legal_actions_in_steps():
    env = wrapped("parallel")
    policy = make_policy("random", env)
    observations, infos = env.reset(seed=0)
    policy.reset(0)
    while env.agents:
        assert env.infos.keys() == infos.keys()
        actions = policy(observations)
        check_actions(actions, env, observations)
        check_actions(actions, env, env.agents)
        assert all(infos[agent]["action_mask"][action] for agent, action in actions.items())
        observations, *_, infos = env.step(actions)
        observations = {agent: observations[agent] for agent in env.agents}


def test_the_random_policy_plays_legal_actions_in_turns():
    env = wrapped("aec")
    policy = make_policy("random", env)
    env.reset(seed=0)
    policy.reset(0)
    for agent in env.agent_iter():
        observation, _, terminated, truncated, _ = env.last()
        env.step(None if terminated or truncated else policy({agent: observation})[agent])


@pytest.mark.parametrize("api", ["aec", "parallel"])
def test_an_illegal_action_is_refused(api):
    env = wrapped(api)
    env.reset(seed=0)
    check_actions({"a": 0}, env, ["a"])
    with pytest.raises(InvalidArgumentError, match="an action that its action mask allows"):
        check_actions({"a": 1}, env, ["a"])


WORDS = {"choices": spaces.Discrete(4), "numbers": spaces.Box(-1, 1, (3,))}


@pytest.mark.sampled(1)
@pytest.mark.parametrize("word", WORDS.values(), ids=WORDS.keys())
@pytest.mark.parametrize("api", ["aec", "parallel"])
def test_a_mask_in_infos_fits_the_flat_action_that_carries_a_message(api, word):
    exchange = SendMessages(word, form="flat")
    make = (lambda: parallel_to_aec(Masked())) if api == "aec" else Masked
    kind: Any = CommunicationWrapper if api == "aec" else CommunicationWrapperParallel
    env = kind(make(), LOSSY, exchange=exchange)
    env.reset(seed=0)
    entries = 4 if word.shape == () else 3
    infos = env.infos if api == "aec" else env.reset(seed=0)[1]
    for agent, info in infos.items():
        assert info["action_mask"].tolist()[3:] == [1] * entries
        assert info["action_mask"].sum() == 1 + entries
        space = env.action_space(agent)
        size = space.nvec.sum() if isinstance(space, spaces.MultiDiscrete) else space.shape[0]
        assert len(info["action_mask"]) == size
    check_wrapper(make, LOSSY, exchange=exchange, steps=12)
    *_, last = play(env, 0, 40)
    assert not last.agents


@pytest.mark.parametrize("word", WORDS.values(), ids=WORDS.keys())
def test_a_mask_in_observations_fits_the_flat_action_that_carries_a_message(word):
    exchange = SendMessages(word, form="flat")
    env = CommunicationWrapper(connect_four_v3.env(), LOSSY, exchange=exchange)
    policy = make_policy("random", env)
    env.reset(seed=0)
    policy.reset(0)
    for agent in env.agent_iter(max_iter=12):
        view, _, over, cut, _ = env.last()
        assert view in env.observation_space(agent)
        space: Any = env.action_space(agent)
        mask = view["action_mask"]
        size = space.nvec.sum() if isinstance(space, spaces.MultiDiscrete) else space.shape[0]
        assert len(mask) == size
        assert mask[7:].all()
        np.testing.assert_array_equal(mask[:7], env.unwrapped.observe(agent)["action_mask"])
        if isinstance(space, spaces.MultiDiscrete):
            assert space.sample(mask=(mask[:7], mask[7:])) in space
        action = policy({agent: view})
        check_actions(action, env, {agent: view})
        env.step(None if over or cut else action[agent])
    check_wrapper(connect_four_v3.env, LOSSY, exchange=exchange, steps=12)


def test_a_mask_stays_that_of_the_action_where_the_message_has_a_key_of_its_own():
    env = CommunicationWrapperParallel(Masked(), [], exchange=SendMessages(spaces.Discrete(4)))
    _, infos = env.reset(seed=0)
    assert all(len(info["action_mask"]) == 3 for info in infos.values())
