"""What runs in each process of a pool."""

from __future__ import annotations

import signal
from multiprocessing.connection import Connection

from failure_api.evaluation.engines.backlog import Job
from failure_api.evaluation.episode import Player
from failure_api.evaluation.plan import Plan
from failure_api.evaluation.specification import Specification


def work(connection: Connection, specification: Specification) -> None:
    """Plays the jobs that arrive, and sends each episode as soon as it has ended.

    Args:
        connection: Where jobs come from, and results go to. The first of them is None: ready.
        specification: What is to be done.
    """
    # Ctrl-C reaches every process of a terminal; the one that leads says when it is over.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
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
