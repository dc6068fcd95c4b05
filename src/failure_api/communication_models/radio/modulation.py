"""Modulation: how often a bit is wrong at a ratio of signal to noise."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import binom, erfc

Modulation: TypeAlias = Literal["bpsk", "qpsk", "802.15.4"]


def bit_error_rate(modulation: Modulation, ratio: NDArray[np.float64]) -> NDArray[np.float64]:
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
