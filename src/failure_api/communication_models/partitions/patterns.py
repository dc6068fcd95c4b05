"""The shapes of a cut: which links are down, told by the places of their ends in an order.

What compares places or sides works on arrays of any namespace, NumPy's at the reset included.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from failure_api.core.links import Array, Context
from failure_api.core.parameters.rules import Rule
from failure_api.core.random.stream import RandomStream
from failure_api.errors import invalid

Pattern: TypeAlias = Literal["halves", "isolate", "bridge", "majorities_ring", "minority_third"]

NO_SIDE = -1
"""The side of those who are connected to everyone."""

MANY = 2**30 - 1
"""More sides than any team has; its bits are common to it and to -1."""


class Groups(Rule):
    """Groups of agents, as a list of lists of agent ids."""

    def normalise(self, name: str, value: Any) -> tuple[tuple[Any, ...], ...]:
        """Returns the groups as tuples, or raises what is wrong with them."""
        remedy = 'give lists of agent ids, as in [["a", "b"], ["c"]]'
        rule = "must be two or more groups of agent ids"
        if not _listed(value) or len(value) < 2 or not all(map(_listed, value)):
            raise invalid(name, rule, value, remedy)
        groups = tuple(map(tuple, value))
        if not all(groups):
            raise invalid(name, "must have an agent in every group", value, remedy)
        named = [agent for group in groups for agent in group]
        if not all(isinstance(agent, Hashable) for agent in named):
            raise invalid(name, rule, value, remedy)
        if len(set(named)) != len(named):
            raise invalid(name, "must name each agent once", value, "leave it in one group alone")
        return groups


def sides(pattern: str, agents: int) -> NDArray[np.int32]:
    """Returns the side of the cut on which each place of an order is, int32 `[agents]`.

    Args:
        pattern: One of those that cut a team into sides: all but the ring of majorities.
        agents: Number of places.

    Example:
        >>> sides("bridge", 5).tolist()
        [0, 0, -1, 1, 1]
    """
    half = agents // 2
    # A third is a minority when it is less than a third: what tolerates a third survives it.
    first = {"halves": half, "bridge": half, "isolate": 1, "minority_third": (agents - 1) // 3}
    found = (np.arange(agents) >= first[pattern]).astype(np.int32)
    if pattern == "bridge":
        found[half] = NO_SIDE
    return found


def across(sender: Array, receiver: Array, one_way: bool) -> Array:
    """Returns whether a cut is between two sides; one way, from the earlier side alone.

    Args:
        sender: The side of each sender, integers that broadcast against the receivers'.
        receiver: The side of each receiver.
        one_way: Whether the other direction stays.
    """
    # Those without a side count as -1 at one end and, bit by bit, as MANY at the other. Only a
    # comparison for each link takes time.
    forth = (sender & MANY) < receiver
    return forth if one_way else forth | ((receiver & MANY) < sender)


def outside_majority(sender: Array, receiver: Array, agents: int, one_way: bool) -> Array:
    """Returns whether a sender is outside of the majority that a receiver hears.

    On a ring of places every receiver stands in the middle of as many neighbours as make a
    majority with it.

    Args:
        sender: The place of each sender, integers that broadcast against the receivers'.
        receiver: The place of each receiver.
        agents: Number of places on the ring.
        one_way: Whether the direction from a later place to an earlier one stays.
    """
    majority = agents // 2 + 1
    behind = majority // 2
    # Comparisons, because a remainder takes as long as fifty of them.
    ahead_by = sender - receiver
    beyond = (ahead_by >= majority - behind) & (ahead_by < agents - behind)
    before = (ahead_by < -behind) & (ahead_by >= majority - behind - agents)
    return before if one_way else beyond | before


def shuffled(members: Array, context: Context, random: RandomStream) -> Array:
    """Returns a random place for each agent, int32 `[..., N]`, those of members before others.

    Args:
        members: Who is shuffled, bool `[N]`.
        context: Says how many agents there are, and in which batch.
        random: The model's own stream; one below it is used.
    """
    xp = context.xp
    drawn = random.child("shuffle").uniform(context.shape[:-1])
    order = xp.argsort(drawn + xp.astype(~members, xp.float32), axis=-1, stable=True)
    return xp.astype(xp.argsort(order, axis=-1, stable=True), xp.int32)


def _listed(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)
