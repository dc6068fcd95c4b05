"""Distributions of one number, from which a parameter is drawn."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

import numpy as np

from failure_api.core.links import Array
from failure_api.core.parameters.component import Part
from failure_api.core.parameters.rules import Number, Rule, numbers
from failure_api.core.parameters.types import LARGEST, SMALLEST, Share
from failure_api.errors import invalid

_Bound: TypeAlias = Annotated[
    float,
    Number("must be finite in float32", lambda x: abs(x) <= LARGEST, "give a number"),
]
_PositiveBound: TypeAlias = Annotated[
    float,
    Number(
        "must be finite and greater than 0",
        lambda x: SMALLEST <= x <= LARGEST,
        "give a positive number",
    ),
]


_STEP = 2.0**-24
"""Uniform draws are multiples of it."""


class _Values(Rule):
    """At least one number; infinite ones too, NaN not."""

    def normalise(self, name: str, value: Any) -> tuple[float, ...]:
        """Returns the numbers as a tuple, or raises what is wrong with them."""
        array = numbers(value)
        if array is None or array.ndim != 1 or not array.size or np.isnan(array).any():
            raise invalid(name, "must be a list of numbers", value, "give at least one")
        return tuple(array.tolist())


@dataclass(frozen=True)
class Distribution(Part, ABC):
    """A distribution of one number, known by its quantile function."""

    @property
    @abstractmethod
    def support(self) -> Sequence[float]:
        """Its ends, or all its values: where the rule of a parameter holds, it always does."""

    @abstractmethod
    def quantile(self, share: Array, xp: Any) -> Array:
        """Returns the number below which that share of draws lies, float32.

        Args:
            share: Uniform draws from [0, 1), float32.
            xp: The array namespace.
        """


@dataclass(frozen=True)
class Uniform(Distribution):
    r"""Every number between two ends is equally likely: $\text{low} (1 - u) + \text{high}\, u$.

    Args:
        low: The least number.
        high: The greatest number, at least `low`.

    Raises:
        InvalidArgumentError: An end that is not finite, or `high` below `low`.

    Example:
        >>> Uniform(0.0, 0.5).quantile(np.asarray([0.5], dtype=np.float32), np).tolist()
        [0.25]
    """

    low: _Bound
    high: _Bound

    def __post_init__(self) -> None:
        """Checks the fields, and that the ends are in order."""
        super().__post_init__()
        _check_order(self.low, self.high)

    @property
    def support(self) -> Sequence[float]:
        """The two ends."""
        return self.low, self.high

    def quantile(self, share: Array, xp: Any) -> Array:
        """Returns `low (1 - u) + high u`."""
        return _within(self.low * (1.0 - share) + self.high * share, self.low, self.high, xp)


@dataclass(frozen=True)
class LogUniform(Distribution):
    r"""Every order of magnitude is equally likely: $\text{low}^{1 - u}\, \text{high}^{u}$.

    Args:
        low: The least number, greater than 0.
        high: The greatest number, at least `low`.

    Raises:
        InvalidArgumentError: An end that is not positive and finite, or `high` below `low`.

    Example:
        >>> LogUniform(0.25, 4.0).quantile(np.asarray([0.5], dtype=np.float32), np).tolist()
        [1.0]
    """

    low: _PositiveBound
    high: _PositiveBound

    def __post_init__(self) -> None:
        """Checks the fields, and that the ends are in order."""
        super().__post_init__()
        _check_order(self.low, self.high)

    @property
    def support(self) -> Sequence[float]:
        """The two ends."""
        return self.low, self.high

    def quantile(self, share: Array, xp: Any) -> Array:
        """Returns `exp((1 - u) ln(low) + u ln(high))`."""
        exponent = math.log(self.low) * (1.0 - share) + math.log(self.high) * share
        return _within(xp.exp(exponent), self.low, self.high, xp)


@dataclass(frozen=True)
class OneOf(Distribution):
    """Each of several numbers is equally likely.

    Args:
        values: The numbers; one that is given twice is twice as likely.

    Raises:
        InvalidArgumentError: No numbers, or something else.

    Example:
        >>> OneOf([1.0, 2.0]).quantile(np.asarray([0.25, 0.75], dtype=np.float32), np).tolist()
        [1.0, 2.0]
    """

    values: Annotated[Sequence[float], _Values()]

    @property
    def support(self) -> Sequence[float]:
        """All its numbers."""
        return self.values

    def quantile(self, share: Array, xp: Any) -> Array:
        """Returns the number in whose equal part of [0, 1) the share lies."""
        count = len(self.values)
        # A float32 share is at most 1 - 2**-24, and its product stays below the count.
        place = xp.astype(share * count, xp.int32)
        table = xp.asarray(self.values, dtype=xp.float32)
        return xp.reshape(xp.take(table, xp.reshape(place, (-1,)), axis=0), share.shape)


@dataclass(frozen=True)
class Descending(Distribution):
    """Another distribution, drawn from its greatest number downwards.

    The draws are as likely as before. What changes is which of them are mild: those at the
    beginning, where severity is low.

    Args:
        distribution: The other one.

    Example:
        >>> reach = Descending(Uniform(0.5, 2.0))
        >>> reach.quantile(np.asarray([0.0, 0.5], dtype=np.float32), np).round(4).tolist()
        [2.0, 1.25]
    """

    distribution: Distribution

    @property
    def support(self) -> Sequence[float]:
        """That of the other distribution."""
        return self.distribution.support

    def quantile(self, share: Array, xp: Any) -> Array:
        """Returns the other's number at what is left of the share, which stays below 1."""
        return self.distribution.quantile((1.0 - _STEP) - share, xp)


@dataclass(frozen=True)
class Milder(Distribution):
    r"""The first share of another distribution: $F^{-1}(s u)$.

    Args:
        distribution: The other one, mild at first.
        severity: The share $s$ of it; 1 takes all, 0 its first number alone.

    Raises:
        InvalidArgumentError: A share outside of [0, 1].

    Example:
        >>> half = Milder(Uniform(0.0, 1.0), 0.5)
        >>> half.quantile(np.asarray([0.5], dtype=np.float32), np).tolist()
        [0.25]
    """

    distribution: Distribution
    severity: Share

    @property
    def support(self) -> Sequence[float]:
        """That of the other distribution, so that what a model says beforehand stays the same."""
        return self.distribution.support

    def quantile(self, share: Array, xp: Any) -> Array:
        """Returns the other's number at that share of the share."""
        return self.distribution.quantile(share * self.severity, xp)


def _check_order(low: float, high: float) -> None:
    if high < low:
        raise invalid("high", f"must be at least low={low}", high, "exchange the two")


def _within(values: Array, low: float, high: float, xp: Any) -> Array:
    """Returns the values less what rounding has added beyond the ends."""
    return xp.minimum(xp.maximum(values, low), high)
