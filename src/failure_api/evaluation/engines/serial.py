"""One episode after another, in this process."""

from __future__ import annotations

from collections.abc import Generator

from failure_api.evaluation.engines.jobs import Backlog
from failure_api.evaluation.episode import EpisodeResult, Player, globals_preserved
from failure_api.evaluation.plan import Plan


def play_serially(plan: Plan, backlog: Backlog) -> Generator[EpisodeResult | None, None, None]:
    """Plays what is left of a plan.

    Args:
        plan: The plan.
        backlog: What is left of it.

    Yields:
        Each episode as soon as it has ended.
    """
    player = Player(plan)
    with globals_preserved():
        try:
            while job := backlog.take(1):
                yield player.play(job.cell, job.episodes[0])
        finally:
            player.leave()
