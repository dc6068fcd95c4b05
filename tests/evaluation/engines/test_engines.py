"""Every engine gives the same results, and none loses an episode with a process."""

from __future__ import annotations

import os
import sys

import numpy as np
import pytest

from failure_api.errors import InvalidArgumentError
from failure_api.evaluation import read_specification
from failure_api.evaluation.engines import check_engine, results_of
from failure_api.evaluation.engines.jobs import Backlog
from failure_api.evaluation.plan import Plan
from helpers import assert_one_sentence

DEADLY = """
import os, signal
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent

class Policy:
    def __init__(self, env):
        self.env = env

    def reset(self, seed):
        self.random = np.random.default_rng(seed)
        order = HERE / f"die_at_{seed}"
        if order.exists():
            if order.read_text() == "once":
                order.unlink()
            os.kill(os.getpid(), signal.SIGKILL)

    def __call__(self, observations):
        return {agent: int(self.random.integers(5)) for agent in observations}
"""


def plan_of(policy="random", episodes=6):
    return Plan(
        read_specification(
            {
                "environment": "mpe2.simple_spread_v3",
                "options": {"max_cycles": 5},
                "policies": policy,
                "failure_models": {"model": "probabilistic", "failure_prob": {"grid": [0.3, 0.6]}},
                "episodes": episodes,
            }
        )
    )


def played(engine, plan, workers=2):
    results = kept(results_of(engine, plan, Backlog(plan, {}), workers, None))
    by_number = {(result.cell, result.episode): result for result in results}
    assert len(by_number) == len(results) == plan.episodes
    return by_number


def kept(results):
    return [result for result in results if result is not None]


def content(result):
    """Returns all but how long it took."""
    plain = result._asdict() | {"rewards": result.rewards.tobytes(), "seconds": None}
    return {key: repr(value) for key, value in plain.items()}


def assert_same(one, other):
    assert one.keys() == other.keys()
    for key, result in one.items():
        assert content(result) == content(other[key])


@pytest.fixture
def deadly(tmp_path, monkeypatch):
    """Makes a policy that kills its process where a file beside it says so."""
    (tmp_path / "deadly.py").write_text(DEADLY)
    monkeypatch.syspath_prepend(tmp_path)
    paths = [str(tmp_path), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
    yield tmp_path
    sys.modules.pop("deadly", None)


def test_processes_give_what_one_process_gives():
    assert_same(played("serial", plan_of(), 1), played("processes", plan_of(), 2))


def test_more_workers_than_episodes_are_no_harm():
    plan = plan_of(episodes=1)
    assert_same(played("serial", plan, 1), played("processes", plan, 7))


def test_the_work_of_a_killed_process_is_done_by_another(deadly):
    plan = plan_of("deadly:Policy")
    undisturbed = played("serial", plan, 1)
    order = deadly / f"die_at_{plan.seed_of(3)}"
    order.write_text("once")
    assert_same(undisturbed, played("processes", plan))
    assert not order.exists()


def test_an_episode_that_always_kills_its_process_fails_alone(deadly):
    plan = plan_of("deadly:Policy")
    undisturbed = played("serial", plan, 1)
    (deadly / f"die_at_{plan.seed_of(3)}").write_text("always")
    found = played("processes", plan)
    lost = {key for key, result in found.items() if result.error}
    assert lost == {(cell, 3) for cell in range(plan.size)}
    assert all("exit code -9" in str(found[key].error) for key in lost)
    kept = {key: result for key, result in found.items() if key not in lost}
    assert_same({key: undisturbed[key] for key in kept}, kept)


def test_what_is_finished_is_not_played():
    plan = plan_of()
    backlog = Backlog(plan, {0: {0, 1, 2, 3, 4, 5}, 1: {2}})
    assert len(backlog) == 11
    results = kept(results_of("processes", plan, backlog, 2, None))
    found = {(result.cell, result.episode) for result in results}
    assert found == {(cell, k) for cell in (1, 2) for k in range(6)} - {(1, 2)}


def test_stopping_early_ends_the_processes():
    results = results_of(
        "processes", plan_of(episodes=500), Backlog(plan_of(episodes=500), {}), 2, None
    )
    next(results)
    results.close()
    import multiprocessing

    assert not multiprocessing.active_children()


def test_global_random_numbers_are_left_alone():
    np.random.seed(3)  # noqa: NPY002
    expected = np.random.random()  # noqa: NPY002
    np.random.seed(3)  # noqa: NPY002
    played("serial", plan_of(episodes=2), 1)
    assert np.random.random() == expected  # noqa: NPY002


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((None, 0, None), "workers"),
        ((None, 1.5, None), "workers"),
        ((None, True, None), "workers"),
        (("serial", 2, None), "workers"),
        (("threads", 1, None), "engine"),
        (("processes", 2, "auto"), "address"),
    ],
)
def test_wrong_choices_are_refused(arguments, word):
    with pytest.raises(InvalidArgumentError) as refusal:
        check_engine(*arguments)
    assert_one_sentence(refusal.value, word)


@pytest.mark.parametrize(
    ("arguments", "engine"),
    [
        ((None, 1, None), "serial"),
        ((None, 2, None), "processes"),
        ((None, 1, "auto"), "ray"),
        (("processes", 1, None), "processes"),
    ],
)
def test_the_engine_follows_from_the_workers(arguments, engine):
    assert check_engine(*arguments) == engine
