"""Schedules: arrays with one entry for each round, and what follows the last one."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from failure_api.core.links import Array

AtEnd: TypeAlias = Literal["repeat", "hold", "down"]


def entry(schedule: Array, number: Any, at_end: AtEnd, xp: Any) -> Array:
    """Returns the entry of a round.

    Args:
        schedule: `[T, ...]`; the first entry belongs to round 0.
        number: The round, an integer or an integer array `[...]`.
        at_end: What follows the last entry: `"repeat"` starts over, `"hold"` keeps the last one,
            `"down"` gives 0.
        xp: The array namespace.

    Example:
        >>> import numpy as np
        >>> [int(entry(np.array([5, 6]), number, "repeat", np)) for number in range(4)]
        [5, 6, 5, 6]
    """
    length = schedule.shape[0]
    if at_end != "down" and length == 1:
        return schedule[0, ...]
    if isinstance(number, int):
        index = number % length if at_end == "repeat" else min(number, length - 1)
        now = schedule[index, ...]
        return now if at_end != "down" or number < length else xp.zeros_like(now)
    flat = xp.reshape(xp.asarray(number), (-1,))
    index = flat % length if at_end == "repeat" else xp.minimum(flat, length - 1)
    now = xp.take(schedule, index, axis=0)
    if at_end == "down":
        within = xp.reshape(flat < length, (-1, *(1,) * (now.ndim - 1)))
        now = xp.where(within, now, xp.zeros_like(now))
    return xp.reshape(now, (*number.shape, *schedule.shape[1:]))
