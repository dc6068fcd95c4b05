"""Commits finished episodes as soon as they have ended, and fast ones a few at a time."""

from __future__ import annotations

import time

from failure_api.evaluation.episode import EpisodeResult
from failure_api.evaluation.store import Store

PATIENCE_SECONDS = 0.1
"""How long an episode that has ended may wait for others, to be committed with them."""


class Keeper:
    """Commits episodes in the order in which they end.

    A commit waits for the disk, so episodes that take less than that are committed together.

    Args:
        store: Where they are kept.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: list[EpisodeResult] = []
        self._last = time.monotonic()

    def keep(self, result: EpisodeResult | None) -> list[EpisodeResult]:
        """Takes an episode that has ended, and returns those that have been committed.

        Args:
            result: The episode; None where nothing has ended for a moment.

        Raises:
            sqlite3.Error: It could not be committed.
        """
        if result is not None:
            self._waiting.append(result)
        if not self._waiting or time.monotonic() - self._last < PATIENCE_SECONDS:
            return []
        return self.commit()

    def commit(self) -> list[EpisodeResult]:
        """Commits whatever waits, and returns it."""
        committed, self._waiting = self._waiting, []
        if committed:
            self._store.add(committed)
        self._last = time.monotonic()
        return committed
