"""Answers of policies: what can be played, and one sentence for what cannot."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium import spaces
from pettingzoo import ParallelEnv
from pettingzoo.classic import connect_four_v3, tictactoe_v3
from policies_played import wrapped

from failure_api import CommunicationWrapper
from failure_api.errors import InvalidArgumentError
from failure_api.evaluation.policies import check_actions
from helpers import assert_one_sentence


class One(ParallelEnv):
    """One agent with a given action space."""

    metadata = {"name": "one"}  # noqa: RUF012

    def __init__(self, space):
        self.possible_agents = self.agents = ["a"]
        self._space = space

    def observation_space(self, agent):
        return spaces.Discrete(2)

    def action_space(self, agent):
        return self._space


BOX = spaces.Box(0, 1, (2,))
BYTES = spaces.Box(0, 255, (2,), np.uint8)


def refusal(actions, env, agents):
    with pytest.raises(InvalidArgumentError) as caught:
        check_actions(actions, env, agents)
    return caught.value


@pytest.mark.parametrize(
    ("space", "action"),
    [
        (spaces.Discrete(5), 4),
        (spaces.Discrete(5), np.int64(4)),
        (spaces.Discrete(5), np.uint8(4)),
        (spaces.Discrete(5), np.array(4)),
        (spaces.Discrete(5, start=-2), -2),
        (BOX, np.array([0.0, 1.0], np.float32)),
        (BOX, np.array([0.0, 1.0])),
        (BOX, np.array([0.5, 1 + 1e-9])),
        (BOX, np.array([0, 1])),
        (BOX, [0.5, 0.5]),
        (BYTES, np.array([0, 255])),
        (spaces.MultiDiscrete([2, 3]), np.array([1, 2])),
        (spaces.MultiDiscrete([2, 3]), np.array([1, 2], np.uint8)),
        (spaces.MultiDiscrete([2, 3]), [1, 2]),
        (spaces.MultiBinary(2), np.array([True, False])),
        (spaces.MultiBinary(2), np.array([1, 0])),
        (spaces.Dict(move=spaces.Discrete(2)), {"move": 1}),
        (spaces.Text(3), "abc"),
    ],
    ids=str,
)
def test_what_can_be_played(space, action):
    check_actions({"a": action}, One(space), ["a"])


@pytest.mark.parametrize(
    ("space", "action"),
    [
        (spaces.Discrete(5), 5),
        (spaces.Discrete(5), -1),
        (spaces.Discrete(5), 1.0),
        (spaces.Discrete(5), np.array([1])),
        (spaces.Discrete(5), None),
        (spaces.Discrete(5), "1"),
        (spaces.Discrete(5, start=-2), 3),
        (BOX, np.array([0.0, 1.1])),
        (BOX, np.array([0.0, np.nan])),
        (BOX, np.array([0.0, 1e300])),
        (BOX, np.zeros(3)),
        (BOX, np.zeros((1, 2))),
        (BOX, 0.5),
        (BOX, None),
        (BOX, [[1], [1, 2]]),
        (BOX, ["a", "b"]),
        (BYTES, np.array([0, 256])),
        (BYTES, np.array([0.0, 1.0])),
        (spaces.MultiDiscrete([2, 3]), np.array([1, 3])),
        (spaces.MultiDiscrete([2, 3]), np.array([1.0, 2.0])),
        (spaces.MultiBinary(2), np.array([2, 0])),
        (spaces.MultiBinary(2), np.array([256, 0])),
        (spaces.Dict(move=spaces.Discrete(2)), {"move": 2}),
    ],
    ids=str,
)
def test_what_cannot(space, action):
    error = refusal({"a": action}, One(space), ["a"])
    assert_one_sentence(error, "actions must hold for 'a' an action within", type(space).__name__)


@pytest.mark.parametrize("actions", [None, 3, [1, 2, 3], np.zeros(3)], ids=str)
def test_no_dict(actions):
    error = refusal(actions, wrapped(), ["agent_0"])
    assert "actions must be a dict by agent" in str(error)
    assert str(error).endswith("let the policy return one.")


def test_agents_left_out_and_added():
    env = wrapped()
    error = refusal({"agent_0": 1}, env, ["agent_0", "agent_2"])
    assert_one_sentence(error, "'agent_2' among them")
    error = refusal({"agent_0": 1, "agent_7": 1}, env, ["agent_0"])
    assert_one_sentence(error, "must name only agents observed", "'agent_7'", "for agent_0 alone")
    # In an AEC environment another agent is not asked, however much it exists.
    error = refusal({"agent_0": 1, "agent_1": 1}, env, ["agent_0"])
    assert_one_sentence(error, "must name only agents observed", "'agent_1'")


@pytest.mark.parametrize("module", [tictactoe_v3, connect_four_v3])
def test_masks_count_in_an_environment_that_can_be_asked(module):
    env = CommunicationWrapper(module.env(), [])
    env.reset(seed=0)
    for _ in range(6 if module is connect_four_v3 else 1):
        check_actions({env.agent_selection: 0}, env, [env.agent_selection])
        env.step(0)
    agent = env.agent_selection
    error = refusal({agent: 0}, env, [agent])
    assert_one_sentence(error, f"{agent!r} an action that its action mask allows", "from 1, 2, 3")
    check_actions({agent: np.int64(1)}, env, [agent])


def test_masks_count_where_observations_are_given():
    env = CommunicationWrapper(tictactoe_v3.env(), [])
    seen = {"observation": None, "action_mask": np.array([0, 1] + [0] * 7, np.int8)}
    check_actions({"player_1": 1}, env, {"player_1": seen})
    error = refusal({"player_1": 2}, env, {"player_1": seen})
    assert_one_sentence(error, "action mask allows", "2 was given", "choose from 1")


def test_looking_at_masks_changes_nothing():
    env = CommunicationWrapper(tictactoe_v3.env(), [])
    env.reset(seed=0)
    before = env.observe("player_1")
    check_actions({"player_1": 0}, env, ["player_1"])
    np.testing.assert_equal(env.observe("player_1"), before)
    assert env.agent_selection == "player_1"
