"""Flattened observations, in which a choice is one-hot, as rows of numbers, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from failure_api.exchanges.spaces.numbers import Numbers, Row


class OneHotNumbers(Numbers):
    """Reads a flattened observation as a row in which a choice is one number, and writes one.

    Args:
        space: The space of what was flattened.

    Example:
        >>> space = spaces.Tuple([spaces.Discrete(3, start=4), spaces.Box(0, 1, ())])
        >>> numbers = OneHotNumbers(space)
        >>> vector = np.array([0, 1, 0, 0.5], dtype=np.float32)
        >>> row = numbers.row(vector)
        >>> row.tolist()
        [5.0, 0.5]
        >>> numbers.observation(row + 1, row, vector).tolist()
        [0.0, 0.0, 1.0, 1.5]
    """

    def __init__(self, space: spaces.Space[Any]) -> None:
        super().__init__(space)
        self._choices: list[tuple[int, slice, int]] = []
        values: list[int] = []
        entries: list[int] = []
        place = 0
        for leaf, part in zip(self.leaves, self.slices, strict=True):
            size = part.stop - part.start
            if not isinstance(leaf, spaces.Discrete | spaces.MultiDiscrete):
                entries.extend(range(part.start, part.stop))
                values.extend(range(place, place + size))
                place += size
                continue
            for entry in range(part.start, part.stop):
                first, last = int(self.low[entry]), int(self.high[entry])
                end = place + last - first + 1
                self._choices.append((entry, slice(place, end), first))
                place = end
        self._entries = np.array(entries, dtype=np.int64)
        self._values = np.array(values, dtype=np.int64)

    def row(self, observation: Any, dtype: Any = None) -> Row:
        """Returns a flattened observation as one row."""
        row: Row = self.rows(observation[None], dtype or self.dtype)[0]
        return row

    def rows(self, vectors: Row, dtype: Any) -> NDArray[Any]:
        """Returns flattened observations, `[n, D]`, as a row each."""
        rows = np.empty((len(vectors), self.width), dtype=dtype)
        rows[:, self._entries] = vectors[:, self._values]
        for entry, place, first in self._choices:
            rows[:, entry] = first + vectors[:, place].argmax(axis=1)
        return rows

    def observation(self, row: Row, before: Row, original: Any) -> Any:
        """Returns the flattened observation that a row stands for."""
        vector = original.copy()
        changed = row[self._entries] != before[self._entries]
        vector[self._values[changed]] = row[self._entries[changed]]
        for entry, place, first in self._choices:
            if row[entry] != before[entry]:
                vector[place] = 0
                vector[place.start + int(row[entry]) - first] = 1
        return vector
