"""What an episode's links did, round by round and as numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from failure_api.core import Context, Delivery
from failure_api.core.tally import Tally


class Meter:
    """Watches the rounds of one episode.

    It keeps what each round brought, and counts at the end: a round costs next to nothing.

    Attributes:
        alive: Which agents took part in each round, bool `[N]` each.
        arrived: Where a message arrived in it, bool `[N, N]` each.
        newest: Round in which the newest message was sent that has ever arrived; `[N, N]` each.
        positions: What `look` returned in each round.
        tally: What the links have done.
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
        self.tally = Tally(1)
        self.alive: list[NDArray[np.bool_]] = []
        self.arrived: list[NDArray[np.bool_]] = []
        self.newest: list[NDArray[np.int32]] = []
        self.positions: list[Any] = []

    def __call__(self, context: Context, delivery: Delivery) -> None:
        """Keeps a round; a wrapper calls this after each."""
        # The channel never writes to an array, so they need not be copied.
        if not self.alive:
            self.tally = Tally(len(context.agent_ids))
        self.tally.add(context.round, delivery)
        self.alive.append(context.alive)
        self.arrived.append(delivery.arrived)
        self.newest.append(delivery.newest)
        if self.look is not None:
            self.positions.append(self.look())

    @property
    def rounds(self) -> int:
        """Rounds so far, with the reset."""
        return len(self.arrived)

    def measure(self) -> tuple[float, float, float, float]:
        """Returns what the links did, in the order of `results.LINK_NUMBERS`.

        Each is NaN where there was nothing to take a share of.
        """
        found = self.tally.numbers()
        return found.delivery_ratio, found.age, found.news, found.overtaken

    def ages(self) -> NDArray[np.int64]:
        """Returns the age of what each link has brought in each round, 0 on the diagonal."""
        newest = np.array(self.newest, dtype=np.int64)
        age: NDArray[np.int64] = np.arange(len(newest))[:, None, None] - newest
        diagonal = np.arange(newest.shape[-1])
        age[:, diagonal, diagonal] = 0
        return age
