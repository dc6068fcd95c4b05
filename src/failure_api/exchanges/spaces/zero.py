"""Zeros for content that was not received, and the size of messages in bits."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.spaces import Space
from numpy.typing import NDArray

from failure_api.exchanges.spaces.numbers import NUMERIC, is_gymnasium, is_plain, leaves


def zero_of(space: Space[Any]) -> Any:
    """Returns the zero of a space, in the type of its samples.

    A space of another kind than Gymnasium's, and a subclass that does not hold the zero of its
    kind, has a sample in its place, which is always the same.

    Raises:
        TypeError: Samples of the space have no zero of fixed shape.

    Example:
        >>> zero_of(spaces.Tuple([spaces.Box(-1, 1, (2,)), spaces.Discrete(3)]))
        (array([0., 0.], dtype=float32), np.int64(0))
    """
    plain = is_plain(space)
    zero = _zero_of_kind(space) if plain or isinstance(space, NUMERIC) else None
    if plain or (zero is not None and space.contains(zero)):
        return zero
    stand_in = copy.deepcopy(space)
    stand_in.seed(0)
    return stand_in.sample()


def _zero_of_kind(space: Space[Any]) -> Any:
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


def with_zero(space: Space[Any]) -> Space[Any]:
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
    own = not is_gymnasium(type(space)) and space.contains(zero_of(space))
    if own or isinstance(space, spaces.MultiBinary):
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
    if isinstance(space, spaces.Dict):
        return spaces.Dict({key: with_zero(part) for key, part in space.spaces.items()})
    if isinstance(space, spaces.Tuple):
        return spaces.Tuple([with_zero(part) for part in space.spaces])
    if isinstance(space, spaces.Text):
        return spaces.Text(space.max_length, min_length=0, charset=space.characters)
    raise TypeError(f"{type(space).__name__} has no zero of fixed shape")


def bits_of(space: Space[Any]) -> int:
    r"""Returns the bits that an element of a space takes, written without compression.

    One choice of $n$ takes $\lceil \log_2 n \rceil$ bits, and an entry of a Box as many as its
    type has, one where that is bool.

    Args:
        space: Box, Discrete, MultiDiscrete, MultiBinary, or a Dict or Tuple of such.

    Raises:
        TypeError: Elements of the space are no fixed number of numbers.

    Example:
        >>> bits_of(spaces.Discrete(5)), bits_of(spaces.MultiBinary(3))
        (3, 3)
        >>> bits_of(spaces.Tuple([spaces.MultiDiscrete([2, 5]), spaces.Box(-1, 1, (2,))]))
        68
    """
    return sum(_bits_of_leaf(leaf) for leaf in leaves(space))


def to_each(bits: Sequence[int]) -> NDArray[np.float64]:
    """Returns the bits of messages that go to everyone, `[sender, receiver]`, 0 on the diagonal.

    Args:
        bits: Those of each sender's message.
    """
    apart = ~np.eye(len(bits), dtype=bool)
    return np.asarray(bits, dtype=np.float64)[:, None] * apart


def bits_of_segments(arrays: Iterable[Space[Any]], local: NDArray[np.int64]) -> NDArray[np.float64]:
    """Returns the bits of the parts of observations that come from others, `[sender, receiver]`.

    Args:
        arrays: What each receiver's observation is made of, boxes alone.
        local: Which entries a sender has, `[receiver, sender, k]`, one past the last for none.
    """
    rows = []
    for space, entries in zip(arrays, local, strict=True):
        boxes: Any = leaves(space)
        each = [np.full(box.low.size, _bits_of_entry(box.dtype)) for box in boxes]
        rows.append(np.concatenate([*each, [0.0]])[entries].sum(axis=-1))
    return np.array(rows, dtype=np.float64).T


def counted(bits: NDArray[np.float64] | None) -> NDArray[np.float32] | None:
    """Returns the bits of messages as models are told them: float32, and not to be written to."""
    if bits is None:
        return None
    told = bits.astype(np.float32)
    told.flags.writeable = False
    return told


def _bits_of_leaf(leaf: Any) -> int:
    if isinstance(leaf, spaces.Discrete):
        return _bits_of_choice(leaf.n)
    if isinstance(leaf, spaces.MultiDiscrete):
        return sum(map(_bits_of_choice, leaf.nvec.ravel().tolist()))
    entries = int(np.prod(leaf.shape))
    return entries if isinstance(leaf, spaces.MultiBinary) else entries * _bits_of_entry(leaf.dtype)


def _bits_of_entry(dtype: Any) -> int:
    return 1 if dtype.kind == "b" else 8 * int(dtype.itemsize)


def _bits_of_choice(count: Any) -> int:
    # Exactly, where a logarithm in floating point would be off near a power of two.
    return (int(count) - 1).bit_length()
