"""Stable-Baselines3 trains in vector environments of ours, and through SuperSuit."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("supersuit")
pytest.importorskip("stable_baselines3")
import numpy as np
import torch
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary
from mpe2 import simple_adversary_v3, simple_speaker_listener_v4
from stable_baselines3 import DQN, PPO
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.vec_env import VecMonitor
from supersuit import (
    black_death_v3,
    concat_vec_envs_v1,
    pad_action_space_v0,
    pad_observations_v0,
    pettingzoo_env_to_vec_env_v1,
)
from trainer_play import agents_as_rows, assert_quoted, seen_alone
from trainer_runs import CUT, at_once, run_example

from environments_under_test import Plain
from failure_api import (
    CommunicationWrapperParallel,
    MaskSegments,
    SendMessages,
    ShareObservations,
)
from failure_api.integrations.stable_baselines3 import make_vec_env

pytestmark = pytest.mark.trainers

FLAT = ShareObservations(form="flat")
SHORT: dict[str, Any] = {"n_steps": 20, "batch_size": 60, "n_epochs": 1, "device": "cpu"}


def plain(env, copies=1, processes=0):
    """Returns what SuperSuit alone makes of an environment."""
    env = pettingzoo_env_to_vec_env_v1(env)
    return concat_vec_envs_v1(env, copies, num_cpus=processes, base_class="stable_baselines3")


ours = partial(make_vec_env, start_method="fork")


def learn(vec_env, policy="MlpPolicy", steps=200, **options):
    """Returns a policy after some learning, which must have changed it."""
    model = PPO(policy, vec_env, **{**SHORT, **options})
    before = [parameter.detach().clone() for parameter in model.policy.parameters()]
    model.learn(steps)
    after = list(model.policy.parameters())
    assert model.num_timesteps >= steps
    assert all(torch.isfinite(parameter).all() for parameter in after)
    assert any(not torch.equal(*pair) for pair in zip(before, after, strict=True))
    return model


MESSAGES = (Discrete(4), Box(-1, 1, (2,)), MultiBinary(3))
EXCHANGES = [
    None,
    FLAT,
    MaskSegments(report_age=True),
    *(SendMessages(space, form="flat") for space in MESSAGES),
]


@pytest.mark.parametrize("make", [plain, ours])
@pytest.mark.parametrize("exchange", EXCHANGES, ids=repr)
def test_it_trains(make, exchange):
    learn(make(at_once(exchange=exchange)))


@pytest.mark.parametrize("make", [plain, ours])
def test_it_trains_in_two_processes(make):
    vec_env = make(at_once(), 4, 2)
    try:
        learn(vec_env, steps=480)
    finally:
        vec_env.close()


@pytest.mark.parametrize("make", [plain, ours])
def test_observations_that_are_dicts_train_too(make):
    learn(make(at_once(exchange=ShareObservations())), "MultiInputPolicy")


@pytest.mark.parametrize("make", [plain, ours])
def test_nested_dicts_need_the_flat_form(make):
    nested = Dict({"seen": Box(-1, 1, (2,)), "felt": Box(-1, 1, (1,))})
    env = Plain(dict.fromkeys("abc", nested))
    with pytest.raises(NotImplementedError) as raised:
        learn(make(CommunicationWrapperParallel(env, (), exchange=ShareObservations())))
    assert_quoted(
        raised.value,
        "Nested observation spaces are not supported (Tuple/Dict space inside Tuple/Dict space).",
    )
    learn(make(CommunicationWrapperParallel(env, (), exchange=FLAT)))


def test_different_spaces_need_padding_by_supersuit():
    with pytest.raises(AssertionError) as raised:
        plain(at_once(simple_adversary_v3))
    assert_quoted(
        raised.value,
        "observation spaces not consistent. Perhaps you should wrap with "
        "`supersuit.multiagent_wrappers.pad_observations_v0`?",
    )
    padded = pad_observations_v0(at_once(simple_speaker_listener_v4))
    with pytest.raises(AssertionError) as raised:
        plain(padded)
    assert_quoted(
        raised.value,
        "action spaces not consistent. Perhaps you should wrap with "
        "`supersuit.multiagent_wrappers.pad_action_space_v0`?",
    )
    padded = pad_action_space_v0(padded)
    for make in (plain, ours):
        learn(make(padded), batch_size=40)


def test_agents_that_die_need_black_death_in_supersuit():
    """Ours take them as they are; when this fails, the documents have to be written anew."""
    mortal = Plain(lengths={"b": 2}, max_cycles=4)
    env = CommunicationWrapperParallel(mortal, (), exchange=FLAT)
    vector = pettingzoo_env_to_vec_env_v1(env)
    vector.reset()
    vector.step(np.zeros(3, dtype=int))
    with pytest.raises(AssertionError) as raised:
        vector.step(np.zeros(3, dtype=int))
    assert_quoted(
        raised.value,
        "MarkovVectorEnv does not support environments with varying numbers of active agents "
        "unless black_death is set to True",
    )
    for make in (plain, ours):
        vec_env = make(black_death_v3(env))
        vec_env.reset()
        played = [vec_env.step(np.zeros(3, dtype=int)) for _ in range(5)]
        assert played[2][0][0].any()
        assert not played[2][0][1].any()
        # SuperSuit 3.11 finds out that everyone is gone one step late.
        assert [dones.all() for _, _, dones, _ in played] == [False] * 4 + [True]


def assert_seen_without_it(model, exchange, starts, **begun):
    """Raises unless a policy learnt from what is seen without it, over 100 rounds."""
    copies = len(starts)
    taken = model.rollout_buffer.actions.reshape(copies, 3, 100).astype(int)
    saw = model.rollout_buffer.observations.reshape(copies, 3, 100, -1)
    for start, acts, what in zip(starts, taken, saw, strict=True):
        actions = [{f"agent_{place}": act for place, act in enumerate(row)} for row in acts.T]
        alone = agents_as_rows(seen_alone(at_once(exchange=exchange), actions, start, **begun))
        np.testing.assert_array_equal(what.swapaxes(0, 1), alone)


@pytest.mark.parametrize("exchange", [None, FLAT], ids=repr)
@pytest.mark.parametrize("processes", [0, 2])
def test_it_sees_what_is_seen_without_it(processes, exchange):
    vec_env = ours(at_once(exchange=exchange), 2, processes)
    try:
        model = learn(vec_env, steps=600, n_steps=100, seed=7)
    finally:
        vec_env.close()
    assert_seen_without_it(model, exchange, [7, 8])


@pytest.mark.parametrize("exchange", [None, FLAT], ids=repr)
@pytest.mark.parametrize("processes", [0, 2])
def test_it_sees_the_same_through_supersuit_alone(processes, exchange):
    vec_env = plain(at_once(exchange=exchange), 2, processes)
    try:
        # Only what is below SuperSuit's last layer takes a seed; then that layer resets again.
        vec_env.venv.reset(seed=7)
        model = learn(vec_env, steps=600, n_steps=100)
    finally:
        vec_env.close()
    assert_seen_without_it(model, exchange, [7, 8], begun=True)


def test_supersuit_alone_takes_no_seed():
    """Ours does; when this fails, the table in the documents has to be written anew."""
    with pytest.raises(AttributeError) as raised:
        PPO("MlpPolicy", plain(at_once()), seed=0)
    assert_quoted(raised.value, "'ConcatVecEnv' object has no attribute 'seed'")
    with pytest.raises(AttributeError) as raised:
        plain(at_once(models=CUT)).env_method("set_severity", 0.3)
    assert_quoted(raised.value, "'ConcatVecEnv' object has no attribute 'env_method'")


def test_supersuit_alone_repeats_copies_and_tells_no_time_limit():
    """Ours does neither; when this fails, the documents have to be written anew."""
    vec_env = plain(at_once(), 4, 2)
    try:
        first, second, third, fourth = vec_env.venv.reset(seed=3)[0].reshape(4, 3, 18)
        assert (second == third).all()
        assert not (first == second).all()
        assert not (third == fourth).all()
        vec_env.reset()
        *_, dones, infos = [vec_env.step(np.zeros(12, dtype=int)) for _ in range(8)][-1]
        assert dones.all()
        assert all(set(info) == {"terminal_observation"} for info in infos)
    finally:
        vec_env.close()


def test_the_tools_around_it_work():
    vec_env = VecMonitor(ours(at_once(), 2))
    model = DQN("MlpPolicy", vec_env, learning_starts=6, buffer_size=1000, seed=0, device="cpu")
    model.learn(120)
    mean, _ = evaluate_policy(model, vec_env, n_eval_episodes=6)
    assert -100 < mean < 0


def test_severity_grows_as_it_learns():
    vec_env = ours(at_once(models=CUT), 2, 2)
    try:
        vec_env.env_method("set_severity", 0.0)
        heard = learn(vec_env, steps=240, n_steps=40, seed=0).rollout_buffer.observations
        assert heard[..., 10:14].all()
        vec_env.env_method("set_severity", 1.0)
        heard = learn(vec_env, steps=240, n_steps=40, seed=0).rollout_buffer.observations
        assert not heard[..., 10:14].any()
    finally:
        vec_env.close()


def test_the_example_runs(tmp_path):
    text = run_example("train_sb3.py", tmp_path)
    assert "severity 1.0" in text
