"""One call that measures what wrapping costs, for each number of agents."""

from __future__ import annotations

import cProfile
import itertools
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, replace

from failure_api.machine import describe_machine, list_versions
from failure_api.overhead.environments import DEFAULT_ENVIRONMENT, Subject, check_arguments
from failure_api.overhead.paired import EXTRA_BLOCKS, measure_paired
from failure_api.overhead.result import OverheadResult
from failure_api.overhead.seed import measure_seed

Progress = Callable[[int | None, int, int], None]


def measure_overhead(
    environment: str = DEFAULT_ENVIRONMENT,
    agents: Sequence[int] | None = None,
    episodes: int = 20,
    cycles: int = 25,
    failure_prob: float = 0.5,
    api: str = "aec",
    protocol: str = "paired",
    *,
    profiler: cProfile.Profile | None = None,
    progress: Progress | None = None,
    row_done: Callable[[OverheadResult], None] | None = None,
) -> OverheadResult:
    """Measures step time and memory of an environment, bare and wrapped.

    Args:
        environment: Name of the environment, as `make_environment` takes it.
        agents: Values for the environment's option `N`. None takes 3, 10 and 25 for
            simple_spread, and any other environment as it is.
        episodes: Episodes on each side.
        cycles: Steps in an episode.
        failure_prob: Probability that a link fails in a round.
        api: "aec" wraps the AEC environment and converts both sides with `aec_to_parallel`;
            "parallel" wraps the Parallel environment.
        protocol: "paired" takes bare and wrapped in turns, on the same actions and seeds;
            "seed" follows the notebook that this project began as.
        profiler: Collects where the time goes: in episodes of its own under "paired", throughout
            under "seed", as its notebook does.
        progress: Called after each block with the number of agents, the blocks done, and the
            blocks in all.
        row_done: Called with everything found so far, whenever a number of agents is finished.

    Returns:
        One row for each number of agents.

    Raises:
        FailureApiError: An argument is wrong; nothing has been measured then.

    Example:
        >>> result = measure_overhead("mpe2.simple_spread_v3", agents=[2], episodes=2, cycles=3)
        >>> result.rows[0].steps
        6
    """
    counts = check_arguments(environment, agents, episodes, cycles, failure_prob, api, protocol)
    total = len(counts) * (episodes + EXTRA_BLOCKS if protocol == "paired" else 2 * episodes)
    common = Subject(
        environment=environment, agents=None, cycles=cycles, failure_prob=failure_prob, api=api
    )
    known = [count for count in counts if count is not None]
    result = OverheadResult(
        rows=(),
        protocol=protocol,
        arguments=asdict(common) | {"agents": known, "episodes": episodes, "protocol": protocol},
        versions=list_versions(environment),
        machine=describe_machine(),
    )
    blocks = itertools.count(1)
    for count in counts:

        def block_done(count: int | None = count) -> None:
            if progress is not None:
                progress(count, next(blocks), total)

        subject = replace(common, agents=count)
        if protocol == "paired":
            row = measure_paired(subject, episodes, profiler=profiler, block_done=block_done)
        else:
            with profiler or nullcontext():
                row = measure_seed(subject, episodes, block_done=block_done)
        result = replace(result, rows=(*result.rows, row))
        if row_done is not None:
            row_done(result)
    return result
