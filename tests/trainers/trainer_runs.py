"""Environments that trainers are given here, and the same ones played without a trainer."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from mpe2 import simple_spread_v3

from failure_api import (
    CommunicationWrapper,
    CommunicationWrapperParallel,
    DelayBasedModel,
    ProbabilisticModel,
    ScheduledModel,
    ShareObservations,
)

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "examples"
LINKS = (ProbabilisticModel(failure_prob=0.3), DelayBasedModel(min_delay=0, max_delay=2))
CUT = ScheduledModel(model=ProbabilisticModel(failure_prob=1.0))
"""No message arrives, unless severity is lower."""


def at_once(module=simple_spread_v3, models=LINKS, exchange=None, **how):
    """Returns a wrapped Parallel environment, in mpe2 one of short episodes."""
    env = module.parallel_env(**{"max_cycles": 8, **how})
    return CommunicationWrapperParallel(env, models, exchange=exchange)


def in_turns(module=simple_spread_v3, models=LINKS, exchange=None, **how):
    """Returns a wrapped AEC environment, in mpe2 one of short episodes."""
    env = module.env(**{"max_cycles": 8, **how})
    return CommunicationWrapper(env, models, exchange=exchange)


def knights():
    """Returns what makes an environment in which agents die one by one."""
    pytest.importorskip("pygame")
    from pettingzoo.butterfly import knights_archers_zombies_v11

    return {
        "module": knights_archers_zombies_v11,
        "exchange": ShareObservations(form="flat"),
        "spawn_delay": 2,
        "max_zombies": 40,
        "max_cycles": 200,
    }


def run_example(name, home):
    """Runs an example in a process of its own, with a private home, and returns what it prints."""
    run = subprocess.run(
        [sys.executable, EXAMPLES / name],
        cwd=home,
        env={**os.environ, "HOME": str(home), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout
