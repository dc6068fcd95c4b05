"""A pool of processes that outlives the end of any of them."""

from __future__ import annotations

import multiprocessing
import pickle
import signal
from collections import Counter, deque
from collections.abc import Generator, Iterator
from multiprocessing.connection import Connection, wait
from typing import Any

from failure_api.errors import InvalidArgumentError, reason
from failure_api.evaluation.engines.jobs import Backlog, Job
from failure_api.evaluation.episode import EpisodeResult, Player
from failure_api.evaluation.plan import Plan, Specification
from failure_api.evaluation.store import PATIENCE_SECONDS


def work(connection: Connection, pickled: bytes) -> None:
    """Plays the jobs that arrive, and sends each episode as soon as it has ended.

    Args:
        connection: Where jobs come from, and results go to. The first of them is None: ready.
        pickled: The specification of what is to be done.
    """
    # Ctrl-C reaches every process of a terminal; the one that leads says when it is over.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        specification: Specification = pickle.loads(pickled)
    except Exception as error:
        connection.send(reason(error))
        return
    player = Player(Plan(specification))
    try:
        connection.send(None)
        while True:
            job: Job = connection.recv()
            for episode in job.episodes:
                connection.send(player.play(job.cell, episode))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        # The process that leads is gone, and with it whoever would want the rest.
        return
    finally:
        player.leave()


_JOBS_AHEAD = 2
"""Jobs that a worker has in hand, so that it need not wait for the next one."""

_PRELOADED = ["failure_api.evaluation.engines.processes"]
_MOST_DEATHS = 2
_SECONDS_TO_END = 5.0


def play_in_processes(
    plan: Plan, backlog: Backlog, workers: int
) -> Generator[EpisodeResult | None, None, None]:
    """Plays what is left of a plan in several processes.

    Where a process ends in the middle of an episode, another one takes its place and plays that
    episode once more; where that one ends there, too, the episode counts as failed.

    Args:
        plan: The plan.
        backlog: What is left of it.
        workers: Number of processes.

    Yields:
        Each episode as soon as it has ended; None while there is none.
    """
    pool = _Pool(plan, backlog, workers)
    try:
        while pool.workers:
            ready = wait([worker.connection for worker in pool.workers], PATIENCE_SECONDS)
            if not ready:
                yield None
            for worker in [worker for worker in pool.workers if worker.connection in ready]:
                yield from pool.hear(worker)
    finally:
        for worker in pool.workers:
            worker.end()


class _Pool:
    """The processes at work."""

    def __init__(self, plan: Plan, backlog: Backlog, count: int) -> None:
        self._plan, self._backlog, self._count = plan, backlog, count
        self._deaths: Counter[tuple[int, int]] = Counter()
        self._some_started = False
        self.workers: list[_Worker] = []
        for _ in range(min(count, len(backlog))):
            self._hire()

    def hear(self, worker: _Worker) -> Iterator[EpisodeResult]:
        """Yields what a process has to say."""
        try:
            result = worker.receive()
        except (EOFError, OSError):
            yield from self._bury(worker)
            return
        self._some_started = True
        worker.load(self._backlog, self._count)
        if not worker.jobs:
            self.workers.remove(worker)
            worker.end()
        if result is not None:
            yield result

    def _hire(self) -> None:
        if len(self._backlog):
            worker = _Worker(self._plan)
            self.workers.append(worker)
            worker.load(self._backlog, self._count)

    def _bury(self, worker: _Worker) -> Iterator[EpisodeResult]:
        """Hands on what a process that has ended had in hand."""
        self.workers.remove(worker)
        code = worker.end()
        if not self._some_started:
            raise InvalidArgumentError(
                f"workers must be processes that can start, but the first ended (exit code {code}):"
                " in a script, call sweep under `if __name__ == '__main__':`; or take one worker."
            )
        cell, (episode, *_) = worker.jobs[0]
        self._deaths[cell, episode] += 1
        if self._deaths[cell, episode] >= _MOST_DEATHS:
            worker.strike()
            text = (
                f"The process that played this episode ended twice in its middle (exit code {code})"
                ": nothing more is known of why.\n"
            )
            yield EpisodeResult(cell, episode, self._plan.seed_of(episode), error=text)
        for job in worker.jobs:
            self._backlog.put_back(job)
        self._hire()


class _Worker:
    """A process, and the jobs that it has in hand.

    Attributes:
        connection: Where its results come from.
        jobs: What it has in hand; the first episode of the first job is the one it plays.
    """

    def __init__(self, plan: Plan) -> None:
        # From a server that has imported what processes need, where there can be one.
        can_fork = "forkserver" in multiprocessing.get_all_start_methods()
        context: Any = multiprocessing.get_context("forkserver" if can_fork else "spawn")
        if can_fork:
            context.set_forkserver_preload(_PRELOADED)
        self.connection, theirs = context.Pipe()
        self.jobs: deque[Job] = deque()
        # As bytes, so that the process can say what it does not find.
        arguments = (theirs, pickle.dumps(plan.specification))
        self._process = context.Process(target=work, args=arguments, daemon=True)
        self._process.start()
        # Held open here, it would hide that the process has ended.
        theirs.close()

    def load(self, backlog: Backlog, workers: int) -> None:
        """Gives the process further jobs, as far as there are any."""
        while len(self.jobs) < _JOBS_AHEAD and (job := backlog.take(backlog.share(workers))):
            self.jobs.append(job)
            try:
                self.connection.send(job)
            except OSError:
                # It has ended, which the next look at its connection will show.
                return

    def receive(self) -> EpisodeResult | None:
        """Returns the next result, whose episode leaves the jobs; None from one that is ready."""
        result: EpisodeResult | str | None = self.connection.recv()
        if isinstance(result, str):
            raise InvalidArgumentError(
                f"the specification must name what other processes can find ({result}): put it "
                "into a module, outside of `if __name__ == '__main__'`, or take one worker."
            )
        if result is not None:
            self.strike()
        return result

    def strike(self) -> None:
        """Takes the episode that is played off the jobs."""
        job = self.jobs.popleft()
        if len(job.episodes) > 1:
            self.jobs.appendleft(job._replace(episodes=job.episodes[1:]))

    def end(self) -> Any:
        """Ends the process, and returns its exit code."""
        self.connection.close()
        if self.jobs:
            self._process.terminate()
        self._process.join(_SECONDS_TO_END)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        return self._process.exitcode
