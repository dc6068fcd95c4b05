"""Modulation: how often a bit is wrong at a ratio of signal to noise."""

from __future__ import annotations

import functools
import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

import numpy as np
from scipy.special import binom, erfc, expit

from failure_api.communication_models.radio.fading import Table, look_up, prepare, tabulate
from failure_api.communication_models.radio.path_loss import (
    BOLTZMANN,
    Floats,
    Level,
    Loss,
    Ratio,
    between,
)
from failure_api.core.links import Array
from failure_api.core.parameters.component import Component
from failure_api.core.parameters.rules import Rule, numbers
from failure_api.core.parameters.types import Count
from failure_api.errors import invalid

Modulation: TypeAlias = Literal["bpsk", "qpsk", "802.15.4"]


def bit_error_rate(modulation: Modulation, ratio: Floats) -> Floats:
    r"""Returns the probability that a bit is wrong.

    With $\gamma$ the ratio for each symbol it is $\tfrac12 \operatorname{erfc} \sqrt\gamma$ for
    BPSK, $\tfrac12 \operatorname{erfc} \sqrt{\gamma / 2}$ for QPSK and

    $$ \frac{8}{15} \cdot \frac{1}{16} \sum_{k=2}^{16} (-1)^k \binom{16}{k} e^{20 \gamma
    (1/k - 1)} $$

    for the 2.4 GHz band of IEEE 802.15.4.

    Args:
        modulation: `"bpsk"`, `"qpsk"` or `"802.15.4"`.
        ratio: Signal to noise and interference, as a ratio of powers, not in dB.

    Example:
        >>> float(bit_error_rate("bpsk", 10.0**0.7).round(8))
        0.00077267

    Source: Proakis (2001); IEEE 802.15.4-2006, annex E; ns-3 `NistErrorRateModel` and
    `LrWpanErrorModel`.
    """
    if modulation == "bpsk":
        return np.asarray(0.5 * erfc(np.sqrt(ratio)))
    if modulation == "qpsk":
        return np.asarray(0.5 * erfc(np.sqrt(0.5 * np.asarray(ratio))))
    k = np.arange(2, 17)
    terms = (-1.0) ** k * binom(16, k) * np.exp(20.0 * np.asarray(ratio)[..., None] * (1.0 / k - 1))
    return np.asarray(np.clip(8.0 / 15.0 / 16.0 * terms.sum(axis=-1), 0.0, 0.5))


@dataclass(frozen=True, kw_only=True)
class NoiseFloor(Component):
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
        remedy = "give a power such as -94.0, or NoiseFloor(bandwidth=20e6)"
        raise invalid(name, "must be a NoiseFloor or lie in [-180, 180] dBm", value, remedy)


Noise: TypeAlias = Annotated[NoiseFloor | float, NoiseRule()]


@dataclass(frozen=True, kw_only=True)
class Reception(Component, ABC):
    """The probability that a message is read. The base of every reception.

    Subclasses give it as a function of the ratio of signal to noise and interference, which is
    then looked up in a table.

    Args:
        sensitivity: Least signal, in dBm, of which a receiver takes notice, whatever the noise;
            None for no such limit.
    """

    sensitivity: Level | None = None

    @abstractmethod
    def success(self, ratio: Floats) -> Floats:
        """Returns the probability at a ratio in dB, which may not fall as the ratio rises."""

    def transition(self, count: int) -> Floats:
        """Returns equally spaced ratios, in dB, that hold every change of the probability."""
        return np.linspace(*_ends(self), count)

    def prepare(self, xp: Any) -> Any:
        """Returns what `probability` needs, as arrays of the namespace."""
        return prepare(_successes(self), xp)

    def probability(self, prepared: Any, ratio: Array, xp: Any) -> Array:
        """Returns the probability, float32, at ratios in dB of any shape."""
        return look_up(prepared, ratio, xp)


@functools.lru_cache(maxsize=64)
def _ends(reception: Reception) -> tuple[float, float]:
    """Returns ratios in dB below and above which the probability stays as it is."""
    ratios = np.linspace(-300.0, 300.0, 12001)
    success = reception.success(ratios)
    rising = np.flatnonzero((success > success[0] + 1e-7) & (success < success[-1] - 1e-7))
    if not rising.size:
        rising = np.flatnonzero(np.diff(success))[:1]
    low, high = (rising[0], rising[-1]) if rising.size else (0, 0)
    return float(ratios[max(low - 1, 0)]), float(ratios[min(high + 1, len(ratios) - 1)])


@functools.lru_cache(maxsize=64)
def _successes(reception: Reception) -> Table:
    ratios = reception.transition(2049)
    return tabulate(ratios, reception.success(ratios))


