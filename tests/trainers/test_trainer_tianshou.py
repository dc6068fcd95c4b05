"""Tianshou trains on wrapped AEC environments, an agent a turn."""

from __future__ import annotations

import logging
from functools import partial

import pytest

pytest.importorskip("torch")
pytest.importorskip("tianshou")
import numpy as np
import torch
from mpe2 import simple_adversary_v3, simple_speaker_listener_v4
from tianshou.algorithm import DQN
from tianshou.algorithm.modelfree.dqn import DiscreteQLearningPolicy
from tianshou.algorithm.multiagent.marl import MultiAgentOffPolicyAlgorithm
from tianshou.algorithm.optim import AdamOptimizerFactory
from tianshou.data import Collector, VectorReplayBuffer
from tianshou.env import DummyVectorEnv, PettingZooEnv, SubprocVectorEnv
from tianshou.trainer import OffPolicyTrainerParams
from tianshou.utils.net.common import Net
from trainer_play import assert_quoted, seen_in_turns
from trainer_runs import CUT, in_turns, run_example

from failure_api import MaskSegments, ShareObservations

pytestmark = pytest.mark.trainers

FLAT = ShareObservations(form="flat")
logging.getLogger("tianshou.data.stats").setLevel(logging.ERROR)


def make(module=None, **how):
    return PettingZooEnv(in_turns(module, **how) if module else in_turns(**how))


def team_for(env):
    algorithms = []
    for _ in env.agents:
        net = Net(
            state_shape=env.observation_space.shape,
            action_shape=env.action_space.n,
            hidden_sizes=[16],
        )
        policy = DiscreteQLearningPolicy(model=net, action_space=env.action_space, eps_training=1.0)
        algorithms.append(DQN(policy=policy, optim=AdamOptimizerFactory(lr=1e-3)))
    return MultiAgentOffPolicyAlgorithm(algorithms=algorithms, env=env)


def collector_of(maker, copies=1, kind=DummyVectorEnv, team=None):
    envs = kind([maker] * copies)
    envs.seed(7)
    buffer = VectorReplayBuffer(1000, copies)
    collector = Collector(team or team_for(maker()), envs, buffer, exploration_noise=True)
    collector.reset()
    return collector


def learn(maker):
    """Lets every agent's network learn, which must change it."""
    team = team_for(maker())
    collector = collector_of(maker, copies=2, team=team)
    before = [parameter.detach().clone() for parameter in team.parameters()]
    result = team.run_training(
        OffPolicyTrainerParams(
            training_collector=collector,
            max_epochs=1,
            epoch_num_steps=120,
            collection_step_num_env_steps=40,
            batch_size=16,
            update_step_num_gradient_steps_per_sample=0.1,
            multi_agent_return_reduction=lambda returns: returns.mean(axis=1),
            verbose=False,
            show_progress=False,
        )
    )
    after = list(team.parameters())
    assert result.train_step >= 120
    assert result.train_episode > 0
    assert all(torch.isfinite(parameter).all() for parameter in after)
    assert all(not torch.equal(*pair) for pair in zip(before, after, strict=True))


@pytest.mark.parametrize("exchange", [None, FLAT, MaskSegments(report_age=True)], ids=repr)
def test_it_trains(exchange):
    learn(partial(make, exchange=exchange))


def padded():
    supersuit = pytest.importorskip("supersuit")
    env = supersuit.pad_observations_v0(in_turns(simple_speaker_listener_v4))
    return PettingZooEnv(supersuit.pad_action_space_v0(env))


def test_different_spaces_need_padding():
    with pytest.raises(AssertionError) as raised:
        make(simple_adversary_v3)
    assert_quoted(
        raised.value,
        "Observation spaces for all agents must be identical. Perhaps SuperSuit's "
        "pad_observations wrapper can help (usage: `supersuit.pad_observations_v0(env)`",
    )
    learn(padded)


@pytest.mark.parametrize("exchange", [None, FLAT], ids=repr)
@pytest.mark.parametrize("kind", [DummyVectorEnv, SubprocVectorEnv])
def test_it_sees_what_is_seen_without_it(kind, exchange):
    collector = collector_of(partial(make, exchange=exchange), kind=kind)
    try:
        collector.collect(n_step=100)
    finally:
        collector.env.close()
    batch = collector.buffer[:100]
    alone = seen_in_turns(in_turns(exchange=exchange), batch.act, seed=7)
    np.testing.assert_array_equal(batch.obs.obs, np.array(alone))


def test_severity_can_be_set_through_the_vector_environment():
    collector = collector_of(partial(make, models=CUT), copies=2)
    for share in (0.0, 1.0):
        for env in collector.env.get_env_attr("env"):
            env.set_severity(share)
        collector.reset()
        collector.collect(n_step=60)
        batch, _ = collector.buffer.sample(0)
        assert batch.obs.obs.shape == (60, 18)
        assert (batch.obs.obs[:, 10:14] != 0).mean() == 1 - share


@pytest.mark.parametrize("kind", [DummyVectorEnv, SubprocVectorEnv])
def test_severity_can_be_given_to_the_collector(kind):
    """Out of other processes only copies come, on which a call has no effect."""
    collector = collector_of(partial(make, models=CUT), kind=kind)
    try:
        for share in (0.0, 1.0):
            options = {"options": {"failure": {"severity": share}}}
            collector.reset(gym_reset_kwargs=options)
            collector.collect(n_step=60, gym_reset_kwargs=options)
            heard = collector.buffer[:60].obs.obs[:, 10:14]
            assert (heard != 0).mean() == 1 - share
    finally:
        collector.env.close()


def test_the_example_runs(tmp_path):
    assert "best mean return" in run_example("train_tianshou.py", tmp_path)
