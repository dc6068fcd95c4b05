"""Spaces of every kind, and random ones within one another."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from hypothesis import strategies

BOXES = {
    "image": spaces.Box(0, 255, (4, 5, 3), np.uint8),
    "grid": spaces.Box(-1, 1, (2, 3)),
    "number": spaces.Box(-1, 1, ()),
    "no-zero": spaces.Box(2.0, 5.0, (3,)),
    "below-zero": spaces.Box(-5, -2, (2,), np.int16),
    "doubles": spaces.Box(-np.inf, np.inf, (3,), np.float64),
    "flags": spaces.Box(0, 1, (3,), np.bool_),
}
SPACES: dict[str, spaces.Space[Any]] = {
    **BOXES,
    "discrete": spaces.Discrete(4),
    "discrete-from-two": spaces.Discrete(3, start=2),
    "discrete-below": spaces.Discrete(3, start=-5),
    "multi-discrete": spaces.MultiDiscrete([3, 4]),
    "multi-discrete-from": spaces.MultiDiscrete([3, 4], start=[2, -6]),
    "multi-binary": spaces.MultiBinary((2, 2)),
    "tuple": spaces.Tuple([spaces.Discrete(2), spaces.Box(0, 1, (2,))]),
    "nested": spaces.Dict(
        place=spaces.Box(-1, 1, (2,)),
        kind=spaces.Discrete(3, start=1),
        inner=spaces.Dict(flags=spaces.MultiBinary(2), pair=spaces.Tuple([spaces.Discrete(2)])),
    ),
    "masked": spaces.Dict(
        observation=spaces.Box(0, 1, (2, 2), np.int8), action_mask=spaces.Box(0, 1, (3,), np.int8)
    ),
}


@strategies.composite
def _boxes(draw):
    dtype = draw(strategies.sampled_from([np.uint8, np.int8, np.int32, np.float32, np.float64]))
    shape = tuple(draw(strategies.lists(strategies.integers(1, 3), max_size=3)))
    low, high = sorted(draw(strategies.tuples(*[strategies.integers(-9, 9)] * 2)))
    if dtype is np.uint8:
        low, high = abs(low) % 5, 5 + abs(high)
    return spaces.Box(low, high + 1, shape, dtype)


@strategies.composite
def _multi_discretes(draw):
    counts = draw(strategies.lists(strategies.integers(1, 4), min_size=1, max_size=3))
    starts = [draw(strategies.integers(-5, 5)) for _ in counts]
    dtype = draw(strategies.sampled_from([np.int64, np.int32]))
    return spaces.MultiDiscrete(counts, dtype=dtype, start=starts)


_LEAVES = strategies.one_of(
    _boxes(),
    _multi_discretes(),
    strategies.builds(
        lambda n, start: spaces.Discrete(n, start=start),
        strategies.integers(1, 5),
        strategies.integers(-6, 6),
    ),
    strategies.builds(spaces.MultiBinary, strategies.integers(1, 4)),
)
NESTED = strategies.recursive(
    _LEAVES,
    lambda inner: strategies.one_of(
        strategies.lists(inner, min_size=1, max_size=3).map(spaces.Tuple),
        strategies.dictionaries(strategies.sampled_from("pqrs"), inner, min_size=1, max_size=3).map(
            spaces.Dict
        ),
    ),
    max_leaves=5,
)
