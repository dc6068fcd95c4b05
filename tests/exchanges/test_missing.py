"""What stands in for what is missing, in every exchange."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from environments_under_test import Plain
from failure_api import (
    CommunicationWrapperParallel,
    MaskSegments,
    SendMessages,
    ShareObservations,
    TraceModel,
)
from failure_api.errors import FailureApiError, InvalidArgumentError
from failure_api.exchanges import Predict
from failure_api.testing import check_wrapper
from failure_api.traces import Trace
from helpers import assert_one_sentence

IDS = ("a", "b", "c")
LINE = [0.0, 1.0, 3.0, 0.0, 0.0, 0.0, 0.0, 0.0]
"""What everyone observes, round by round; the links are cut from round 3 on."""
CUT = np.zeros((len(LINE), 3, 3), dtype=bool)
CUT[3:] = True
GONE = TraceModel(trace=Trace(agent_ids=IDS, lost=CUT))


class Drawn(Plain):
    """Agents that observe a line, which nothing they do changes."""

    def __init__(self, space, observed):
        super().__init__(dict.fromkeys(IDS, space))
        self._observed, self._number = observed, 0

    def reset(self, seed=None, options=None):
        self._number = 0
        self.agents = list(IDS)
        return self._seen(), {agent: {} for agent in IDS}

    def step(self, actions):
        self._number += 1
        flags = dict.fromkeys(IDS, False)
        return self._seen(), dict.fromkeys(IDS, 0.0), flags, flags, {agent: {} for agent in IDS}

    def _seen(self):
        return {agent: self._observed(LINE[self._number]) for agent in IDS}


def heard(space, observed, exchange, shown):
    """Returns what `a` has of `b` in every round."""
    env = CommunicationWrapperParallel(Drawn(space, observed), GONE, exchange=exchange)
    views = env.reset(seed=1)[0]
    found = [shown(views["a"])]
    for _ in LINE[1:]:
        views = env.step(dict.fromkeys(IDS, 0))[0]
        assert env.observation_space("a").contains(views["a"])
        found.append(shown(views["a"]))
    return np.array(found, dtype=np.float64).tolist()


BOX = spaces.Box(-100, 100, (1,), np.float32)
MIXED = spaces.Dict(x=spaces.Box(-100, 100, (), np.float64), n=spaces.Discrete(9))
SEGMENTS = {"a": {"b": [1]}}
WAYS: dict[str, Any] = {
    "block": (BOX, lambda x: np.array([x], np.float32), ShareObservations, lambda v: v["b"][0]),
    "objects": (
        MIXED,
        lambda x: {"x": np.array(x), "n": np.int64(x)},
        ShareObservations,
        lambda v: v["b"]["x"],
    ),
    "flat": (
        BOX,
        lambda x: np.array([x], np.float32),
        lambda missing: ShareObservations(form="flat", missing=missing),
        lambda v: v[1],
    ),
    "segments": (
        spaces.Box(-100, 100, (2,), np.float32),
        lambda x: np.array([7, x], np.float32),
        lambda missing: MaskSegments(segments=SEGMENTS, missing=missing),
        lambda v: v[1],
    ),
    "segments that may move": (
        spaces.Box(-100, 100, (2,), np.float32),
        lambda x: np.array([7, x], np.float32),
        lambda missing: MaskSegments(segments=lambda env: SEGMENTS, missing=missing),
        lambda v: v[1],
    ),
}
EXPECTED: dict[Any, list[float]] = {
    "zero": [0, 1, 3, 0, 0, 0, 0, 0],
    "hold": [0, 1, 3, 3, 3, 3, 3, 3],
    "predict": [0, 1, 3, 5, 7, 9, 11, 13],
    Predict(horizon=2): [0, 1, 3, 5, 7, 7, 7, 7],
}


@pytest.mark.parametrize("missing", EXPECTED, ids=str)
@pytest.mark.parametrize("way", WAYS)
def test_what_is_heard_after_links_are_cut(way, missing):
    space, observed, exchange, shown = WAYS[way]
    assert heard(space, observed, exchange(missing=missing), shown) == EXPECTED[missing]


@pytest.mark.parametrize("way", WAYS)
def test_a_function_of_content_and_age(way):
    space, observed, exchange, shown = WAYS[way]
    found = heard(space, observed, exchange(missing=lambda c, age: c - age), shown)
    assert found == [0, 1, 3, 2, 1, 0, -1, -2]


def test_whole_numbers_are_held_and_bounds_are_kept():
    mixed = spaces.Dict(x=spaces.Box(-4, 4, (), np.float64), n=spaces.Discrete(9))
    ways = (("x", [0, 1, 3, 4, 4, 4, 4, 4]), ("n", [0, 1, 3, 3, 3, 3, 3, 3]))
    for key, expected in ways:
        found = heard(
            mixed,
            lambda x: {"x": np.array(x), "n": np.int64(x)},
            ShareObservations(missing="predict"),
            lambda v, key=key: v["b"][key],
        )
        assert found == expected


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    "exchange",
    [
        ShareObservations(missing="predict"),
        ShareObservations(form="flat", missing="predict"),
        SendMessages(spaces.Box(-1, 1, (2,)), missing=Predict(horizon=3)),
        SendMessages(spaces.Discrete(3), form="flat", missing="predict"),
    ],
    ids=str,
)
def test_the_laws_hold(exchange):
    team = {"a": MIXED, "b": spaces.Box(0, 255, (2, 2), np.uint8), "c": spaces.MultiBinary(3)}
    check_wrapper(lambda: Plain(team), exchange=exchange, steps=8)


def test_text_is_passed_on_as_it_is():
    team = dict.fromkeys(IDS, spaces.Text(8))
    exchange = ShareObservations(missing="hold")
    env = CommunicationWrapperParallel(Plain(team), [], exchange=exchange)
    views, _ = env.reset(seed=1)
    assert {type(text) for text in views["a"].values()} == {str}
    assert views["a"] == views["b"] == views["c"]
    with pytest.raises(InvalidArgumentError) as caught:
        CommunicationWrapperParallel(
            Plain(team), [], exchange=ShareObservations(missing="predict")
        ).reset(seed=1)
    assert_one_sentence(caught.value)


@pytest.mark.parametrize("way", WAYS)
def test_observations_of_another_shape_shift_nobody(way):
    space, _, exchange, _ = WAYS[way]
    # As many together as the spaces say.
    size = 1 if space.shape is None else space.shape[0]
    sizes = iter([size, size - 1, size + 1] * 9)
    wrong: Any = lambda x: np.zeros(next(sizes), np.float32)  # noqa: E731
    env = CommunicationWrapperParallel(Drawn(space, wrong), [], exchange=exchange(missing="zero"))
    with pytest.raises(FailureApiError):
        env.reset(seed=1)
