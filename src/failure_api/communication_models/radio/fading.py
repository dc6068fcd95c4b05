"""Functions as tables: computed once in double precision, then looked up for every link."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

import numpy as np
from scipy.special import expit, gammaincc, gammainccinv, gammaincinv
from scipy.stats import ncx2

from failure_api.communication_models.radio.path_loss import Floats, between, decibels
from failure_api.core.arrays.libraries import from_host
from failure_api.core.links import Array
from failure_api.core.parameters.component import Component

ENTRIES = 2**16 + 1
"""So many that the nearest one will do, and few enough to stay in a processor's cache."""


class Table(NamedTuple):
    """A function at equally spaced places, float32.

    Attributes:
        start: The first place, 0-d.
        end: The last place, 0-d.
        values: What the function is there, `[ENTRIES]`.
    """

    start: Array
    end: Array
    values: Array


def tabulate(places: Floats, values: Floats) -> Table:
    """Returns a table of what a function is at a few equally spaced places, and between them."""
    between = np.interp(np.linspace(0.0, len(places) - 1.0, ENTRIES), range(len(places)), values)
    entries = between.astype(np.float32)
    entries.flags.writeable = False
    return Table(np.float32(places[0]), np.float32(places[-1]), entries)


def prepare(table: Table, xp: Any) -> Table:
    """Returns a table as arrays of the namespace."""
    return Table(*(from_host(part, xp) for part in table))


def look_up(table: Table, places: Array, xp: Any) -> Array:
    """Returns the function at any places, and beyond its ends what it is there.

    Args:
        table: From `prepare`.
        places: Where, float32 of any shape, without NaN.
        xp: The array namespace that every operation comes from.

    Example:
        >>> table = prepare(tabulate(np.asarray([0.0, 1.0, 2.0]), np.asarray([0.0, 1.0, 4.0])), np)
        >>> look_up(table, np.asarray([-1.0, 0.5, 1.5, 9.0], dtype=np.float32), np).tolist()
        [0.0, 0.5, 2.5, 4.0]
    """
    per_unit = (ENTRIES - 1) / (table.end - table.start)
    # Both ends at once: in NumPy that is four times as fast as one.
    position = xp.clip((places - table.start) * per_unit + 0.5, 0.0, ENTRIES - 1.0)
    entry = xp.reshape(xp.astype(position, xp.int32), (-1,))
    return xp.reshape(xp.take(table.values, entry), places.shape)


HALF_STEP = 2.0**-25
"""Half of the step in which uniform draws are made."""


@dataclass(frozen=True, kw_only=True)
class Fading(Component, ABC):
    """How the received power scatters about its mean. The base of every fading.

    The power, as a multiple of its mean, is drawn anew for every link and round by the inverse of
    its distribution function: a small draw is a deep fade. Subclasses give that inverse, which is
    then looked up in a table.

    Args:
        reciprocal: Whether both directions of a link fade alike, as they do where they take turns
            on one frequency.
    """

    reciprocal: bool = True

    @abstractmethod
    def survival(self, power: Floats) -> Floats:
        """Returns the probability that the power exceeds so many times its mean."""

    @abstractmethod
    def quantile(self, probability: Floats, complement: Floats) -> Floats:
        """Returns the power that is not exceeded with a probability.

        Args:
            probability: The probability.
            complement: One minus it, which says more where that is small.
        """

    def prepare(self, xp: Any) -> Any:
        """Returns what `gain` needs, as arrays of the namespace."""
        return prepare(_quantiles(self), xp)

    def gain(self, prepared: Any, uniform: Array, xp: Any) -> Array:
        """Returns the power in dB above its mean, for uniform draws of any shape."""
        # Off 0 by half a step, and in float32 still off 1.
        draw = uniform * (1.0 - 2.0**-24) + HALF_STEP
        return look_up(prepared, xp.log(draw) - xp.log(1.0 - draw), xp)


@functools.lru_cache(maxsize=64)
def _quantiles(fading: Fading) -> Table:
    """Returns the power in dB over the logit of the probability, which is nearly straight."""
    logits = np.linspace(-17.4, 17.4, 2049)
    power = fading.quantile(expit(logits), expit(-logits))
    return tabulate(logits, decibels(power, np))


