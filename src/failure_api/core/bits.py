"""The bits of numbers: what the array API has no operation for."""

from __future__ import annotations

from types import ModuleType

from failure_api.core.arrays.libraries import viewed
from failure_api.core.links import Array

BITS = 32
"""Bits of an int32 or a float32."""


def to_bits(array: Array, xp: ModuleType) -> Array:
    """Returns the IEEE 754 representation of a float32 array, as int32 of the same shape.

    Example:
        >>> import numpy as np
        >>> hex(to_bits(np.asarray(1.0, dtype=np.float32), np))
        '0x3f800000'
    """
    return viewed(array, "int32", xp)


def from_bits(bits: Array, xp: ModuleType) -> Array:
    """Returns the float32 array that int32 bits represent.

    Example:
        >>> import numpy as np
        >>> from_bits(np.asarray([0x3F800000, -1], dtype=np.int32), np).tolist()
        [1.0, nan]
    """
    return viewed(bits, "float32", xp)


def bit_length(number: Array, xp: ModuleType) -> Array:
    """Returns how many bits whole numbers from 0 to below 2**31 need, int32 `[...]`.

    Example:
        >>> import numpy as np
        >>> bit_length(np.asarray([0.0, 1.0, 4.0, 255.0]), np).tolist()
        [0, 1, 3, 8]
    """
    powers = xp.asarray([2.0**place for place in range(BITS - 1)], dtype=number.dtype)
    return xp.sum(xp.astype(number[..., None] >= powers, xp.int32), axis=-1, dtype=xp.int32)
