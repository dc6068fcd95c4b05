"""The random policy: legal, seeded, and deaf."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from pettingzoo import ParallelEnv
from pettingzoo.butterfly import pistonball_v6
from pettingzoo.classic import connect_four_v3, tictactoe_v3
from pettingzoo.sisl import multiwalker_v9
from policies_played import returns, wrapped

from environments_under_test import QUIET
from failure_api import CommunicationWrapper
from failure_api.evaluation.policies import check_actions, make_policy


class Wide(ParallelEnv):
    """Two agents for every kind of action space; a game of nothing."""

    metadata = {"name": "wide"}  # noqa: RUF012
    kinds = {  # noqa: RUF012
        "discrete": spaces.Discrete(5, start=-2),
        "box": spaces.Box(-1, np.inf, (2, 2)),
        "multi_discrete": spaces.MultiDiscrete([2, 7]),
        "multi_binary": spaces.MultiBinary(4),
        "dict": spaces.Dict(move=spaces.Discrete(3), say=spaces.Box(0, 1, (2,))),
    }

    def __init__(self):
        self.possible_agents = [f"{kind}_{index}" for kind in self.kinds for index in range(2)]
        self.agents = list(self.possible_agents)

    def observation_space(self, agent):
        return spaces.Discrete(2)

    def action_space(self, agent):
        return self.kinds[agent.rpartition("_")[0]]


def played(policy, agents, calls=5):
    policy.reset(7)
    found: dict[str, list[Any]] = {agent: [] for agent in agents}
    for _ in range(calls):
        for agent, action in policy(dict.fromkeys(agents, 0)).items():
            found[agent].append(action)
    return found


def assert_same(one, other):
    np.testing.assert_equal(one, other)


def test_every_kind_of_space():
    env = Wide()
    policy = make_policy("random", env)
    found = played(policy, env.possible_agents, 20)
    for agent, actions in found.items():
        assert all(env.action_space(agent).contains(action) for action in actions)
        texts = {str(action) for action in actions}
        assert len(texts) > 2, agent
    for kind in env.kinds:
        assert str(found[f"{kind}_0"]) != str(found[f"{kind}_1"]), kind


def test_the_seed_fixes_the_actions():
    env = Wide()
    policy = make_policy("random", env)
    first = played(policy, env.possible_agents)
    assert_same(first, played(policy, env.possible_agents))
    assert_same(first, played(make_policy("random", env), env.possible_agents))
    policy.reset(8)
    assert str(policy(dict.fromkeys(env.possible_agents, 0))) != str(
        {agent: actions[0] for agent, actions in first.items()}
    )


def test_actions_do_not_depend_on_who_else_is_alive():
    env = Wide()
    policy = make_policy("random", env)
    everyone = played(policy, env.possible_agents)
    for agent in env.possible_agents:
        assert_same(played(policy, [agent])[agent], everyone[agent])


def test_the_spaces_of_the_environment_are_left_alone():
    env = wrapped()
    env.action_space("agent_0").seed(3)
    expected = [env.action_space("agent_0").sample() for _ in range(5)]
    env.action_space("agent_0").seed(3)
    policy = make_policy("random", env)
    observations, _ = env.reset(seed=0)
    found = []
    for _ in range(5):
        policy(observations)
        found.append(env.action_space("agent_0").sample())
    assert found == expected


def test_failures_change_nothing():
    perfect, cut = wrapped(failure_prob=0.0), wrapped(failure_prob=1.0)
    one = returns(perfect, make_policy("random", perfect), 5)
    other = returns(cut, make_policy("random", cut), 5)
    assert (one == other).all()


@pytest.mark.parametrize("module", [tictactoe_v3, connect_four_v3])
@pytest.mark.parametrize("failure_prob", [0.0, 1.0])
def test_masks_are_respected(module, failure_prob):
    from failure_api import ProbabilisticModel

    env = CommunicationWrapper(module.env(), ProbabilisticModel(failure_prob=failure_prob))
    policy = make_policy("random", env)
    lengths = []
    for seed in range(20):
        env.reset(seed=seed)
        policy.reset(seed)
        length = 0
        for agent in env.agent_iter():
            observation, _, terminated, truncated, _ = env.last()
            if terminated or truncated:
                env.step(None)
                continue
            actions = policy({agent: observation})
            check_actions(actions, env, {agent: observation})
            assert observation["action_mask"][actions[agent]]
            env.step(actions[agent])
            length += 1
        lengths.append(length)
    assert len(set(lengths)) > 1


def test_an_action_does_not_depend_on_earlier_masks():
    env = CommunicationWrapper(tictactoe_v3.env(), [])
    policy = make_policy("random", env)

    def after(mask):
        policy.reset(0)
        policy({"player_1": {"observation": None, "action_mask": np.array(mask, np.int8)}})
        everything = {"observation": None, "action_mask": np.ones(9, np.int8)}
        return [int(policy({"player_1": everything})["player_1"]) for _ in range(10)]

    assert after([1] * 9) == after([0] * 7 + [1, 1]) == after([0] * 8 + [1])
    assert len(set(after([1] * 9))) > 2


@pytest.mark.parametrize(
    ("module", "options"),
    [(pistonball_v6, {"n_pistons": 3, "max_cycles": 3}), (multiwalker_v9, {"max_cycles": 3})],
)
def test_boxes_of_other_environments(module, options):
    from failure_api import CommunicationWrapperParallel

    with warnings.catch_warnings():
        for category in QUIET:
            warnings.simplefilter("ignore", category)
        env = CommunicationWrapperParallel(module.parallel_env(**options), [])
        policy = make_policy("random", env)
        observations, _ = env.reset(seed=0)
        while env.agents:
            actions = policy(observations)
            check_actions(actions, env, observations)
            observations, *_ = env.step(actions)
