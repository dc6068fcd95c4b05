"""Engines that play the episodes: this process, several processes, or a Ray cluster.

Every engine gives the same results, bit for bit: an episode depends on the specification and on
its number alone.
"""

from __future__ import annotations

from collections.abc import Generator

from failure_api.errors import invalid
from failure_api.evaluation.engines.jobs import Backlog, play_serially
from failure_api.evaluation.engines.processes import play_in_processes
from failure_api.evaluation.engines.ray_tasks import play_on_ray
from failure_api.evaluation.episode import EpisodeResult
from failure_api.evaluation.plan import Plan

ENGINES = ("serial", "processes", "ray")


def check_engine(engine: str | None, workers: int, address: str | None) -> str:
    """Returns which engine is meant, or raises what is wrong with the choice.

    Args:
        engine: One of `ENGINES`; None takes "serial" for one worker, "processes" for more.
        workers: Number of processes.
        address: Address of a Ray cluster.

    Raises:
        InvalidArgumentError: No such engine, a number of workers that it cannot have, or an
            address for an engine that has none.

    Example:
        >>> check_engine(None, 2, None)
        'processes'
    """
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
        raise invalid("workers", "must be a whole number of at least 1", workers, "give 1 or more")
    if engine is None:
        engine = "ray" if address else "serial" if workers == 1 else "processes"
    if engine not in ENGINES:
        listed = " or ".join(map(repr, ENGINES))
        raise invalid("engine", f"must be {listed}", engine, "choose one of them")
    if engine == "serial" and workers > 1:
        remedy = "leave workers out, or take the engine 'processes'"
        raise invalid("workers", "must be 1 for the engine 'serial'", workers, remedy)
    if address is not None and engine != "ray":
        remedy = "take the engine 'ray', or leave the address out"
        raise invalid("address", "must be left out without the engine 'ray'", address, remedy)
    return engine


def results_of(
    engine: str, plan: Plan, backlog: Backlog, workers: int, address: str | None
) -> Generator[EpisodeResult | None, None, None]:
    """Plays what is left of a plan; arguments as `check_engine` takes and returns them.

    Yields:
        Each episode as soon as it has ended; None from time to time while none does.
    """
    if engine == "serial":
        return play_serially(plan, backlog)
    if engine == "processes":
        return play_in_processes(plan, backlog, workers)
    return play_on_ray(plan, backlog, workers, address)
