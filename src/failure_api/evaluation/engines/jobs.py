"""Jobs: episodes left to play, handed out, and played one after another in this process."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator, Mapping, Set
from typing import NamedTuple

from failure_api.evaluation.episode import EpisodeResult, Player
from failure_api.evaluation.plan import Plan
from failure_api.user_code import globals_preserved

LONGEST_JOB = 25
"""Most episodes of a job: what is lost of the time when a worker ends in its middle."""


class Job(NamedTuple):
    """Episodes of one cell, to be played one after another.

    Attributes:
        cell: The number of the cell.
        episodes: Their numbers.
    """

    cell: int
    episodes: tuple[int, ...]


class Backlog:
    """The episodes that are left to play, cell by cell.

    Args:
        plan: The plan.
        finished: Which episodes are finished, by their cells.

    Example:
        >>> from failure_api.evaluation import read_specification
        >>> plan = Plan(read_specification({
        ...     "environment": "mpe2.simple_spread_v3", "episodes": 4,
        ...     "failure_models": {"model": "probabilistic", "failure_prob": 0.5},
        ... }))
        >>> backlog = Backlog(plan, {0: {1}})
        >>> len(backlog), backlog.take(2), backlog.take(2), len(backlog)
        (7, Job(cell=0, episodes=(0, 2)), Job(cell=0, episodes=(3,)), 4)
    """

    def __init__(self, plan: Plan, finished: Mapping[int, Set[int]]) -> None:
        self._left = plan.episodes - sum(map(len, finished.values()))
        self._begun: deque[Job] = deque()
        self._cells = _jobs(plan, finished)

    def __len__(self) -> int:
        """Returns the number of episodes that have not been handed out."""
        return self._left

    def take(self, most: int) -> Job | None:
        """Returns a job of one cell; None where nothing is left.

        Args:
            most: Most episodes of the job.
        """
        whole = self._begun.popleft() if self._begun else next(self._cells, None)
        if whole is None:
            return None
        if rest := whole.episodes[most:]:
            self._begun.appendleft(Job(whole.cell, rest))
        job = Job(whole.cell, whole.episodes[:most])
        self._left -= len(job.episodes)
        return job

    def put_back(self, job: Job) -> None:
        """Takes back a job that was not done."""
        self._begun.appendleft(job)
        self._left += len(job.episodes)

    def share(self, workers: int) -> int:
        """Returns how many episodes a job should have, so that all workers end at one time."""
        return max(1, min(LONGEST_JOB, self._left // (4 * workers)))


def _jobs(plan: Plan, finished: Mapping[int, Set[int]]) -> Iterator[Job]:
    """Yields for each cell the episodes that are left of it."""
    for cell in range(plan.size):
        done = finished.get(cell, frozenset())
        if left := tuple(k for k in range(plan.specification.episodes) if k not in done):
            yield Job(cell, left)


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
