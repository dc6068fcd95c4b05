"""One episode, round by round, so that it can be looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from failure_api.evaluation.meter import Meter
from failure_api.positions import known_positions

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

    def to_plain(self) -> dict[str, Any]:
        """Returns the recording in the types of JSON."""
        return asdict(self)


def looking_at(env: Any) -> Callable[[], Any] | None:
    """Returns what tells where the agents are; None where that is not known."""
    positions = known_positions(env)
    return None if positions is None else lambda: positions(env)


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
    alive, arrived = np.stack(meter.alive[:LONGEST]), np.stack(meter.arrived[:LONGEST])
    ages = meter.ages()[:LONGEST]
    positions = meter.positions[:LONGEST]
    return Recording(
        agents=[str(agent) for agent in agents],
        alive=[_bits(row) for row in alive],
        arrived=[_bits(links) for links in arrived],
        age=[age.ravel().tolist() for age in ages],
        rewards=[0.0, *rewards.tolist()][:LONGEST],
        positions=[_points(rows) for rows in positions] if positions else None,
        ended=ended and meter.rounds <= LONGEST,
    )


def _bits(flags: NDArray[np.bool_]) -> str:
    return "".join("1" if flag else "0" for flag in flags.ravel().tolist())


def _points(rows: NDArray[np.float64]) -> list[list[float] | None]:
    """Returns positions to four digits after the point, which no eye can tell from more."""
    return [row.round(4).tolist() if np.isfinite(row).all() else None for row in rows]
