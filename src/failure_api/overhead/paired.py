"""The paired protocol: bare and wrapped side by side, on the same actions and seeds."""

from __future__ import annotations

import cProfile
import gc
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import stats

from failure_api.overhead.environments import Subject
from failure_api.overhead.result import MEGABYTE, OverheadRow, SideCost

# One fixed resampling: the same times always give the same interval.
_RESAMPLING_SEED = 0


def paired_overhead(
    bare: Sequence[Sequence[float]], wrapped: Sequence[Sequence[float]]
) -> tuple[float, tuple[float, float] | None]:
    r"""Compares blocks of step times that were measured next to one another.

    With $b_k$ and $w_k$ the median step times of the bare and the wrapped environment in block
    $k$, the overhead is $100\,(\operatorname{median}_k (w_k / b_k) - 1)$. Both halves of a block
    meet the same state of the machine, so its drift cancels in the ratio; and medians pay no
    heed to the few steps that something else interrupted. The interval comes from drawing the
    blocks again, with percentiles: the usual correction for bias divides by zero where most
    blocks tie.

    Args:
        bare: Seconds of each step, block by block.
        wrapped: The same for the wrapped environment, in the same order.

    Returns:
        The overhead in percent, and its 95 % confidence interval; None for a single block.

    Example:
        >>> overhead, interval = paired_overhead([[2, 2], [4, 4]], [[3, 3], [6, 6]])
        >>> print(overhead, interval)
        50.0 (50.0, 50.0)
    """
    ratios = np.array(
        [np.median(after) / np.median(before) for before, after in zip(bare, wrapped, strict=True)]
    )
    overhead = float(100 * (np.median(ratios) - 1))
    if len(ratios) < 2:
        return overhead, None
    found = stats.bootstrap(
        (ratios,),
        np.median,
        confidence_level=0.95,
        method="percentile",
        random_state=np.random.default_rng(_RESAMPLING_SEED),
    ).confidence_interval
    return overhead, (float(100 * (found.low - 1)), float(100 * (found.high - 1)))


@dataclass(frozen=True, kw_only=True)
class MemoryUse:
    """Mebibytes that Python holds for an environment, over the steps of an episode."""

    mean_mb: float
    std_mb: float
    peak_mb: float


def measure_memory(make: Callable[[], Any], cycles: int) -> MemoryUse:
    """Builds an environment and plays an episode of it under `tracemalloc`.

    Args:
        make: Builds a parallel environment.
        cycles: Steps in the episode.

    Returns:
        What was allocated beyond what there was before.
    """
    was_tracing = tracemalloc.is_tracing()
    gc.collect()
    if not was_tracing:
        tracemalloc.start()
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    held = []
    try:
        environment = make()
        environment.reset(seed=0)
        for _ in range(cycles):
            environment.step(
                {agent: environment.action_space(agent).sample() for agent in environment.agents}
            )
            held.append(tracemalloc.get_traced_memory()[0] - before)
            if not environment.agents:
                break
        _, peak = tracemalloc.get_traced_memory()
        environment.close()
    finally:
        if not was_tracing:
            tracemalloc.stop()
    return MemoryUse(
        mean_mb=float(np.mean(held)) / MEGABYTE,
        std_mb=float(np.std(held)) / MEGABYTE,
        peak_mb=(peak - before) / MEGABYTE,
    )


# Blocks beside the timed ones: the warm-up and the pass that measures memory.
EXTRA_BLOCKS = 2


@dataclass
class Timings:
    """Step times of one side, block by block, and what else was read beside them."""

    blocks: list[list[float]] = field(default_factory=list)
    seconds: float = 0.0
    processor_seconds: float = 0.0
    collector_counts: np.ndarray[Any, Any] = field(default_factory=lambda: np.zeros(3, int))


