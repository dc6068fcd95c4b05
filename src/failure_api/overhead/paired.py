"""The paired protocol: bare and wrapped side by side, on the same actions and seeds.

A block is one episode of each. They take turns at going first, so that neither always finds the
caches as the other left them.
"""

from __future__ import annotations

import cProfile
import gc
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from failure_api.overhead.memory import MemoryUse, measure_memory
from failure_api.overhead.pair import Subject
from failure_api.overhead.result import OverheadRow, SideCost
from failure_api.overhead.statistics import paired_overhead

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
