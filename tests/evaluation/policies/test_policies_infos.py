"""A policy that takes infos is given them, in steps and in turns."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium import spaces
from pettingzoo.utils.conversions import parallel_to_aec

from environments_under_test import Plain
from failure_api import (
    CommunicationWrapper,
    CommunicationWrapperParallel,
    ProbabilisticModel,
    SendMessages,
)
from failure_api.errors import InvalidArgumentError
from failure_api.evaluation import sweep
from failure_api.evaluation.policies import make_policy

WORLD = """
import numpy as np
from environments_under_test import Plain
from pettingzoo.utils.conversions import parallel_to_aec

class Masked(Plain):
    '''Rewards the one legal action, and refuses all others.'''

    def legal(self, agent):
        return (self.steps + self.possible_agents.index(agent)) % 3

    def told(self):
        masks = np.eye(3, dtype=np.int8)
        return {agent: {"action_mask": masks[self.legal(agent)]} for agent in self.agents}

    def reset(self, seed=None, options=None):
        seen, _ = super().reset(seed, options)
        return seen, self.told()

    def step(self, actions):
        for agent, action in actions.items():
            assert action == self.legal(agent), f"{agent} played {action}"
        seen, rewards, over, cut, _ = super().step(actions)
        return seen, rewards, over, cut, {agent: {} for agent in seen} | self.told()

def parallel_env():
    return Masked()

def env():
    return parallel_to_aec(Masked())
"""

POLICIES = """
import numpy as np

def legal(observations, infos):
    assert observations.keys() == infos.keys()
    return {agent: int(np.argmax(infos[agent]["action_mask"])) for agent in observations}

def legal_by_name(observations, *, infos):
    return legal(observations, infos)

def may_see(observations, infos=None):
    return legal(observations, infos)

def make(env):
    return legal

class Legal:
    episodes = 0

    def __init__(self, env):
        self.agents = env.possible_agents

    def __call__(self, observations, infos):
        return legal(observations, infos)

class Seeded(Legal):
    def reset(self, seed):
        assert isinstance(seed, int)
        self.ready = True

    def __call__(self, observations, infos):
        assert self.ready
        return legal(observations, infos)

ready = Legal.__new__(Legal)

def blind(observations):
    return dict.fromkeys(observations, 0)

def wants_more(observations, infos, skill):
    return {}
"""
NAMES = ["legal", "legal_by_name", "may_see", "make", "Legal", "Seeded", "ready"]


@pytest.fixture(autouse=True)
def _modules(tmp_path, monkeypatch):
    (tmp_path / "masked_v0.py").write_text(WORLD)
    (tmp_path / "seeing.py").write_text(POLICIES)
    monkeypatch.syspath_prepend(tmp_path)


def specification(api, policy):
    return {
        "environment": "masked_v0",
        "api": api,
        "policies": policy,
        "failure_models": {"model": "probabilistic", "failure_prob": {"grid": [0.0, 1.0]}},
        "episodes": 2,
    }


APIS = pytest.mark.parametrize("api", ["parallel", "aec"])


@APIS
@pytest.mark.parametrize("name", [*(f"seeing:{name}" for name in NAMES), "random"])
def test_it_plays_legal_actions_alone(api, name):
    found = sweep(specification(api, name))
    assert found["mean"].tolist() == [36.0] * 3


@APIS
def test_one_that_does_not_look_is_refused(api):
    with pytest.raises(InvalidArgumentError, match="an action that its action mask allows"):
        sweep(specification(api, "seeing:blind"))


def test_what_needs_more_is_refused():
    with pytest.raises(InvalidArgumentError, match="must need one argument at most"):
        sweep(specification("parallel", "seeing:wants_more"))


@APIS
def test_its_mask_is_that_of_the_whole_action(api):
    """Holds the infos that a policy sees against those that a step returns."""
    from masked_v0 import Masked

    exchange = SendMessages(spaces.Discrete(4), form="flat")
    half = ProbabilisticModel(failure_prob=0.5)
    if api == "aec":
        env = CommunicationWrapper(parallel_to_aec(Masked()), half, exchange=exchange)
    else:
        env = CommunicationWrapperParallel(Masked(), half, exchange=exchange)
    env.reset(seed=0)
    for told in env.infos.values():
        assert told["action_mask"].tolist()[3:] == [1] * 4


def test_what_it_does_to_infos_stays_with_it():
    env = CommunicationWrapperParallel(Plain(), [], report="infos")
    seen, infos = env.reset(seed=0)
    assert env.infos.keys() == infos.keys()
    assert all("link_age" in told for told in env.infos.values())
    policy = make_policy("seeing:legal", env)
    for told in env.infos.values():
        told["action_mask"] = np.array([0, 0, 1])
    assert set(policy(seen).values()) == {2}
