"""Observations of any space of numbers as one row of numbers, and back; a choice may be one-hot."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.spaces import Space
from numpy.typing import NDArray

Row = NDArray[Any]
SINGLE_EXACT = 2.0**24
"""Up to where float32 holds every whole number."""
DOUBLE_EXACT = 2.0**53
"""The same of float64."""


class Numbers:
    """Reads an observation as a row of numbers, and writes one.

    Whole numbers stand for themselves, those of a `Discrete` space too. The row is float32 where
    that holds every entry of the space exactly, and else float64. Integers beyond 2**53 are the
    nearest number there; those that nothing has changed are written as they were.

    Args:
        space: Box, Discrete, MultiDiscrete, MultiBinary, or a Dict or Tuple of such.

    Attributes:
        width: Number of entries.
        low: Least value of each entry, float64; never below that of the space.
        high: Greatest value of each entry, float64; never above that of the space.
        whole: Which entries are whole numbers.
        dtype: The type that rows need.

    Raises:
        TypeError: Observations of the space are no fixed number of numbers.

    Example:
        >>> numbers = Numbers(spaces.Tuple([spaces.Discrete(3, start=4), spaces.Box(0, 9, (2,))]))
        >>> observation = (5, np.array([0.5, 1.0], dtype=np.float32))
        >>> row = numbers.row(observation)
        >>> row.tolist(), numbers.low.tolist()
        ([5.0, 0.5, 1.0], [4.0, 0.0, 0.0])
        >>> numbers.observation(row + 1, row, observation)
        (np.int64(6), array([1.5, 2. ], dtype=float32))
    """

    def __init__(self, space: Space[Any]) -> None:
        self.space = space
        self.leaves: list[Any] = list(leaves(space))
        limits = [limits_of(leaf) for leaf in self.leaves]
        ends = np.cumsum([low.size for low, _ in limits]).tolist()
        self.slices = [slice(a, b) for a, b in zip([0, *ends], ends, strict=False)]
        self.width: int = ends[-1] if ends else 0
        self.low = np.concatenate([np.empty(0), *(_inner(low, 1) for low, _ in limits)])
        self.high = np.concatenate([np.empty(0), *(_inner(high, -1) for _, high in limits)])
        self.whole = np.zeros(self.width, dtype=bool)
        for entries, (low, _) in zip(self.slices, limits, strict=True):
            self.whole[entries] = low.dtype.kind in "iu"
        single = all(low.dtype.kind in "iu" or low.dtype.itemsize <= 4 for low, _ in limits)
        furthest = np.abs([self.low[self.whole], self.high[self.whole]]).max(initial=0.0)
        self.dtype = np.dtype(np.float32 if single and furthest <= SINGLE_EXACT else np.float64)

    def row(self, observation: Any, dtype: Any = None) -> Row:
        """Returns an observation as one row.

        Args:
            observation: An element of the space.
            dtype: Of the row; None takes the type that it needs.
        """
        flat = [np.ravel(part) for part in parts(self.space, observation)]
        return np.concatenate([np.empty(0), *flat], dtype=dtype or self.dtype, casting="unsafe")

    def elements(self, rows: Row) -> list[Any]:
        """Returns the element of the space that each row stands for, `[n, width]`."""
        columns = []
        for leaf, entries in zip(self.leaves, self.slices, strict=True):
            column = rows[:, entries].astype(leaf.dtype)
            # A choice is a number by itself.
            single = isinstance(leaf, spaces.Discrete)
            columns.append(column[:, 0] if single else column.reshape(-1, *leaf.shape))
        return [joined(self.space, iter(row)) for row in zip(*columns, strict=True)]

    def observation(self, row: Row, before: Row, original: Any) -> Any:
        """Returns the observation that a row stands for, as an object that nobody else holds.

        Args:
            row: The numbers.
            before: The row that the original stands for.
            original: Gives the entries that are as before.
        """
        changed, held = row != before, parts(self.space, original)
        written = [
            _written(leaf, row[entries], changed[entries], part)
            for leaf, entries, part in zip(self.leaves, self.slices, held, strict=True)
        ]
        return joined(self.space, iter(written))


def leaves(space: Space[Any]) -> Iterator[Space[Any]]:
    """Yields the simple spaces that a space is made of, in the order of its entries.

    Raises:
        TypeError: Observations of the space are no fixed number of numbers.
    """
    if isinstance(space, spaces.Dict | spaces.Tuple) and is_plain(space):
        inner: Any = space.spaces
        for part in inner.values() if isinstance(inner, dict) else inner:
            yield from leaves(part)
    elif isinstance(space, NUMERIC) and is_plain(space):
        yield space
    else:
        raise TypeError(f"{type(space).__name__} has no fixed number of numbers")


NUMERIC = (spaces.Box, spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)


def is_plain(space: Space[Any]) -> bool:
    """Returns whether a space has the elements of Gymnasium's space of its kind.

    A subclass may have others: missions in place of rows of numbers, for example.

    Example:
        >>> class Even(spaces.Discrete):
        ...     def contains(self, x):
        ...         return super().contains(x) and x % 2 == 0
        >>> is_plain(spaces.Discrete(3)), is_plain(Even(3))
        (True, False)
    """
    kind: Any = next(each for each in type(space).__mro__ if is_gymnasium(each))
    return type(space).contains is kind.contains and type(space).sample is kind.sample


def is_gymnasium(kind: type) -> bool:
    """Returns whether a class of spaces is Gymnasium's own."""
    return kind.__module__.startswith("gymnasium.spaces.")


