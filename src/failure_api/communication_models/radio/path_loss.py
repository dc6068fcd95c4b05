"""Decibels and what else the radio models count in, with the rules of such parameters."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from failure_api.core.links import Array
from failure_api.core.parameters.component import Component
from failure_api.core.parameters.fields import LinkRule
from failure_api.core.parameters.rules import Number
from failure_api.core.parameters.types import LinkValue

Floats: TypeAlias = NDArray[np.float64]
"""Numbers of closed forms and tables, in double precision."""

SPEED_OF_LIGHT = 299_792_458.0
"""In metres per second."""

BOLTZMANN = 1.380649e-23
"""In joules per kelvin."""

PER_DECIBEL = math.log(10.0) / 10.0
"""Natural logarithm of the ratio that one decibel stands for."""


def between(low: float, high: float, unit: str, remedy: str = "give a number") -> Number:
    """Returns the rule of one number within bounds that no real link comes near.

    They keep squares, and products of powers, within what float32 can hold.

    Example:
        >>> between(-180, 180, "dBm").normalise("noise_floor", -94)
        -94.0
    """
    text = f"must lie in [{low:g}, {high:g}]" + (f" {unit}" if unit else "")
    return Number(text, lambda x: low <= x <= high, remedy, unit)


Level: TypeAlias = Annotated[float, between(-180.0, 180.0, "dBm")]
"""A power."""

Ratio: TypeAlias = Annotated[float, between(-180.0, 180.0, "dB")]
"""A ratio of powers."""

Loss: TypeAlias = Annotated[float, between(0.0, 180.0, "dB")]
"""A ratio of powers that makes none greater."""

FARTHEST = 1e36
"""Square metres that nothing exceeds; `xp.clip` with both bounds is faster than `xp.maximum`."""

Length: TypeAlias = Annotated[float, between(1e-6, 1e9, "m")]
Frequency: TypeAlias = Annotated[float, between(1e3, 1e15, "Hz")]

MetresPerUnit: TypeAlias = Annotated[
    float, between(1e-9, 1e9, "m", "say how many metres one unit of the positions is")
]

TransmitPower: TypeAlias = Annotated[
    LinkValue,
    LinkRule(
        "must lie in [-180, 180] dBm",
        lambda p: np.abs(p) <= 180.0,
        20.0,
        "give a power in dBm, where 0 is a milliwatt",
        "dBm",
    ),
]
"""A power for each link; links that a mapping does not name have 20 dBm."""


def milliwatts(level: Any, xp: Any) -> Array:
    """Returns the power of a level in dBm.

    Example:
        >>> float(milliwatts(np.asarray(0.0), np))
        1.0
    """
    return xp.exp(level * PER_DECIBEL)


def decibels(ratio: Array, xp: Any) -> Array:
    """Returns a ratio of powers, or a power in milliwatts, in decibels.

    Example:
        >>> float(decibels(np.asarray(100.0, dtype=np.float32), np))
        20.0
    """
    # NumPy has this logarithm fast on every processor.
    return xp.log(ratio) * (1.0 / PER_DECIBEL)


@dataclass(frozen=True, kw_only=True)
class PathLoss(Component, ABC):
    """How much of a signal is lost over a distance. The base of every path loss."""

    @abstractmethod
    def loss(self, squared_distance: Array, xp: Any) -> Array:
        """Returns the loss in dB, a finite number at distance 0 too.

        Args:
            squared_distance: In square metres, an array of any shape.
            xp: The array namespace that every operation comes from.
        """


@dataclass(frozen=True, kw_only=True)
class Friis(PathLoss):
    r"""Free space: the loss grows by 20 dB a decade of distance.

    $$ L(d) = 20 \log_{10} \frac{4 \pi d f}{c} + L_s $$

    A signal that is closer than $c / (4 \pi f)$ loses $L_s$ alone: no distance amplifies it.

    Args:
        frequency: Carrier frequency $f$, in Hz.
        system_loss_db: What cables and antennas lose, $L_s$, in dB.

    Raises:
        InvalidArgumentError: A frequency outside of [1e3, 1e15] Hz, or a loss outside of
            [0, 180] dB.

    Example:
        >>> import numpy as np
        >>> float(Friis(frequency=2.4e9).loss(np.asarray(100.0**2), np).round(4))
        80.052

    Source: Friis (1946); ns-3 `FriisPropagationLossModel`.
    """

    frequency: Frequency
    system_loss_db: Loss = 0.0

    def loss(self, squared_distance: Array, xp: Any) -> Array:
        """Returns the loss in dB."""
        nearest = SPEED_OF_LIGHT / (4.0 * math.pi * self.frequency)
        constant = self.system_loss_db - 20.0 * math.log10(nearest)
        return decibels(xp.clip(squared_distance, nearest**2, FARTHEST), xp) + constant


@dataclass(frozen=True, kw_only=True)
class LogDistance(PathLoss):
    r"""Loss that grows with a power of the distance: the usual choice where walls are about.

    $$ L(d) = L_0 + 10 n \log_{10} \frac{\max(d, d_0)}{d_0} $$

    Args:
        exponent: Path loss exponent $n$: 2 in free space, 2.7 to 3.5 in a city, 4 to 6 indoors
            with walls between.
        reference_distance: The distance $d_0$, in metres, below which the loss stays the same.
        reference_loss: Loss $L_0$ at that distance, in dB; by default that of 1 m of free space
            at 5.15 GHz.

    Raises:
        InvalidArgumentError: An exponent outside of [0, 20], a distance outside of [1e-6, 1e9] m,
            or a loss outside of [-180, 180] dB.

    Example:
        >>> import numpy as np
        >>> LogDistance(exponent=2.5, reference_loss=40.0).loss(np.asarray([1e0, 1e4]), np).tolist()
        [40.0, 90.0]

    Source: Rappaport (2002); ns-3 `LogDistancePropagationLossModel` and its defaults.
    """

    exponent: Annotated[float, between(0.0, 20.0, "")] = 3.0
    reference_distance: Length = 1.0
    reference_loss: Ratio = 46.6777

    def loss(self, squared_distance: Array, xp: Any) -> Array:
        """Returns the loss in dB."""
        slope, nearest = 10.0 * self.exponent, self.reference_distance
        constant = self.reference_loss - slope * math.log10(nearest)
        nearby = decibels(xp.clip(squared_distance, nearest**2, FARTHEST), xp)
        return 0.5 * self.exponent * nearby + constant


@dataclass(frozen=True, kw_only=True)
class TwoRayGround(PathLoss):
    r"""Free space nearby, and far away the sum of the direct ray and one off the ground.

    $$ L(d) = 40 \log_{10} \frac{d}{h} + L_s \quad \text{for} \quad d > 4 \pi h^2 f / c $$

    and that of `Friis` up to this crossover distance, where the two are equal.

    Args:
        frequency: Carrier frequency $f$, in Hz.
        height: Height $h$ of the antennas above the ground, in metres. It says nothing of the
            agents' positions, whose third coordinate counts as distance.
        system_loss_db: What cables and antennas lose, $L_s$, in dB.

    Raises:
        InvalidArgumentError: A frequency outside of [1e3, 1e15] Hz, a height outside of
            [1e-6, 1e9] m, or a loss outside of [0, 180] dB.

    Example:
        >>> round(TwoRayGround(frequency=2.4e9).crossover_distance, 2)
        226.35

    Source: Rappaport (2002); ns-3 `TwoRayGroundPropagationLossModel`.
    """

    frequency: Frequency
    height: Length = 1.5
    system_loss_db: Loss = 0.0

    @property
    def crossover_distance(self) -> float:
        """The distance, in metres, from which the ray off the ground matters."""
        return 4.0 * math.pi * self.height**2 * self.frequency / SPEED_OF_LIGHT

    def loss(self, squared_distance: Array, xp: Any) -> Array:
        """Returns the loss in dB."""
        # They are equal at the crossover distance, and the steeper one is the lesser before it.
        free = Friis(frequency=self.frequency).loss(squared_distance, xp)
        grounded = 2.0 * decibels(xp.clip(squared_distance, 1e-30, FARTHEST), xp)
        return xp.maximum(free, grounded - 40.0 * math.log10(self.height)) + self.system_loss_db
