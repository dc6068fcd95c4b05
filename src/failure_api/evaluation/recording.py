"""An episode's links, measured and recorded round by round."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
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


LONGEST = 500
"""Rounds that are kept of an episode."""


@dataclass(kw_only=True)
class Recording:
    """An episode's communication, round by round.

    With N agents every list has one entry for each round; round 0 is the reset.

    Attributes:
        policy: The policy's name.
        setting: What else was varied, as text by name.
        severity: The severity; None under perfect communication.
        seed: The episode's seed.
        agents: The N agents' names.
        alive: For each round N times "1" or "0", as text.
        arrived: For each round "1" or "0" for each link, as text of N * N characters, sender by
            sender: whether a message arrived.
        age: For each round the age of what each link has brought, N * N numbers, sender by sender;
            0 on the diagonal.
        rewards: The team's reward for the step before each round; 0 for the reset.
        positions: For each round N rows of coordinates, None for an agent that has none; None
            where the positions are not known.
        ended: Whether the episode ended within the rounds that were kept.
    """

    policy: str = ""
    setting: Mapping[str, str] = field(default_factory=dict)
    severity: float | None = None
    seed: int = 0
    agents: list[str] = field(default_factory=list)
    alive: list[str] = field(default_factory=list)
    arrived: list[str] = field(default_factory=list)
    age: list[list[int]] = field(default_factory=list)
    rewards: list[float] = field(default_factory=list)
    positions: list[list[list[float] | None]] | None = None
    ended: bool = True


def record(
    meter: Meter, agents: Sequence[Any], rewards: NDArray[np.float64], ended: bool
) -> Recording:
    """Returns the recording of an episode that a meter has watched.

    Args:
        meter: What watched it.
        agents: The N agents.
        rewards: The team's reward of each step.
        ended: Whether the environment ended the episode.
    """
    positions = [_points(rows) for rows in meter.positions[:LONGEST]]
    return Recording(
        agents=[str(agent) for agent in agents],
        alive=[_bits(row) for row in meter.alive[:LONGEST]],
        arrived=[_bits(links) for links in meter.arrived[:LONGEST]],
        age=[age.ravel().tolist() for age in meter.ages()[:LONGEST]],
        rewards=[0.0, *rewards.tolist()][:LONGEST],
        positions=positions or None,
        ended=ended and meter.rounds <= LONGEST,
    )


def _bits(flags: NDArray[np.bool_]) -> str:
    return "".join("1" if flag else "0" for flag in flags.ravel().tolist())


def _points(positions: Any) -> list[list[float] | None]:
    """Returns positions to four digits after the point, which no eye can tell from more."""
    rows = np.asarray(positions, dtype=np.float64)
    return [row.round(4).tolist() if np.isfinite(row).all() else None for row in rows]
