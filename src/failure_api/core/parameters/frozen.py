"""Arrays and mappings that cannot change, so that a model which holds them is a value."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

LARGEST_SHOWN = 100
"""Number of entries above which an array's text gives its shape and digest alone."""


class FrozenArray:
    """A read-only array that can be compared, hashed, printed and pickled.

    Args:
        values: Anything that NumPy can turn into an array; it is copied.
        dtype: Type of the entries.

    Example:
        >>> FrozenArray([[0.0, 1.0], [0.5, 0.0]])
        [[0.0, 1.0], [0.5, 0.0]]
        >>> FrozenArray([1.0]) == FrozenArray([1.0])
        True
    """

    __slots__ = ("_values",)

    def __init__(self, values: ArrayLike | FrozenArray, dtype: DTypeLike = np.float64) -> None:
        # Adding 0 makes minus zeros plain ones, which compare equal but have other bytes.
        array: NDArray[Any] = np.asarray(np.array(values, dtype=dtype) + 0)
        array.flags.writeable = False
        self._values = array

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        return self._values.shape

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self._values, dtype=dtype) if copy or dtype else self._values

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FrozenArray):
            return NotImplemented
        return np.array_equal(self._values, other._values)

    def __hash__(self) -> int:
        return hash((self.shape, self._values.tobytes()))

    def __repr__(self) -> str:
        if self._values.size <= LARGEST_SHOWN:
            return repr(self._values.tolist())
        digest = hashlib.sha256(self._values.tobytes()).hexdigest()[:12]
        return f"<array of shape {self.shape}, sha256 {digest}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return FrozenArray, (np.array(self._values), self._values.dtype)


class FrozenMapping(Mapping[Any, Any]):
    """A mapping that can be compared, hashed, printed and pickled, and not written to.

    Example:
        >>> FrozenMapping({("a", "b"): 0.5})
        {('a', 'b'): 0.5}
    """

    __slots__ = ("_items",)

    def __init__(self, items: Mapping[Any, Any]) -> None:
        self._items = dict(items)

    def __getitem__(self, key: Any) -> Any:
        return self._items[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        return hash(frozenset(self._items.items()))

    def __repr__(self) -> str:
        return repr(self._items)

    def __reduce__(self) -> tuple[Any, ...]:
        return FrozenMapping, (dict(self._items),)
