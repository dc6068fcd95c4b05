"""How fast: every speed that this project promises, measured as ratios within one run.

    python benchmarks/speed.py            # a few minutes; writes benchmarks/results/speed.json
    python benchmarks/speed.py --peer     # and failure-api 0.1.7, in an environment of its own

Each line says what was promised and what was found. The exit status is 1 if a promise is broken.
"""

from __future__ import annotations

import argparse
import tracemalloc
from collections.abc import Iterator
from typing import Any

import numpy as np
from findings import Finding, chain_step, median_time, record
from interleave import compare
from mpe2 import simple_spread_v3
from peer import measure_in_peer
from pettingzoo.utils.conversions import aec_to_parallel

from failure_api import (
    CommunicationWrapper,
    CommunicationWrapperParallel,
    DelayBasedModel,
    DistanceModel,
    MatrixModel,
    ProbabilisticModel,
    ShareObservations,
)

CYCLES = 25
BLOCKS = {3: 200, 10: 60, 25: 24}


def bare_aec(agents: int) -> Any:
    return aec_to_parallel(simple_spread_v3.env(N=agents, max_cycles=CYCLES))


def wrapped_aec(agents: int, models: int = 1, **options: Any) -> Any:
    env = simple_spread_v3.env(N=agents, max_cycles=CYCLES)
    chain = [ProbabilisticModel(agent_ids=env.possible_agents, failure_prob=0.5)] * models
    return aec_to_parallel(CommunicationWrapper(env, chain, **options))


def bare_parallel(agents: int) -> Any:
    return simple_spread_v3.parallel_env(N=agents, max_cycles=CYCLES)


def wrapped_parallel(agents: int) -> Any:
    env = simple_spread_v3.parallel_env(N=agents, max_cycles=CYCLES)
    return CommunicationWrapperParallel(env, ProbabilisticModel(failure_prob=0.5))


def measure_wrappers() -> Iterator[Finding]:
    promises = {
        "AEC, default exchange": (bare_aec, wrapped_aec, (-12, -12, -12), (-20, -20, -20)),
        "AEC, ShareObservations dict": (
            bare_aec,
            lambda agents: wrapped_aec(agents, exchange=ShareObservations(form="dict")),
            (-8, -8, -8),
            (-18, -18, -18),
        ),
        "Parallel, default exchange": (bare_parallel, wrapped_parallel, (8, 3, 1.5), (0, 0, 0)),
    }
    for what, (bare, wrapped, musts, aims) in promises.items():
        for (agents, blocks), must, aim in zip(BLOCKS.items(), musts, aims, strict=True):
            overhead, interval = compare(bare(agents), wrapped(agents), CYCLES, blocks)
            yield Finding(f"{what}, N = {agents}, overhead", overhead, *interval, must, aim)


def measure_further_model() -> Iterator[Finding]:
    """Adds one, two and three models; the slope is what each costs."""
    steps = {
        models: compare(wrapped_aec(3), wrapped_aec(3, models), CYCLES, BLOCKS[3])
        for models in (2, 4)
    }
    for models, (overhead, (low, high)) in steps.items():
        share = 1 / (models - 1)
        yield Finding(
            f"each further model, measured with {models}, AEC, N = 3, added to the step",
            *(share * value for value in (overhead, low, high)),
            must=8,
            aim=3,
        )


def four_models(agents: int) -> list[Any]:
    return [
        ProbabilisticModel(failure_prob=0.5),
        MatrixModel(matrix=np.ones((agents, agents))),
        DistanceModel(distance_threshold=1.0),
        DelayBasedModel(min_delay=0, max_delay=2, message_drop_probability=0.1),
    ]


def measure_links() -> Iterator[Finding]:
    buffer, generator = np.empty((1000, 1000), np.float32), np.random.default_rng(0)
    round_of_links = chain_step(1000, [ProbabilisticModel(failure_prob=0.5)])
    ratios = [
        median_time(round_of_links, 10)
        / median_time(lambda: generator.random(out=buffer, dtype=np.float32), 10)
        for _ in range(15)
    ]
    yield Finding(
        "one round of ProbabilisticModel links at N = 1000 against filling as many uniforms",
        float(np.median(ratios)),
        must=2.5,
        aim=1.3,
        unit="times",
    )
    large, small = chain_step(1000, four_models(1000)), chain_step(100, four_models(100))
    ratios = [median_time(large, 8) / 100 / median_time(small, 80) for _ in range(9)]
    yield Finding(
        "chain of all four models, time per link at N = 1000 against N = 100",
        float(np.median(ratios)),
        must=2.0,
        aim=1.2,
        unit="times",
    )


def measure_memory() -> Iterator[Finding]:
    held = []
    for make in (bare_aec, wrapped_aec):
        tracemalloc.start()
        env = make(25)
        env.reset(seed=0)
        for _ in range(CYCLES - 1):
            env.step(dict.fromkeys(env.agents, 0))
        held.append(tracemalloc.get_traced_memory()[0] / 2**20)
        tracemalloc.stop()
    yield Finding(
        "memory of a wrapped N = 25 environment over the bare one",
        held[1] - held[0],
        must=2.0,
        unit="MB",
    )
    yield Finding("100,000 rounds, memory gained", memory_gained(100_000), must=0.1, unit="MB")


def memory_gained(rounds: int) -> float:
    """Returns what 100,000 rounds leave behind, with everything that keeps a history in use."""
    env = CommunicationWrapperParallel(
        simple_spread_v3.parallel_env(N=3, max_cycles=10**9),
        [ProbabilisticModel(failure_prob=0.5), DelayBasedModel(min_delay=0, max_delay=3)],
        exchange=ShareObservations(form="flat", missing="hold"),
    )
    env.reset(seed=0)
    actions = dict.fromkeys(env.agents, 0)
    for _ in range(1000):
        env.step(actions)
    tracemalloc.start()
    for _ in range(1000):
        env.step(actions)
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(rounds):
        env.step(actions)
    gained = (tracemalloc.get_traced_memory()[0] - before) / 2**20
    tracemalloc.stop()
    return gained


def measure_peer() -> Iterator[Finding]:
    for agents, (overhead, interval) in measure_in_peer("overhead").items():
        yield Finding(f"failure-api 0.1.7, AEC, N = {agents}, overhead", overhead, *interval)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", action="store_true", help="also measure failure-api 0.1.7")
    arguments = parser.parse_args()
    parts = [measure_wrappers, measure_further_model, measure_links, measure_memory]
    parts += [measure_peer] if arguments.peer else []
    record("speed", parts, "mpe2.simple_spread_v3")


if __name__ == "__main__":
    main()
