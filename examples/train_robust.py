"""Does training for failing links pay? Two ways of training, one budget, the same sweeps.

python examples/train_robust.py             # trains, plays, draws; within an hour on two cores
python examples/train_robust.py --quick     # the same in small, within ten minutes
"""

import argparse
import os
import shlex
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from robust import results

from failure_api import (
    DelayBasedModel,
    MaskSegments,
    ProbabilisticModel,
    RandomizedModel,
    ScheduledModel,
)
from failure_api.communication_models.randomized import OneOf

AGED = MaskSegments(missing="hold", report_age=True)
SHARES = OneOf([0.0, 0.0, 0.0, 0.0, 0.2, 0.4, 0.6, 0.8, 0.9, 1.0])
LOSS = RandomizedModel(
    model=ProbabilisticModel(failure_prob=0.0), parameters={"failure_prob": SHARES}
)
LATE = RandomizedModel(
    model=ScheduledModel(model=DelayBasedModel(min_delay=0, max_delay=8)),
    parameters={"severity": SHARES},
)
WAYS: dict[str, Any] = {"perfect": (MaskSegments(), []), "failing": (AGED, [LOSS, LATE])}
"""How each team is trained: what its agents see, and what befalls their messages."""

COMMON = (
    "--environment mpe2.simple_spread_v3 --set options.N=3 options.max_cycles=25"
    " exchange.missing={missing} exchange.report_age=true"
    " --policy examples.robust.team:{way}"
)
SWEEPS = {
    "loss": "--model probabilistic --grid failure_prob=0:1:0.1",
    "bursts": "--model gilbert_elliott --set r=0.1 --grid p=0,0.025,0.067,0.15,0.4,0.9",
    "delay": "--model delay_based --grid max_delay=0,2,4,8,12,16",
    "range": "--model distance --grid distance_threshold=3,2,1.5,1,0.75,0.5,0.25",
}
CURVES = [("perfect", "zero"), ("perfect", "hold"), ("failing", "hold")]
"""Who plays: how the team was trained, and what it sees where nothing arrives."""

TRAINED = Path(__file__).parent / "robust" / "networks.npz"
"""The networks that this script has trained."""


def trained(way: str, seeds: int, iterations: int) -> dict[str, Any]:
    """Returns the layers of the networks of one way of training, `[seed, ...]` each."""
    import jax
    import jaxmarl
    from jaxmarl_training import train

    from failure_api.integrations.jaxmarl import CommunicationWrapper

    exchange, models = WAYS[way]
    env = CommunicationWrapper(jaxmarl.make("MPE_simple_spread_v3"), models, exchange=exchange)
    keys = jax.random.split(jax.random.PRNGKey(0), seeds)
    params, returns = jax.vmap(lambda key: train(env, iterations, key, environments=256))(keys)
    print(way, "mean return in training", np.asarray(returns)[:, -10:].mean(axis=1).round(2))
    layers = [params["params"][f"Dense_{layer}"] for layer in range(3)]
    return {
        f"{way}_{name}{number}": np.asarray(layer[part])
        for number, layer in enumerate(layers, 1)
        for name, part in (("w", "kernel"), ("b", "bias"))
    }


def train_all(networks: Path, seeds: int, iterations: int) -> None:
    """Trains every team, each way in a process of its own."""
    with ProcessPoolExecutor(len(WAYS), mp_context=get_context("spawn")) as pool:
        jobs = [pool.submit(trained, way, seeds, iterations) for way in WAYS]
        layers = {name: array for job in jobs for name, array in job.result().items()}
    networks.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(networks, **layers)


def command(line: str, networks: Path) -> None:
    """Runs a command of failure-api, and says which."""
    print(f"failure-api {line}", flush=True)
    environment = {**os.environ, "ROBUST_NETWORKS": str(networks.resolve())}
    program = "from failure_api.cli import main; main()"
    subprocess.run([sys.executable, "-c", program, *shlex.split(line)], env=environment, check=True)


def play_all(output: Path, networks: Path, episodes: int) -> None:
    """Sweeps every team over every failure, and compares the two that hold what they heard."""
    for kind, grid in SWEEPS.items():
        for way, missing in CURVES:
            who = COMMON.format(way=way, missing=missing)
            folder = output / kind / f"{way}_{missing}"
            line = f"sweep {who} {grid} --episodes {episodes} --output {folder}"
            command(f"{line} --workers 2 --quiet", networks)
        command(f"compare {output / kind / 'perfect_hold'} {folder}", networks)


def main() -> None:
    """Trains, plays, and says what came out."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="the same in small")
    parser.add_argument("--output", type=Path, default=Path("robust"), help="where sweeps go")
    parser.add_argument("--trained", action="store_true", help="play the networks that are there")
    parser.add_argument("--seeds", type=int, default=5, help="training seeds of each way")
    parser.add_argument("--iterations", type=int, help="iterations of training")
    parser.add_argument("--episodes", type=int, help="episodes of each cell")
    given = parser.parse_args()
    iterations, episodes = (300, 50) if given.quick else (3000, 300)
    networks = TRAINED if given.trained else given.output / "networks.npz"
    if not given.trained:
        train_all(networks, given.seeds, given.iterations or iterations)
    play_all(given.output, networks, given.episodes or episodes)
    found = results.networks(given.output, given.seeds)
    table = results.summary(found)
    found.to_csv(given.output / "networks.csv", index=False)
    table.to_csv(given.output / "summary.csv", index=False)
    results.drawn(found, given.output / "curves.png")
    print(results.written(table))


if __name__ == "__main__":
    main()
