"""Ray: as many machines as its cluster has."""

from __future__ import annotations

import json
import socket
from collections.abc import Generator
from functools import lru_cache
from typing import Any

from failure_api.errors import InvalidArgumentError
from failure_api.evaluation.engines.jobs import Backlog, Job
from failure_api.evaluation.episode import EpisodeResult, Player
from failure_api.evaluation.plan import Plan
from failure_api.evaluation.reading import specification_from_dict
from failure_api.evaluation.store import PATIENCE_SECONDS
from failure_api.needs import needed

_TASKS_AHEAD = 2
"""Tasks in hand for each processor, so that none waits for the next one."""

_RETRIES = 2
_SECONDS_TO_ANSWER = 10.0


def play_on_ray(
    plan: Plan, backlog: Backlog, workers: int, address: str | None
) -> Generator[EpisodeResult | None, None, None]:
    """Plays what is left of a plan on a Ray cluster.

    A task whose process or machine is lost is done again by Ray; one that is lost again and again
    is divided, and what is left of it fails alone.

    Args:
        plan: The plan.
        backlog: What is left of it.
        workers: Processors of the cluster that is started where no address is given.
        address: Address of the cluster, as `ray.init` takes it; None starts one on this machine,
            or goes on with the one that this process is connected to.

    Yields:
        Each episode, task by task; None while there is none.

    Raises:
        MissingDependencyError: Ray is not installed.
        InvalidArgumentError: No cluster answers at the address.
    """
    ray: Any = needed("ray", "The engine 'ray'", "ray")
    ours = not ray.is_initialized()
    if ours:
        _connect(ray, workers, address)
    try:
        yield from _played(ray, plan, backlog)
    finally:
        if ours:
            ray.shutdown()


def _connect(ray: Any, workers: int, address: str | None) -> None:
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if address is None:
        options |= {"num_cpus": workers, "include_dashboard": False}
    try:
        if address is not None:
            _knock(address)
        ray.init(address=address or "local", **options)
    except (ConnectionError, ValueError, RuntimeError, OSError) as error:
        reason = " ".join(str(error).split())[:200].rstrip(". ")
        if address is None:
            raise InvalidArgumentError(
                f"engine 'ray' must be able to start a cluster on this machine ({reason}): "
                "take the engine 'processes', or start one with `ray start --head`."
            ) from error
        raise InvalidArgumentError(
            f"address must be where a Ray cluster answers ({reason}), but {address!r} was given: "
            "start one with `ray start --head`, or leave the address out."
        ) from error


def _knock(address: str) -> None:
    """Raises an error where nobody listens, which Ray would take minutes to find out."""
    host, _, port = address.rpartition("/")[2].rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=_SECONDS_TO_ANSWER).close()


def _played(ray: Any, plan: Plan, backlog: Backlog) -> Generator[EpisodeResult | None, None, None]:
    text = json.dumps(plan.specification.to_plain())
    task = ray.remote(max_retries=_RETRIES)(play_job)
    processors = max(1, int(ray.cluster_resources().get("CPU", 1)))
    most = _TASKS_AHEAD * processors
    under_way: dict[Any, Job] = {}
    try:
        while len(backlog) or under_way:
            while len(under_way) < most and (job := backlog.take(backlog.share(processors))):
                under_way[task.remote(text, job)] = job
            ready, _ = ray.wait(list(under_way), num_returns=1, timeout=PATIENCE_SECONDS)
            if not ready:
                yield None
                continue
            job = under_way.pop(ready[0])
            try:
                results = ray.get(ready[0])
            except ray.exceptions.RayError as error:
                results = _handed_on(plan, backlog, job, error)
            yield from results
    finally:
        for unfinished in under_way:
            ray.cancel(unfinished, force=True)


def _handed_on(plan: Plan, backlog: Backlog, job: Job, error: Exception) -> list[EpisodeResult]:
    """Returns the failure of a task of one episode; a longer one is divided."""
    if len(job.episodes) == 1:
        text = f"Ray lost the process that played this episode: {error}\n"
        (episode,) = job.episodes
        return [EpisodeResult(job.cell, episode, plan.seed_of(episode), error=text)]
    for episode in job.episodes:
        backlog.put_back(Job(job.cell, (episode,)))
    return []


def play_job(specification: str, job: Job) -> list[EpisodeResult]:
    """Plays the episodes of a job.

    Args:
        specification: What is to be done, as JSON.
        job: What to play.
    """
    player = _player(specification)
    return [player.play(job.cell, episode) for episode in job.episodes]


@lru_cache(maxsize=1)
def _player(specification: str) -> Player:
    return Player(Plan(specification_from_dict(json.loads(specification))))
