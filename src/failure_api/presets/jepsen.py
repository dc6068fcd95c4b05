"""The faults that Jepsen puts distributed systems through."""

from __future__ import annotations

from typing import Any, Literal, cast, get_args

from failure_api.communication_models.node_failure import TARGETS, NodeFailureModel
from failure_api.communication_models.partition import CutAtRandom, PartitionModel, Pattern
from failure_api.communication_models.radio.path_loss import between
from failure_api.core import CommunicationModel
from failure_api.core.parameters.rules import Choice
from failure_api.presets.netem import netem
from failure_api.presets.quantities import ROUND_DURATION

Fault = Literal[
    "slow", "flaky", "halves", "isolate", "bridge", "majorities_ring", "minority_third", "pause"
]

INTERVAL = between(1e-6, 1e9, "s")

NETEM = {"slow": "delay 50ms 10ms distribution normal", "flaky": "loss 20%"}
"""Jepsen gives the loss a correlation of 75 % too, which makes netem lose next to nothing."""


def jepsen(
    *faults: Fault, round_duration: float, interval: float = 10.0
) -> list[CommunicationModel]:
    """Returns the faults of a Jepsen test with its defaults.

    Partitions and pauses begin and end at random, each after a mean time of `interval`.

    Args:
        faults: `"slow"` delays by 50 ms with 10 ms of normal jitter; `"flaky"` loses 20 %;
            `"halves"`, `"isolate"`, `"bridge"`, `"majorities_ring"` and `"minority_third"` cut
            the team in these patterns, with other agents each time; `"pause"` stops one agent,
            less than a third, a minority, a majority, all or any number of them, drawn anew for
            each pause, and lets all go on together, which for messages is the same as killing and
            restarting them.
        round_duration: Length of a round in seconds.
        interval: Mean time until a partition or a pause begins, and until it ends, in seconds.

    Returns:
        One model for each fault, to be given as `failure_models`.

    Raises:
        InvalidArgumentError: An unknown fault, a duration outside of [1e-6, 1e6] s or an interval
            outside of [1e-6, 1e9] s.

    Example:
        >>> slow, cut = jepsen("slow", "halves", round_duration=0.05)
        >>> slow.delay, cut.switching.mean_time_to_heal
        (1.0, 200.0)

    Source: Jepsen (jepsen.io), `jepsen.net` and `jepsen.nemesis.combined`.
    """
    seconds = ROUND_DURATION.normalise("round_duration", round_duration)
    rounds = max(INTERVAL.normalise("interval", interval) / seconds, 1.0)
    models: list[CommunicationModel] = []
    for fault in faults:
        Choice(get_args(Fault)).normalise("faults", fault)
        if fault in NETEM:
            models += netem(NETEM[fault], round_duration=seconds)
        elif fault == "pause":
            times: dict[str, Any] = {"mean_time_to_failure": rounds, "mean_time_to_repair": rounds}
            models.append(NodeFailureModel(mode="crash", together=TARGETS, **times))
        else:
            switching = CutAtRandom(mean_time_to_partition=rounds, mean_time_to_heal=rounds)
            pattern = cast("Pattern", fault)
            models.append(PartitionModel(pattern=pattern, shuffle=True, switching=switching))
    return models
