"""What an episode's links did: the share of messages that arrived, and how old they were."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from failure_api.core import Context, Delivery


class Meter:
    """Watches the rounds of one episode.

    It keeps what each round brought, and counts at the end: a round costs next to nothing.

    Attributes:
        alive: Which agents took part in each round, bool `[N]` each.
        sent: Round in which the message was sent that arrived, -1 for none; `[N, N]` each.
        newest: Round in which the newest message was sent that has ever arrived; `[N, N]` each.
        positions: What `look` returned in each round.
    """

    def __init__(self) -> None:
        self.look: Callable[[], Any] | None = None
        self.begin(None)

    def begin(self, look: Callable[[], Any] | None) -> None:
        """Forgets what was, before an episode.

        Args:
            look: Called in every round, for what else is to be kept of it.
        """
        self.look = look
        self.alive: list[NDArray[np.bool_]] = []
        self.sent: list[NDArray[np.int32]] = []
        self.newest: list[NDArray[np.int32]] = []
        self.positions: list[Any] = []

    def __call__(self, context: Context, delivery: Delivery) -> None:
        """Keeps a round; a wrapper's `watchers` call this."""
        # The channel never writes to an array, so they need not be copied.
        self.alive.append(context.alive)
        self.sent.append(delivery.sent)
        self.newest.append(delivery.newest)
        if self.look is not None:
            self.positions.append(self.look())

    @property
    def rounds(self) -> int:
        """Rounds so far, with the reset."""
        return len(self.sent)

    def measure(self) -> tuple[float, float]:
        """Returns the delivery ratio and the mean age of information.

        The ratio is that of messages that arrived to those sent between live agents. The age is
        the mean over rounds and pairs of live agents, in rounds; before the first arrival on a
        link it counts from the round before the reset. Both are NaN where there was no pair.
        """
        alive = np.array(self.alive)
        live = alive.sum(axis=1)
        # Nobody sends to itself.
        sent = int((live * (live - 1)).sum())
        if not sent:
            return math.nan, math.nan
        arrived = int((np.array(self.sent) >= 0).sum())
        age = self.ages()
        if not alive.all():
            age *= alive[:, :, None] & alive[:, None, :]
        return arrived / sent, int(age.sum()) / sent

    def ages(self) -> NDArray[np.int64]:
        """Returns the age of what each link has brought in each round, 0 on the diagonal."""
        newest = np.array(self.newest, dtype=np.int64)
        age: NDArray[np.int64] = np.arange(len(newest))[:, None, None] - newest
        diagonal = np.arange(newest.shape[-1])
        age[:, diagonal, diagonal] = 0
        return age
