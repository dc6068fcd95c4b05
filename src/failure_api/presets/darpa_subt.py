"""The communication of DARPA's Subterranean Challenge, as its virtual track simulated it."""

from __future__ import annotations

import math
from typing import Literal

from failure_api.communication_models import radio
from failure_api.communication_models.distance import DistanceModel
from failure_api.communication_models.rate_limit import RateLimitModel
from failure_api.core import CommunicationModel
from failure_api.core.parameters.rules import Choice, Flag, WholeNumber
from failure_api.presets.quantities import METRES_PER_UNIT, ROUND_DURATION

EXPONENTS = {"tunnel": 2.5, "urban": 2.5, "cave": 1.5, "finals": 1.5}
"""Path loss exponents of the challenge's circuits."""

BITS, WINDOW = 1_000_000, 1.0
"""What a radio may send, and receive, within so many seconds."""

REACH = 500.0
TRANSMIT_POWER, NOISE, REFERENCE_LOSS = 20.0, -90.0, 40.0
SHADOWING_VARIANCE = 10.0
CORRELATION = 10.0
"""Metres over which shadowing changes; the simulator draws it anew for every message."""

Circuit = Literal["tunnel", "urban", "cave", "finals"]


def darpa_subt(
    circuit: Circuit = "tunnel",
    *,
    round_duration: float,
    message_bits: int,
    metres_per_unit: float = 1.0,
    as_simulated: bool = False,
) -> list[CommunicationModel]:
    r"""Returns the links of robots underground, after the simulator of DARPA's SubT Challenge.

    Transmitters of 20 dBm, a path loss of 40 dB at 1 m that grows with exponent 2.5 or 1.5, 10
    dB² of shadowing, noise of -90 dBm, QPSK, a range of 500 m, and 1 Mbit for each sender in any
    second. Every receiver of a message counts against that by itself, whether or not it is in
    reach, in the order of `possible_agents`.

    Three things differ from the simulator, and `as_simulated=True` does them as it does: bit errors
    follow QPSK's $\tfrac{1}{2} \operatorname{erfc} \sqrt{\gamma / 2}$ and are counted over bits,
    where it takes $\operatorname{erfc} \sqrt{\gamma}$ over bytes; shadowing is correlated over
    10 m, where it is drawn anew for each message; receivers have no limit, where they too read no
    more than 1 Mbit in any second. Four things differ in either case: there are no breadcrumbs that
    relay; walls are left out, since they belong to its maps, where what they hide has a greater
    exponent: give `obstacles` to `SignalBasedModel` for yours; the second is as many rounds as
    begin within it, the present one among them; and its chance has three decimals, by which one
    message in a thousand is lost at any distance.

    Args:
        circuit: `"tunnel"` and `"urban"` have the exponent 2.5, `"cave"` and `"finals"` 1.5.
        round_duration: Length of a round in seconds.
        message_bits: Size of a message in bits.
        metres_per_unit: Length of one of the environment's units in metres.
        as_simulated: Whether bit errors, shadowing and receivers are as in the simulator.

    Returns:
        Range, radio and rate, to be given as `failure_models`. They need the agents' positions.

    Raises:
        InvalidArgumentError: An unknown circuit, a duration outside of [1e-6, 1e6] s, a size that
            is no positive number of bits, or a length outside of [1e-9, 1e9] m.

    Example:
        >>> reach, radio, rate = darpa_subt(round_duration=0.1, message_bits=200_000)
        >>> reach.distance_threshold, radio.path_loss.exponent, rate.messages, rate.window
        (500.0, 2.5, 5.0, 10)

    Source: osrf/subt on GitHub, `subt-communication`: `subt_communication_model.cpp`,
    `subt_rf_model.cpp` and the launch files of the competitions.
    """
    Choice(tuple(EXPONENTS)).normalise("circuit", circuit)
    seconds = ROUND_DURATION.normalise("round_duration", round_duration)
    metres = METRES_PER_UNIT.normalise("metres_per_unit", metres_per_unit)
    bits = WholeNumber(1, "bits").normalise("message_bits", message_bits)
    simulated = Flag().normalise("as_simulated", as_simulated)
    deviation = math.sqrt(SHADOWING_VARIANCE)
    shadowing: radio.Shadowing = radio.LogNormalShadowing(
        standard_deviation=deviation, decorrelation_distance=CORRELATION
    )
    reception: radio.Reception = radio.PacketError(modulation="qpsk", message_bits=bits)
    if simulated:
        shadowing = radio.IndependentShadowing(standard_deviation=deviation)
        reception = radio.SubtPacketError(message_bits=bits)
    signal = radio.SignalBasedModel(
        transmit_power=TRANSMIT_POWER,
        path_loss=radio.LogDistance(exponent=EXPONENTS[circuit], reference_loss=REFERENCE_LOSS),
        shadowing=shadowing,
        noise_floor=NOISE,
        reception=reception,
        metres_per_unit=metres,
    )
    # What a receiver reads is known behind the radio.
    rate = RateLimitModel(
        messages=BITS // bits,
        window=max(1, math.ceil(WINDOW / seconds - 1e-9)),
        count="both" if simulated else "sender",
    )
    return [DistanceModel(distance_threshold=REACH / metres), signal, rate]