@dataclass(frozen=True, kw_only=True)
class SnrThreshold(Reception):
    """All that is strong enough is read: the ratio is at least a threshold.

    Args:
        threshold: Least ratio of signal to noise and interference, inclusive, in dB.
        sensitivity: Least signal, inclusive, in dBm; None for no such limit.

    Raises:
        InvalidArgumentError: A threshold outside of [-180, 180] dB.

    Example:
        >>> SnrThreshold(threshold=10.0).success([9.9, 10.0]).tolist()
        [0.0, 1.0]

    Source: ns-3 `ThresholdPreambleDetectionModel`, whose defaults are 4 dB and -82 dBm.
    """

    threshold: Ratio = 4.0

    def success(self, ratio: Floats) -> Floats:
        """Returns 1 from the threshold on."""
        return np.asarray(np.asarray(ratio) >= self.threshold, dtype=np.float64)

    def transition(self, count: int) -> Floats:
        """Returns the threshold between its two nearest neighbours."""
        around = (np.nextafter(self.threshold, end) for end in (-np.inf, np.inf))
        return np.asarray(sorted((*around, self.threshold)))

    def prepare(self, xp: Any) -> Any:
        """Returns nothing: no table is needed."""
        return ()

    def probability(self, prepared: Any, ratio: Array, xp: Any) -> Array:
        """Returns 1 from the threshold on, float32."""
        return xp.astype(ratio >= self.threshold, xp.float32)


@dataclass(frozen=True, kw_only=True)
class LogisticReception(Reception):
    r"""The probability rises gradually, as measured links do.

    $$ P = \frac{1}{1 + e^{-s (x - x_0)}} $$

    Args:
        midpoint: The ratio $x_0$, in dB, at which one half is read.
        slope: Steepness $s$, per dB.
        sensitivity: Least signal, inclusive, in dBm; None for no such limit.

    Raises:
        InvalidArgumentError: A midpoint outside of [-180, 180] dB, or a slope outside of
            [0.01, 1000] per dB.

    Example:
        >>> LogisticReception(midpoint=5.0, slope=1.0).success([5.0, 6.0]).round(6).tolist()
        [0.5, 0.731059]

    Source: logistic regression of packet reception on signal strength, common for measured links.
    """

    midpoint: Ratio
    slope: Annotated[float, between(0.01, 1000.0, "per dB")] = 1.0

    def success(self, ratio: Floats) -> Floats:
        """Returns the logistic function."""
        return np.asarray(expit(self.slope * (np.asarray(ratio) - self.midpoint)))

    def prepare(self, xp: Any) -> Any:
        """Returns nothing: no table is needed."""
        return ()

    def probability(self, prepared: Any, ratio: Array, xp: Any) -> Array:
        """Returns the logistic function, float32."""
        # As a hyperbolic tangent, which cannot overflow.
        return 0.5 + 0.5 * xp.tanh((ratio - self.midpoint) * (0.5 * self.slope))


@dataclass(frozen=True, kw_only=True)
class PacketError(Reception):
    r"""A message is read if every one of its bits is: $P = (1 - \text{BER})^{\text{bits}}$.

    Args:
        modulation: `"bpsk"`, `"qpsk"` or `"802.15.4"`; see `bit_error_rate`.
        message_bits: Length of a message.
        sensitivity: Least signal, inclusive, in dBm; None for no such limit.

    Raises:
        InvalidArgumentError: An unknown modulation, or a length that is no positive integer.

    Example:
        >>> reception = PacketError(modulation="bpsk", message_bits=1000)
        >>> round(1.0 - float(reception.success(7.0)), 6)
        0.538362

    Source: ns-3 `NistErrorRateModel` and `LrWpanErrorModel`, without error correction.
    """

    modulation: Modulation
    message_bits: Count = 1000

    def success(self, ratio: Floats) -> Floats:
        """Returns the probability that no bit is wrong."""
        wrong = bit_error_rate(self.modulation, 10.0 ** (np.asarray(ratio) / 10.0))
        return np.asarray(np.exp(self.message_bits * np.log1p(-wrong)))


@dataclass(frozen=True, kw_only=True)
class SubtPacketError(Reception):
    r"""Packets as the simulator of DARPA's Subterranean Challenge loses them.

    $$ P = (1 - \operatorname{erfc} \sqrt{\gamma})^{\text{bytes}} $$

    with $\gamma$ the ratio as one of powers. QPSK's rate of bit errors is
    $\tfrac12 \operatorname{erfc} \sqrt{\gamma / 2}$, and it holds for every bit: see `PacketError`.

    Args:
        message_bits: Length of a message; a byte that is begun counts.
        sensitivity: Least signal, inclusive, in dBm; None for no such limit.

    Raises:
        InvalidArgumentError: A length that is no positive integer.

    Example:
        >>> round(float(SubtPacketError(message_bits=8000).success(9.0)), 6)
        0.934955

    Source: `subt_communication_model` in osrf/subt on GitHub.
    """

    message_bits: Count = 1000

    def success(self, ratio: Floats) -> Floats:
        """Returns the probability that no byte is wrong."""
        wrong = erfc(np.sqrt(10.0 ** (np.asarray(ratio, dtype=np.float64) / 10.0)))
        # Far below the noise all of it is wrong, and the logarithm infinite.
        with np.errstate(divide="ignore"):
            return np.asarray(np.exp(-(-self.message_bits // 8) * np.log1p(-wrong)))
