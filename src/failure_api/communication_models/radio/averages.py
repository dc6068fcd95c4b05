"""Means over fading and shadowing, by quadrature in double precision."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from failure_api.communication_models.radio.fading import Fading
from failure_api.communication_models.radio.reception import Reception
from failure_api.communication_models.radio.shadowing import Shadowing

THRESHOLDS = 513


def mean_success(
    signal: NDArray[np.float64],
    noise: float,
    reception: Reception,
    fading: Fading | None,
    shadowing: Shadowing | None,
) -> NDArray[np.float64]:
    """Returns the probability that a message is read, for signals of any shape.

    A probability that rises with the signal is a mixture of thresholds. For each of them the
    distributions of fading and shadowing say how often the signal exceeds it.

    Args:
        signal: Mean power received, in dBm.
        noise: Power of noise and interference, in dBm.
        reception: What is read.
        fading: How the power scatters from round to round.
        shadowing: How it scatters from place to place.
    """
    least = -np.inf if reception.sensitivity is None else reception.sensitivity
    if fading is None and shadowing is None:
        return np.where(signal >= least, reception.success(signal - noise), 0.0)
    ratios = reception.transition(THRESHOLDS)
    success = reception.success(ratios)
    # What is read at the weakest is read from the sensitivity on.
    thresholds = np.append(0.5 * (ratios[1:] + ratios[:-1]) + noise, -np.inf)
    weights = np.append(np.diff(success), success[0])
    chosen = weights != 0.0
    thresholds, weights = np.maximum(thresholds[chosen], least), weights[chosen]
    found = [
        (weights * _exceeds(thresholds - one, fading, shadowing)).sum() for one in signal.ravel()
    ]
    return np.reshape(found, signal.shape)


def _exceeds(
    gain: NDArray[np.float64], fading: Fading | None, shadowing: Shadowing | None
) -> NDArray[np.float64]:
    """Returns the probability of a gain, in dB, that is at least so great."""
    if fading is None:
        assert shadowing is not None
        return shadowing.survival(gain)
    if shadowing is None:
        return fading.survival(10.0 ** (gain / 10.0))
    levels, weights = shadowing.levels()
    faded = fading.survival(10.0 ** ((gain[:, None] - levels) / 10.0))
    return np.asarray(faded @ weights)
