"""Distributions of delays, and closed forms of the age that they cause."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from failure_api.core.arrays.libraries import from_host
from failure_api.core.links import Array
from failure_api.core.parameters.component import Component
from failure_api.core.parameters.frozen import FrozenArray
from failure_api.core.parameters.rules import Rule, check_entries, numbers
from failure_api.core.parameters.types import LONGEST_DELAY, finite, not_negative, positive
from failure_api.errors import invalid


@dataclass(frozen=True, kw_only=True)
class DelayDistribution(Component, ABC):
    """How delays are distributed."""

    @property
    def greatest(self) -> float | None:
        """The longest delay that occurs, in rounds; None where there is none."""
        return None

    def table(self, xp: Any) -> Any:
        """Returns what `draw` looks up; None where it looks up nothing."""
        return None

    @abstractmethod
    def draw(self, uniform: Array, table: Any, xp: Any) -> Array:
        """Returns delays in rounds, float32, from as many uniform numbers in [0, 1).

        Args:
            uniform: One number for each link, `[..., N, N]`; the diagonal means nothing.
            table: What `table` returned.
            xp: The array namespace.
        """

    @abstractmethod
    def cumulative(self, whole: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns the probability that a delay, rounded, is at most each of these numbers."""


@dataclass(frozen=True, kw_only=True)
class ConstantDelay(DelayDistribution):
    """Every message takes equally long.

    Args:
        rounds: The delay, in rounds.

    Raises:
        InvalidArgumentError: A delay that is negative or not finite.

    Example:
        >>> ConstantDelay(rounds=2.5).cumulative(np.asarray([2.0, 3.0])).tolist()
        [0.0, 1.0]

    Source: tc-netem(8), option `delay TIME`.
    """

    rounds: Annotated[float, not_negative("rounds")]

    @property
    def greatest(self) -> float:
        """The delay."""
        return self.rounds

    def draw(self, uniform: Array, table: Any, xp: Any) -> Array:
        """Returns the delay for every link."""
        return xp.full_like(uniform, min(self.rounds, 2.0 * LONGEST_DELAY))

    def cumulative(self, whole: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns 1 from the rounded delay on."""
        return np.where(whole + 0.5 > self.rounds, 1.0, 0.0)


@dataclass(frozen=True, kw_only=True)
class UniformDelay(DelayDistribution):
    r"""All delays between two bounds are equally likely.

    Those below the least delay of the model take that. Rounded to whole rounds, each bound that
    is whole has half the probability of those between; without a distribution, `DelayBasedModel`
    gives all whole rounds the same. If two messages are sent $s$ apart and delays spread by
    $\pm J$, the second overtakes the first with probability $\tfrac{1}{2} (1 - s / 2J)^2$, and in
    rounding some of these come to arrive together.

    Args:
        low: Least delay before clipping, in rounds; it may be negative.
        high: Greatest delay, in rounds.

    Raises:
        InvalidArgumentError: A bound that is not finite, `high` that is negative or below `low`.

    Example:
        >>> UniformDelay(low=0, high=2).cumulative(np.asarray([0.0, 1.0, 2.0])).tolist()
        [0.25, 0.75, 1.0]

    Source: tc-netem(8), option `delay TIME JITTER distribution uniform`.
    """

    low: Annotated[float, finite("rounds")]
    high: Annotated[float, not_negative("rounds")]

    def __post_init__(self) -> None:
        """Checks the fields, and that the bounds are in order."""
        super().__post_init__()
        if self.high < self.low:
            raise invalid("high", f"must be at least low={self.low}", self.high, "exchange the two")

    @property
    def greatest(self) -> float:
        """The upper bound."""
        return self.high

    def draw(self, uniform: Array, table: Any, xp: Any) -> Array:
        r"""Returns $low + (high - low) u$."""
        return uniform * (self.high - self.low) + self.low

    def cumulative(self, whole: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns the share of the interval below half a round more."""
        if self.high == self.low:
            return np.where(whole + 0.5 > self.low, 1.0, 0.0)
        return np.clip((whole + 0.5 - self.low) / (self.high - self.low), 0.0, 1.0)


@dataclass(frozen=True, kw_only=True)
class NormalDelay(DelayDistribution):
    r"""Delays are normal: $\mu + \sigma z$; what is below the least delay takes the least.

    Two uniform numbers make two normal ones (Box and Muller, 1958), so that links draw as much as
    under any other distribution; none is further than 5.8 standard deviations from the mean.

    Args:
        mean: The mean $\mu$ before rounding and clipping, in rounds.
        standard_deviation: The standard deviation $\sigma$, in rounds.

    Raises:
        InvalidArgumentError: A mean that is not finite, a deviation that is negative.

    Example:
        >>> NormalDelay(mean=2, standard_deviation=1).cumulative(np.asarray([1.5])).tolist()
        [0.5]

    Source: tc-netem(8), option `delay TIME JITTER distribution normal`.
    """

    mean: Annotated[float, finite("rounds")]
    standard_deviation: Annotated[float, not_negative("rounds")]

    def draw(self, uniform: Array, table: Any, xp: Any) -> Array:
        r"""Returns $\mu + \sigma \sqrt{-2 \ln u} \cos 2 \pi v$, and the same with the sine."""
        # In pairs of links of one team, so that none depends on what others draw.
        flat = xp.reshape(uniform, (*uniform.shape[:-2], -1))
        half = flat.shape[-1] // 2
        first, second, rest = flat[..., :half], flat[..., half : 2 * half], flat[..., 2 * half :]
        # Half a step away from 0, whose logarithm is infinite.
        radius = self.standard_deviation * xp.sqrt(-2.0 * xp.log(first + 2.0**-25))
        angle = second * (2.0 * math.pi)
        # An odd one out is on the diagonal, where nothing is sent.
        parts = (radius * xp.cos(angle), radius * xp.sin(angle), rest)
        return xp.reshape(xp.concat(parts, axis=-1), uniform.shape) + self.mean

    def cumulative(self, whole: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns the normal distribution function half a round further on."""
        above = np.asarray(whole) + 0.5 - self.mean
        if self.standard_deviation == 0:
            return np.where(above > 0, 1.0, 0.0)
        return np.asarray(special.ndtr(above / self.standard_deviation))


@dataclass(frozen=True, kw_only=True)
class GeometricDelay(DelayDistribution):
    r"""A message is tried anew in each round: $P(D \ge k) = (m / (1 + m))^k$ at mean $m$.

    That is retransmission until it succeeds, with probability $1 / (1 + m)$ in every round.

    Args:
        mean: Mean delay $m$, in rounds.

    Raises:
        InvalidArgumentError: A mean that is negative or not finite.

    Example:
        >>> GeometricDelay(mean=1).cumulative(np.asarray([0.0, 1.0])).tolist()
        [0.5, 0.75]

    Source: the number of failures before the first success in Bernoulli trials; stop-and-wait
    automatic repeat request.
    """

    mean: Annotated[float, not_negative("rounds")]

    def draw(self, uniform: Array, table: Any, xp: Any) -> Array:
        r"""Returns $\lfloor \ln(1 - u) / \ln(m / (1 + m)) \rfloor$."""
        per_round = -math.log1p(1.0 / self.mean) if self.mean else -math.inf
        return xp.floor(xp.log(1.0 - uniform) * (1.0 / per_round))

    def cumulative(self, whole: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns one less the probability of as many failures and one more."""
        tries = np.maximum(np.floor(whole) + 1.0, 0.0)
        return 1.0 - (self.mean / (1.0 + self.mean)) ** tries


@dataclass(frozen=True, kw_only=True)
class ParetoDelay(DelayDistribution):
    r"""Few messages take very long: $P(D > x) = (scale / x)^{shape}$ for $x \ge scale$.

    The mean is $shape \cdot scale / (shape - 1)$, and infinite at a shape of 1 or less; the
    greatest delay that `DelayBasedModel` allows for cuts the tail.

    Args:
        shape: How light the tail is; the variance is infinite up to 2.
        scale: Least delay, in rounds.

    Raises:
        InvalidArgumentError: A number that is not finite and greater than 0.

    Example:
        >>> ParetoDelay(shape=2, scale=1).cumulative(np.asarray([0.0, 1.5])).tolist()
        [0.0, 0.75]
        >>> ParetoDelay.from_mean(3, shape=1.5).scale
        1.0

    Source: Pareto's first distribution (type I). netem's table `pareto` is another one, whose
    spread is not its `JITTER`.
    """

    shape: Annotated[float, positive("")]
    scale: Annotated[float, positive("rounds")]

    @classmethod
    def from_mean(cls, mean: float, *, shape: float) -> ParetoDelay:
        """Returns the distribution of that mean, in rounds, before rounding and clipping.

        Args:
            mean: The mean, in rounds.
            shape: How light the tail is; more than 1, since up to 1 the mean is infinite.
        """
        whole = cls(shape=shape, scale=mean)
        if whole.shape <= 1:
            raise invalid("shape", "must be greater than 1", shape, "up to 1 the mean is infinite")
        return cls(shape=shape, scale=whole.scale * (whole.shape - 1) / whole.shape)

    def draw(self, uniform: Array, table: Any, xp: Any) -> Array:
        r"""Returns $scale \cdot (1 - u)^{-1 / shape}$."""
        # Beyond the longest delay nothing is told apart, and a light tail would overflow there.
        rarest = min(self.scale / (2.0 * LONGEST_DELAY), 1.0) ** self.shape
        left = xp.maximum(1.0 - uniform, xp.full_like(uniform, max(rarest, 2.0**-25)))
        return left ** (-1.0 / self.shape) * self.scale

    def cumulative(self, whole: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns the distribution function half a round further on."""
        beyond = np.maximum((np.asarray(whole) + 0.5) / self.scale, 1.0)
        return 1.0 - beyond**-self.shape


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
        accepted = (array >= 0) & (array < np.inf)
        check_entries(name, array, accepted, "must be finite and at least 0", "give another number")
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
    probabilities: Annotated[ArrayLike, _Numbers()] | None = None

    def __post_init__(self) -> None:
        """Checks the fields, and that they belong together."""
        super().__post_init__()
        if self.probabilities is None:
            return
        probabilities, count = np.asarray(self.probabilities), len(np.asarray(self.delays))
        if len(probabilities) != count:
            text = f"must have one entry for each of the {count} delays"
            raise invalid("probabilities", text, probabilities, "give as many")
        total = float(probabilities.sum())
        if abs(total - 1.0) > 1e-6:
            raise invalid("probabilities", "must sum to 1", total, "divide them by their sum")

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
        entry = xp.astype(xp.reshape(uniform, (-1,)) * RESOLUTION, xp.int32)
        return xp.reshape(xp.take(table, entry), uniform.shape)

    def cumulative(self, whole: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns the share of the table up to half a round further on."""
        below = np.searchsorted(self._quantiles, np.asarray(whole) + 0.5, side="left")
        return np.asarray(below / RESOLUTION)
