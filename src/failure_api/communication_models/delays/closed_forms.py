"""The mathematics of messages that take independent numbers of rounds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def mean_delay(below: NDArray[np.float64], drop: Any, in_order: bool) -> Any:
    """Returns the mean delay of the messages that are not lost, in rounds.

    Args:
        below: Probability that a delay is at most 0, 1, ... rounds, up to the longest that does
            not expire.
        drop: Probability that a message is dropped, an array of any shape.
        in_order: Whether a message waits for all that were sent before it and are not lost.
    """
    arrived = np.broadcast_to(below / below[-1], (*drop.shape, len(below)))
    if in_order:
        clear = 1.0 - _under_way(below, drop)
        older = np.cumprod(clear[..., :0:-1], axis=-1)[..., ::-1]
        arrived = arrived * np.concatenate((older, np.ones((*drop.shape, 1))), axis=-1)
    return (1.0 - arrived).sum(axis=-1)


def mean_age(below: NDArray[np.float64], drop: Any) -> Any:
    """Returns the mean age where messages may overtake each other; arguments as above.

    It is the sum of `P(A > a)` over all `a`, which ends in a geometric series.
    """
    lost = _lost(below, drop)
    survival = np.cumprod(1.0 - (1.0 - drop)[..., None] * below[:-1], axis=-1)
    last = survival[..., -1] if len(below) > 1 else 1.0
    return survival.sum(axis=-1) + last * lost / (1.0 - lost)


def mean_age_in_order(below: NDArray[np.float64], drop: Any) -> Any:
    """Returns the mean age where no message overtakes another; arguments as above.

    The newest message that has arrived has age `a` where it is not lost and `a` rounds were
    enough, where none that was sent before it is still under way, and where of those sent after
    it the first that is not lost is.
    """
    lost, under_way, longest = _lost(below, drop), _under_way(below, drop), len(below) - 1
    clear = np.cumprod((1.0 - under_way)[..., ::-1], axis=-1)[..., ::-1]
    total, none_newer = np.zeros_like(drop), np.ones_like(drop)
    for age in range(longest):
        total = total + age * (1.0 - drop) * below[age] * clear[..., age + 1] * none_newer
        none_newer = lost * none_newer + under_way[..., age]
    return total + none_newer * (longest + lost / (1.0 - lost))


def _lost(below: NDArray[np.float64], drop: Any) -> Any:
    return drop + (1.0 - drop) * (1.0 - below[-1])


def _under_way(below: NDArray[np.float64], drop: Any) -> Any:
    """Returns the probability that a message of each age is neither lost nor has arrived."""
    return (1.0 - drop)[..., None] * (below[-1] - below)