def measure_paired(
    subject: Subject,
    *,
    episodes: int,
    profiler: cProfile.Profile | None = None,
    block_done: Callable[[], None] = lambda: None,
) -> OverheadRow:
    """Measures one environment under the paired protocol.

    Args:
        subject: What to measure.
        episodes: Blocks that count; one more before them does not.
        profiler: Watches the wrapped environment in episodes of their own, after the timing.
        block_done: Called after each block.

    Returns:
        The row for this environment.
    """
    sides = (subject.bare(), subject.wrapped())
    timings = (Timings(), Timings())
    for block in range(episodes + 1):
        counted = block > 0
        actions = [draw_actions(side, subject.cycles, seed=block) for side in sides]
        for index in (0, 1) if block % 2 else (1, 0):
            into = timings[index] if counted else Timings()
            time_block(sides[index], actions[index], seed=block, into=into)
        block_done()
    if profiler is not None:
        _profile(profiler, sides[1], subject.cycles, episodes)
    agents = len(sides[0].possible_agents) if subject.agents is None else subject.agents
    for side in sides:
        side.close()
    memory = [measure_memory(make, subject.cycles) for make in (subject.bare, subject.wrapped)]
    block_done()
    bare, wrapped = (side.blocks for side in timings)
    overhead, interval = paired_overhead(bare, wrapped)
    return OverheadRow(
        agents=agents,
        bare=_cost(timings[0], memory[0]),
        wrapped=_cost(timings[1], memory[1]),
        overhead_percent=overhead,
        interval_percent=interval,
        steps=sum(map(len, bare)),
    )


def draw_actions(environment: Any, cycles: int, *, seed: int) -> list[dict[str, Any]]:
    """Draws the actions of a whole episode, the same for every environment with these spaces.

    Args:
        environment: A parallel environment.
        cycles: Steps in the episode.
        seed: Fixes the draw.

    Returns:
        For each step, an action for each possible agent.
    """
    spaces = {agent: environment.action_space(agent) for agent in environment.possible_agents}
    for index, space in enumerate(spaces.values()):
        space.seed(seed * len(spaces) + index)
    return [{agent: space.sample() for agent, space in spaces.items()} for _ in range(cycles)]


def time_block(
    environment: Any, actions: list[dict[str, Any]], *, seed: int, into: Timings
) -> None:
    """Plays one episode, timing each step with the garbage collector at rest.

    Args:
        environment: A parallel environment.
        actions: What `draw_actions` returned.
        seed: Seed of the environment's reset.
        into: Receives what was measured.
    """
    times: list[float] = []
    environment.reset(seed=seed)
    gc.collect()
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        counts = gc.get_count()
        began, processor = time.perf_counter(), time.process_time()
        for action in actions:
            chosen = {agent: action[agent] for agent in environment.agents}
            start = time.perf_counter()
            environment.step(chosen)
            times.append(time.perf_counter() - start)
            if not environment.agents:
                break
        into.seconds += time.perf_counter() - began
        into.processor_seconds += time.process_time() - processor
        into.collector_counts += np.subtract(gc.get_count(), counts)
    finally:
        if was_enabled:
            gc.enable()
    into.blocks.append(times)


def _profile(profiler: cProfile.Profile, environment: Any, cycles: int, episodes: int) -> None:
    for block in range(episodes):
        actions = draw_actions(environment, cycles, seed=block)
        profiler.enable()
        try:
            time_block(environment, actions, seed=block, into=Timings())
        finally:
            profiler.disable()


def _cost(timings: Timings, memory: MemoryUse) -> SideCost:
    times = np.concatenate(timings.blocks)
    median = float(np.median(times))
    return SideCost(
        time_ms=1000 * median,
        time_std_ms=1000 * float(np.std(times)),
        steps_per_second=1 / median,
        cpu_percent=100 * timings.processor_seconds / timings.seconds,
        memory_mb=memory.mean_mb,
        memory_std_mb=memory.std_mb,
        memory_peak_mb=memory.peak_mb,
        collector_counts=tuple(int(count) for count in timings.collector_counts),
    )
