"""Plays what is left of a sweep and keeps it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from typing import NamedTuple

from failure_api.evaluation.engines import results_of
from failure_api.evaluation.engines.jobs import Backlog
from failure_api.evaluation.episode import EpisodeResult
from failure_api.evaluation.plan import Plan
from failure_api.evaluation.results import reason_of
from failure_api.evaluation.store import Keeper, Store


class Progress(NamedTuple):
    """How far a sweep has come.

    Attributes:
        total: Episodes in all.
        done: Episodes that have been committed, earlier ones included.
        failed: How many of those failed.
        played: Episodes played since the sweep was started or resumed.
        seconds: How long that has taken.
        last_error: What went wrong in the last episode; None where nothing did.
    """

    total: int
    done: int
    failed: int
    played: int
    seconds: float
    last_error: str | None = None

    @property
    def rate(self) -> float:
        """Episodes a second, or 0 before the first."""
        return self.played / self.seconds if self.seconds else 0.0


def run(
    plan: Plan,
    store: Store,
    engine: str,
    workers: int,
    address: str | None,
    report: Callable[[Progress], None],
) -> None:
    """Plays every episode of a plan that the store does not hold.

    Args:
        plan: The plan.
        store: Where finished episodes are, and go to.
        engine: Who plays, as `check_engine` returns it.
        workers: Number of processes.
        address: Address of a Ray cluster.
        report: Told of each episode, after it has been committed.

    Raises:
        sqlite3.Error: An episode could not be committed.
    """
    done, failures = store.counts()
    backlog = Backlog(plan, store.finished())
    progress = Progress(plan.episodes, done, failures, 0, 0.0)
    report(progress)
    began = time.perf_counter()
    keeper = Keeper(store)

    def tell(committed: list[EpisodeResult]) -> None:
        nonlocal progress
        for result in committed:
            error = reason_of(result.error) if result.error else None
            progress = progress._replace(
                done=progress.done + 1,
                failed=progress.failed + (error is not None),
                played=progress.played + 1,
                seconds=time.perf_counter() - began,
                last_error=error,
            )
            report(progress)

    with closing(results_of(engine, plan, backlog, workers, address)) as results:
        try:
            for result in results:
                tell(keeper.keep(result))
        finally:
            # Whatever interrupts, what has ended is kept.
            committed = keeper.commit()
    tell(committed)
