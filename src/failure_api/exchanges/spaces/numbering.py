"""Content of every form read as numbers, `[receiver, sender, K]`, for noise and predictions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from failure_api.core.layouts import Gathered
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
            raise invalid(name, rule, element, "fix the environment, or the space it declares")
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
    def read(self, content: Any) -> NDArray[Any]:
        """Returns the numbers that content stands for, `[receiver, sender, K]`."""

    @abstractmethod
    def write(self, content: Any, before: NDArray[Any], after: NDArray[Any]) -> Any:
        """Returns content whose numbers have changed; what has not is as it was.

        Args:
            content: Used up.
            before: The numbers that it stood for.
            after: Those that it is to stand for.
        """

    def within(self, numbers: NDArray[Any], last: NDArray[Any]) -> NDArray[Any]:
        """Returns numbers within their bounds; whole ones are as they were last."""
        _, low, high, whole = self.entries
        dtype = last.dtype
        inside = np.clip(numbers, low, high).astype(dtype)
        # Zero stands where nothing has arrived, and need not be within the bounds.
        return np.where(whole | (numbers == last), last, inside)


class RowNumbers(ContentNumbers):
    """Rows whose entries are the numbers themselves, of agents whose spaces are alike.

    Args:
        agent_ids: All agents.
        message_spaces: The space of what each says.
    """

    def __init__(self, agent_ids: Sequence[Any], message_spaces: Mapping[Any, Any]) -> None:
        self._agent_ids, self._spaces = agent_ids, message_spaces

    @cached_property
    def entries(self) -> Entries:  # type: ignore[override]
        """What the numbers may be."""
        numbers: list[Numbers] = [
            numbers_of(agent, self._spaces[agent]) for agent in self._agent_ids
        ]
        return padded(numbers, (len(numbers),) * 2)

    def real(self, content: Any) -> NDArray[np.bool_]:
        """Returns that all of them do."""
        return np.ones((1, 1, 1), dtype=bool)

    def read(self, content: Any) -> NDArray[Any]:
        """Returns the rows."""
        shape, low, *_ = self.entries
        rows = content.rows if isinstance(content, Gathered) else content
        return rows[:, : shape[-1]].reshape(shape).astype(low.dtype)

    def write(self, content: Any, before: NDArray[Any], after: NDArray[Any]) -> Any:
        """Returns the rows with the entries that have changed."""
        rows = content.rows if isinstance(content, Gathered) else content.copy()
        part = rows[:, : after.shape[-1]].reshape(after.shape)
        changed = after != before
        part = np.where(changed, np.where(changed, after, 0).astype(rows.dtype), part)
        rows[:, : after.shape[-1]] = part.reshape(len(rows), -1)
        return rows


class _BySender(ContentNumbers):
    """Rows that each sender's space gives a meaning of its own."""

    def __init__(self, all_numbers: Sequence[Numbers]) -> None:
        self._numbers = all_numbers
        count = len(all_numbers)
        self.entries = padded(all_numbers, (count, count))
        widths = np.array([numbers.width for numbers in all_numbers])
        self._real = np.arange(self.entries.shape[-1]) < widths[:, None]

    def real(self, content: Any) -> NDArray[np.bool_]:
        """Returns that as many do as the sender's space has."""
        return self._real


class PackedNumbers(_BySender):
    """Rows of bytes.

    Args:
        agent_ids: All agents.
        message_spaces: The space of what each says.
        packings: How each is packed; None where some are no numbers.
    """

    def __init__(
        self,
        agent_ids: Sequence[Any],
        message_spaces: Mapping[Any, spaces.Space[Any]],
        packings: list[Packing] | None,
    ) -> None:
        super().__init__([numbers_of(agent, message_spaces[agent]) for agent in agent_ids])
        self._packings = packings or []

    def read(self, content: Any) -> NDArray[Any]:
        """Returns the numbers of all messages, field by field."""
        shape, low, *_ = self.entries
        found = np.zeros(shape, low.dtype)
        for sender, rows, numbers, packing in self._each(content):
            fields = packing.fields(rows)
            for name, place in zip(packing.names, numbers.slices, strict=True):
                found[:, sender, place] = fields[name].reshape(shape[0], -1)
        return found

    def write(self, content: Any, before: NDArray[Any], after: NDArray[Any]) -> Any:
        """Returns the rows with the fields that have changed."""
        content = content.rows if isinstance(content, Gathered) else content.copy()
        for sender, rows, numbers, packing in self._each(content):
            fields = packing.fields(rows)
            for name, place in zip(packing.names, numbers.slices, strict=True):
                field = fields[name]
                old, new = before[:, sender, place], after[:, sender, place]
                changed = (new != old).reshape(field.shape)
                kept = np.where(changed, new.reshape(field.shape), 0).astype(field.dtype)
                fields[name] = np.where(changed, kept, field)
        return content

    def _each(self, content: Any) -> Any:
        rows = content.rows if isinstance(content, Gathered) else content
        count = len(self._numbers)
        by_sender = rows.reshape(count, count, -1).swapaxes(0, 1)
        return zip(range(count), by_sender, self._numbers, self._packings, strict=True)


class FlatNumbers(_BySender):
    """Rows of flattened messages, in which a choice is one-hot.

    Args:
        agent_ids: All agents.
        message_spaces: The space of what each says.
        rows: The row of what each receiver has of each sender, `[receiver, sender]`; -1 for none.
    """

    def __init__(
        self,
        agent_ids: Sequence[Any],
        message_spaces: Mapping[Any, spaces.Space[Any]],
        rows: NDArray[np.int64],
    ) -> None:
        kinds = [numbers_of(agent, message_spaces[agent], OneHotNumbers) for agent in agent_ids]
        super().__init__(kinds)
        self._kinds, self._rows = kinds, rows

    def read(self, content: Any) -> NDArray[Any]:
        """Returns the numbers of all messages, one after the other."""
        rows = content.rows if isinstance(content, Gathered) else content
        shape, low, *_ = self.entries
        found = np.zeros(shape, low.dtype)
        for sender, numbers in enumerate(self._kinds):
            receivers = np.flatnonzero(self._rows[:, sender] >= 0)
            said = rows[self._rows[receivers, sender]]
            found[receivers, sender, : numbers.width] = numbers.rows(said, low.dtype)
        return found

    def write(self, content: Any, before: NDArray[Any], after: NDArray[Any]) -> Any:
        """Returns the rows of messages of which a number has changed, and the others as before."""
        rows = content.rows if isinstance(content, Gathered) else content.copy()
        for receiver, sender in np.argwhere((after != before).any(axis=-1)).tolist():
            numbers, row = self._numbers[sender], rows[self._rows[receiver, sender]]
            row[...] = numbers.observation(after[receiver, sender], before[receiver, sender], row)
        return rows
