"""Segments of observations that hold several arrays, by their keys."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from pettingzoo import ParallelEnv
from pettingzoo.utils.conversions import parallel_to_aec

from failure_api import (
    CommunicationWrapper,
    CommunicationWrapperParallel,
    DelayBasedModel,
    MaskSegments,
    ProbabilisticModel,
)
from failure_api.errors import InvalidArgumentError, WrongEnvironmentError
from failure_api.noise_models import GaussianNoiseModel
from failure_api.testing import check_wrapper

AGENTS = ("a", "b", "c")
LARGE = 2**53 + 1
SEGMENTS = {
    receiver: {
        sender: {"near": {"places": slice(2 * k, 2 * k + 2)}, "pair": {1: [k]}}
        for k, sender in enumerate(other for other in AGENTS if other != receiver)
    }
    for receiver in AGENTS
}


class Nested(ParallelEnv):
    """Agents observe arrays of several types, a choice and words, under keys and in a pair."""

    metadata = {"name": "nested"}  # noqa: RUF012
    render_mode = None

    def __init__(self, masked=False, wrong=False):
        self.possible_agents = list(AGENTS)
        self.agents: list[str] = []
        self.masked, self.wrong = masked, wrong
        self._count = 0

    @functools.cached_property
    def _space(self):
        inside = {
            "near": spaces.Dict(
                places=spaces.Box(-9, 9, (2, 2), np.float32), goal=spaces.Discrete(3)
            ),
            "pair": spaces.Tuple([spaces.Text(9), spaces.Box(0, 250, (2,), np.uint8)]),
            "clock": spaces.Box(0, 2**60, (), np.int64),
        }
        if self.masked:
            mask = spaces.MultiBinary(2)
            return spaces.Dict(observation=spaces.Dict(inside), action_mask=mask)
        return spaces.Dict(inside)

    def observation_space(self, agent):
        return self._space

    def action_space(self, agent):
        return self._actions

    @functools.cached_property
    def _actions(self):
        return spaces.Discrete(2)

    def _seen(self):
        seen: dict[str, Any] = {}
        for number, agent in enumerate(self.agents):
            base = 1 + (self._count + number) % 7
            places = np.arange(4, dtype=np.float32).reshape(2, 2) / 4 + base
            inside = {
                "near": {"places": places.ravel() if self.wrong else places, "goal": number},
                "pair": ("abc"[number], np.array([base, 10 * base], np.uint8)),
                "clock": np.array(LARGE + 2 * self._count, np.int64),
            }
            mask = np.array([1, self._count % 2], np.int8)
            seen[agent] = {"observation": inside, "action_mask": mask} if self.masked else inside
        return seen

    def reset(self, seed=None, options=None):
        self.agents, self._count = list(AGENTS), 0
        return self._seen(), {agent: {} for agent in self.agents}

    def step(self, actions):
        self._count += 1
        flags = [dict.fromkeys(self.agents, False) for _ in range(2)]
        infos: dict[str, Any] = {agent: {} for agent in self.agents}
        return self._seen(), dict.fromkeys(self.agents, 0.0), *flags, infos


def masked_segments():
    return {
        receiver: {sender: {"observation": parts} for sender, parts in by_sender.items()}
        for receiver, by_sender in SEGMENTS.items()
    }


def test_entries_fail_with_the_link_of_their_sender_and_nothing_else_does():
    env = CommunicationWrapperParallel(
        Nested(), ProbabilisticModel(failure_prob=1.0, agent_ids=["a", "b"]),
        exchange=MaskSegments(segments=SEGMENTS),
    )  # fmt: skip
    bare, (seen, _) = Nested().reset()[0], env.reset(seed=0)
    for agent, lost in {"a": [0], "b": [0], "c": []}.items():
        expected = bare[agent]
        places = expected["near"]["places"].copy()
        pair = expected["pair"][1].copy()
        places[lost], pair[lost] = 0, 0
        shown = seen[agent]
        np.testing.assert_array_equal(shown["near"]["places"], places)
        np.testing.assert_array_equal(shown["pair"][1], pair)
        assert shown["pair"][0] == expected["pair"][0]
        assert shown["near"]["goal"] == expected["near"]["goal"]
        assert int(shown["clock"]) == LARGE
        assert shown in env.observation_space(agent)
        assert env.observation_space(agent) == env.unwrapped.observation_space(agent)


@pytest.mark.sampled(1)
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("missing", ["zero", "hold", "predict"])
@pytest.mark.parametrize("aec", [False, True])
def test_the_laws_hold(masked, missing, aec):
    segments = masked_segments() if masked else SEGMENTS
    exchange = MaskSegments(segments=segments, missing=missing)

    def make():
        env = Nested(masked)
        return parallel_to_aec(env) if aec else env

    models = [ProbabilisticModel(failure_prob=0.4), DelayBasedModel(min_delay=0, max_delay=2)]
    check_wrapper(make, models, exchange=exchange, steps=12)


def test_a_message_comes_late_and_is_noisy_within_its_own_bounds():
    exchange = MaskSegments(segments=SEGMENTS)
    delayed = CommunicationWrapperParallel(
        Nested(), DelayBasedModel(min_delay=2, max_delay=2), exchange=exchange
    )
    noisy = CommunicationWrapperParallel(
        Nested(), [], exchange=exchange, noise_models=GaussianNoiseModel(standard_deviation=2.0)
    )
    seen = [env.reset(seed=0)[0] for env in (delayed, noisy)]
    first, changed = seen[1]["a"], 0
    for step in range(5):
        seen = [env.step(dict.fromkeys(AGENTS, 0))[0] for env in (delayed, noisy)]
        base = 1 + (step - 1) % 7 if step else 0
        assert seen[0]["a"]["near"]["places"][0, 0] == base
        assert seen[0]["a"]["pair"][1].tolist() == [base, 10 * base]
        shown = seen[1]["a"]["pair"][1]
        assert shown.dtype == np.uint8
        changed += shown.tolist() != [2 + step, 20 + 10 * step]
        assert seen[1]["a"] in noisy.observation_space("a")
    assert changed
    assert first in noisy.observation_space("a")
    assert noisy.message_bits[0, 1] == 2 * 32 + 8


@pytest.mark.parametrize(
    ("segments", "words"),
    [
        ({"a": {"b": slice(0, 2)}}, ("segments['a']['b']", "name the keys", "near")),
        ({"a": {"b": {"far": slice(0, 2)}}}, ("keys", "'far'", "near")),
        ({"a": {"b": {"near": {"goal": [0]}}}}, ("keys", "'goal'", "places")),
        ({"a": {"b": {"near": {"places": [4]}}}}, ("['near']['places']", "from 0 to 3", "[4]")),
        ({"a": {"b": {"near": {}}}}, ("['near']", "name the keys")),
        (
            {"a": {"b": {"clock": [0]}, "c": {"clock": [0]}}},
            ("segments['a']", "to one sender", "twice"),
        ),
    ],
)
def test_a_wrong_key_path_is_one_sentence(segments, words):
    with pytest.raises(InvalidArgumentError) as caught:
        CommunicationWrapperParallel(Nested(), [], exchange=MaskSegments(segments=segments))
    for word in words:
        assert word in str(caught.value)


def test_ages_and_flags_have_no_place_in_several_arrays():
    exchange = MaskSegments(segments=SEGMENTS, report_age=True)
    with pytest.raises(InvalidArgumentError, match="report='infos'"):
        CommunicationWrapperParallel(Nested(), [], exchange=exchange)


def test_an_array_of_another_shape_is_the_environments_mistake():
    env = CommunicationWrapperParallel(
        Nested(wrong=True), [], exchange=MaskSegments(segments=SEGMENTS)
    )
    with pytest.raises(WrongEnvironmentError, match="must observe what its spaces declare"):
        env.reset(seed=0)


def test_segments_by_key_move_where_a_function_says_so():
    def nearest(env):
        first = env.unwrapped._count % 2
        return {"a": {"b": {"near": {"places": [2 * first, 2 * first + 1]}}}}

    env = CommunicationWrapperParallel(
        Nested(), ProbabilisticModel(failure_prob=1.0), exchange=MaskSegments(segments=nearest)
    )
    seen, _ = env.reset(seed=0)
    for step in range(4):
        gone = (seen["a"]["near"]["places"] == 0).all(axis=1).tolist()
        assert gone == [step % 2 == 0, step % 2 == 1]
        seen, *_ = env.step(dict.fromkeys(AGENTS, 0))


def test_the_exchange_is_a_value():
    exchange = MaskSegments(segments=SEGMENTS)
    assert exchange == MaskSegments(segments=SEGMENTS)
    assert "places" in repr(exchange)
    env = CommunicationWrapper(parallel_to_aec(Nested()), [], exchange=exchange)
    env.reset(seed=0)
    assert env.last()[0] in env.observation_space("a")
