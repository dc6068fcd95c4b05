"""How many bits a message has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from failure_api.exchanges.spaces.numbers import leaves


def bits_of(space: spaces.Space[Any]) -> int:
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


def bits_of_segments(
    arrays: Iterable[spaces.Space[Any]], local: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Returns the bits of the parts of observations that come from others, `[sender, receiver]`.

    Args:
        arrays: What each receiver's observation is made of, boxes alone.
        local: Which entries a sender has, `[receiver, sender, k]`, one past the last for none.
    """
    rows = []
    for space, entries in zip(arrays, local, strict=True):
        each = [
            np.full(int(np.prod(box.shape or (1,))), _bits_of_entry(box.dtype))
            for box in leaves(space)
        ]
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
