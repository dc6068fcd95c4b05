"""`MaskSegments`: what comes from others fails, in any array and at any place."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from environments_under_test import CONNECT_FOUR, Plain, Subject
from failure_api import (
    CommunicationWrapper,
    CommunicationWrapperParallel,
    DelayBasedModel,
    MaskSegments,
    MatrixModel,
    ProbabilisticModel,
)
from failure_api.environments.segments import known_segments
from failure_api.errors import FailureApiError, InvalidArgumentError

DOWN = ProbabilisticModel(failure_prob=1.0)
SEGMENTS = {"a": {"b": [1, 2], "c": [4]}, "b": {"c": slice(0, 2)}, "c": {}}


def views_of(env, steps=4):
    """Returns the views of each round and what the environment itself shows."""
    views, _ = env.reset(seed=3)
    rounds = [(views, {a: env.unwrapped.content(a, 0) for a in views})]
    for number in range(1, steps + 1):
        views = env.step(dict.fromkeys(env.agents, 0))[0]
        rounds.append((views, {a: env.unwrapped.content(a, number) for a in views}))
    return rounds


def team(space):
    return Plain(dict.fromkeys("abc", space))


@pytest.mark.parametrize(
    "space",
    [
        spaces.Box(-1, 1, (6,)),
        spaces.Box(-1, 1, (2, 3)),
        spaces.Box(-1, 1, (1, 2, 3), np.float64),
        spaces.Box(0, 255, (3, 2), np.uint8),
        spaces.Box(-9, 9, (6,), np.int64),
        spaces.Box(0, 1, (6,), np.bool_),
    ],
    ids=str,
)
@pytest.mark.parametrize("missing", ["zero", "hold"])
def test_shapes_and_dtypes(space, missing):
    exchange = MaskSegments(segments=SEGMENTS, missing=missing)
    env = CommunicationWrapperParallel(team(space), DOWN, exchange=exchange)
    assert env.observation_space("a") == space
    for views, plain in views_of(env):
        for agent, gone in (("a", [1, 2, 4]), ("b", [0, 1]), ("c", [])):
            assert views[agent].dtype == space.dtype
            assert views[agent].shape == space.shape
            flat, expected = views[agent].ravel(), plain[agent].ravel().copy()
            expected[gone] = 0
            np.testing.assert_array_equal(flat, expected)


def test_spaces_and_dtypes_may_differ_from_agent_to_agent():
    env = Plain(
        {
            "a": spaces.Box(-1, 1, (6,)),
            "b": spaces.Box(0, 200, (2, 2), np.uint8),
            "c": spaces.Box(-1, 1, (1,), np.float64),
        }
    )
    wrapped = CommunicationWrapperParallel(env, DOWN, exchange=MaskSegments(segments=SEGMENTS))
    for views, plain in views_of(wrapped):
        for agent, view in views.items():
            assert view.dtype == env.observation_space(agent).dtype
            assert view.shape == env.observation_space(agent).shape
        np.testing.assert_array_equal(views["c"], plain["c"])
        np.testing.assert_array_equal(views["b"].ravel()[2:], plain["b"].ravel()[2:])
        assert not views["b"].ravel()[:2].any()


@pytest.mark.parametrize(("low", "high", "nearest"), [(2, 5, 2), (-5, -3, -3)])
def test_a_space_without_zero_shows_the_nearest_value(low, high, nearest):
    space = spaces.Box(low, high, (6,))
    for missing in ("zero", "hold"):
        exchange = MaskSegments(segments=SEGMENTS, missing=missing)
        for views, _ in views_of(
            CommunicationWrapperParallel(team(space), DOWN, exchange=exchange)
        ):
            assert space.contains(views["a"])
            assert (views["a"][[1, 2, 4]] == nearest).all()


def test_only_the_link_that_fails_takes_its_part_along():
    matrix = np.ones((3, 3))
    matrix[1, 0] = 0  # From b to a.
    env = CommunicationWrapperParallel(
        team(spaces.Box(-1, 1, (6,))),
        MatrixModel(matrix=matrix),
        exchange=MaskSegments(segments=SEGMENTS),
    )
    for views, plain in views_of(env):
        expected = plain["a"].copy()
        expected[[1, 2]] = 0
        np.testing.assert_array_equal(views["a"], expected)
        np.testing.assert_array_equal(views["b"], plain["b"])


def test_flag_and_age_stand_behind_the_observation():
    matrix = np.zeros((5, 3, 3))
    matrix[[1, 2], 1, 0] = 1  # From b to a, in rounds 1 and 2.
    env = CommunicationWrapperParallel(
        team(spaces.Box(-1, 1, (6,))),
        MatrixModel(matrix=matrix),
        exchange=MaskSegments(segments=SEGMENTS, report_age=True),
    )
    space = env.observation_space("a")
    assert space.shape == (6 + 2 * 2,)
    tails = []
    for views, _ in views_of(env):
        assert space.contains(views["a"])
        tails.append(views["a"][6:].tolist())
    # For b, then for c: whether something arrived, and the age of the newest.
    assert tails == [[0, 1, 0, 1], [1, 0, 0, 2], [1, 0, 0, 3], [0, 1, 0, 4], [0, 2, 0, 5]]


@pytest.mark.parametrize("missing", ["zero", "hold"])
def test_segments_may_move(missing):
    def moving(env):
        return {"a": {"b": [env.steps % 2]}} if env.steps != 2 else {"a": {"c": [0, 1, 2]}}

    env = CommunicationWrapperParallel(
        team(spaces.Box(-1, 1, (6,))),
        DOWN,
        exchange=MaskSegments(segments=moving, missing=missing),
    )
    gone = [[0], [1], [0, 1, 2], [1], [0]]
    for (views, plain), entries in zip(views_of(env), gone, strict=True):
        expected = plain["a"].copy()
        expected[entries] = 0
        np.testing.assert_array_equal(views["a"], expected)


def test_late_content_lands_where_the_sender_now_is():
    def moving(env):
        return {"a": {"b": [env.steps % 6]}}

    late = DelayBasedModel(min_delay=1, max_delay=1)
    env = CommunicationWrapperParallel(
        team(spaces.Box(-1, 1, (6,))), late, exchange=MaskSegments(segments=moving)
    )
    rounds = views_of(env)
    for number in range(1, 5):
        assert rounds[number][0]["a"][number] == rounds[number - 1][1]["a"][number - 1]


@pytest.mark.parametrize(
    "options", [{}, {"num_agent_neighbors": 1}, {"num_agent_neighbors": 2, "N": 5}]
)
def test_known_segments_are_all_that_fails(options):
    spread = Subject("mpe2", "simple_spread", {"max_cycles": 6, **options})
    env, bare = CommunicationWrapper(spread.make(), DOWN), spread.make()
    env.reset(seed=2)
    bare.reset(seed=2)
    for turn in range(4 * len(bare.possible_agents)):
        segments: Any = known_segments(bare)
        segments = segments(bare) if callable(segments) else segments
        for agent in bare.agents:
            expected = bare.observe(agent).copy()
            for entries in segments.get(agent, {}).values():
                expected[entries] = 0
            np.testing.assert_array_equal(env.observe(agent), expected)
        env.step(turn % 5)
        bare.step(turn % 5)


def test_an_action_mask_stays_as_it_is():
    board = CONNECT_FOUR.make()
    first, second = board.possible_agents
    exchange = MaskSegments(segments={first: {second: [0, 1]}})
    env = CommunicationWrapper(board, DOWN, exchange=exchange)
    bare = CONNECT_FOUR.make()
    env.reset(seed=0)
    bare.reset(seed=0)
    assert env.observation_space(first) == bare.observation_space(first)
    for _ in range(6):
        for agent in (first, second):
            view, plain = env.observe(agent), bare.observe(agent)
            np.testing.assert_array_equal(view["action_mask"], plain["action_mask"])
            assert env.observation_space(agent).contains(view)
            expected = plain["observation"].copy()
            if agent == first:
                expected.reshape(-1)[:2] = 0
            np.testing.assert_array_equal(view["observation"], expected)
        env.step(3)
        bare.step(3)


def test_it_is_a_value():
    one, other = (MaskSegments(segments={"a": {"b": [1]}}) for _ in range(2))
    assert one == other == pickle.loads(pickle.dumps(one))
    assert one != MaskSegments(segments={"a": {"b": [2]}})
    assert repr(one) == (
        "MaskSegments(segments={'a': {'b': [1]}}, missing='zero', report_age=False, frame=None, "
        "relative_to='receiver')"
    )


def test_segments_are_the_users_to_change_afterwards():
    given = {"a": {"b": [1]}}
    exchange = MaskSegments(segments=given)
    given["a"]["c"] = [2]
    given["b"] = {}
    assert exchange == MaskSegments(segments={"a": {"b": [1]}})


@pytest.mark.parametrize(
    ("space", "options", "words"),
    [
        (spaces.Discrete(3), {"segments": SEGMENTS}, "agent 'a' are Discrete(3)"),
        (spaces.Box(-1, 1, (2,)), {}, "give segments="),
        (spaces.Box(-1, 1, (2,)), {"segments": SEGMENTS}, "from 0 to 1"),
        (spaces.Box(-1, 1, (2, 3)), {"segments": SEGMENTS, "report_age": True}, "report_age needs"),
        (
            spaces.Box(0, 9, (6,), np.uint8),
            {"segments": SEGMENTS, "report_age": True},
            "report_age needs",
        ),
        (spaces.Box(-1, 1, (6,)), {"segments": lambda env: None}, "segments must be a mapping"),
        (spaces.Box(-1, 1, (6,)), {"segments": 3}, "segments must be a mapping"),
    ],
)
def test_what_does_not_fit_is_one_sentence(space, options, words):
    with pytest.raises(InvalidArgumentError) as caught:
        CommunicationWrapperParallel(team(space), DOWN, exchange=MaskSegments(**options)).reset()
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("missing", ["none", "", None, 0])
def test_other_words_are_refused(missing):
    with pytest.raises(FailureApiError, match="missing must be 'zero' or 'hold'"):
        MaskSegments(missing=missing)
