"""Delays as they were observed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from failure_api.communication_models.delays.distribution import DelayDistribution
from failure_api.core.arrays.libraries import from_host
from failure_api.core.links import Array
from failure_api.core.parameters.frozen import FrozenArray
from failure_api.core.parameters.rules import Optional, Rule, numbers
from failure_api.core.parameters.types import LONGEST_DELAY
from failure_api.errors import invalid

RESOLUTION = 2**16
"""Entries of the table that an empirical distribution is looked up in."""


@dataclass(frozen=True)
class _Numbers(Rule):
    """A list of numbers that are at least 0."""

    unit: str = ""

    def normalise(self, name: str, value: Any) -> FrozenArray:
        """Returns the numbers as an array, or raises what is wrong with them."""
        array = numbers(value)
        if array is None or array.ndim != 1 or not array.size:
            raise invalid(name, "must be a list of numbers", value, "give one or more of them")
        refused = ~((array >= 0) & (array < np.inf))
        if refused.any():
            place = int(np.flatnonzero(refused)[0])
            text = "must be finite and at least 0"
            raise invalid(f"{name}[{place}]", text, float(array[place]), "give another number")
        return FrozenArray(array)


@dataclass(frozen=True, kw_only=True)
class EmpiricalDelay(DelayDistribution):
    """Delays as they were observed.

    They are looked up in a table of 65,536 entries: probabilities are rounded to that resolution,
    and a delay that is less likely than half a step of it may never occur.

    Args:
        delays: Observed delays, in rounds; one that was observed twice may stand there twice.
        probabilities: How likely each of them is, in the same order; they sum to 1. None takes
            all of them as equally likely.

    Raises:
        InvalidArgumentError: A list that is empty, a number that is negative or not finite,
            probabilities that do not sum to 1 or are not as many as the delays.

    Example:
        >>> EmpiricalDelay(delays=[0, 1, 1, 7]).cumulative(np.asarray([0.0, 1.0, 6.0])).tolist()
        [0.25, 0.75, 0.75]

    Source: the empirical distribution function, inverted; tc-netem(8), `distribution` with a table.
    """

    delays: Annotated[ArrayLike, _Numbers("rounds")]
    probabilities: Annotated[ArrayLike | None, Optional(_Numbers())] = None

    def __post_init__(self) -> None:
        """Checks the fields, and that they belong together."""
        super().__post_init__()
        if self.probabilities is None:
            return
        given, count = np.asarray(self.probabilities), len(np.asarray(self.delays))
        if len(given) != count:
            text = f"must have one entry for each of the {count} delays"
            raise invalid("probabilities", text, given, "give as many")
        if abs(given.sum() - 1.0) > 1e-6:
            text, remedy = "must sum to 1", "divide them by their sum"
            raise invalid("probabilities", text, float(given.sum()), remedy)

    @cached_property
    def _quantiles(self) -> NDArray[np.float32]:
        """The delay at the middle of each step of the uniform number, in ascending order."""
        delays = np.asarray(self.delays)
        order = np.argsort(delays)
        if self.probabilities is None:
            below = np.arange(1, len(delays) + 1) / len(delays)
        else:
            below = np.cumsum(np.asarray(self.probabilities)[order])
        middles = (np.arange(RESOLUTION) + 0.5) / RESOLUTION * below[-1]
        quantiles = delays[order][np.searchsorted(below, middles, side="right")]
        return np.asarray(np.minimum(quantiles, 2.0 * LONGEST_DELAY), dtype=np.float32)

    @property
    def greatest(self) -> float:
        """The longest of the delays that occur."""
        return float(self._quantiles[-1])

    def table(self, xp: Any) -> Any:
        """Returns the quantiles."""
        return from_host(self._quantiles, xp)

    def draw(self, uniform: Array, table: Any, xp: Any) -> Array:
        """Returns what the table has for each number."""
        place = xp.astype(xp.reshape(uniform, (-1,)) * RESOLUTION, xp.int32)
        return xp.reshape(xp.take(table, place), uniform.shape)

    def cumulative(self, whole: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns the share of the table up to half a round further on."""
        below = np.searchsorted(self._quantiles, np.asarray(whole) + 0.5, side="left")
        return np.asarray(below / RESOLUTION)
