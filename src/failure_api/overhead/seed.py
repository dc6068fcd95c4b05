"""The seed protocol: the measurement of the notebook this project began as, to the letter.

Its step times contain a sleep of 0.1 s, `tracemalloc` watches while the clock runs, and the two
sides are measured one after the other on different actions. Use it to hold numbers against that
notebook's table, and the paired protocol for anything else.
"""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np

from failure_api.needs import needed
from failure_api.overhead.environments import Subject
from failure_api.overhead.result import MEGABYTE, OverheadRow, SideCost

PAUSE_SECONDS = 0.1


def measure_seed(
    subject: Subject,
    episodes: int,
    *,
    pause: float | None = None,
    block_done: Callable[[], None] = lambda: None,
) -> OverheadRow:
    """Measures one environment as the notebook does.

    Args:
        subject: What to measure.
        episodes: Episodes on each side.
        pause: Seconds of sleep inside each timed step; None is the notebook's 0.1.
        block_done: Called after each episode.

    Returns:
        The row for this environment.
    """
    pause = PAUSE_SECONDS if pause is None else pause
    bare_environment = subject.bare()
    bare, steps = _measure_side(bare_environment, episodes, subject.cycles, pause, block_done)
    wrapped, _ = _measure_side(subject.wrapped(), episodes, subject.cycles, pause, block_done)
    return OverheadRow(
        agents=subject.agents or len(bare_environment.possible_agents),
        bare=bare,
        wrapped=wrapped,
        overhead_percent=(wrapped.time_ms - bare.time_ms) / bare.time_ms * 100,
        interval_percent=None,
        steps=steps,
    )


def _measure_side(
    environment: Any, episodes: int, cycles: int, pause: float, block_done: Callable[[], None]
) -> tuple[SideCost, int]:
    psutil = needed("psutil", "The seed protocol")
    times, rates, processor, memory, counts = [], [], [], [], []
    process = psutil.Process()
    tracemalloc.start()
    try:
        counts_before = gc.get_count()
        for _ in range(episodes):
            observations, _ = environment.reset()
            for _ in range(cycles):
                actions = {
                    agent: environment.action_space(agent).sample()
                    for agent in environment.possible_agents
                    if agent in observations
                }
                psutil.cpu_percent(interval=None)
                start = time.perf_counter()
                observations, _, _, _, _ = environment.step(actions)
                time.sleep(pause)
                elapsed = time.perf_counter() - start
                processor.append(psutil.cpu_percent(interval=None))
                times.append(elapsed)
                rates.append(1.0 / elapsed if elapsed > 0 else 0)
                memory.append(process.memory_info().rss / MEGABYTE)
                counts.append(np.subtract(gc.get_count(), counts_before))
                # The notebook's environment never ends early; others do, and cannot be stepped on.
                if not environment.agents:
                    break
            block_done()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    cost = SideCost(
        time_ms=float(np.mean(times)) * 1000,
        time_std_ms=float(np.std(times)) * 1000,
        steps_per_second=float(np.mean(rates)),
        cpu_percent=float(np.mean(processor)),
        memory_mb=float(np.mean(memory)),
        memory_std_mb=float(np.std(memory)),
        memory_peak_mb=peak / MEGABYTE,
        collector_counts=tuple(np.sum(counts, axis=0).tolist()),
    )
    return cost, len(times)
