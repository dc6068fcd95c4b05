"""Content of every form read as numbers, `[receiver, sender, K]`, for noise and predictions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.spaces import Space
from numpy.typing import NDArray

from failure_api.core.layouts import Gathered
from failure_api.core.links import Array
from failure_api.errors import invalid
from failure_api.exchanges.spaces.corruption import Entries, numbers_of, padded
from failure_api.exchanges.spaces.numbers import Numbers, OneHotNumbers, joined, leaves, parts


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

    def fields(self, rows: NDArray[np.uint8]) -> Array:
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
            raise invalid(name, rule, element, "fix the environment, or the space it declares")
        for name, part in zip(self.names, found, strict=True):
            fields[name] = part
        return row

    def unpack(self, row: NDArray[np.uint8]) -> Any:
        """Returns the element that a row of bytes is, as an object that nobody else holds."""
        fields = self.fields(row[None])[0]
        # A Box without axes holds arrays none the less.
        copies = (
            np.array(fields[name]) if isinstance(leaf, spaces.Box) else fields[name].copy()
            for name, leaf in zip(self.names, self.leaves, strict=True)
        )
        return joined(self.space, copies)


class ContentNumbers(ABC):
    """How content is read as numbers, and written again.

    Attributes:
        entries: What the numbers may be.
    """

    entries: Entries

    @abstractmethod
    def real(self, content: Any) -> NDArray[np.bool_]:
        """Returns which numbers stand for anything; broadcasts to `[receiver, sender, K]`."""

    @abstractmethod
    def read(self, content: Any) -> Array:
        """Returns the numbers that content stands for, `[receiver, sender, K]`."""

    @abstractmethod
    def write(self, content: Any, before: Array, after: Array) -> Any:
        """Returns content whose numbers have changed; what has not is as it was.

        Args:
            content: Used up.
            before: The numbers that it stood for.
            after: Those that it is to stand for.
        """

    def within(self, numbers: Array, last: Array) -> Array:
        """Returns numbers within their bounds; whole ones are as they were last."""
        _, low, high, whole = self.entries
        dtype = last.dtype
        inside = np.clip(numbers, low, high).astype(dtype)
        # Zero stands where nothing has arrived, and need not be within the bounds.
        return np.where(whole | (numbers == last), last, inside)


class _BySender(ContentNumbers):
    """Rows that each sender's space gives a meaning of its own.

    Args:
        message_spaces: The space of what each agent says, in the order of all agents.
    """

    reader: type[Numbers] = Numbers

    def __init__(self, message_spaces: Mapping[Any, Space[Any]]) -> None:
        self._numbers: list[Any] = [
            numbers_of(agent, space, self.reader) for agent, space in message_spaces.items()
        ]
        self.entries = padded(self._numbers, (len(message_spaces),) * 2)
        widths = np.array([numbers.width for numbers in self._numbers])
        self._real = np.arange(self.entries.shape[-1]) < widths[:, None]

    def real(self, content: Any) -> NDArray[np.bool_]:
        """Returns that as many do as the sender's space has."""
        return self._real


class RowNumbers(_BySender):
    """Rows whose entries are the numbers themselves, of agents whose spaces are alike.

    Args:
        message_spaces: The space of what each agent says, in the order of all agents.
    """

    def real(self, content: Any) -> NDArray[np.bool_]:
        """Returns that all of them do."""
        return np.ones((1, 1, 1), dtype=bool)

    def read(self, content: Any) -> Array:
        """Returns the rows."""
        shape, low, *_ = self.entries
        return _rows(content)[:, : shape[-1]].reshape(shape).astype(low.dtype)

    def write(self, content: Any, before: Array, after: Array) -> Any:
        """Returns the rows with the entries that have changed."""
        rows = _rows(content, own=True)
        part = rows[:, : after.shape[-1]].reshape(after.shape)
        rows[:, : after.shape[-1]] = _changed(part, before, after).reshape(len(rows), -1)
        return rows


class PackedNumbers(_BySender):
    """Rows of bytes.

    Args:
        message_spaces: The space of what each agent says, in the order of all agents.
        packings: How each is packed.
    """

    def __init__(self, message_spaces: Mapping[Any, Space[Any]], packings: list[Packing]) -> None:
        super().__init__(message_spaces)
        self._packings = packings

    def read(self, content: Any) -> Array:
        """Returns the numbers of all messages, field by field."""
        shape, low, *_ = self.entries
        found = np.zeros(shape, low.dtype)
        for sender, columns, fields, name in self._fields(_rows(content)):
            found[:, sender, columns] = fields[name].reshape(shape[0], -1)
        return found

    def write(self, content: Any, before: Array, after: Array) -> Any:
        """Returns the rows with the fields that have changed."""
        content = _rows(content, own=True)
        for sender, columns, fields, name in self._fields(content):
            old, new = before[:, sender, columns], after[:, sender, columns]
            shape = fields[name].shape
            fields[name] = _changed(fields[name], old.reshape(shape), new.reshape(shape))
        return content

    def _fields(self, rows: Array) -> Iterator[tuple[int, slice, Array, str]]:
        """Yields each sender's columns, and the structures and the field in which they stand."""
        count = len(self._numbers)
        by_sender = rows.reshape(count, count, -1).swapaxes(0, 1)
        for sender, (numbers, packing) in enumerate(
            zip(self._numbers, self._packings, strict=True)
        ):
            fields = packing.fields(by_sender[sender])
            for name, columns in zip(packing.names, numbers.slices, strict=True):
                yield sender, columns, fields, name


class FlatNumbers(_BySender):
    """Rows of flattened messages, in which a choice is one-hot.

    Args:
        message_spaces: The space of what each agent says, in the order of all agents.
        rows: The row of what each receiver has of each sender, `[receiver, sender]`; -1 for none.
    """

    reader = OneHotNumbers

    def __init__(self, message_spaces: Mapping[Any, Space[Any]], rows: NDArray[np.int64]) -> None:
        super().__init__(message_spaces)
        self._row_of = rows

    def read(self, content: Any) -> Array:
        """Returns the numbers of all messages, one after the other."""
        rows = _rows(content)
        shape, low, *_ = self.entries
        found = np.zeros(shape, low.dtype)
        for sender, numbers in enumerate(self._numbers):
            receivers = np.flatnonzero(self._row_of[:, sender] >= 0)
            said = rows[self._row_of[receivers, sender]]
            found[receivers, sender, : numbers.width] = numbers.rows(said, low.dtype)
        return found

    def write(self, content: Any, before: Array, after: Array) -> Any:
        """Returns the rows of messages of which a number has changed, and the others as before."""
        rows = _rows(content, own=True)
        for receiver, sender in np.argwhere((after != before).any(axis=-1)).tolist():
            numbers, row = self._numbers[sender], rows[self._row_of[receiver, sender]]
            row[...] = numbers.observation(after[receiver, sender], before[receiver, sender], row)
        return rows


def _rows(content: Any, own: bool = False) -> Array:
    """Returns content as rows; in memory that nobody else holds where `own` asks for it."""
    if isinstance(content, Gathered):
        return content.rows
    return content.copy() if own else content


def _changed(kept: Array, before: Array, after: Array) -> Array:
    """Returns values with those of the numbers that have changed, in the type of the values."""
    changed = after != before
    return np.where(changed, np.where(changed, after, 0).astype(kept.dtype), kept)
