"""Small robots that talk over ESP-NOW indoors."""

from __future__ import annotations

from failure_api.communication_models.delay import ConstantDelay
from failure_api.communication_models.delay.model import DelayBasedModel
from failure_api.communication_models.distance import DistanceModel
from failure_api.communication_models.probabilistic import ProbabilisticModel
from failure_api.core import CommunicationModel
from failure_api.core.parameters.rules import Number
from failure_api.core.parameters.types import LONGEST_DELAY
from failure_api.errors import invalid
from failure_api.presets.quantities import METRES_PER_UNIT, ROUND_DURATION

MEASURED = {3: (0.98, 0.020), 5: (0.95, 0.030), 7: (0.92, 0.040)}
"""Packet delivery ratio and latency in seconds for a number of robots.

The source gives bounds: ratios above and latencies below these. It has no latency for five robots;
the one here lies between its neighbours.
"""

REACH = 9.0
"""Practical range in metres: the middle of the 8 to 10 m that the source gives."""


def esp_now(
    robots: int = 3, *, round_duration: float, metres_per_unit: float = 1.0
) -> list[CommunicationModel]:
    """Returns the links of a small swarm of robots over an ESP-NOW mesh, as measured indoors.

    Args:
        robots: Size of the swarm that was measured: 3, 5 or 7.
        round_duration: Length of a round in seconds.
        metres_per_unit: Length of one of the environment's units in metres.

    Returns:
        Range, independent loss and a constant delay, to be given as `failure_models`. They need
        the agents' positions.

    Raises:
        InvalidArgumentError: Another number of robots, a duration outside of [1e-6, 1e6] s or so
            short that the latency takes more than 10,000 rounds, or a length outside of
            [1e-9, 1e9] m.

    Example:
        >>> reach, loss, delay = esp_now(7, round_duration=0.02)
        >>> reach.distance_threshold, round(loss.expected_loss(), 2), delay.max_delay
        (9.0, 0.08, 2)

    Source: "ESP-NOW mesh communication for swarm robots", Journal Européen des Systèmes
    Automatisés 59(5), doi:10.18280/jesa.590507: 3, 5 and 7 robots in a corridor, around an
    obstacle and on split paths.
    """
    sizes = ", ".join(map(str, MEASURED))
    rule = f"must be one of {sizes}"
    size = Number(rule, MEASURED.__contains__, "take the nearest of them").normalise(
        "robots", robots
    )
    seconds = ROUND_DURATION.normalise("round_duration", round_duration)
    metres = METRES_PER_UNIT.normalise("metres_per_unit", metres_per_unit)
    delivered, latency = MEASURED[int(size)]
    rounds = latency / seconds
    if rounds > LONGEST_DELAY:
        rule = f"must make the latency of {latency:g} s no more than {LONGEST_DELAY} rounds"
        raise invalid("round_duration", rule, round_duration, "take longer rounds")
    return [
        DistanceModel(distance_threshold=REACH / metres),
        ProbabilisticModel(failure_prob=1 - delivered),
        DelayBasedModel(max_delay=int(rounds + 0.5), distribution=ConstantDelay(rounds=rounds)),
    ]
