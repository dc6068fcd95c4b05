"""Small aircraft that talk to the ground over IEEE 802.11a."""

from __future__ import annotations

import math

from failure_api.communication_models import radio
from failure_api.communication_models.radio.path_loss import SPEED_OF_LIGHT
from failure_api.core import CommunicationModel
from failure_api.presets.quantities import METRES_PER_UNIT

FREQUENCY = 5.2e9
EXPONENT = 2.01
"""Path loss exponent over an open field."""

FADING_SHAPE = 1.5
"""Shape of the Nakagami fading: ns-3's default, since the source gives the kind alone."""

SENSITIVITY = -79.0
"""Least signal, in dBm, that a receiver must read at 12 Mbit/s."""


def uav_80211(
    *, transmit_power: float = 20.0, metres_per_unit: float = 1.0
) -> list[CommunicationModel]:
    """Returns the links of small aircraft with 802.11a radios at 12 Mbit/s over an open field.

    Path loss with exponent 2.01 from 1 m at 5.2 GHz, Nakagami fading, a channel of 20 MHz, and
    receivers that need -79 dBm: without fading they reach some 400 m at 20 dBm, and measurements
    found 12 Mbit/s at distances in the order of 300 m.

    Args:
        transmit_power: In dBm.
        metres_per_unit: Length of one of the environment's units in metres.

    Returns:
        One radio model, to be given as `failure_models`. It needs the agents' positions.

    Raises:
        InvalidArgumentError: A power outside of [-180, 180] dBm, or a length outside of
            [1e-9, 1e9] m.

    Example:
        >>> radio, = uav_80211()
        >>> [round(float(radio.reception_probability(metres)), 2) for metres in (50, 300, 800)]
        [1.0, 0.63, 0.01]

    Source: Yanmaz, Kuschnig and Bettstetter, "Achieving air-ground communications in 802.11
    networks with three-dimensional aerial mobility", INFOCOM 2013 (fading, reach), and "Channel
    measurements over 802.11a-based UAV-to-ground links", GLOBECOM Workshops 2011 (exponent);
    IEEE 802.11a-1999, table 91 (sensitivity).
    """
    metres = METRES_PER_UNIT.normalise("metres_per_unit", metres_per_unit)
    at_one_metre = 20 * math.log10(4 * math.pi * FREQUENCY / SPEED_OF_LIGHT)
    noise = radio.NoiseFloor(bandwidth=20e6)
    return [
        radio.SignalBasedModel(
            transmit_power=transmit_power,
            path_loss=radio.LogDistance(exponent=EXPONENT, reference_loss=at_one_metre),
            fading=radio.Nakagami(shape_parameter=FADING_SHAPE),
            noise_floor=noise,
            reception=radio.SnrThreshold(threshold=SENSITIVITY - noise.dbm()),
            metres_per_unit=metres,
        )
    ]
