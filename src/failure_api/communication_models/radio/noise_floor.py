"""Noise floor: the power that a receiver hears when nobody sends."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

from failure_api.communication_models.radio.units import BOLTZMANN, Loss, between
from failure_api.core.parameters.component import Part
from failure_api.core.parameters.rules import Rule, numbers
from failure_api.errors import invalid


@dataclass(frozen=True, kw_only=True)
class NoiseFloor(Part):
    r"""Thermal noise in the receiver's band, and what the receiver adds to it.

    $$ 10 \log_{10} (k T B / 1\,\text{mW}) + F $$

    Args:
        bandwidth: Width $B$ of the band, in Hz.
        temperature: Temperature $T$, in kelvin.
        noise_figure: What the receiver adds, $F$, in dB.

    Raises:
        InvalidArgumentError: A bandwidth outside of [1, 1e15] Hz, a temperature outside of
            [0.001, 1e9] K, or a noise figure outside of [0, 180] dB.

    Example:
        >>> round(NoiseFloor(bandwidth=20e6, temperature=290, noise_figure=7).dbm(), 3)
        -93.965

    Source: Johnson (1928) and Nyquist (1928); Friis (1944) for the noise figure.
    """

    bandwidth: Annotated[float, between(1.0, 1e15, "Hz")] = 20e6
    temperature: Annotated[float, between(1e-3, 1e9, "K")] = 290.0
    noise_figure: Loss = 7.0

    def dbm(self) -> float:
        """Returns the power in dBm."""
        thermal = 1000.0 * BOLTZMANN * self.temperature * self.bandwidth
        return 10.0 * math.log10(thermal) + self.noise_figure


class NoiseRule(Rule):
    """A noise floor, or its power as a plain number."""

    unit = "dBm"

    def normalise(self, name: str, value: Any) -> NoiseFloor | float:
        """Returns the noise floor or its power in dBm, or raises what is wrong with it."""
        if isinstance(value, NoiseFloor):
            return value
        number = numbers(value)
        if number is not None and not number.ndim and abs(float(number)) <= 180.0:
            return float(number)
        raise invalid(
            name,
            "must be a NoiseFloor or lie in [-180, 180] dBm",
            value,
            "give a power such as -94.0, or NoiseFloor(bandwidth=20e6)",
        )


Noise: TypeAlias = Annotated[NoiseFloor | float, NoiseRule()]
