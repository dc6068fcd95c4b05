"""Layouts of content in memory: rows or entries of one team, or of a batch."""

from __future__ import annotations

import math
from abc import abstractmethod
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from failure_api.core.arrays.libraries import blended, of_type, picked, zero_where
from failure_api.core.arrays.rings import FEW, at_slots, with_put, with_row
from failure_api.core.links import Array
from failure_api.core.mailbox import Layout


class Gathered(NamedTuple):
    """Rows that are not yet put together, since most of them may not be needed.

    Attributes:
        table: Rows of content, `[M, D]`.
        row_index: Which of them each row is, as many as the layout has.
    """

    table: NDArray[Any]
    row_index: NDArray[np.int64]

    @property
    def rows(self) -> NDArray[Any]:
        """All of them, put together."""
        return self.table.take(self.row_index, axis=0)


class TeamLayout(Layout):
    """What layouts of one team in NumPy have in common.

    Args:
        links: The link of each row or entry, as its index into the flat array of links; one past
            the last link for what comes over none, and is always there.
        agents: Number of agents.
    """

    def __init__(self, links: NDArray[np.int64], agents: int) -> None:
        self.links = links.reshape(-1)
        self._count = len(self.links)
        self._arange = np.arange(self._count)
        # One more than there are links, for what comes over none.
        self._numbers = np.zeros(agents**2 + 1, dtype=np.int64)
        self._flags = np.ones(agents**2 + 1, dtype=bool)
        self._zero: NDArray[Any] = np.zeros(1)
        self._back: NDArray[np.int64] | None = None

    def spread(self, of_links: Array) -> Array:
        """Returns what is known of links as it broadcasts to numbers `[receiver, sender, K]`."""
        return of_links.T[..., None]

    def _where(self, flags: Array, of_none: bool) -> NDArray[np.bool_]:
        self._flags[:-1], self._flags[-1] = flags.reshape(-1), of_none
        return self._flags.take(self.links)

    def _rounds_back(self, rounds: int, clock: int, ago: Array, size: int) -> NDArray[np.int64]:
        """Returns where in a ring of rounds that is begins which each row is from."""
        if self._back is None or len(self._back) != 2 * rounds:
            # Where the round of so long ago begins, from each place of the clock.
            self._back = np.tile(np.arange(rounds)[::-1] * size, 2)
        back = self._back[rounds - 1 - clock : 2 * rounds - 1 - clock]
        numbers = self._numbers
        # What does not arrive is from long ago, and anything does for it.
        back.take(ago.reshape(-1), mode="clip", out=numbers[:-1])
        numbers[-1] = clock * size
        return numbers.take(self.links)

    def _in_ring(self, slots: Array) -> NDArray[np.int64]:
        numbers = self._numbers
        numbers[:-1], numbers[-1] = slots.reshape(-1), 0
        return numbers.take(self.links) * self._count + self._arange


