"""What stands where nothing was received: zeros, and the spaces that have room for them."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from gymnasium import spaces

from failure_api.exchanges.spaces.numbers import NUMERIC, is_gymnasium, is_plain


def zero_of(space: spaces.Space[Any]) -> Any:
    """Returns the zero of a space, in the type of its samples.

    A space of another kind than Gymnasium's, and a subclass that does not hold the zero of its
    kind, has a sample in its place, which is always the same.

    Raises:
        TypeError: Samples of the space have no zero of fixed shape.

    Example:
        >>> zero_of(spaces.Tuple([spaces.Box(-1, 1, (2,)), spaces.Discrete(3)]))
        (array([0., 0.], dtype=float32), np.int64(0))
    """
    if not is_plain(space):
        zero = _zero_of_kind(space) if isinstance(space, NUMERIC) else None
        if zero is None or not space.contains(zero):
            stand_in = copy.deepcopy(space)
            stand_in.seed(0)
            zero = stand_in.sample()
        return zero
    return _zero_of_kind(space)


def _zero_of_kind(space: spaces.Space[Any]) -> Any:
    if isinstance(space, spaces.Box | spaces.MultiBinary | spaces.MultiDiscrete):
        return np.zeros(space.shape, dtype=space.dtype)
    if isinstance(space, spaces.Discrete):
        return space.dtype.type(0)
    if isinstance(space, spaces.Dict):
        return {key: zero_of(part) for key, part in space.spaces.items()}
    if isinstance(space, spaces.Tuple):
        return tuple(zero_of(part) for part in space.spaces)
    if isinstance(space, spaces.Text):
        return ""
    raise TypeError(f"{type(space).__name__} has no zero of fixed shape")


def with_zero(space: spaces.Space[Any]) -> spaces.Space[Any]:
    """Returns a space that holds all of another's elements and its zero.

    Raises:
        TypeError: Samples of the space have no zero of fixed shape.

    Example:
        >>> with_zero(spaces.Discrete(3, start=1))
        Discrete(4)
        >>> with_zero(spaces.Box(1, 2, (1,))).low.tolist()
        [0.0]
    """
    # A subclass stays what it is, where it has the zero.
    if not is_gymnasium(type(space)) and space.contains(zero_of(space)):
        return space
    if isinstance(space, spaces.Box):
        low, high = np.minimum(space.low, 0), np.maximum(space.high, 0)
        # The shape is said because Gymnasium takes a 0-d array for one of one entry.
        low, high = low.astype(space.dtype), high.astype(space.dtype)
        return spaces.Box(low, high, space.shape, space.dtype.type)
    if isinstance(space, spaces.Discrete):
        first, end = min(int(space.start), 0), max(int(space.start + space.n), 1)
        return spaces.Discrete(end - first, start=first)
    if isinstance(space, spaces.MultiDiscrete):
        starts = np.minimum(space.start, 0)
        ends = np.maximum(space.start + space.nvec, 1)
        return spaces.MultiDiscrete(ends - starts, dtype=space.dtype.str, start=starts)
    if isinstance(space, spaces.MultiBinary):
        return space
    if isinstance(space, spaces.Dict):
        return spaces.Dict({key: with_zero(part) for key, part in space.spaces.items()})
    if isinstance(space, spaces.Tuple):
        return spaces.Tuple([with_zero(part) for part in space.spaces])
    if isinstance(space, spaces.Text):
        return spaces.Text(space.max_length, min_length=0, charset=space.characters)
    raise TypeError(f"{type(space).__name__} has no zero of fixed shape")
