r"""How long messages take: distributions of delays, in rounds.

A distribution turns a uniform number for each link into a delay, most of them by the quantile
function $F^{-1}(u)$, so that the same draws give longer delays under a longer distribution. Delays
may be fractions of a round: `DelayBasedModel` rounds them to the nearest whole one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from failure_api.communication_models.delays.distribution import DelayDistribution
from failure_api.core.links import Array
from failure_api.core.parameters.types import LONGEST_DELAY, finite, not_negative, positive
from failure_api.errors import invalid


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
