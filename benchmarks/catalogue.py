"""How fast the models are: a round of each against filling as many uniform numbers.

    python benchmarks/catalogue.py            # a minute; writes benchmarks/results/catalogue.json
    python benchmarks/catalogue.py --peer     # and the Markov model of failure-api 0.1.7

The exit status is 1 if a promise is broken.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

import numpy as np
from findings import Finding, chain_step, median_time, record
from peer import measure_in_peer

from failure_api import (
    BandwidthModel,
    DelayBasedModel,
    DistanceModel,
    FourStateModel,
    GeometricDelay,
    GilbertElliottModel,
    LogDistance,
    LogNormalShadowing,
    MatrixModel,
    Nakagami,
    NodeFailureModel,
    NormalDelay,
    PacketError,
    ParetoDelay,
    PartitionModel,
    ProbabilisticModel,
    Rayleigh,
    SignalBasedModel,
    UniformDelay,
)
from failure_api.communication_models.partitions import CutAtRandom

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
            )
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
            "Pareto delay": DelayBasedModel(
                max_delay=20, distribution=ParetoDelay(shape=2.0, scale=1.0)
            ),
            "uniform delay, first in first out": DelayBasedModel(
                min_delay=0, max_delay=4, delivery="fifo"
            ),
        },
    ),
    "capacity": (10, 5, {"BandwidthModel": BandwidthModel(capacity=0.5)}),
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
            "SignalBasedModel, Nakagami": SignalBasedModel(fading=Nakagami(shape_parameter=1.5)),
        },
    ),
}


def measure_rounds() -> Iterator[Finding]:
    for agents, repeats in ((100, 200), (1000, 10)):
        buffer, generator = np.empty((agents, agents), np.float32), np.random.default_rng(0)

        def fill(buffer: Any = buffer, generator: Any = generator) -> None:
            generator.random(out=buffer, dtype=np.float32)

        for family, (must, aim, models) in FAMILIES.items():
            for what, model in models.items():
                chosen = model or MatrixModel(matrix=np.ones((agents, agents)))
                step = chain_step(agents, [chosen])
                ratios = [median_time(step, repeats) / median_time(fill, repeats) for _ in range(9)]
                yield Finding(
                    f"{family}: {what}, N = {agents}",
                    float(np.median(ratios)),
                    must=must,
                    aim=aim,
                    unit="times",
                )


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
