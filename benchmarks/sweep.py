"""What a sweep costs beside the episodes themselves, and how fast it goes on.

    python benchmarks/sweep.py            # two minutes; writes benchmarks/results/sweep.json

Each line says what was promised and what was found. The exit status is 1 if a promise is broken.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from findings import Finding, record
from scipy import stats

from failure_api.evaluation import read_specification, sweep
from failure_api.evaluation.episode import EpisodeResult
from failure_api.evaluation.identity import check_identity
from failure_api.evaluation.plan import Plan
from failure_api.evaluation.stage import Stage
from failure_api.evaluation.store import opened
from failure_api.evaluation.sweep import run

ENVIRONMENT = "mpe2.simple_spread_v3"
BLOCKS = 12


def specification(episodes: int, **changes: Any) -> dict[str, Any]:
    loss = {"model": "probabilistic", "failure_prob": 0.5}
    plain = {"environment": ENVIRONMENT, "policies": "assignment", "failure_models": loss}
    return plain | {"episodes": episodes} | changes


def plan_of(episodes: int) -> Plan:
    return Plan(read_specification(specification(episodes)))


def play_bare(plan: Plan) -> list[float]:
    """Plays every episode of a plan in the loop that one would write by hand."""
    returns = []
    for cell in plan.cells():
        stage = Stage(plan, cell)
        env, policy = stage.env, stage.policy
        for episode in range(plan.specification.episodes):
            observations, _ = env.reset(seed=plan.seed_of(episode))
            total = 0.0
            while env.agents:
                observations, rewards, _, _, _ = env.step(policy(observations))
                total += sum(rewards.values()) / len(rewards)
            returns.append(total)
        env.close()
    return returns


def play_swept(plan: Plan, engine: str = "serial", workers: int = 1) -> list[float]:
    """Plays the same with the runner, every episode committed."""
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as store:
        check_identity(store, plan)
        run(plan, store, engine, workers, None, lambda progress: None)
        return [row[3] for row in store.episodes()]


def seconds_of(function: Callable[[], Any]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def interval_of(ratios: list[float]) -> tuple[float, float, float]:
    """Returns the median of some ratios and its 95 % bootstrap interval."""
    found = stats.bootstrap(
        (np.array(ratios),), np.median, method="percentile", rng=np.random.default_rng(0)
    ).confidence_interval
    return float(np.median(ratios)), float(found.low), float(found.high)


def measure_runner() -> Iterator[Finding]:
    plan = plan_of(100)
    if not np.allclose(play_bare(plan), play_swept(plan)):
        sys.exit("The runner and the bare loop do not play the same episodes.")
    ratios = []
    for block in range(BLOCKS):
        order = (play_bare, play_swept) if block % 2 else (play_swept, play_bare)
        took = {play: seconds_of(lambda play=play: play(plan)) for play in order}
        ratios.append(took[play_swept] / took[play_bare])
    median, low, high = (100 * (ratio - 1) for ratio in interval_of(ratios))
    yield Finding(
        "runner over a bare loop of the same 200 episodes of simple_spread",
        median,
        low,
        high,
        must=5.0,
    )


def measure_workers() -> Iterator[Finding]:
    """Two processes against one, once the server that starts them is there."""
    plan = plan_of(100)
    play_swept(plan_of(2), "processes", 2)
    ratios = []
    for block in range(BLOCKS):
        order = (1, 2) if block % 2 else (2, 1)
        took = {n: seconds_of(lambda n=n: play_swept(plan, "processes", n)) for n in order}
        ratios.append(took[1] / took[2])
    median, low, high = interval_of(ratios)
    what = "2 processes against 1, 200 episodes of simple_spread"
    yield Finding(what, median, low, high, least=1.8, unit="times")


def measure_resuming() -> Iterator[Finding]:
    """The whole command on a folder of 100,000 finished episodes, which nobody has played."""
    grid = {"model": "probabilistic", "failure_prob": {"grid": "0.01:0.99:0.01"}}
    plain = specification(1000, failure_models=grid, policies="random")
    plan = Plan(read_specification(plain))
    generator = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "out"
        with opened(output) as store:
            check_identity(store, plan)
            for cell in range(plan.size):
                returns = generator.normal(-20.0, 5.0, plan.specification.episodes)
                store.add(
                    EpisodeResult(
                        cell, k, plan.seed_of(k), float(value), 25, 0.5, 1.0, np.zeros(25), 0.01
                    )
                    for k, value in enumerate(returns)
                )
            count, _ = store.counts()
        # Once for the statistics and the files, which are kept.
        sweep(plain, output)
        file = Path(folder) / "spec.yaml"
        file.write_text(
            f"environment: {ENVIRONMENT}\npolicies: random\nepisodes: 1000\nfailure_models:\n"
            '  - {model: probabilistic, failure_prob: {grid: "0.01:0.99:0.01"}}\n'
        )
        command = [sys.executable, "-m", "failure_api", "sweep", str(file), "--output", str(output)]
        times = [seconds_of(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL,
                 stderr=subprocess.DEVNULL)) for _ in range(7)]  # fmt: skip
    median, low, high = interval_of(times)
    what = f"the command on a finished sweep of {count:,} episodes"
    yield Finding(what, median, low, high, must=2.0, unit="s")


def main() -> None:
    record("sweep", [measure_runner, measure_workers, measure_resuming], ENVIRONMENT)


if __name__ == "__main__":
    main()
