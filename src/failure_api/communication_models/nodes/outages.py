"""Outages on a schedule: who is down from which round to which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from failure_api.core.parameters.fields import index_of
from failure_api.core.parameters.frozen import FrozenMapping
from failure_api.core.parameters.rules import Rule, WholeNumber
from failure_api.errors import InvalidArgumentError, describe, invalid

NEVER = np.iinfo(np.int32).max
"""A round that no episode reaches."""


class Outages(Rule):
    """Outages of agents, `{agent: [(start, stop), ...]}` in rounds."""

    unit = "rounds"

    def normalise(self, name: str, value: Any) -> FrozenMapping:
        """Returns the outages as tuples, or raises what is wrong with them."""
        if not isinstance(value, Mapping):
            rule, remedy = "must be {agent: [(start, stop), ...]}", "say whose outages they are"
            raise invalid(name, rule, value, remedy)
        return FrozenMapping(
            {
                agent: self._outages(f"{name}[{describe(agent)}]", outages)
                for agent, outages in value.items()
            }
        )

    def _outages(self, name: str, outages: Any) -> tuple[tuple[int, int | None], ...]:
        if not isinstance(outages, Sequence) or isinstance(outages, str | bytes):
            rule = "must be a list of pairs (start, stop)"
            raise invalid(name, rule, outages, "give one pair for each outage")
        return tuple(self._outage(name, outage) for outage in outages)

    def _outage(self, name: str, outage: Any) -> tuple[int, int | None]:
        rule = "must have pairs (start, stop) of whole rounds, 0 or more and stop above start"
        error = invalid(name, rule, outage, "give stop=None for an agent that stays down")
        if not isinstance(outage, Sequence) or isinstance(outage, str) or len(outage) != 2:
            raise error
        whole = WholeNumber(0)
        try:
            start = whole.normalise(name, outage[0])
            stop = None if outage[1] is None else whole.normalise(name, outage[1])
        except InvalidArgumentError:
            raise error from None
        if start >= NEVER or (stop is not None and not start < stop <= NEVER):
            raise error
        return start, stop


def outage_table(
    name: str, schedule: Mapping[Any, Any], agent_ids: tuple[Any, ...]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Returns the rounds in which outages start and stop, two int32 arrays `[outages, N]`.

    Args:
        name: What errors call the schedule.
        schedule: Normalised outages.
        agent_ids: The team.

    Example:
        >>> outage_table("schedule", {"b": ((3, 5),)}, ("a", "b"))[1].tolist()
        [[0, 5]]
    """
    most = max(map(len, schedule.values()), default=0)
    # An agent with fewer outages than others has some that end where they begin.
    table = np.zeros((2, most, len(agent_ids)), dtype=np.int32)
    for agent, outages in schedule.items():
        column = index_of(name, agent, agent_ids)
        for row, (start, stop) in enumerate(outages):
            table[:, row, column] = start, NEVER if stop is None else stop
    return table[0], table[1]
