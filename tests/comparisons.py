"""Simulations beside closed forms, at a false-alarm rate that is stated.

A case plays a chain of models in a batch of independent episodes, at least a million link rounds
in all. The mean of each episode is one observation, and the spread of the episodes gives the
tolerance, so that whatever makes the rounds of an episode alike is accounted for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy import stats

from failure_api.core import CommunicationModel
from helpers import Played, play

FAMILY_FALSE_ALARM = 1e-6
"""Probability that any of the comparisons fails on correct code, were their seeds not fixed."""

BUDGET = 250
"""Number of comparisons among which it is divided; the tests count them."""

LEAST_LINK_ROUNDS = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is simulated, and what its mean must be.

    Args:
        name: Tells it from others.
        models: The chain.
        quantity: `"loss"`, `"burst_length"` and `"age"` as the models define them, or a function
            that takes the `Played` episodes and returns numbers `[rounds, episodes, ...]`.
        expected: The mean; a worked value or what the model knows of itself.
        agents: Size of the team.
        rounds: Rounds that are counted.
        episodes: Number of independent episodes.
        warm_up: Rounds before those, for what has no stationary start (age never has one).
        positions: Where the agents are, `[agents, dim]`.
        links: Which links are counted, bool `[agents, agents]`; None takes all between two agents.
    """

    name: str
    models: tuple[CommunicationModel, ...]
    quantity: Literal["loss", "burst_length", "age"] | Callable[[Played], Any]
    expected: float
    agents: int = 2
    rounds: int = 1000
    episodes: int = 500
    warm_up: int = 0
    positions: Any = None
    links: Any = None

    def observations(self, seed=0):
        """Returns one number for each episode, whose mean is `expected` less itself: 0."""
        counted = ~np.eye(self.agents, dtype=bool) if self.links is None else np.array(self.links)
        assert self.rounds * self.episodes * counted.sum() >= LEAST_LINK_ROUNDS, self.name
        whole = self.warm_up + self.rounds
        positions = None
        if self.positions is not None:
            one = np.broadcast_to(self.positions, (self.episodes, *np.shape(self.positions)))
            positions = np.broadcast_to(one, (whole, *one.shape))
        played = play(
            *self.models,
            rounds=whole,
            agents=self.agents,
            batch=(self.episodes,),
            positions=positions,
            seed=seed,
        )
        if callable(self.quantity):
            values = np.asarray(self.quantity(played), dtype=np.float64)[self.warm_up :]
            return values.reshape(len(values), self.episodes, -1).mean(axis=(0, 2)) - self.expected
        lost = ~played.arrived[self.warm_up :][..., counted]
        if self.quantity == "loss":
            return lost.mean(axis=(0, 2)) - self.expected
        if self.quantity == "age":
            age = played.age[self.warm_up :][..., counted]
            return age.mean(axis=(0, 2)) - self.expected
        # Losses less the expected length of each burst that begins: no ratio, hence no bias.
        begins = lost[1:] & ~lost[:-1]
        return (lost[1:] - self.expected * begins).mean(axis=(0, 2))


def assert_agrees(observations):
    """Raises unless the mean of independent observations is 0, as far as one can tell."""
    count, spread = len(observations), observations.std(ddof=1)
    error = abs(observations.mean())
    if spread == 0:
        assert error < 1e-6, f"the mean is off by {error} without any spread"
        return
    limit = stats.t.isf(FAMILY_FALSE_ALARM / BUDGET / 2, count - 1)
    z = error / (spread / np.sqrt(count))
    assert z < limit, f"the mean is off by {error}, {z:.1f} standard errors (limit {limit:.1f})"
