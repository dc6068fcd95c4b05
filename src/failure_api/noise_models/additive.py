"""Additive noise: a random number is added to every entry."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from failure_api.core.links import Array
from failure_api.core.noise import NoiseContext, NoiseModel
from failure_api.core.parameters.types import Entry, Level
from failure_api.core.random.stream import RandomStream
from failure_api.errors import invalid

CENTRE = 0.5 - 2.0**-25
"""Middle of the uniform draws, which lie on 0, 2**-24, ..., 1 - 2**-24."""


@dataclass(frozen=True, kw_only=True)
class _AdditiveNoise(NoiseModel):
    """Adds float32 draws to content of either precision."""

    @abstractmethod
    def _noise(self, context: NoiseContext, random: RandomStream) -> Array:
        """Returns what is added, float32 of the content's shape."""

    def step(
        self,
        parameters: Any,
        state: Any,
        content: Array,
        context: NoiseContext,
        random: RandomStream,
    ) -> tuple[Any, Array]:
        """Returns the content with this round's noise added."""
        noise = context.xp.astype(self._noise(context, random), content.dtype, copy=False)
        return state, content + noise


@dataclass(frozen=True, kw_only=True)
class GaussianNoiseModel(_AdditiveNoise):
    r"""Adds normal noise to every entry, independently.

    An entry $x$ arrives as $x + \mu + \sigma z$ with $z \sim N(0, 1)$: the error has mean $\mu$
    and variance $\sigma^2$. A greater $\sigma$ scales the same draws.

    Args:
        standard_deviation: $\sigma$, in the units of the content.
        mean: $\mu$, a bias, in the units of the content.
        agent_ids: The senders whose messages are corrupted; None takes all.

    Raises:
        InvalidArgumentError: A standard deviation that is negative, or a number beyond 1e30.

    Example:
        >>> GaussianNoiseModel(standard_deviation=0.1)
        GaussianNoiseModel(agent_ids=None, standard_deviation=0.1, mean=0.0)

    Source: additive white Gaussian noise; Proakis and Salehi, Digital Communications, 5th ed.
    """

    EXAMPLE: ClassVar[Mapping[str, Any]] = {"standard_deviation": 0.2}

    standard_deviation: Level
    mean: Entry = 0.0

    def _noise(self, context: NoiseContext, random: RandomStream) -> Array:
        return self.mean + self.standard_deviation * random.normal(context.shape)


@dataclass(frozen=True, kw_only=True)
class LaplacianNoiseModel(_AdditiveNoise):
    r"""Adds Laplacian noise to every entry: mostly small, at times far out.

    An entry $x$ arrives as $x + \mu - b\, \mathrm{sgn}(v) \ln(1 - 2 |v|)$ with $v$ uniform on
    $(-1/2, 1/2)$: the error has mean $\mu$, mean absolute deviation $b$ and variance $2 b^2$. A
    greater $b$ scales the same draws, none of which is further than 16.7 $b$ from the mean.

    Args:
        scale: $b$, in the units of the content.
        mean: $\mu$, a bias, in the units of the content.
        agent_ids: The senders whose messages are corrupted; None takes all.

    Raises:
        InvalidArgumentError: A scale that is negative, or a number beyond 1e30.

    Example:
        >>> LaplacianNoiseModel(scale=0.1, mean=-0.5)
        LaplacianNoiseModel(agent_ids=None, scale=0.1, mean=-0.5)

    Source: Kotz, Kozubowski and Podgorski, The Laplace Distribution and Generalizations (2001).
    """

    EXAMPLE: ClassVar[Mapping[str, Any]] = {"scale": 0.2}

    scale: Level
    mean: Entry = 0.0

    def _noise(self, context: NoiseContext, random: RandomStream) -> Array:
        xp = context.xp
        # Exact in float32, symmetric, and never 0 or one half, whose logarithm is infinite.
        centred = random.uniform(context.shape) - CENTRE
        return self.mean - self.scale * xp.sign(centred) * xp.log1p(-2.0 * xp.abs(centred))


@dataclass(frozen=True, kw_only=True)
class UniformNoiseModel(_AdditiveNoise):
    r"""Adds uniform noise to every entry, independently.

    An entry $x$ arrives as $x + l + (h - l) u$ with $u$ uniform on $[0, 1)$: the error has mean
    $(l + h) / 2$ and variance $(h - l)^2 / 12$. Wider bounds scale the same draws.

    Args:
        low: $l$, least noise, in the units of the content.
        high: $h$, greatest noise, in the units of the content; where it equals `low`, the noise is
            a bias.
        agent_ids: The senders whose messages are corrupted; None takes all.

    Raises:
        InvalidArgumentError: `high` below `low`, or a number beyond 1e30.

    Example:
        >>> UniformNoiseModel(low=-0.1, high=0.1)
        UniformNoiseModel(agent_ids=None, low=-0.1, high=0.1)

    Source: the inverse of the uniform distribution function.
    """

    EXAMPLE: ClassVar[Mapping[str, Any]] = {"low": -0.3, "high": 0.3}

    low: Entry
    high: Entry

    def __post_init__(self) -> None:
        """Checks the fields, and that the bounds are in order."""
        super().__post_init__()
        if self.high < self.low:
            raise invalid("high", f"must be at least low={self.low}", self.high, "exchange the two")

    def _noise(self, context: NoiseContext, random: RandomStream) -> Array:
        return self.low + (self.high - self.low) * random.uniform(context.shape)
