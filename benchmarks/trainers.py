"""What failing links cost a trainer: a step of simple_spread with three agents, wrapped over bare.

    python benchmarks/trainers.py         # writes into benchmarks/results/trainers.json

Trainers that are not installed are left out, and what another interpreter has found of them before
stays in the file. Each line says what was promised and what was found. The exit status is 1 if a
promise is broken.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from findings import RESULTS, Finding
from interleave import compare
from trainer_steps import Step, at_once

from failure_api.machine import describe_machine, list_versions, version_of

FILE = RESULTS / "trainers.json"
EPISODE, EPISODES, BLOCKS = 25, 4, 20
MOST, LEAST = 1.10, 0.90


class Played:
    """An environment, to those that time one, whose every step is an episode of a trainer's."""

    possible_agents = ()

    def __init__(self, step: Step) -> None:
        self._step = step

    def reset(self, seed: int) -> None:
        """Goes on with the episodes: trainers begin them by themselves."""

    def step(self, actions: Any) -> None:
        """Plays an episode, and what begins the next one."""
        for _ in range(EPISODE):
            self._step()


def compared(make: Callable[[bool], Step]) -> tuple[float, float, float]:
    """Returns the time of a wrapped step over that of a bare one, and its 95 % interval."""
    bare, wrapped = Played(make(False)), Played(make(True))
    longer, interval = compare(bare, wrapped, EPISODES, BLOCKS)
    low, high = (1 + end / 100 for end in interval)
    return 1 + longer / 100, low, high


def two_processes(make: Callable[[Any], Any]) -> Callable[[bool], Step]:
    def steps(wrapped: bool) -> Step:
        vec_env = make(at_once(wrapped))
        vec_env.reset()
        actions = np.zeros(vec_env.num_envs, dtype=int)
        return lambda: vec_env.step(actions)

    return steps


def supersuit_alone(env: Any) -> Any:
    from supersuit import concat_vec_envs_v1, pettingzoo_env_to_vec_env_v1

    env = pettingzoo_env_to_vec_env_v1(env)
    return concat_vec_envs_v1(env, 4, num_cpus=2, base_class="stable_baselines3")


def rows_here(env: Any) -> Any:
    from failure_api.integrations.stable_baselines3 import make_vec_env

    return make_vec_env(env, num_envs=4, processes=2)


SPEEDS = {
    "SuperSuit, four copies in two processes": supersuit_alone,
    "make_vec_env, four copies in two processes": rows_here,
}


def measure_speeds() -> Iterator[Finding]:
    """Steps per second of vector environments, as a share of the bare one's."""
    for what, make in SPEEDS.items():
        median, low, high = compared(two_processes(make))
        ends = 1 / high, 1 / low
        yield Finding(f"{what}: speed", 1 / median, *ends, unit="times", least=LEAST)


def measure_steps(module: Any) -> Iterator[Finding]:
    """Time of a step of each trainer of a module that is installed."""
    for what, make in module.STEPS.items():
        try:
            median, low, high = compared(make)
        except ImportError as error:
            print(f"{what}: left out, because {error.name} is not installed")
            continue
        yield Finding(f"{what}: time of a step", median, low, high, MOST, unit="times")


def measure() -> Iterator[tuple[Finding, tuple[str, ...]]]:
    """Yields what is found, each with the packages that took part."""
    try:
        for finding in measure_speeds():
            yield finding, ("supersuit", "stable_baselines3")
    except ImportError as error:
        print(f"vector environments: left out, because {error.name} is not installed")
    for path in sorted(Path(__file__).parent.glob("trainer_steps*.py")):
        module = import_module(path.stem)
        for finding in measure_steps(module):
            yield finding, module.PACKAGES


def main() -> None:
    known = json.loads(FILE.read_text()) if FILE.exists() else {"findings": [], "versions": {}}
    findings = {finding["what"]: finding for finding in known["findings"]}
    kept = True
    for finding, packages in measure():
        print(finding.line(), flush=True)
        kept &= finding.kept
        findings[finding.what] = asdict(finding)
        versions = {each: version_of(each) for each in packages}
        installed = {each: found for each, found in versions.items() if found != "unknown"}
        known["versions"][finding.what] = list_versions("mpe2.simple_spread_v3") | installed
    document = {
        "findings": [findings[what] for what in sorted(findings)],
        "versions": {what: known["versions"][what] for what in sorted(findings)},
        "machine": describe_machine(),
    }
    RESULTS.mkdir(exist_ok=True)
    FILE.write_text(json.dumps(document, indent=2) + "\n")
    sys.exit(not kept)


if __name__ == "__main__":
    main()
