"""The paired protocol: bare and wrapped side by side, on the same actions and seeds."""

from __future__ import annotations

import cProfile
import gc
import time
import tracemalloc
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
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
    pairs = zip(bare, wrapped, strict=True)
    ratios = np.array([np.median(after) / np.median(before) for before, after in pairs])
    overhead = float(100 * (np.median(ratios) - 1))
    if len(ratios) < 2:
        return overhead, None
    random = np.random.default_rng(_RESAMPLING_SEED)
    found = stats.bootstrap((ratios,), np.median, method="percentile", random_state=random)
    low, high = (float(100 * (end - 1)) for end in found.confidence_interval)
    return overhead, (low, high)


def measure_memory(make: Callable[[], Any], cycles: int) -> dict[str, float]:
    """Builds an environment and plays an episode of it under `tracemalloc`.

    Args:
        make: Builds a parallel environment.
        cycles: Steps in the episode.

    Returns:
        What was allocated beyond what there was before: mebibytes by the names that `SideCost`
        gives them.
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
    return {
        "memory_mb": float(np.mean(held)) / MEGABYTE,
        "memory_std_mb": float(np.std(held)) / MEGABYTE,
        "memory_peak_mb": (peak - before) / MEGABYTE,
    }


# Blocks beside the timed ones: the warm-up and the pass that measures memory.
EXTRA_BLOCKS = 2


class Block(NamedTuple):
    """One episode of one side: the seconds of each step, and what else was read beside them."""

    times: list[float]
    seconds: float
    processor_seconds: float
    collector_counts: NDArray[np.int64]


def measure_paired(
    subject: Subject,
    episodes: int,
    *,
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
    blocks: tuple[list[Block], list[Block]] = ([], [])
    for seed in range(episodes + 1):
        actions = [draw_actions(side, subject.cycles, seed=seed) for side in sides]
        for index in (0, 1) if seed % 2 else (1, 0):
            blocks[index].append(time_block(sides[index], actions[index], seed=seed))
        block_done()
    # The first block only warms up.
    bare, wrapped = (side[1:] for side in blocks)
    if profiler is not None:
        for seed in range(episodes):
            chosen = draw_actions(sides[1], subject.cycles, seed=seed)
            with profiler:
                time_block(sides[1], chosen, seed=seed)
    agents = subject.agents or len(sides[0].possible_agents)
    for side in sides:
        side.close()
    memory = [measure_memory(make, subject.cycles) for make in (subject.bare, subject.wrapped)]
    block_done()
    overhead, interval = paired_overhead(
        [block.times for block in bare], [block.times for block in wrapped]
    )
    return OverheadRow(
        agents=agents,
        bare=_cost(bare, memory[0]),
        wrapped=_cost(wrapped, memory[1]),
        overhead_percent=overhead,
        interval_percent=interval,
        steps=sum(len(block.times) for block in bare),
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


def time_block(environment: Any, actions: list[dict[str, Any]], *, seed: int) -> Block:
    """Plays one episode, timing each step with the garbage collector at rest.

    Args:
        environment: A parallel environment.
        actions: What `draw_actions` returned.
        seed: Seed of the environment's reset.

    Returns:
        What was measured.
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
        seconds, processor_seconds = time.perf_counter() - began, time.process_time() - processor
        return Block(times, seconds, processor_seconds, np.subtract(gc.get_count(), counts))
    finally:
        if was_enabled:
            gc.enable()


def _cost(blocks: Sequence[Block], memory: dict[str, float]) -> SideCost:
    times = np.concatenate([block.times for block in blocks])
    median = float(np.median(times))
    processor_seconds = sum(block.processor_seconds for block in blocks)
    return SideCost(
        time_ms=1000 * median,
        time_std_ms=1000 * float(np.std(times)),
        steps_per_second=1 / median,
        cpu_percent=100 * processor_seconds / sum(block.seconds for block in blocks),
        collector_counts=tuple(np.sum([block.collector_counts for block in blocks], 0).tolist()),
        **memory,
    )