class TeamEntries(TeamLayout):
    """One vector of entries, each of which comes over a link of its own or over none.

    Example:
        >>> layout = TeamEntries(np.array([1, 4]), 2)
        >>> absent = np.array([[True, True], [False, False]])
        >>> layout.chosen(absent, np.array([7.0, 8.0]), None, True).tolist()
        [0.0, 8.0]
    """

    def filled(self, said: Array, zero: Array | None) -> Array:
        """Returns a vector of zeros."""
        vector = np.zeros(said.shape, said.dtype)
        vector[...] = 0 if zero is None else zero
        return vector

    def ring(self, said: Array, length: int) -> Array:
        """Returns so many vectors."""
        return np.zeros((length, *said.shape), said.dtype)

    def on_links(self, said: Array) -> Array:
        """Returns what is said, which stands where it is heard."""
        return said

    def put(self, ring: Array, slots: Array, where: Array, content: Array) -> Array:
        """Returns the ring, which is written to."""
        # What comes over no link leaves in the round in which it is said.
        ring, enters = _as_wide(ring, content), self._where(where, True)
        ring.reshape(-1)[self._in_ring(slots)[enters]] = content[enters]
        return ring

    def take(self, ring: Array, slots: Array) -> Array:
        """Returns for each entry what stands at its link's place."""
        return ring.reshape(-1).take(self._in_ring(slots))

    def history(self, said: Array, rounds: int, queued: bool) -> Any:
        """Returns a ring of vectors."""
        return self.ring(said, rounds)

    def recall(self, history: Any, clock: Any, said: Array, ago: Array) -> tuple[Any, Array]:
        """Returns the ring, which is written to, and each entry as it was so many rounds ago."""
        if history.dtype != said.dtype:
            history = _as_wide(history, said)
        history[clock] = said
        index = self._rounds_back(len(history), clock, ago, self._count)
        index += self._arange
        return history, history.take(index)

    def chosen(self, absent: Array, content: Array, standing: Array | None, kept: bool) -> Array:
        """Returns the content, which is written to."""
        if not content.flags.writeable:
            content = content.copy()
        if standing is None:
            standing = self._zero
            if standing.dtype is not content.dtype:
                self._zero = standing = np.zeros(1, content.dtype)
        np.putmask(content, self._where(absent, False), standing)
        return content


