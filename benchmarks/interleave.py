"""Times two environments block by block on the same actions and seeds; NumPy and SciPy alone.

The peer's environment has no other part of this project, so nothing of it is imported here.
"""

from __future__ import annotations

import gc
import time
from typing import Any

import numpy as np
from scipy import stats


def compare(bare: Any, wrapped: Any, cycles: int, blocks: int) -> tuple[float, tuple[float, float]]:
    """Returns how much longer a step of the second environment takes, in percent.

    Args:
        bare: A Parallel environment.
        wrapped: Another one that takes the same actions.
        cycles: Steps in a block.
        blocks: Blocks that count; two more before them do not.

    Returns:
        The median of the blocks' ratios of median step times, and its 95 % bootstrap interval.
    """
    ratios = []
    for block in range(blocks + 2):
        actions = draw(bare, cycles, block)
        order = (bare, wrapped) if block % 2 else (wrapped, bare)
        took = {id(env): time_block(env, actions, block) for env in order}
        ratios.append(took[id(wrapped)] / took[id(bare)])
    counted = np.array(ratios[2:])
    interval = stats.bootstrap(
        (counted,), np.median, method="percentile", rng=np.random.default_rng(0)
    ).confidence_interval
    low, high = (100 * (float(end) - 1) for end in interval)
    return 100 * (float(np.median(counted)) - 1), (low, high)


def draw(env: Any, cycles: int, seed: int) -> list[dict[Any, Any]]:
    """Returns the actions of a block."""
    spaces = {agent: env.action_space(agent) for agent in env.possible_agents}
    for number, space in enumerate(spaces.values()):
        space.seed(seed * len(spaces) + number)
    return [{agent: space.sample() for agent, space in spaces.items()} for _ in range(cycles)]


def time_block(env: Any, actions: list[dict[Any, Any]], seed: int) -> float:
    """Returns the median step time of one episode, with the garbage collector at rest."""
    env.reset(seed=seed)
    gc.collect()
    gc.disable()
    try:
        times = []
        for action in actions:
            start = time.perf_counter()
            env.step(action)
            times.append(time.perf_counter() - start)
    finally:
        gc.enable()
    return float(np.median(times))
