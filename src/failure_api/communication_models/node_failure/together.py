"""Agents that fail together: how many of a team, who they are, and what is known of that."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from failure_api.communication_models.partition.patterns import shuffled
from failure_api.core import Array, Context, RandomStream
from failure_api.core.parameters.rules import Choice, Rule
from failure_api.errors import invalid

Target: TypeAlias = Literal["one", "minority_third", "minority", "majority", "all", "some"]
"""How many of a team fail together."""

TARGETS: tuple[Target, ...] = get_args(Target)


class Targets(Rule):
    """A target, or several of which one is drawn each time."""

    def normalise(self, name: str, value: Any) -> str | tuple[str, ...]:
        """Returns the target or the targets, or raises what is wrong with them."""
        if isinstance(value, str):
            return Choice(TARGETS).normalise(name, value)
        if not isinstance(value, Sequence) or isinstance(value, bytes) or not value:
            words = ", ".join(map(repr, TARGETS))
            raise invalid(name, f"must be one of {words}, or a list of them", value, "give one")
        return tuple(Choice(TARGETS).normalise(f"{name}[{i}]", one) for i, one in enumerate(value))


class Group(NamedTuple):
    """Who is down.

    Attributes:
        down: Whether anybody may be: a failure has begun and is not repaired, bool `[..., 1]`.
        members: Who it has taken, bool `[..., N]`; nobody where there is none.
    """

    down: Array
    members: Array


def sizes(together: str | Sequence[str], agents: int) -> dict[int, Fraction]:
    """Returns how many agents fail together, each number with its probability.

    Args:
        together: The target, or several that are equally likely.
        agents: Size of the team.

    Example:
        >>> sizes(("one", "majority", "all"), 3)
        {1: Fraction(1, 3), 2: Fraction(1, 3), 3: Fraction(1, 3)}
    """
    half = agents // 2
    fixed = {
        "one": 1,
        "minority_third": (agents - 1) // 3,
        "minority": half,
        "majority": half + 1,
        "all": agents,
    }
    chances: defaultdict[int, Fraction] = defaultdict(Fraction)
    targets = [together] if isinstance(together, str) else together
    for target in targets:
        numbers = range(1, agents + 1) if target == "some" else [min(fixed[target], agents)]
        for number in numbers:
            chances[number] += Fraction(1, len(targets) * len(numbers))
    return dict(sorted(chances.items()))


def size_table(together: str | Sequence[str], agents: int) -> dict[str, NDArray[Any]]:
    """Returns what `drawn_group` needs: the numbers of agents as a function of a uniform draw."""
    chances = sizes(together, agents)
    numbers = np.array(list(chances), dtype=np.int32)
    ends = np.cumsum([float(chance) for chance in chances.values()])[:-1]
    return {
        "least": numbers[0],
        "ends": ends.astype(np.float32),
        "steps": np.diff(numbers).astype(np.int32),
    }


def drawn_group(table: Any, members: Array, context: Context, random: RandomStream) -> Array:
    """Returns whom a failure takes that begins now, bool `[..., N]`.

    Args:
        table: From `size_table`.
        members: Who may fail, bool `[N]`.
        context: Says how many agents there are, and in which batch.
        random: The model's own stream; two below it are used.
    """
    xp, shape = context.xp, (*context.shape[:-2], 1)
    uniform = random.child("size").uniform(shape)[..., None]
    risen = xp.astype(uniform >= table["ends"], xp.int32) * table["steps"]
    number = table["least"] + xp.sum(risen, axis=-1, dtype=xp.int32)
    return (shuffled(members, context, random) < number) & members


def share_of_agents(together: str | Sequence[str], agents: int) -> float:
    """Returns the share of the agents that a failure takes in the mean."""
    return float(sum(k * chance for k, chance in sizes(together, agents).items()) / agents)


def share_of_links(together: str | Sequence[str], agents: int) -> float:
    """Returns the share of the links that lose an end, or both, to a failure in the mean."""
    apart = agents * (agents - 1)
    whole = sum(
        (agents - k) * (agents - k - 1) * chance for k, chance in sizes(together, agents).items()
    )
    return float(1 - whole / apart)
