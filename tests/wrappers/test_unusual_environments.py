"""Environments that do what PettingZoo allows and hardly any does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from pettingzoo import AECEnv

from environments_under_test import Plain
from failure_api import (
    CommunicationWrapper,
    CommunicationWrapperParallel,
    DistanceModel,
    MaskSegments,
    MatrixModel,
    ProbabilisticModel,
    ShareObservations,
)
from failure_api.errors import InvalidArgumentError, NotResetError

HALF = ProbabilisticModel(failure_prob=0.5)
DOWN = ProbabilisticModel(failure_prob=1.0)
EXCHANGES = [
    ShareObservations(),
    ShareObservations(form="flat"),
    MaskSegments(segments={"a": {"b": [1]}}),
]
NAMES = ["dict", "flat", "mask"]


class OneBuffer(AECEnv):
    """Observes into one array for all agents: right when asked, and wrong ever after."""

    metadata: dict[str, Any] = {"name": "one_buffer", "is_parallelizable": True}  # noqa: RUF012

    def __init__(self, leaving=False):
        self.possible_agents = ["a", "b", "c"]
        box = spaces.Box(-100, 100, (2,))
        self.observation_spaces = dict.fromkeys(self.possible_agents, box)
        self.action_spaces = dict.fromkeys(self.possible_agents, spaces.Discrete(2))
        self.buffer = np.zeros(2, dtype=np.float32)
        self.leaving = leaving
        self.render_mode = None

    def observation_space(self, agent):
        return self.observation_spaces[agent]

    def action_space(self, agent):
        return self.action_spaces[agent]

    def reset(self, seed=None, options=None):
        self.agents = list(self.possible_agents)
        for name in ("rewards", "_cumulative_rewards"):
            setattr(self, name, dict.fromkeys(self.agents, 0))
        for name in ("terminations", "truncations"):
            setattr(self, name, dict.fromkeys(self.agents, False))
        self.infos: dict[str, Any] = {agent: {} for agent in self.agents}
        self.time = 0
        self.agent_selection = "a"

    def observe(self, agent):
        self.buffer[:] = self.possible_agents.index(agent) + 1, self.time
        return self.buffer

    def step(self, action):
        if self.leaving and self.time == 1 and "b" in self.agents:
            self.agents.remove("b")
        place = self.agents.index(self.agent_selection) + 1
        if place == len(self.agents):
            self.time += 1
        self.agent_selection = self.agents[place % len(self.agents)]


@pytest.mark.parametrize("exchange", EXCHANGES, ids=NAMES)
def test_a_buffer_for_all_agents_keeps_them_apart(exchange):
    env = CommunicationWrapper(OneBuffer(), [], exchange=exchange)
    env.reset()
    for _ in range(5):
        for place, agent in enumerate(env.agents, start=1):
            view = env.observe(agent)
            own = view[agent] if isinstance(view, dict) else view[:2]
            assert own.tolist() == [place, env.unwrapped.time]
        env.step(0)


def test_rounds_go_on_when_an_agent_leaves_without_a_word():
    env = CommunicationWrapper(OneBuffer(leaving=True), [])
    env.reset()
    for _ in range(16):
        env.step(0)
    assert env.unwrapped.time == 7
    assert env.observe("a")["c"].tolist() == [3, 7]
    assert not env.get_communication_state()[1].any()


class Talkative(Plain):
    """Goes on telling what the dead observe."""

    def _observations(self):
        return {agent: self.content(agent, self.steps) for agent in self.possible_agents}


def test_the_dead_are_silent_whatever_the_environment_tells_of_them():
    env = CommunicationWrapperParallel(Talkative(lengths={"b": 2}), [])
    env.reset(seed=1)
    for number in range(1, 6):
        views, *_ = env.step(dict.fromkeys(env.agents, 0))
        state = env.get_communication_state()
        assert state[0, 2]
        assert state[1].any() == state[:, 1].any() == (number < 2)
        assert views["a"]["b"].any() == (number < 2)


def test_stacked_wrappers_fail_independently():
    env = CommunicationWrapperParallel(
        CommunicationWrapperParallel(Plain(max_cycles=400), HALF), HALF
    )
    env.reset(seed=3)
    pairs = []
    for _ in range(300):
        env.step(dict.fromkeys(env.agents, 0))
        states = (env.get_communication_state(), env.env.get_communication_state())
        pairs.append([state[~np.eye(3, dtype=bool)] for state in states])
    outer, inner = np.array(pairs).transpose(1, 0, 2).reshape(2, -1)
    # 1,800 independent pairs: a correlation beyond 5 standard errors is a false alarm of 6e-7.
    assert abs(np.corrcoef(outer, inner)[0, 1]) < 5 / np.sqrt(outer.size)


def test_held_content_survives_while_its_sender_is_out_of_view():
    def segments(env):
        return {} if env.unwrapped.steps in (1, 2) else {"a": {"b": [1]}}

    up_for_three_rounds = np.array([np.ones((3, 3))] * 3 + [np.zeros((3, 3))])
    env = CommunicationWrapperParallel(
        Plain(),
        MatrixModel(matrix=up_for_three_rounds, at_end="hold"),
        exchange=MaskSegments(segments=segments, missing="hold"),
    )
    views, _ = env.reset(seed=1)
    first = views["a"][1]
    for number in range(1, 6):
        views, *_ = env.step(dict.fromkeys(env.agents, 0))
        if number > 2:
            assert views["a"][1] == first


def test_each_type_of_numbers_is_kept_to_the_last_bit():
    large = 2**53 + 1
    boxes = {"a": spaces.Box(0, 2**62, (2,), np.int64), "b": spaces.Box(-1, 1, (2,), np.float32)}
    env = Plain(boxes)
    env.content = lambda agent, number: (
        np.array([large, 3]) if agent == "a" else np.zeros(2, np.float32)
    )
    exchange = MaskSegments(segments={"a": {"b": [1]}})
    views, _ = CommunicationWrapperParallel(env, DOWN, exchange=exchange).reset()
    assert views["a"].tolist() == [large, 0]


@pytest.mark.parametrize("wrapper", [CommunicationWrapper, CommunicationWrapperParallel])
def test_after_a_round_that_failed_only_a_reset_helps(wrapper):
    places = np.zeros((3, 2))
    bare = OneBuffer() if wrapper is CommunicationWrapper else Plain()
    near = DistanceModel(distance_threshold=1.0)
    env = wrapper(bare, near, exchange=ShareObservations(), positions=lambda env: places)

    def cycle():
        for _ in range(3 if wrapper is CommunicationWrapper else 1):
            env.step(0 if wrapper is CommunicationWrapper else dict.fromkeys(env.agents, 0))

    env.reset(seed=1)
    cycle()
    places[:] = np.nan
    with pytest.raises(InvalidArgumentError, match="positions must be finite"):
        cycle()
    places[:] = 0
    with pytest.raises(NotResetError, match="call reset"):
        cycle()
    env.reset(seed=1)
    cycle()
    assert env.get_communication_state().sum() == 6


def test_a_missing_action_is_noticed_before_anyone_acts():
    from mpe2 import simple_spread_v3

    env = CommunicationWrapperParallel(simple_spread_v3.parallel_env(), [])
    env.reset(seed=1)
    with pytest.raises(InvalidArgumentError, match="'agent_1' among them"):
        env.step({"agent_0": 0})
    env.step(dict.fromkeys(env.agents, 0))


def test_positions_must_take_the_environment():
    near = DistanceModel(distance_threshold=1.0)
    with pytest.raises(InvalidArgumentError, match="must take the environment"):
        CommunicationWrapperParallel(Plain(), near, positions=lambda: np.zeros((3, 2)))


@pytest.mark.parametrize("what", ["last", "step", "observe"])
def test_before_reset_is_said_where_nothing_else_enforces_order(what):
    env = CommunicationWrapper(OneBuffer(), [])
    arguments = {"last": (), "step": (0,), "observe": ("a",)}[what]
    with pytest.raises(NotResetError, match=f"{what} was called before a reset"):
        getattr(env, what)(*arguments)
