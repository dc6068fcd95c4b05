"""Elements of a space of numbers as rows of bytes, which are moved about as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from failure_api.errors import invalid
from failure_api.exchanges.spaces.numbers import joined, leaves, parts


class Packing:
    """Writes elements of a space as rows of bytes, and reads them again.

    Args:
        space: Box, Discrete, MultiDiscrete, MultiBinary, or a Dict or Tuple of such.

    Attributes:
        size: Bytes of an element.
        dtype: A structure with a field for each of the simple spaces in it.

    Raises:
        TypeError: Elements of the space are no fixed number of numbers.

    Example:
        >>> packing = Packing(spaces.Tuple([spaces.Discrete(3), spaces.Box(0, 1, (2,))]))
        >>> row = packing.pack("a", (2, [0.5, 1.0]), np.zeros(packing.size, np.uint8))
        >>> packing.unpack(row)
        (np.int64(2), array([0.5, 1. ], dtype=float32))
    """

    def __init__(self, space: spaces.Space[Any]) -> None:
        self.space, self.leaves = space, list(leaves(space))
        self.names = [f"f{place}" for place in range(len(self.leaves))]
        fields: Any = zip(self.names, self.leaves, strict=True)
        self.dtype = np.dtype([(name, leaf.dtype, leaf.shape) for name, leaf in fields])
        self.size = self.dtype.itemsize

    def fields(self, rows: NDArray[np.uint8]) -> NDArray[Any]:
        """Returns the structures that rows of bytes are, `[...]` for `[..., bytes]`, not copied."""
        return rows[..., : self.size].view(self.dtype)[..., 0]

    def pack(self, agent: Any, element: Any, row: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Writes an element to a row of bytes, and returns that.

        Raises:
            InvalidArgumentError: The element is not of the form that the space says.
        """
        fields = self.fields(row[None])
        try:
            found = [np.asarray(part) for part in parts(self.space, element)]
        except (TypeError, KeyError, ValueError, IndexError):
            found = []
        if [part.shape for part in found] != [leaf.shape for leaf in self.leaves]:
            rule = f"must be of the form of {self.space}"
            name = f"what agent {agent!r} observes or says"
            raise invalid(name, rule, element, "mend the environment, or the space it declares")
        for name, part in zip(self.names, found, strict=True):
            fields[name] = part
        return row

    def unpack(self, row: NDArray[np.uint8]) -> Any:
        """Returns the element that a row of bytes is, as an object that nobody else holds."""
        fields = self.fields(row[None])[0]
        return joined(
            self.space,
            (
                fields[name].copy() if not isinstance(leaf, spaces.Box) or leaf.shape
                else np.array(fields[name])
                for name, leaf in zip(self.names, self.leaves, strict=True)
            ),
        )  # fmt: skip
