"""Positions that come late, are held or predicted, kept in the world's frame."""

from __future__ import annotations

import copy
import importlib
import pickle

import numpy as np
import pytest
from gymnasium import spaces
from mpe2 import simple_spread_v3, simple_tag_v3, simple_world_comm_v3
from pettingzoo import ParallelEnv

from failure_api import (
    CommunicationWrapper,
    CommunicationWrapperParallel,
    DelayBasedModel,
    GilbertElliottModel,
    MaskSegments,
    ProbabilisticModel,
)
from failure_api.communication_models import ScheduledModel
from failure_api.environments.segments import known_frame, known_segments
from failure_api.errors import InvalidArgumentError
from failure_api.noise_models import GaussianNoiseModel
from failure_api.testing import check_wrapper

AGENTS = ("agent_0", "agent_1", "agent_2")
KNOWN = [
    ("simple_adversary_v3", {"N": 3}),
    ("simple_push_v3", {}),
    ("simple_spread_v3", {"N": 4}),
    ("simple_tag_v3", {"num_good": 2}),
]


def places_of(env):
    return {agent.name: agent.state.p_pos.copy() for agent in env.unwrapped.world.agents}


@pytest.mark.parametrize(("name", "options"), KNOWN)
def test_the_known_frame_is_where_senders_are_seen_from_the_receiver(name, options):
    env = importlib.import_module(f"mpe2.{name}").env(**options)
    env.reset(seed=4)
    frame, segments, places = known_frame(env), known_segments(env), places_of(env)
    assert frame is not None
    assert isinstance(segments, dict)
    pairs = 0
    for receiver, parts in frame.items():
        for sender, entries in parts.items():
            assert set(entries) <= set(segments[receiver][sender])
            expected = (places[sender] - places[receiver]).astype(np.float32)
            np.testing.assert_array_equal(env.observe(receiver)[entries], expected)
            pairs += 1
    assert pairs >= 2


def acting(step):
    return {agent: (step + 2 * number) % 5 for number, agent in enumerate(AGENTS)}


def wrapped(models, **options):
    exchange = MaskSegments(relative_to="world", **options)
    env = simple_spread_v3.parallel_env(N=3, max_cycles=40)
    return CommunicationWrapperParallel(env, models, exchange=exchange)


def shown_places(view):
    return view[10:14].reshape(2, 2)


def others(agent):
    return [other for other in AGENTS if other != agent]


CUT = ScheduledModel(model=ProbabilisticModel(failure_prob=1.0), start=6)


@pytest.mark.parametrize("missing", ["hold", "predict"])
def test_what_is_held_stands_still_in_the_world_or_goes_on_there(missing):
    env = wrapped(CUT, missing=missing)
    env.reset(seed=2)
    places = [places_of(env)]
    for step in range(20):
        views, *_ = env.step(acting(step))
        places.append(places_of(env))
        number = step + 1
        for agent, view in views.items():
            for row, other in zip(shown_places(view), others(agent), strict=True):
                if number < 6:
                    last = places[number][other]
                elif missing == "hold":
                    last = places[5][other]
                else:
                    speed = places[5][other] - places[4][other]
                    last = places[5][other] + speed * min(number - 5, 10)
                expected = last - places[number][agent]
                np.testing.assert_allclose(row, expected, atol=2e-6)


def test_what_comes_late_is_where_the_sender_was_then():
    env = wrapped(DelayBasedModel(min_delay=3, max_delay=3))
    views, _ = env.reset(seed=2)
    places = [places_of(env)]
    for step in range(12):
        for agent, view in views.items():
            for row, other in zip(shown_places(view), others(agent), strict=True):
                then = places[step - 3][other] - places[step][agent] if step >= 3 else 0.0
                np.testing.assert_allclose(row, np.broadcast_to(then, 2), atol=2e-6)
        views, *_ = env.step(acting(step))
        places.append(places_of(env))


@pytest.mark.parametrize("missing", ["zero", "hold", "predict", lambda content, age: content])
@pytest.mark.parametrize("report_age", [False, True])
def test_no_failure_changes_no_bit_and_silence_is_zero(missing, report_age):
    plain = simple_spread_v3.parallel_env(N=3)
    clear = wrapped([], missing=missing, report_age=report_age)
    dark = wrapped(ProbabilisticModel(failure_prob=1.0), missing=missing, report_age=report_age)
    bare = plain.reset(seed=3)[0]
    seen, nothing = clear.reset(seed=3)[0], dark.reset(seed=3)[0]
    for step in range(8):
        for agent in AGENTS:
            assert seen[agent][:18].tobytes() == bare[agent].tobytes()
            assert not nothing[agent][10:14].any()
            clean = dark.clean_observations()[agent]
            assert clean[:18].tobytes() == bare[agent].tobytes()
        bare = plain.step(acting(step))[0]
        seen, nothing = clear.step(acting(step))[0], dark.step(acting(step))[0]


@pytest.mark.sampled(1)
@pytest.mark.parametrize("missing", ["zero", "hold", "predict"])
def test_the_laws_hold(missing):
    exchange = MaskSegments(relative_to="world", missing=missing)
    models = [GilbertElliottModel(p=0.3, r=0.3), DelayBasedModel(min_delay=0, max_delay=2)]
    check_wrapper(lambda: simple_spread_v3.env(N=3), models, exchange=exchange, steps=24)


