"""How fast the models are: a round of each against filling as many uniform numbers.

    python benchmarks/catalogue.py            # a minute; writes benchmarks/results/catalogue.json
    python benchmarks/catalogue.py --peer     # and the Markov model of failure-api 0.1.7

The exit status is 1 if a promise is broken.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from findings import (
    Finding,
    chain_step,
    channel_step,
    keep_freed_memory,
    median_time,
    record,
)
from peer import measure_in_peer

from failure_api import (
    BandwidthModel,
    DelayBasedModel,
    DistanceModel,
    FourStateModel,
    GilbertElliottModel,
    JammingModel,
    MatrixModel,
    NetemModel,
    NodeFailureModel,
    PartitionModel,
    ProbabilisticModel,
    RandomizedModel,
    RateLimitModel,
    ScheduledModel,
    SharedMediumModel,
    SignalBasedModel,
)
from failure_api.communication_models.delay import (
    EmpiricalDelay,
    GeometricDelay,
    NormalDelay,
    ParetoDelay,
    UniformDelay,
)
from failure_api.communication_models.jamming import BlockReception, MovingJammers
from failure_api.communication_models.partition import CutAtRandom
from failure_api.communication_models.radio import (
    LogDistance,
    LogNormalShadowing,
    Nakagami,
    PacketError,
    Rayleigh,
    Rician,
    TwoRayGround,
)
from failure_api.communication_models.randomized import Uniform
from failure_api.communication_models.shared_medium import TDMA, SlottedAloha, TopK

CUTS = CutAtRandom(mean_time_to_partition=20, mean_time_to_heal=5)
FAMILIES: dict[str, tuple[float, float, dict[str, Any]]] = {
    "loss": (
        4,
        2,
        {
            "ProbabilisticModel": ProbabilisticModel(failure_prob=0.2),
            "GilbertElliottModel": GilbertElliottModel(p=0.05, r=0.25),
            "GilbertElliottModel, all four": GilbertElliottModel(
                p=0.05, r=0.25, loss_good=0.01, loss_bad=0.8
            ),
            "FourStateModel": FourStateModel(p13=0.05, p31=0.2, p32=0.1, p23=0.5, p14=0.01),
        },
    ),
    "topology": (
        4,
        2,
        {
            "PartitionModel, halves": PartitionModel(pattern="halves"),
            "PartitionModel, shuffled": PartitionModel(
                pattern="halves", shuffle=True, switching=CUTS
            ),
            "MatrixModel": None,
            "DistanceModel": DistanceModel(distance_threshold=1.0),
        },
    ),
    "nodes": (
        4,
        2,
        {
            "NodeFailureModel": NodeFailureModel(
                mode="crash", mean_time_to_failure=100, mean_time_to_repair=10
            ),
            "NodeFailureModel, together": NodeFailureModel(
                mode="crash", mean_time_to_failure=100, mean_time_to_repair=10, together="some"
            ),
        },
    ),
    "timing": (
        10,
        5,
        {
            "uniform delay": DelayBasedModel(min_delay=0, max_delay=2),
            "continuous uniform delay": DelayBasedModel(
                max_delay=4, distribution=UniformDelay(low=0, high=4)
            ),
            "normal delay": DelayBasedModel(
                max_delay=8, distribution=NormalDelay(mean=3, standard_deviation=1)
            ),
            "geometric delay": DelayBasedModel(max_delay=20, distribution=GeometricDelay(mean=2)),
            "empirical delay": DelayBasedModel(distribution=EmpiricalDelay(delays=[0, 1, 1, 4])),
            "Pareto delay": DelayBasedModel(
                max_delay=20, distribution=ParetoDelay(shape=2.0, scale=1.0)
            ),
            "uniform delay, first in first out": DelayBasedModel(
                min_delay=0, max_delay=4, delivery="fifo"
            ),
            "NetemModel, loss and jitter": NetemModel(
                loss=ProbabilisticModel(failure_prob=0.02), delay=1, jitter=0.2
            ),
            "NetemModel, a rate that is exceeded": NetemModel(delay=5, transmission=1.25),
        },
    ),
    "capacity": (
        10,
        5,
        {
            "BandwidthModel": BandwidthModel(capacity=0.5),
            "RateLimitModel": RateLimitModel(messages=20, window=10, count="both"),
        },
    ),
    "radio": (
        20,
        10,
        {
            "SignalBasedModel": SignalBasedModel(),
            "SignalBasedModel, shadowing, Rayleigh, packet errors": SignalBasedModel(
                path_loss=LogDistance(exponent=2.5),
                shadowing=LogNormalShadowing(standard_deviation=4.0, decorrelation_distance=20.0),
                fading=Rayleigh(),
                reception=PacketError(modulation="qpsk", message_bits=1000),
            ),
            "SignalBasedModel, two rays, Rician": SignalBasedModel(
                path_loss=TwoRayGround(frequency=2.4e9), fading=Rician(k_factor=3.0)
            ),
            "SignalBasedModel, Nakagami": SignalBasedModel(fading=Nakagami(shape_parameter=1.5)),
        },
    ),
    "medium": (
        4,
        2,
        {
            "slotted ALOHA": SharedMediumModel(protocol=SlottedAloha(transmit_prob=0.01)),
            "TDMA": SharedMediumModel(protocol=TDMA()),
            "top k by age": SharedMediumModel(protocol=TopK(count=4, by="age")),
        },
    ),
    "adversaries": (
        4,
        2,
        {
            "JammingModel, moving": JammingModel(
                jammers=MovingJammers(positions=[[0.0, 0.0]], velocity=[[0.1, 0.1]]),
                effect=BlockReception(radius=0.5),
            )
        },
    ),
    "combinators": (
        4,
        2,
        {
            "ScheduledModel": ScheduledModel(
                model=ProbabilisticModel(failure_prob=0.2), start=10, period=100, ramp=10
            ),
            "RandomizedModel": RandomizedModel(
                model=ProbabilisticModel(failure_prob=0.2),
                parameters={"failure_prob": Uniform(low=0.0, high=0.5)},
            ),
        },
    ),
}


WHOLE_ROUNDS = {
    "ProbabilisticModel": FAMILIES["loss"][2]["ProbabilisticModel"],
    "uniform delay of up to 4 rounds": DelayBasedModel(max_delay=4),
    "BandwidthModel, queues of 3": BandwidthModel(capacity=0.5, queue_length=3),
}


def measure_rounds() -> Iterator[Finding]:
    keep_freed_memory()
    for agents in (100, 1000):
        for family, (must, aim, models) in FAMILIES.items():
            for name, model in models.items():
                chosen = model or MatrixModel(matrix=np.ones((agents, agents)))
                what = f"{family}: {name}, N = {agents}"
                yield compare(what, agents, chain_step(agents, [chosen]), must, aim)
        for name, model in WHOLE_ROUNDS.items():
            what = f"with all its messages: {name}, N = {agents}"
            yield compare(what, agents, channel_step(agents, [model]), 10, 5)


def compare(what: str, agents: int, step: Callable[[], Any], must: float, aim: float) -> Finding:
    """Returns how many times as long a round takes as drawing a number for each link."""
    buffer, generator = np.empty((agents, agents), np.float32), np.random.default_rng(0)
    repeats = 20_000 // agents

    def fill() -> None:
        generator.random(out=buffer, dtype=np.float32)

    # Of several looks at each the least: others may use the same memory meanwhile.
    times = [(median_time(step, repeats), median_time(fill, repeats)) for _ in range(15)]
    ours, theirs = map(min, zip(*times, strict=True))
    return Finding(what, ours / theirs, must=must, aim=aim, unit="times")


def measure_peer() -> Iterator[Finding]:
    step = chain_step(50, [GilbertElliottModel(p=0.1, r=0.1)])
    before = median_time(step, 500)
    theirs = measure_in_peer("markov")
    ours = float(np.mean([before, median_time(step, 500)]))
    yield Finding(
        "the Markov model of failure-api 0.1.7 at N = 50, its time over GilbertElliottModel's",
        theirs / ours,
        least=200,
        unit="times",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", action="store_true", help="also measure failure-api 0.1.7")
    arguments = parser.parse_args()
    record(
        "catalogue",
        [measure_rounds, *([measure_peer] if arguments.peer else [])],
        "mpe2.simple_spread_v3",
    )


if __name__ == "__main__":
    main()
