"""Exchanges on small environments of awkward kinds: lists, bounds, large numbers, subclasses."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from gymnasium import spaces
from pettingzoo import ParallelEnv

from failure_api import (
    CommunicationWrapperParallel,
    DelayBasedModel,
    MaskSegments,
    ProbabilisticModel,
    SendMessages,
    ShareObservations,
)
from failure_api.errors import InvalidArgumentError, WrongEnvironmentError
from failure_api.testing import check_wrapper

CUT = ProbabilisticModel(failure_prob=1.0)
LATE = DelayBasedModel(min_delay=1, max_delay=1)
FIRST = {"a": {"b": [0, 1]}}


class Small(ParallelEnv):
    """Two agents that observe what they are told to."""

    metadata = {"name": "small"}  # noqa: RUF012
    render_mode = None

    def __init__(self, space, seen):
        given = space if isinstance(space, dict) else {"a": space, "b": copy.deepcopy(space)}
        self.possible_agents = ["a", "b"]
        self.agents: list[str] = []
        self.observation_spaces = given
        self.action_spaces = {"a": spaces.Discrete(2), "b": spaces.Discrete(2)}
        self.seen, self.t = seen, 0

    def observation_space(self, agent):
        return self.observation_spaces[agent]

    def action_space(self, agent):
        return self.action_spaces[agent]

    def reset(self, seed=None, options=None):
        self.agents, self.t = ["a", "b"], 0
        return {agent: self.seen(agent, 0) for agent in self.agents}, {"a": {}, "b": {}}

    def step(self, actions):
        self.t += 1
        flags = [{"a": False, "b": False} for _ in range(2)]
        observations = {agent: self.seen(agent, self.t) for agent in self.agents}
        return observations, {"a": 0.0, "b": 0.0}, *flags, {"a": {}, "b": {}}


def views_of(env, models, rounds=5, **options):
    """Returns what agent a sees, round by round."""
    wrapped = CommunicationWrapperParallel(env, models, **options)
    seen = [wrapped.reset(seed=0)[0]]
    said = {"action": 0, "message": 1} if "message" in str(wrapped.action_space("a")) else 0
    seen += [wrapped.step({"a": said, "b": said})[0] for _ in range(rounds - 1)]
    for views in seen:
        for agent, view in views.items():
            assert view in wrapped.observation_space(agent)
    return [views["a"] for views in seen]


def test_a_list_where_a_tuple_is_declared_is_masked():
    space = spaces.Tuple([spaces.Box(-9, 9, (2,)), spaces.Discrete(3)])
    env = Small(space, lambda agent, t: [np.full(2, 2.0, np.float32), 1])
    exchange = MaskSegments(segments={"a": {"b": {0: slice(0, 2)}}})
    for view in views_of(env, CUT, exchange=exchange):
        assert view[0].tolist() == [0, 0]
        assert view[1] == 1


@pytest.mark.parametrize("missing", ["zero", "hold", "predict"])
@pytest.mark.parametrize(
    "segments",
    [
        lambda env: {} if env.unwrapped.t < 2 else FIRST,
        lambda env: {"a": {"b": [0]}} if env.unwrapped.t < 2 else FIRST,
        lambda env: {"a": {"b": [env.unwrapped.t % 2]}},
    ],
    ids=["nobody first", "more later", "in turns"],
)
@pytest.mark.parametrize("models", [[CUT], [LATE]], ids=["cut", "late"])
def test_segments_that_move_keep_the_bounds_of_where_they_stand(segments, missing, models):
    box = spaces.Box(np.array([-1, 2], np.float32), np.array([1, 9], np.float32))
    env = Small(box, lambda agent, t: np.array([0.5, 5.0], np.float32))
    views = views_of(env, models, exchange=MaskSegments(segments=segments, missing=missing))
    assert len(views) == 5


def test_whole_numbers_that_floats_do_not_hold_are_refused_where_they_could_be_late():
    box = spaces.Dict(i=spaces.Box(0, 2**62, (1,), np.int64), f=spaces.Box(0, 1, (1,)))
    env = Small(
        box,
        lambda agent, t: {"i": np.array([2**60 + t]), "f": np.full(1, t % 2, np.float32)},
    )
    with pytest.raises(InvalidArgumentError, match=r"segments\['a'\] must be of whole numbers wi"):
        views_of(env, LATE, exchange=MaskSegments(segments={"a": {"b": {"i": [0]}}}))
    views = views_of(env, LATE, exchange=MaskSegments(segments={"a": {"b": {"f": [0]}}}))
    assert [int(view["i"][0]) - 2**60 for view in views] == [0, 1, 2, 3, 4]
    if np.finfo(np.longdouble).nmant >= 63:
        other = {"a": spaces.Box(0, 2**62, (1,), np.int64), "b": spaces.Box(0, 1, (1,))}
        beside = Small(
            other,
            lambda agent, t: np.array([2**60 + t]) if agent == "a" else np.ones(1, np.float32),
        )
        views = views_of(beside, LATE, exchange=MaskSegments(segments={"a": {"b": [0]}}))
        assert [int(view[0]) - 2**60 for view in views[1:]] == [0, 1, 2, 3]
    alone = Small(spaces.Box(0, 2**62, (1,), np.int64), lambda agent, t: np.array([2**60 + t]))
    views = views_of(alone, LATE, exchange=MaskSegments(segments={"a": {"b": [0]}}))
    assert [int(view[0]) - 2**60 for view in views[1:]] == [0, 1, 2, 3]


class Said(spaces.Box):
    """Holds words."""

    def sample(self, *_, **__):
        return "go"

    def contains(self, x):
        return isinstance(x, str)


class Half(spaces.Box):
    """Holds what adds up to 1 and more."""

    def sample(self, *_, **__):
        return np.ones(self.shape, self.dtype)

    def contains(self, x):
        return super().contains(x) and float(x.sum()) >= 1


class Strict(spaces.Dict):
    """Holds what adds up to more than 0."""

    def contains(self, x):
        return super().contains(x) and float(x["p"].sum()) > 0


def words(agent, t):
    return f"hi {t}"


def mixed(agent, t):
    return words(agent, t) if agent == "a" else np.full(3, t % 2, np.float32)


@pytest.mark.parametrize("models", [[], [CUT], [LATE]], ids=["none", "cut", "late"])
@pytest.mark.parametrize(
    ("space", "seen"),
    [
        (Said(0, 1, (3,)), words),
        ({"a": Said(0, 1, (3,)), "b": spaces.Box(0, 1, (3,))}, mixed),
        (Half(0, 1, (2,)), lambda agent, t: np.ones(2, np.float32)),
        (Strict(p=spaces.Box(0, 1, (1,))), lambda agent, t: {"p": np.ones(1, np.float32)}),
    ],
    ids=["words", "words and numbers", "half", "strict"],
)
def test_subclasses_with_elements_of_their_own_are_shared(space, seen, models):
    views_of(Small(copy.deepcopy(space), seen), models, exchange=ShareObservations())
    views_of(Small(copy.deepcopy(space), seen), models, exchange=SendMessages(spaces.Discrete(3)))


def test_a_subclass_is_the_agents_own_beside_segments_and_no_array_to_mask():
    space = spaces.Dict(img=spaces.Box(0, 1, (2,)), mission=Said(0, 1, (3,)))
    env = Small(space, lambda agent, t: {"img": np.ones(2, np.float32), "mission": words(agent, t)})
    views = views_of(env, CUT, exchange=MaskSegments(segments={"a": {"b": {"img": [0]}}}))
    assert [view["mission"] for view in views] == [words("a", t) for t in range(5)]
    assert all(view["img"].tolist() == [0, 1] for view in views)
    with pytest.raises(InvalidArgumentError, match="are or hold a Box"):
        views_of(Small(Said(0, 1, (3,)), words), [], exchange=MaskSegments(segments={}))
    with pytest.raises(InvalidArgumentError, match="space must be a Box, Discrete"):
        SendMessages(Said(0, 1, (3,)))


def test_no_observation_at_all_is_the_environments_mistake():
    space = spaces.Dict(o=spaces.Box(0, 1, (2,)))
    env = Small(space, lambda agent, t: None)
    with pytest.raises(WrongEnvironmentError):
        views_of(env, [], exchange=MaskSegments(segments={"a": {"b": {"o": [0]}}}))


def from_there(agent, t):
    """Returns where the other one is, as a walks towards b, which stands."""
    return np.array([10.0 - t if agent == "a" else t - 10.0], np.float32)


def apart(dtype=np.float32):
    box = spaces.Box(-np.inf, np.inf, (1,), dtype)
    if dtype == np.float32:
        return Small(box, from_there)
    return Small(box, lambda agent, t: from_there(agent, t).astype(dtype))


@pytest.mark.sampled(4)
@pytest.mark.parametrize("far", [0.0, 1e8, 1e15])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
def test_positions_may_be_far_from_the_origin(far, dtype):
    exchange = MaskSegments(
        segments={"a": {"b": [0]}, "b": {"a": [0]}}, frame="receiver", relative_to="world"
    )

    def where(env):
        return [[far + env.unwrapped.t], [far + 10.0]]

    views = views_of(apart(dtype), LATE, exchange=exchange, positions=where)
    assert [float(view[0]) for view in views] == [0.0, 9.0, 8.0, 7.0, 6.0]
    check_wrapper(
        apart, [ProbabilisticModel(failure_prob=0.5)],
        exchange=exchange, positions=walking, steps=8,
    )  # fmt: skip


def walking(env):
    return [[float(env.unwrapped.t)], [10.0]]


@pytest.mark.parametrize(
    "positions",
    [
        lambda env: {"a": [0], "b": [0]},
        lambda env: [[0, 0], [1]],
        lambda env: "x",
        lambda env: [["1"], ["2"]],
        lambda env: [[True], [False]],
        lambda env: [[np.nan], [np.nan]],
        lambda env: [[np.inf], [0.0]],
    ],
)
def test_positions_that_are_none_are_one_sentence(positions):
    exchange = MaskSegments(
        segments={"a": {"b": [0]}}, frame="receiver", relative_to="world", missing="hold"
    )
    with pytest.raises(InvalidArgumentError, match="positions must"):
        views_of(apart(), LATE, exchange=exchange, positions=positions)


def test_frames_are_called_frames_in_errors_and_are_floats():
    def wrapped(**options):
        return views_of(
            apart(), [], positions=walking,
            exchange=MaskSegments(segments={"a": {"b": [0]}}, relative_to="world", **options),
        )  # fmt: skip

    with pytest.raises(InvalidArgumentError, match="frame must name agents"):
        wrapped(frame={"q": {}})
    with pytest.raises(InvalidArgumentError, match=r"frame\['a'\]\['b'\] must be a slice"):
        wrapped(frame={"a": {"b": [7]}})
    space = spaces.Dict(k=spaces.Box(-9, 9, (1,), np.int32), o=spaces.Box(-9, 9, (1,)))
    env = Small(space, lambda agent, t: {"k": np.ones(1, np.int32), "o": np.ones(1, np.float32)})
    exchange = MaskSegments(
        segments={"a": {"b": {"k": [0]}}}, frame="receiver", relative_to="world"
    )
    with pytest.raises(InvalidArgumentError, match="where a position is not of floats"):
        views_of(env, [], exchange=exchange, positions=walking)
