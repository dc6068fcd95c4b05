"""BenchMARL trains on wrapped environments, and sees in them what one sees without it."""

from __future__ import annotations

import doctest
import importlib
import pickle
import re
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mpe2 import simple_speaker_listener_v4
from trainer_play import agents_as_rows, seen_alone
from trainer_runs import CUT, at_once, in_turns, knights, run_example

from failure_api import ShareObservations
from failure_api.errors import InvalidArgumentError, WrongEnvironmentError
from helpers import assert_one_sentence

pytest.importorskip("benchmarl")
import torch
from benchmarl.algorithms import MappoConfig
from benchmarl.environments import PettingZooTask
from benchmarl.experiment import Callback, Experiment, ExperimentConfig
from benchmarl.models.mlp import MlpConfig
from torchrl.envs import ParallelEnv, SerialEnv

from failure_api.integrations import benchmarl as adapter
from failure_api.integrations.benchmarl import CommunicationTask

pytestmark = [
    pytest.mark.trainers,
    pytest.mark.filterwarnings("ignore:PettingZoo in TorchRL is tested using version"),
]
FLAT = ShareObservations(form="flat")
PAGE = Path(__file__).resolve().parent.parent.parent / "docs/vmas.md"


class Batches(Callback):
    """Keeps what is collected and what evaluations see."""

    def __init__(self):
        super().__init__()
        self.collected: list[Any] = []
        self.evaluated: list[Any] = []

    def on_batch_collected(self, batch):
        self.collected.append(batch.clone())

    def on_evaluation_end(self, rollouts):
        self.evaluated.append(rollouts)


def experiment_of(task, folder, *callbacks, **settings):
    """Returns a small experiment of two iterations with PPO."""
    config = ExperimentConfig.get_from_yaml()
    given = {
        "max_n_frames": None,
        "max_n_iters": 2,
        "on_policy_collected_frames_per_batch": 100,
        "on_policy_n_envs_per_worker": 2,
        "on_policy_minibatch_size": 50,
        "on_policy_n_minibatch_iters": 1,
        "evaluation": False,
        "render": False,
        "loggers": [],
        "save_folder": str(folder),
        **settings,
    }
    for name, value in given.items():
        assert hasattr(config, name)
        setattr(config, name, value)
    return Experiment(
        task=task,
        algorithm_config=MappoConfig.get_from_yaml(),
        model_config=MlpConfig.get_from_yaml(),
        critic_model_config=MlpConfig.get_from_yaml(),
        seed=3,
        config=config,
        callbacks=[*callbacks],
    )


def train(experiment):
    """Trains, and raises unless the networks of all groups have changed."""
    policies = experiment.group_policies.values()
    parameters = [each for policy in policies for each in policy.parameters()]
    before = [each.detach().clone() for each in parameters]
    experiment.run()
    assert all(torch.isfinite(each).all() for each in parameters)
    assert not any(torch.equal(*pair) for pair in zip(before, parameters, strict=True))


@pytest.mark.parametrize("exchange", [None, FLAT, ShareObservations()], ids=str)
def test_mappo_trains(exchange, tmp_path):
    task = CommunicationTask(partial(at_once, exchange=exchange), max_steps=8)
    train(experiment_of(task, tmp_path))


def listeners(exchange):
    return at_once(simple_speaker_listener_v4, exchange=exchange)


@pytest.mark.parametrize("exchange", [None, FLAT], ids=str)
def test_mappo_trains_where_agents_observe_other_spaces(exchange, tmp_path):
    task = CommunicationTask(partial(listeners, exchange), max_steps=8)
    train(experiment_of(task, tmp_path))


RESETS: list[list[int | None]] = []
"""The seeds of all resets, environment by environment."""


def recorded():
    """Returns an environment whose resets are written down."""
    env, resets = at_once(), []
    reset = env.reset

    def recording(seed=None, options=None):
        resets.append(seed)
        return reset(seed=seed, options=options)

    RESETS.append(resets)
    env.reset = recording
    return env


def test_the_collector_sees_what_the_environment_shows_without_it(tmp_path):
    RESETS.clear()
    batches = Batches()
    task = CommunicationTask(recorded, max_steps=8)
    experiment_of(task, tmp_path, batches, on_policy_n_envs_per_worker=1).run()
    collected = torch.cat([batch.reshape(-1)["agent"] for batch in batches.collected])
    alone = at_once()
    names = alone.possible_agents
    actions = [dict(zip(names, row, strict=True)) for row in collected["action"].tolist()]
    (resets,) = (each for each in RESETS if len(each) > 20)
    seeded, first = resets[:2]
    assert seeded is not None
    assert not any(resets[1:])
    alone.reset(seed=seeded)
    seen = agents_as_rows(seen_alone(alone, actions, first))
    np.testing.assert_array_equal(collected["observation"].numpy(), seen)


def first_of(many, count):
    """Returns what the agents of several environments see first."""
    task = CommunicationTask(at_once, max_steps=8)
    env = many(count, task.get_env_fun(count, False, seed=3, device="cpu"))
    try:
        return env.reset()["agent", "observation"]
    finally:
        env.close()


