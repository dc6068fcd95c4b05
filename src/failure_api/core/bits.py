"""The bits of numbers: what the array API has no operation for."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import numpy as np

from failure_api.core.links import Array
from failure_api.errors import ModelError

BITS = 32
"""Bits of an int32 or a float32."""


def to_bits(array: Array, xp: ModuleType) -> Array:
    """Returns the IEEE 754 representation of a float32 array, as int32 of the same shape.

    Example:
        >>> hex(to_bits(np.asarray(1.0, dtype=np.float32), np))
        '0x3f800000'
    """
    return _view(xp)(array, "int32", xp)


def from_bits(bits: Array, xp: ModuleType) -> Array:
    """Returns the float32 array that int32 bits represent.

    Example:
        >>> from_bits(np.asarray([0x3F800000, -1], dtype=np.int32), np).tolist()
        [1.0, nan]
    """
    return _view(xp)(bits, "float32", xp)


def _numpy_view(array: Array, dtype: str, xp: ModuleType) -> Array:
    return xp.asarray(np.asarray(array).view(dtype))


_VIEWS: dict[str, Callable[[Array, str, ModuleType], Array]] = {
    "numpy": _numpy_view,
    "array_api_strict": _numpy_view,
}
"""How each namespace reads an array's memory as another type; further ones belong here."""


def _view(xp: ModuleType) -> Callable[[Array, str, ModuleType], Array]:
    name = xp.__name__
    if name not in _VIEWS:
        raise ModelError(
            f"The array namespace must be one whose bits can be read, but {name} was given: use "
            f"{' or '.join(_VIEWS)}."
        )
    return _VIEWS[name]


def bit_length(number: Array, xp: ModuleType) -> Array:
    """Returns how many bits whole numbers from 0 to below 2**31 need, int32 `[...]`.

    Example:
        >>> bit_length(np.asarray([0.0, 1.0, 4.0, 255.0]), np).tolist()
        [0, 1, 3, 8]
    """
    powers = xp.asarray([2.0**place for place in range(BITS - 1)], dtype=number.dtype)
    return xp.sum(xp.astype(number[..., None] >= powers, xp.int32), axis=-1, dtype=xp.int32)