@dataclass(frozen=True, kw_only=True)
class Rayleigh(Fading):
    r"""No line of sight: the power is exponential, $P(X > x) = e^{-x}$.

    Args:
        reciprocal: Whether both directions of a link fade alike.

    Example:
        >>> round(float(Rayleigh().survival(0.1)), 6)
        0.904837

    Source: Rayleigh (1880); Clarke (1968).
    """

    def survival(self, power: Floats) -> Floats:
        """Returns `exp(-power)`."""
        return np.asarray(np.exp(-power))

    def quantile(self, probability: Floats, complement: Floats) -> Floats:
        """Returns `-log(1 - probability)`."""
        return np.asarray(-np.log1p(-probability))

    def prepare(self, xp: Any) -> Any:
        """Returns nothing: no table is needed."""
        return ()

    def gain(self, prepared: Any, uniform: Array, xp: Any) -> Array:
        """Returns the power in dB above its mean."""
        # A draw of 0 stands for half of the least one above it: no power has an infinite level.
        return decibels(xp.maximum(-xp.log(1.0 - uniform), HALF_STEP), xp)


@dataclass(frozen=True, kw_only=True)
class Rician(Fading):
    r"""A line of sight and many reflections.

    $$ P(X > x) = Q_1\!\left(\sqrt{2K}, \sqrt{2(1+K)x}\right) $$

    Args:
        k_factor: Power $K$ of the line of sight, as a multiple of that of all reflections: 0 is
            Rayleigh fading, 10 barely fades.
        reciprocal: Whether both directions of a link fade alike.

    Raises:
        InvalidArgumentError: A factor outside of [0, 1000].

    Example:
        >>> round(float(1 - Rician(k_factor=5.0).survival(0.1)), 6)
        0.009642

    Source: Rice (1945); Marcum's Q as the tail of a noncentral chi-squared distribution.
    """

    k_factor: Annotated[float, between(0.0, 1000.0, "")]

    def survival(self, power: Floats) -> Floats:
        """Returns Marcum's Q of the power."""
        scale = 2.0 * (1.0 + self.k_factor)
        # So far from the mean there is nothing, and SciPy overflows further out.
        deviation = 2.0 * np.sqrt(1.0 + 2.0 * self.k_factor)
        low, high = max(scale - 8.0 * deviation, 0.0), scale + 40.0 * deviation
        within = np.clip(scale * np.asarray(power), low, high)
        return np.asarray(ncx2.sf(within, 2.0, 2.0 * self.k_factor))

    def quantile(self, probability: Floats, complement: Floats) -> Floats:
        """Returns the quantile of that chi-squared distribution."""
        low = ncx2.ppf(probability, 2.0, 2.0 * self.k_factor)
        high = ncx2.isf(complement, 2.0, 2.0 * self.k_factor)
        power = np.where(probability < 0.5, low, high) / (2.0 * (1.0 + self.k_factor))
        return np.asarray(power)


@dataclass(frozen=True, kw_only=True)
class Nakagami(Fading):
    r"""Fading of any depth: the power has a gamma distribution of mean 1.

    $$ P(X > x) = \Gamma(m, m x) / \Gamma(m) $$

    Args:
        shape_parameter: $m$: 1 is Rayleigh fading, less is deeper, more is shallower.
        reciprocal: Whether both directions of a link fade alike.

    Raises:
        InvalidArgumentError: A shape parameter outside of [0.5, 1000].

    Example:
        >>> round(float(1 - Nakagami(shape_parameter=2.0).survival(0.1)), 6)
        0.017523

    Source: Nakagami (1960); ns-3 `NakagamiPropagationLossModel`.
    """

    shape_parameter: Annotated[float, between(0.5, 1000.0, "")]

    def survival(self, power: Floats) -> Floats:
        """Returns the regularised upper incomplete gamma function."""
        m = self.shape_parameter
        return np.asarray(gammaincc(m, m * np.asarray(power)))

    def quantile(self, probability: Floats, complement: Floats) -> Floats:
        """Returns the inverse of the incomplete gamma function."""
        m = self.shape_parameter
        low, high = gammaincinv(m, probability), gammainccinv(m, complement)
        return np.asarray(np.where(probability < 0.5, low, high) / m)
