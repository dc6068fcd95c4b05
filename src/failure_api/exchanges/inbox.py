"""What each receiver has of each sender, where messages are rows of numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST_BLOCK = 1_000_000
"""Number of entries above which messages are better kept one by one."""


class Inbox:
    """Delivers rows of numbers late, not at all, or again.

    Args:
        hold: Whether the newest content that ever arrived stands in for what is missing.
        longest_delay: The most rounds that a message may be on its way.

    Example:
        >>> inbox = Inbox(hold=False, longest_delay=0)
        >>> contents = np.array([[[1.0], [2.0]], [[3.0], [4.0]]])
        >>> sent = np.array([[0, -1], [-1, 0]])
        >>> inbox.receive(0, contents, sent, np.zeros(1)).tolist()
        [[[1.0], [0.0]], [[0.0], [4.0]]]
    """

    def __init__(self, hold: bool, longest_delay: int) -> None:
        self._hold = hold
        self._depth = longest_delay + 1
        self.start()

    def start(self) -> None:
        """Forgets everything that was said."""
        self.width = 0
        self._held: NDArray[Any] | None = None
        self._history: list[tuple[NDArray[Any], NDArray[np.bool_] | None]] = []

    def receive(
        self,
        number: int,
        contents: NDArray[Any],
        sent: NDArray[Any],
        blank: NDArray[Any],
        said: NDArray[np.bool_] | None = None,
        corrupt: Callable[[NDArray[Any], NDArray[np.bool_]], NDArray[Any]] | None = None,
    ) -> NDArray[Any]:
        """Returns what each receiver has of each sender, `[receiver, sender, k]`.

        Args:
            number: The round.
            contents: What is said in it: `[receiver, sender, k]`, or `[1, sender, k]` where
                senders say the same to all.
            sent: Round from which each link brings something, -1 where it brings nothing;
                `[receiver, sender]`.
            blank: What there is before anything has arrived.
            said: Where a message has an entry at all, in the shape of `contents`; None where it
                has all of them.
            corrupt: What befalls contents as they arrive: a function of them, and of where they
                do.
        """
        self._widen(contents.shape[-1])
        if self._depth > 1:
            contents, said = self._recall(number, contents, said, sent)
        arrived = (sent >= 0)[..., None]
        if said is not None:
            arrived = arrived & said
        if corrupt is not None:
            contents = corrupt(contents, arrived)
        if not self._hold:
            return np.where(arrived, contents, blank)
        held = blank if self._held is None else self._held
        self._held = held = np.where(arrived, contents, held)
        return held

    def _recall(
        self,
        number: int,
        contents: NDArray[Any],
        said: NDArray[np.bool_] | None,
        sent: NDArray[Any],
    ) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        """Returns contents and what there was of them as they were when they were sent."""
        everyone = np.broadcast_to(contents, (*sent.shape, contents.shape[-1]))
        self._history = [(everyone, said), *self._history[: self._depth - 1]]
        receivers, senders = np.indices(sent.shape)
        then = np.where(sent >= 0, number - sent, 0), receivers, senders
        past = np.stack([contents for contents, _ in self._history])[then]
        if said is None:
            return past, None
        return past, np.stack([said for _, said in self._history if said is not None])[then]

    def _widen(self, width: int) -> None:
        """Makes room where rows have become longer than they were."""
        missing = width - self.width
        if missing and self.width:
            padding = ((0, 0), (0, 0), (0, missing))
            self._history = [
                (np.pad(contents, padding), None if said is None else np.pad(said, padding))
                for contents, said in self._history
            ]
            self._held = None if self._held is None else np.pad(self._held, padding)
        self.width = width