class TeamRows(TeamLayout):
    """Rows of the content of senders, who say the same to all.

    Content is `[count, width]`; what lies beyond a row of what is said is for others to fill.

    Args:
        links: The link of each row, `[receiver, ...]`.
        agents: Number of agents.
        width: Length of the rows; 0 for that of what is said.
    """

    def __init__(self, links: NDArray[np.int64], agents: int, width: int = 0) -> None:
        super().__init__(links, agents)
        self._width = width
        self._senders = np.where(self.links == agents**2, 0, self.links // agents)

    def filled(self, said: Array, zero: Array | None) -> Array:
        """Returns rows of zeros."""
        rows = np.zeros((self._count, self._width or said.shape[-1]), said.dtype)
        if zero is not None:
            rows[...] = zero
        return rows

    def ring(self, said: Array, length: int) -> Array:
        """Returns so many of each row."""
        return np.zeros((length, self._count, said.shape[-1]), said.dtype)

    def on_links(self, said: Array) -> Array:
        """Returns for each row what its sender says."""
        return said if isinstance(said, Gathered) else Gathered(said, self._senders)

    def put(self, ring: Array, slots: Array, where: Array, content: Array) -> Array:
        """Returns the ring, which is written to."""
        enters = self._where(where, False)
        index = self._in_ring(slots)[enters]
        ring.reshape(-1, ring.shape[-1])[index] = content.table.take(
            content.row_index[enters], axis=0
        )
        return ring

    def take(self, ring: Array, slots: Array) -> Array:
        """Returns for each row what stands at its link's place."""
        return Gathered(ring.reshape(-1, ring.shape[-1]), self._in_ring(slots))

    def history(self, said: Array, rounds: int, queued: bool) -> Any:
        """Returns a ring of what senders say, or where it queues of what links transmit."""
        return self.ring(said, rounds) if queued else np.zeros((rounds, *said.shape), said.dtype)

    def recall(self, history: Any, clock: Any, said: Array, ago: Array) -> tuple[Any, Array]:
        """Returns the ring, which is written to, and each row as it was so many rounds ago."""
        queued = isinstance(said, Gathered)
        history[clock] = said.rows if queued else said
        index = self._rounds_back(len(history), clock, ago, history.shape[1])
        index += self._arange if queued else self._senders
        return history, Gathered(history.reshape(-1, history.shape[-1]), index)

    def chosen(self, absent: Array, content: Array, standing: Array | None, kept: bool) -> Array:
        """Returns the rows; what stands in is written to unless it is kept."""
        # What comes over no link is not for the mailbox.
        arriving = np.logical_not(self._where(absent, True)).nonzero()[0]
        dense = not isinstance(content, Gathered)
        came = (
            content[arriving] if dense else content.table.take(content.row_index[arriving], axis=0)
        )
        if standing is None:
            rows = np.zeros((self._count, self._width or came.shape[-1]), came.dtype)
        else:
            rows = standing.copy() if kept else standing
        rows[arriving, : came.shape[-1]] = came
        return rows


def _as_wide(ring: NDArray[Any], content: NDArray[Any]) -> NDArray[Any]:
    """Returns a ring of the content's type: environments may show another one than they declare."""
    return ring if ring.dtype == content.dtype else ring.astype(content.dtype)


class BatchLayout(Layout):
    """What layouts of batches have in common, in any library.

    Args:
        xp: The array namespace.
    """

    def __init__(self, xp: ModuleType) -> None:
        self._xp = xp

    def filled(self, said: Array, zero: Array | None) -> Array:
        """Returns zeros for each link."""
        zeros = self._xp.zeros(self._shape(said, True), dtype=said.dtype)
        return zeros if zero is None else zeros + zero

    def ring(self, said: Array, length: int) -> Array:
        """Returns so many places for each entry of each link."""
        shape = self._ring_shape(self._shape(said, True), length)
        return self._xp.zeros(shape, dtype=said.dtype)

    def on_links(self, said: Array) -> Array:
        """Returns what is said, which is of links or broadcasts to all of them."""
        return said

    def history(self, said: Array, rounds: int, queued: bool) -> Any:
        """Returns where rounds are few a tuple of them, and else a ring."""
        xp, shape = self._xp, self._shape(said, queued)
        if rounds - 1 <= FEW:
            # Each has memory of its own, which a compiled function may take over.
            return tuple(xp.zeros(shape, dtype=said.dtype) for _ in range(rounds - 1))
        return xp.zeros(self._ring_shape(shape, rounds), dtype=said.dtype)

    def recall(self, history: Any, clock: Any, said: Array, ago: Array) -> tuple[Any, Array]:
        """Returns the history, and what was transmitted so many rounds ago."""
        xp = self._xp
        if isinstance(history, tuple):
            content = said
            for rounds, before in enumerate(history, start=1):
                content = self._where(ago == rounds, before, content)
            return (said, *history)[: len(history)], content
        rounds = history.shape[-3]
        history = with_row(history, clock, self._row(said), xp)
        # What does not arrive at all may be taken from anywhere.
        slot = clock - xp.minimum(ago, xp.full_like(ago, rounds - 1))
        return history, self.take(history, slot + rounds * xp.astype(slot < 0, xp.int32))

    def chosen(self, absent: Array, content: Array, standing: Array | None, kept: bool) -> Array:
        """Returns the content of all links."""
        return self._where(absent, standing, content)

    def spread(self, of_links: Array) -> Array:
        """Returns what is known of links as it broadcasts to numbers `[receiver, sender, K]`."""
        return self._xp.matrix_transpose(of_links)[..., None]

    @abstractmethod
    def _shape(self, said: Array, linked: bool) -> tuple[int, ...]:
        """Returns the shape of what is said, or where it is `linked` of the content of links."""

    @abstractmethod
    def _ring_shape(self, shape: tuple[int, ...], length: int) -> tuple[int, ...]:
        """Returns the shape of a ring of contents of some shape."""

    @abstractmethod
    def _row(self, content: Array) -> Array:
        """Returns content as it stands in one place of a ring."""

    @abstractmethod
    def _where(self, flags: Array, one: Array | None, other: Array) -> Array:
        """Returns one content where flags of links say so, None for zeros, and else the other."""


class BatchRows(BatchLayout):
    """Content of batches `[..., sender, receiver, D]`, in any library.

    What agents say to all is `[..., sender, 1, D]`; rings are `[..., D, L, sender, receiver]`.

    Args:
        xp: The array namespace.
    """

    def put(self, ring: Array, slots: Array, where: Array, content: Array) -> Array:
        """Returns the ring with the content of some links."""
        xp = self._xp
        rows = self._row(xp.broadcast_to(content, self._shape(content, True)))
        slots, where = (xp.broadcast_to(x[..., None, :, :], rows.shape) for x in (slots, where))
        return with_put(ring, slots, where, rows, xp)

    def take(self, ring: Array, slots: Array) -> Array:
        """Returns for each link what stands at its place."""
        xp = self._xp
        shape = (*slots.shape[:-2], ring.shape[-4], *slots.shape[-2:])
        slots = xp.broadcast_to(slots[..., None, :, :], shape)
        return permuted(at_slots(ring, slots, xp), (1, 2, 0), xp)

    def _shape(self, said: Array, linked: bool) -> tuple[int, ...]:
        *batch, senders, receivers, width = said.shape
        return (*batch, senders, senders if linked else receivers, width)

    def _ring_shape(self, shape: tuple[int, ...], length: int) -> tuple[int, ...]:
        return (*shape[:-3], shape[-1], length, *shape[-3:-1])

    def _row(self, content: Array) -> Array:
        return permuted(content, (2, 0, 1), self._xp)

    def _where(self, flags: Array, one: Array | None, other: Array) -> Array:
        xp, width = self._xp, other.shape[-1]
        if one is None:
            return zero_where(xp.broadcast_to(other, (*flags.shape, width)), flags, xp)
        return xp.where(for_entries(flags, width, xp), one, other)


class BatchEntries(BatchLayout):
    """Content of batches as one row of entries `[..., K]`, each of a link, in any library.

    Rings are `[..., L, 1, K]`.

    Args:
        links: The link of each entry, as its index into the flat array of links, `[K]`.
        xp: The array namespace.
    """

    def __init__(self, links: Array, xp: ModuleType) -> None:
        super().__init__(xp)
        self._links = links

    def put(self, ring: Array, slots: Array, where: Array, content: Array) -> Array:
        """Returns the ring with the content of some links."""
        slots, enters = self._of_entries(slots), self._of_entries(where)
        return with_put(ring, slots, enters, self._row(content), self._xp)

    def take(self, ring: Array, slots: Array) -> Array:
        """Returns for each entry what stands at its link's place."""
        return at_slots(ring, self._of_entries(slots), self._xp)[..., 0, :]

    def _shape(self, said: Array, linked: bool) -> tuple[int, ...]:
        return tuple(said.shape)

    def _ring_shape(self, shape: tuple[int, ...], length: int) -> tuple[int, ...]:
        return (*shape[:-1], length, 1, shape[-1])

    def _row(self, content: Array) -> Array:
        return content[..., None, :]

    def _where(self, flags: Array, one: Array | None, other: Array) -> Array:
        # As numbers, since entries are picked from these sooner than from flags.
        flags = self._of_entries(of_type(flags, self._xp.int32, self._xp))[..., 0, :]
        return blended(flags, one, other, self._xp)

    def _of_entries(self, of_links: Array) -> Array:
        """Returns what is known of links for each entry, `[..., 1, K]`."""
        flat = self._xp.reshape(of_links, (*of_links.shape[:-2], 1, math.prod(of_links.shape[-2:])))
        return picked(flat, self._links, self._xp)


def permuted(array: Array, order: tuple[int, int, int], xp: Any) -> Array:
    """Returns an array with its last three axes in another order.

    Example:
        >>> permuted(np.zeros((5, 2, 3, 4)), (2, 0, 1), np).shape
        (5, 4, 2, 3)
    """
    axes = array.ndim - 3
    # PyTorch maps functions over this, and not over `moveaxis`.
    return xp.permute_dims(array, (*range(axes), *(axes + index for index in order)))


def for_entries(flags: Array, width: int, xp: ModuleType) -> Array:
    """Returns flags of links, `[..., N, N]`, for each of so many entries, `[..., N, N, width]`.

    They are repeated in memory: where selects over a short axis that is broadcast, every library
    but JAX takes several times as long.
    """
    flat = xp.reshape(flags, (*flags.shape[:-2], flags.shape[-2] * flags.shape[-1]))
    return xp.reshape(xp.repeat(flat, width, axis=-1), (*flags.shape, width))
