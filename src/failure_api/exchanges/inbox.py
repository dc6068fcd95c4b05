"""What each receiver has of each sender, where content is rows of numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from failure_api.core import Delivery

LARGEST_BLOCK = 1_000_000
"""Number of entries above which messages are better kept one by one."""

ZERO = np.zeros((), dtype=np.int32)
"""To compare with: NumPy takes longer to find the type of a Python number."""


class Transport:
    """Keeps rows of content while they wait and while they are under way.

    What waits is kept by its place in the queue, what is under way by the round in which it left:
    a round takes as long as there are rows, however long that may be.

    Args:
        links: The link of each row, as its place in the flat array of links; one past the last
            link for rows that come over none.
        agents: Number of agents.
        slots: One more than the most rounds that a message is under way.
        places: Places in a link's queue; 0 where there is none.
    """

    def __init__(self, links: NDArray[np.int64], agents: int, slots: int, places: int) -> None:
        self._links, self._slots, self._places = links, slots, places
        self._rows = np.arange(len(links))
        # One number more than there are links, for rows that come over none.
        self._of_links = np.zeros(agents**2 + 1, dtype=np.int64)
        self._none = links == agents**2 if (links == agents**2).any() else None
        # Where the rows of so many rounds ago begin, from each slot of the ring.
        self._back = np.tile(np.arange(slots)[::-1] * len(links), 2)
        self.start()

    def start(self) -> None:
        """Forgets everything."""
        self._past: NDArray[Any] | None = None
        self._waiting: NDArray[Any] | None = None

    def nbytes(self, row: int) -> int:
        """Returns the memory that is needed.

        Args:
            row: Bytes of one row.
        """
        kept = self._places + (self._slots if self._slots > 1 else 0)
        return kept * len(self._links) * row

    def carry(self, number: int, rows: NDArray[Any], delivery: Delivery) -> NDArray[Any]:
        """Takes what is said in a round, and returns each row as it was said when it was made.

        Args:
            number: The round.
            rows: What is said, one row for each of `links`, of any further axes.
            delivery: What the channel brings; rows that it brings nothing of hold anything.
        """
        if self._places and delivery.served is not None:
            rows = self._queued(rows, delivery)
        if self._slots == 1:
            return rows
        past = self._past
        if past is None or past.shape[1:] != rows.shape or past.dtype != rows.dtype:
            self._past = past = _widened(past, self._slots, rows)
        slot = number % self._slots
        past[slot] = rows
        first = self._of_links
        back = self._back[self._slots - 1 - slot : 2 * self._slots - 1 - slot]
        # What does not arrive is from long ago, and anything does for it.
        ago = np.array(number, dtype=np.int32) - delivery.left
        back.take(ago.reshape(-1), mode="clip", out=first[:-1])
        first[-1] = slot * len(rows)
        index = first.take(self._links)
        index += self._rows
        flat: NDArray[Any] = past.reshape(-1, *rows.shape[1:])
        return flat.take(index, axis=0)

    def _queued(self, rows: NDArray[Any], delivery: Delivery) -> NDArray[Any]:
        """Puts what is said into the queues, and returns what leaves them."""
        served, waiting = delivery.served, self._waiting
        assert served is not None
        if waiting is None or waiting.shape[1:] != rows.shape or waiting.dtype != rows.dtype:
            self._waiting = waiting = _widened(waiting, self._places, rows)
        flat: NDArray[Any] = waiting.reshape(-1, *rows.shape[1:])
        place = self._of_links
        where, at = served.entered
        place[:-1], place[-1] = np.where(where, at, -1).reshape(-1), -1
        entered = place.take(self._links)
        enters = entered >= 0
        flat[(entered * len(rows) + self._rows)[enters]] = rows[enters]
        place[:-1], place[-1] = served.place.reshape(-1), 0
        leaving = flat.take(place.take(self._links) * len(rows) + self._rows, axis=0)
        if self._none is not None:
            leaving[self._none] = rows[self._none]
        return leaving


def _widened(kept: NDArray[Any] | None, length: int, rows: NDArray[Any]) -> NDArray[Any]:
    """Returns room for so many times these rows, with what was kept of shorter ones."""
    made = np.zeros((length, *rows.shape), dtype=rows.dtype)
    if kept is not None:
        inside: Any = (..., *map(slice, kept.shape[2:]))
        made[inside] = kept
    return made


class Inbox:
    """Delivers rows of content late, not at all, or again.

    Args:
        transport: Keeps what waits and what is under way.
        hold: Whether the newest content that ever arrived stands in for what is missing.
        links: As in `Transport`.
        agents: Number of agents.

    Example:
        >>> links, nothing = np.arange(4), np.full((2, 2), -1, np.int32)
        >>> from failure_api.core import Links
        >>> sent = np.array([[-1, 0], [-1, -1]], np.int32)
        >>> delivery = Delivery(Links(sent >= 0), sent, sent, sent >= 0, None, sent, None, sent)
        >>> inbox = Inbox(Transport(links, 2, 1, 0), False, links, 2)
        >>> inbox.receive(0, np.array([1.0, 2.0, 3.0, 4.0]), delivery, np.zeros(1)).tolist()
        [0.0, 2.0, 0.0, 0.0]
    """

    def __init__(
        self, transport: Transport, hold: bool, links: NDArray[np.int64], agents: int
    ) -> None:
        self._transport, self._hold, self._links = transport, hold, links
        self._missing = np.zeros(agents**2 + 1, dtype=bool)
        self.start()

    def start(self) -> None:
        """Forgets everything that was said."""
        self._transport.start()
        self._held: NDArray[Any] | None = None

    def receive(
        self,
        number: int,
        rows: NDArray[Any],
        delivery: Delivery,
        blank: NDArray[Any],
        said: NDArray[np.bool_] | None = None,
        corrupt: Callable[[NDArray[Any], NDArray[np.bool_]], NDArray[Any]] | None = None,
    ) -> NDArray[Any]:
        """Returns what there is of each row, which nobody may write to.

        Args:
            number: The round.
            rows: What is said in it, which is used up.
            delivery: What the channel brings.
            blank: What there is before anything has arrived; broadcasts to the rows.
            said: Which entries of what arrives were said at all; None for all of them.
            corrupt: What befalls content as it arrives: a function of it, and of where it does.
        """
        rows = self._transport.carry(number, rows, delivery)
        # A mask of the rows that do not arrive; those over no link always do.
        np.less(delivery.sent.reshape(-1), ZERO, out=self._missing[:-1])
        missing = self._missing.take(self._links)
        if rows.ndim > 1:
            missing = missing.reshape(-1, *(1,) * (rows.ndim - 1))
        if said is not None:
            missing = missing | ~said
        if corrupt is not None:
            rows = corrupt(rows, ~missing)
        held = blank if self._held is None else self._held
        if held.shape != rows.shape or missing.shape != rows.shape:
            if held.ndim == rows.ndim and held.shape[-1] < rows.shape[-1] and held is not blank:
                # Rows have become longer than they were.
                padding = [(0, 0)] * (held.ndim - 1) + [(0, rows.shape[-1] - held.shape[-1])]
                held = np.pad(held, padding)
            rows = np.where(missing, held, rows).astype(rows.dtype, copy=False)
        else:
            rows = rows if rows.flags.writeable else rows.copy()
            np.putmask(rows, missing, held)
        if self._hold:
            self._held = rows
        return rows
