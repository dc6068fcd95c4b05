"""Four numbers that say what links did: age, delivery ratio, news and overtaken messages."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from failure_api.core.channel import Delivery

MOST_ROUNDS = 128
MOST_ENTRIES = 2**16
"""Rounds, and entries of an array, that are kept before they are counted."""


class LinkNumbers(NamedTuple):
    """What links did, over all links and rounds between live agents; NaN where there were none.

    Attributes:
        age: Mean rounds since the newest message that has arrived was made. Before the first
            arrival it counts from the round before the reset.
        delivery_ratio: Messages that arrived over those made by live senders for live receivers,
            less those that still wait or are under way.
        news: Share of the rounds in which the newest message of a link became a newer one.
        overtaken: Share of the messages that arrived after a newer one of their link.
    """

    age: float
    delivery_ratio: float
    news: float
    overtaken: float


class Tally:
    """Counts what one team's links do, round by round.

    Rounds are copied and then counted many at once, which takes a fraction of the time, and holds
    no memory that the rounds to come could use.

    Args:
        agents: Number of agents.
    """

    def __init__(self, agents: int) -> None:
        rounds = max(1, min(MOST_ROUNDS, MOST_ENTRIES // agents**2))
        shape = (rounds, agents, agents)
        self._newest, self._arrivals = np.empty((2, *shape), dtype=np.int32)
        self._came = np.empty(shape, dtype=bool)
        self._capacity = rounds
        self.start()

    def start(self) -> None:
        """Forgets what was, before an episode."""
        self._kept = 0
        self._round_index = -1
        self._pairs = self._age = self._fresh = self._newer = self._arrived = 0
        self._last: Delivery | None = None

    def add(self, round_index: int, delivery: Delivery) -> None:
        """Takes a round, the one that follows the last.

        Args:
            round_index: The round.
            delivery: What it brought.
        """
        last = self._last
        if last is not None and (last.made is not delivery.made or self._kept == self._capacity):
            self._count()
        kept = self._kept
        self._came[kept] = delivery.arrived
        self._newest[kept] = delivery.newest
        if delivery.arrivals is not None:
            self._arrivals[kept] = delivery.arrivals
        self._kept, self._round_index, self._last = kept + 1, round_index, delivery

    def _count(self) -> None:
        """Counts the rounds that were kept."""
        kept, last = self._kept, self._last
        if last is None or not kept:
            return
        made, came = last.made, self._came[:kept]
        pairs = int(made.sum()) * kept
        # The numbers of these rounds add up to their mean times how many they are.
        numbers = pairs * (2 * self._round_index - kept + 1) // 2
        self._pairs += pairs
        self._age += numbers - int((self._newest[:kept] * made).sum(dtype=np.int64))
        self._fresh += int((came & made).sum())
        newer = int(came.sum())
        self._newer += newer
        self._arrived += newer if last.arrivals is None else int(self._arrivals[:kept].sum())
        self._kept = 0

    def numbers(self) -> LinkNumbers:
        """Returns the four numbers of the episode so far."""
        self._count()
        pending = 0 if self._last is None else int(self._last.pending().sum())
        return LinkNumbers(
            age=_ratio(self._age, self._pairs),
            delivery_ratio=_ratio(self._arrived, self._pairs - pending),
            news=_ratio(self._fresh, self._pairs),
            overtaken=_ratio(self._arrived - self._newer, self._arrived),
        )


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else math.nan
