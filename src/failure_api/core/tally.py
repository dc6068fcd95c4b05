"""Four numbers that say what links did: age, delivery ratio, news and overtaken messages."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from failure_api.core.channel import Delivery

MOST_ROUNDS = 128
MOST_ENTRIES = 2**16
"""Rounds, and entries, after which what was kept is counted: many at once take less time."""


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

    Args:
        agents: Number of agents.
    """

    def __init__(self, agents: int) -> None:
        self._agents = agents
        self.start()

    def start(self) -> None:
        """Forgets what was, before an episode."""
        self._rounds: list[tuple[Any, ...]] = []
        self._made = self._arrived = self._news = self._newest = self._age = 0
        self._last: Delivery | None = None

    def add(self, number: int, delivery: Delivery) -> None:
        """Takes a round.

        Args:
            number: The round.
            delivery: What it brought; its arrays are never written to.
        """
        self._last = delivery
        arrays = delivery.sent, delivery.newest, delivery.made, delivery.arrivals
        self._rounds.append((number, *arrays))
        rounds = len(self._rounds)
        if rounds >= MOST_ROUNDS or rounds * self._agents**2 >= MOST_ENTRIES:
            self._count()

    def _count(self) -> None:
        """Counts the rounds that were kept."""
        if not self._rounds:
            return
        numbers, sent, newest, made, arrivals = zip(*self._rounds, strict=True)
        self._rounds = []
        came = np.array(sent) >= 0
        between = np.array(made)
        age = np.array(numbers)[:, None, None] - np.array(newest)
        self._age += int((age * between).sum())
        self._made += int(between.sum())
        self._news += int((came & between).sum())
        self._newest += int(came.sum())
        if arrivals[0] is None:
            self._arrived += int(came.sum())
        else:
            self._arrived += int(np.array(arrivals).sum())

    def numbers(self) -> LinkNumbers:
        """Returns the four numbers of the episode so far."""
        self._count()
        pending = 0 if self._last is None else int(np.sum(self._last.pending()))
        return LinkNumbers(
            age=_ratio(self._age, self._made),
            delivery_ratio=_ratio(self._arrived, self._made - pending),
            news=_ratio(self._news, self._made),
            overtaken=_ratio(self._arrived - self._newest, self._arrived),
        )


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else math.nan