def test_no_two_environments_play_the_same():
    seen = first_of(SerialEnv, 3)
    assert torch.equal(seen, first_of(SerialEnv, 3))
    assert not any(torch.equal(seen[one], seen[one - 1]) for one in range(3))
    seen = first_of(ParallelEnv, 2)
    assert not torch.equal(*seen)


def heard(batch):
    """Returns on which share of the links messages arrived."""
    return (batch["agent", "observation"][..., 10:14] != 0).float().mean().item()


class Easing(Batches):
    """Lets all messages through after the first batch."""

    def on_train_end(self, training_td, group):
        if len(self.collected) == 1:
            self.experiment.collector.env.set_severity(0.0)


def test_severity_can_be_set_and_critics_see_the_state(tmp_path):
    easing = Easing()
    task = CommunicationTask(partial(at_once, models=CUT), max_steps=8, state=True)
    # Batches end with episodes.
    settings = {"on_policy_collected_frames_per_batch": 96, "on_policy_minibatch_size": 48}
    train(experiment_of(task, tmp_path, easing, **settings))
    before, after = easing.collected
    # The episode that had begun already goes on as it was.
    assert [heard(before), heard(after[:, :8]), heard(after[:, 8:])] == [0.0, 0.0, 1.0]
    for batch in easing.collected:
        # Where the landmarks and the others are is known in the state.
        assert (batch["state"].unflatten(-1, (3, 18))[..., 10:14] != 0).all()


def test_evaluations_are_the_same_every_time(tmp_path):
    batches = Batches()
    task = CommunicationTask(at_once, max_steps=5)
    settings = {"evaluation": True, "evaluation_interval": 100, "evaluation_episodes": 3}
    experiment_of(task, tmp_path, batches, evaluation_static=True, **settings).run()
    first, second = (
        [rollout["agent", "observation"][0, :, 4:] for rollout in rollouts]
        for rollouts in batches.evaluated
    )
    assert len(first) == 3
    assert all(torch.equal(*pair) for pair in zip(first, second, strict=True))
    assert not torch.equal(first[0], first[1])


def test_a_task_travels():
    task = CommunicationTask(partial(at_once, exchange=FLAT), max_steps=8)
    copied = pickle.loads(pickle.dumps(task))
    assert copied == task
    assert copied != CommunicationTask(at_once, max_steps=8)
    env = copied.get_env_fun(1, False, seed=None, device="cpu")()
    assert env.rollout(2)["agent", "observation"].shape == (2, 3, 58)


def test_actions_are_as_the_environment_has_them():
    continuous = CommunicationTask(partial(at_once, continuous_actions=True), max_steps=8)
    assert continuous.supports_continuous_actions()
    assert not continuous.supports_discrete_actions()
    assert CommunicationTask(at_once, max_steps=8).supports_discrete_actions()


def test_what_a_task_refuses():
    with pytest.raises(WrongEnvironmentError) as wrong:
        CommunicationTask(in_turns, max_steps=8)
    assert_one_sentence(wrong.value, "Parallel")
    for arguments, word in ((None, 8), "make"), ((at_once, 0), "max_steps"):
        with pytest.raises(InvalidArgumentError) as caught:
            CommunicationTask(arguments[0], max_steps=arguments[1])
        assert_one_sentence(caught.value, word)


def test_what_benchmarl_cannot_take(tmp_path):
    named = PettingZooTask.SIMPLE_SPREAD.get_from_yaml()
    with pytest.raises(ImportError, match="MPE has been moved into its own package: MPE2"):
        experiment_of(named, tmp_path)


def test_the_first_death_ends_an_episode():
    task = CommunicationTask(partial(at_once, **knights()), max_steps=200)
    env = task.get_env_fun(1, False, seed=3, device="cpu")()
    ended = env.rollout(200)[-1]["next"]
    dead = [ended[group, "terminated"] for group in ("archer", "knight")]
    assert ended["done"].all()
    assert torch.cat(dead).any()
    assert not torch.cat(dead).all()


def test_the_task_is_as_its_docstring_says():
    assert doctest.testmod(adapter).attempted
    assert not doctest.testmod(adapter).failed


def test_the_example_trains(tmp_path):
    printed = run_example("train_benchmarl.py", tmp_path)
    assert len(re.findall(r"severity \d\.\d: mean return -\d+\.\d\n", printed)) == 8


def test_mappo_trains_on_the_task_that_the_page_on_vmas_shows(tmp_path, monkeypatch):
    pytest.importorskip("vmas")
    (snippet,) = re.findall(r"```py\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    # BenchMARL saves an experiment with its task, whose class must be found again.
    (tmp_path / "failing_vmas.py").write_text(snippet)
    monkeypatch.syspath_prepend(tmp_path)
    task = importlib.import_module("failing_vmas").task
    settings = {
        "on_policy_collected_frames_per_batch": 200,
        "on_policy_n_envs_per_worker": 20,
        "evaluation": True,
        "evaluation_interval": 200,
        "evaluation_episodes": 5,
        "evaluation_static": True,
    }
    experiment = experiment_of(task, tmp_path, **settings)
    train(experiment)
    played = experiment.test_env.rollout(5)["agents", "observation"]
    lost = (played[..., 10:] == 0).float().mean().item()
    assert 0.15 < lost < 0.45
