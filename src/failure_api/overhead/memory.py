"""What Python allocates for an environment and its running, watched apart from any timing."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from failure_api.overhead.result import MEGABYTE


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