def parts(space: Space[Any], value: Any) -> Iterator[Any]:
    """Yields what an observation holds in each of the leaves."""
    if isinstance(space, spaces.Dict):
        for key, part in space.spaces.items():
            yield from parts(part, value[key])
    elif isinstance(space, spaces.Tuple):
        for part, item in zip(space.spaces, value, strict=True):
            yield from parts(part, item)
    else:
        yield value


def joined(space: Space[Any], parts: Iterator[Any]) -> Any:
    """Returns the observation that holds these parts in its leaves."""
    if isinstance(space, spaces.Dict):
        return {key: joined(part, parts) for key, part in space.spaces.items()}
    if isinstance(space, spaces.Tuple):
        return tuple([joined(part, parts) for part in space.spaces])
    return next(parts)


def _written(leaf: Any, numbers: Row, changed: Row, original: Any) -> Any:
    # Through zeros, because not every unchanged number fits into the type.
    new, shape = np.where(changed, numbers, 0).astype(leaf.dtype), np.shape(original)
    whole = np.where(changed.reshape(shape), new.reshape(shape), original).astype(leaf.dtype)
    return whole[()] if isinstance(leaf, spaces.Discrete) else whole


def limits_of(leaf: Any) -> tuple[Row, Row]:
    """Returns the least and the greatest values, as integers where entries are whole."""
    if isinstance(leaf, spaces.Box):
        low, high = leaf.low.ravel(), leaf.high.ravel()
        return (low.astype(np.int8), high.astype(np.int8)) if low.dtype == bool else (low, high)
    if isinstance(leaf, spaces.MultiBinary):
        size = int(np.prod(leaf.shape))
        return np.zeros(size, np.int8), np.ones(size, np.int8)
    if isinstance(leaf, spaces.MultiDiscrete):
        return leaf.start.ravel(), (leaf.start + leaf.nvec - 1).ravel()
    return np.array([leaf.start]), np.array([leaf.start + leaf.n - 1])


def _inner(bounds: Row, inwards: int) -> NDArray[np.float64]:
    """Returns bounds as float64; the next one inwards where the nearest lies outside."""
    floats = bounds.astype(np.float64)
    if bounds.dtype.kind in "iu" and bounds.dtype.itemsize == 8:
        for entry in np.flatnonzero(np.abs(floats) >= DOUBLE_EXACT):
            if inwards * (int(bounds[entry]) - int(floats[entry])) > 0:
                floats[entry] = np.nextafter(floats[entry], inwards * np.inf)
    return floats


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

    def __init__(self, space: Space[Any]) -> None:
        super().__init__(space)
        self._choices: list[tuple[int, slice, int]] = []
        single: list[tuple[int, int]] = []
        start = 0
        for leaf, part in zip(self.leaves, self.slices, strict=True):
            choices = isinstance(leaf, spaces.Discrete | spaces.MultiDiscrete)
            for entry in range(part.start, part.stop):
                end = start + 1
                if choices:
                    first = int(self.low[entry])
                    end = start + int(self.high[entry]) - first + 1
                    self._choices.append((entry, slice(start, end), first))
                else:
                    single.append((entry, start))
                start = end
        self._entries, self._values = np.array(single, dtype=np.int64).reshape(-1, 2).T

    def row(self, observation: Any, dtype: Any = None) -> Row:
        """Returns a flattened observation as one row."""
        return self.rows(observation[None], dtype or self.dtype)[0]  # type: ignore[no-any-return]

    def rows(self, vectors: Row, dtype: Any) -> NDArray[Any]:
        """Returns flattened observations, `[n, D]`, as a row each."""
        rows = np.empty((len(vectors), self.width), dtype=dtype)
        rows[:, self._entries] = vectors[:, self._values]
        for entry, block, first in self._choices:
            rows[:, entry] = first + vectors[:, block].argmax(axis=1)
        return rows

    def observation(self, row: Row, before: Row, original: Any) -> Any:
        """Returns the flattened observation that a row stands for."""
        vector = original.copy()
        changed = row[self._entries] != before[self._entries]
        vector[self._values[changed]] = row[self._entries[changed]]
        for entry, block, first in self._choices:
            if row[entry] != before[entry]:
                vector[block] = 0
                vector[block.start + int(row[entry]) - first] = 1
        return vector
