"""Decibels and what else the radio models count in, with the rules of such parameters."""

from __future__ import annotations

import math
from typing import Annotated, Any, TypeAlias

import numpy as np

from failure_api.core.links import Array
from failure_api.core.parameters.fields import LinkRule
from failure_api.core.parameters.rules import Number
from failure_api.core.parameters.types import LinkValue

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
