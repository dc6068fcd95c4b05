"""Action masks in infos are honoured wherever those in observations are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pettingzoo.utils.conversions import parallel_to_aec

from environments_under_test import Plain
from failure_api import CommunicationWrapper, CommunicationWrapperParallel, ProbabilisticModel
from failure_api.errors import InvalidArgumentError
from failure_api.evaluation.policies import check_actions, make_policy
from failure_api.testing import check_wrapper
from failure_api.testing.rollout import play

LOSSY = ProbabilisticModel(failure_prob=0.5)


class Masked(Plain):
    """Allows one action in each round, says which in its infos, and refuses all others."""

    def legal(self, agent: Any) -> int:
        return (self.steps + self.possible_agents.index(agent)) % 3

    def told(self) -> dict[Any, Any]:
        return {
            agent: {"action_mask": np.eye(3, dtype=np.int8)[self.legal(agent)]}
            for agent in self.agents
        }

    def reset(self, seed: int | None = None, options: Any = None) -> Any:
        observations, _ = super().reset(seed, options)
        return observations, self.told()

    def step(self, actions: Any) -> Any:
        for agent, action in actions.items():
            assert action == self.legal(agent), f"{agent} played {action}"
        observations, rewards, over, cut, _ = super().step(actions)
        infos: dict[Any, Any] = {agent: {} for agent in observations}
        return observations, rewards, over, cut, infos | self.told()


def wrapped(api: str) -> Any:
    if api == "aec":
        return CommunicationWrapper(parallel_to_aec(Masked()), LOSSY)
    return CommunicationWrapperParallel(Masked(), LOSSY)


@pytest.mark.parametrize("api", ["aec", "parallel"])
def test_the_check_of_wrappers_plays_legal_actions(api: str) -> None:
    check_wrapper((lambda: parallel_to_aec(Masked())) if api == "aec" else Masked, steps=12)


@pytest.mark.parametrize("api", ["aec", "parallel"])
def test_the_rollout_plays_to_the_end(api: str) -> None:
    *_, last = play(wrapped(api), 0, 40)
    assert not last.agents


def test_the_random_policy_plays_legal_actions_in_steps() -> None:
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


def test_the_random_policy_plays_legal_actions_in_turns() -> None:
    env = wrapped("aec")
    policy = make_policy("random", env)
    env.reset(seed=0)
    policy.reset(0)
    for agent in env.agent_iter():
        observation, _, terminated, truncated, _ = env.last()
        env.step(None if terminated or truncated else policy({agent: observation})[agent])


@pytest.mark.parametrize("api", ["aec", "parallel"])
def test_an_illegal_action_is_refused(api: str) -> None:
    env = wrapped(api)
    env.reset(seed=0)
    check_actions({"a": 0}, env, ["a"])
    with pytest.raises(InvalidArgumentError, match="an action that its action mask allows"):
        check_actions({"a": 1}, env, ["a"])