@pytest.mark.parametrize("travel", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_a_wrapper_travels_in_mid_episode(travel):
    env = Walkers()
    exchange = MaskSegments(segments=Walkers.SEGMENTS, frame="receiver", relative_to="world",
                            missing="hold")  # fmt: skip
    models = ProbabilisticModel(failure_prob=0.5)
    one = CommunicationWrapperParallel(env, models, exchange=exchange, positions=where_walkers_are)
    one.reset(seed=0)
    one.step({"a": 0, "b": 1})
    other = travel(one)
    for _ in range(6):
        first, second = (each.step({"a": 1, "b": 1})[0] for each in (one, other))
        for agent, view in first.items():
            np.testing.assert_array_equal(view, second[agent])


class Walkers(ParallelEnv):
    """Two agents that see where the other is from them, within bounds."""

    metadata = {"name": "walkers"}  # noqa: RUF012
    SEGMENTS = {"a": {"b": [1, 2]}, "b": {"a": [1, 2]}}  # noqa: RUF012

    def __init__(self):
        self.possible_agents = ["a", "b"]
        self.agents: list[str] = []
        box = spaces.Box(-3, 3, (3,), np.float32)
        self.observation_spaces = {"a": box, "b": copy.deepcopy(box)}
        self.action_spaces = {"a": spaces.Discrete(2), "b": spaces.Discrete(2)}
        self.places = np.zeros((2, 2))

    def _seen(self):
        apart = self.places[1] - self.places[0]
        ways = {"a": apart, "b": -apart}
        return {
            agent: np.clip(np.array([1.0, *ways[agent]]), -3, 3).astype(np.float32)
            for agent in self.agents
        }

    def reset(self, seed=None, options=None):
        self.agents, self.places = ["a", "b"], np.array([[0.0, 0.0], [1.0, 0.5]])
        return self._seen(), {"a": {}, "b": {}}

    def step(self, actions):
        self.places = self.places + np.array([[actions["a"], 0.0], [0.0, actions["b"]]])
        flags = [{"a": False, "b": False} for _ in range(2)]
        return self._seen(), {"a": 0.0, "b": 0.0}, *flags, {"a": {}, "b": {}}


def where_walkers_are(env):
    return env.unwrapped.places


def test_an_environment_of_ones_own_says_frame_and_positions_and_keeps_its_bounds():
    cut = ScheduledModel(model=ProbabilisticModel(failure_prob=1.0), start=1)
    exchange = MaskSegments(
        segments=Walkers.SEGMENTS, frame="receiver", relative_to="world", missing="hold"
    )
    env = CommunicationWrapperParallel(
        Walkers(), cut, exchange=exchange, positions=where_walkers_are
    )
    env.reset(seed=0)
    for step in range(1, 8):
        views, *_ = env.step({"a": 1, "b": 1})
        assert views["a"].tolist() == [1.0, max(1.0 - step, -3.0), 0.5]
        assert views["b"].tolist() == [1.0, -1.0, max(-0.5 - step, -3.0)]
        assert views["a"] in env.observation_space("a")


def test_noise_acts_on_what_is_said():
    exchange = MaskSegments(relative_to="world", missing="hold")
    noise = GaussianNoiseModel(standard_deviation=0.1)
    env = CommunicationWrapper(simple_spread_v3.env(N=3), [], exchange=exchange, noise_models=noise)
    env.reset(seed=0)
    plain = simple_spread_v3.env(N=3)
    plain.reset(seed=0)
    off = env.observe("agent_0") - plain.observe("agent_0")
    assert (off[10:14] != 0).all()
    assert np.abs(off).max() < 0.6
    assert not off[:10].any()


@pytest.mark.parametrize(
    ("env", "options", "words"),
    [
        (simple_world_comm_v3.env(), {}, ("frame is None", "frame='receiver'")),
        (simple_tag_v3.env(num_agent_neighbors=1), {}, ("relative_to", "segments move")),
        (
            Walkers(),
            {"segments": lambda env: Walkers.SEGMENTS, "frame": "receiver"},
            ("segments move", "as a mapping, as the function returns it", "_segments()"),
        ),
        (Walkers(), {"segments": Walkers.SEGMENTS}, ("frame is None", "frame='receiver'")),
        (
            Walkers(),
            {"segments": Walkers.SEGMENTS, "frame": "receiver"},
            ("needs the agents' positions", "positions="),
        ),
        (
            simple_spread_v3.env(N=2),
            {"segments": {"agent_0": {"agent_1": [8]}}, "frame": {"agent_0": {"agent_1": [9]}}},
            ("frame must name entries of the segments",),
        ),
    ],
)
def test_what_is_missing_is_said_in_a_sentence(env, options, words):
    wrapper = CommunicationWrapperParallel if isinstance(env, Walkers) else CommunicationWrapper
    with pytest.raises(InvalidArgumentError) as caught:
        wrapper(env, [], exchange=MaskSegments(relative_to="world", **options))
    for word in words:
        assert word in str(caught.value)


def test_half_a_position_is_refused_when_positions_are_known():
    half = {"agent_0": {"agent_1": [8]}}
    exchange = MaskSegments(segments=half, frame="receiver", relative_to="world")
    env = CommunicationWrapper(simple_spread_v3.env(N=2), [], exchange=exchange)
    with pytest.raises(InvalidArgumentError, match="frame must name 2 entries for each position"):
        env.reset(seed=0)
    with pytest.raises(InvalidArgumentError, match="frame must be 'receiver', a mapping"):
        MaskSegments(frame="world")
