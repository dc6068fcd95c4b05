"""TorchRL trains on wrapped environments, and sees in them what one sees without it."""

from __future__ import annotations

import re
from functools import partial

import numpy as np
import pytest
from mpe2 import simple_speaker_listener_v4, simple_spread_v3, simple_tag_v3
from trainer_play import agents_as_rows, seen_alone
from trainer_runs import CUT, at_once, in_turns, knights, run_example

from failure_api import ShareObservations

pytest.importorskip("torchrl")
import torch
from tensordict.nn import TensorDictModule, TensorDictSequential
from torch.distributions import Categorical
from torchrl.collectors import Collector
from torchrl.envs import (
    MarlGroupMapType,
    ParallelEnv,
    PettingZooWrapper,
    RewardSum,
    SerialEnv,
    TransformedEnv,
)
from torchrl.envs.utils import check_env_specs
from torchrl.modules import MultiAgentMLP, ProbabilisticActor
from torchrl.objectives import ClipPPOLoss

pytestmark = [
    pytest.mark.trainers,
    pytest.mark.filterwarnings("ignore:PettingZoo in TorchRL is tested using version"),
]
FLAT = ShareObservations(form="flat")
EXCHANGES = pytest.mark.parametrize("exchange", [None, FLAT], ids=["default", "flat"])


def perceptron(env, group, outputs, name):
    width = env.observation_spec[group, "observation"].shape[-1]
    how = {"centralized": False, "share_params": True, "num_cells": [16]}
    mlp = MultiAgentMLP(width, outputs, len(env.group_map[group]), **how)
    return TensorDictModule(mlp, in_keys=[(group, "observation")], out_keys=[(group, name)])


def learner(env, group):
    """Returns PPO's loss for the agents of a group, with its networks."""
    actions = env.full_action_spec_unbatched[group, "action"].space.n
    actor = ProbabilisticActor(
        perceptron(env, group, actions, "logits"),
        in_keys=[(group, "logits")],
        out_keys=[(group, "action")],
        distribution_class=Categorical,
        return_log_prob=True,
        log_prob_key=(group, "log_prob"),
    )
    loss = ClipPPOLoss(actor, perceptron(env, group, 1, "value"))
    keys = {name: (group, name) for name in ("reward", "action", "done", "terminated", "value")}
    own = {name: (group, name) for name in ("advantage", "value_target")}
    loss.set_keys(**keys, **own, sample_log_prob=(group, "log_prob"))
    loss.make_value_estimator(gamma=0.9, lmbda=0.9)
    return loss


def train(env):
    """Trains all groups for three iterations, and raises unless all networks have changed."""
    losses = {group: learner(env, group) for group in env.group_map}
    policy = TensorDictSequential(*(loss.actor_network for loss in losses.values()))
    parameters = [each for loss in losses.values() for each in loss.parameters()]
    before = [each.detach().clone() for each in parameters]
    optimiser = torch.optim.Adam(parameters, lr=1e-2)
    for batch in Collector(env, policy, frames_per_batch=48, total_frames=144):
        for loss in losses.values():
            loss.value_estimator(batch)
            terms = loss(batch)
            (terms["loss_objective"] + terms["loss_critic"] + terms["loss_entropy"]).backward()
        optimiser.step()
        optimiser.zero_grad()
    assert all(torch.isfinite(each).all() for each in parameters)
    assert not any(torch.equal(*pair) for pair in zip(before, parameters, strict=True))


@EXCHANGES
@pytest.mark.parametrize("module", [simple_spread_v3, simple_speaker_listener_v4])
def test_ppo_trains(module, exchange):
    train(PettingZooWrapper(at_once(module, exchange=exchange)))


@pytest.mark.parametrize("exchange", [None, FLAT, ShareObservations()], ids=str)
@pytest.mark.parametrize("module", [simple_spread_v3, simple_tag_v3, simple_speaker_listener_v4])
def test_specs_hold(module, exchange):
    check_env_specs(PettingZooWrapper(at_once(module, exchange=exchange)))
    check_env_specs(PettingZooWrapper(in_turns(module, exchange=exchange), use_mask=True))


@EXCHANGES
def test_the_collector_sees_what_the_environment_shows_without_it(exchange):
    env = PettingZooWrapper(at_once(exchange=exchange))
    env.set_seed(7)
    (batch,) = Collector(env, None, frames_per_batch=100, total_frames=100)
    alone = at_once(exchange=exchange)
    names = alone.possible_agents
    actions = [dict(zip(names, row, strict=True)) for row in batch["agent", "action"].tolist()]
    # Seeding resets, and so does what collects.
    alone.reset(seed=7)
    seen = agents_as_rows(seen_alone(alone, actions, None))
    np.testing.assert_array_equal(batch["agent", "observation"], seen)


def test_it_sees_the_same_turn_by_turn():
    env = PettingZooWrapper(in_turns(), use_mask=True)
    env.set_seed(7)
    played = env.rollout(100, break_when_any_done=False)
    alone = in_turns()
    alone.reset(seed=7)
    alone.reset()
    for row in played:
        for agent in alone.possible_agents:
            np.testing.assert_array_equal(row[agent, "observation"][0], alone.observe(agent))
            assert row[agent, "mask"].item() == (agent == alone.agent_selection)
        alone.step(row[alone.agent_selection, "action"].item())
        if all(alone.truncations.values()):
            alone.reset()


def test_it_sees_the_same_where_agents_die():
    env = PettingZooWrapper(at_once(**knights()), use_mask=True, done_on_any=False)
    env.set_seed(3)
    played = env.rollout(300, break_when_any_done=False)
    alone = at_once(**knights())
    alone.reset(seed=3)
    observations, _ = alone.reset()
    dead = 0
    for row in played:
        actions = {}
        for group, names in env.group_map.items():
            for place, agent in enumerate(names):
                actions[agent] = row[group, "action"][place].item()
                alive = agent in alone.agents
                dead += not alive
                assert row[group, "mask"][place].item() is alive
                if alive:
                    seen = row[group, "observation"][place]
                    np.testing.assert_array_equal(seen, observations[agent])
        observations = alone.step({agent: actions[agent] for agent in alone.agents})[0]
        if not alone.agents:
            observations, _ = alone.reset()
    assert dead


def heard(env):
    """Returns on which share of the links messages arrive, in an episode of simple_spread."""
    return (env.rollout(5)["agent", "observation"][..., 10:14] != 0).float().mean().item()


def worker():
    return PettingZooWrapper(at_once(models=CUT))


def transformed():
    return TransformedEnv(worker(), RewardSum(in_keys=[("agent", "reward")]))


@pytest.mark.parametrize(
    ("make", "refusal"),
    [
        (worker, None),
        (transformed, None),
        (partial(SerialEnv, 2, worker), "maximum recursion depth exceeded"),
        (partial(ParallelEnv, 2, worker), "attributes of closed/non started environments"),
    ],
    ids=["alone", "transformed", "serial", "parallel"],
)
def test_severity_can_be_set_after_a_reset(make, refusal):
    env = make()
    try:
        if refusal:
            with pytest.raises(RuntimeError, match=refusal):
                env.set_severity(0.0)
        env.reset()
        assert heard(env) == 0
        env.set_severity(0.0)
        assert heard(env) == 1
        env.set_severity(1.0)
        assert heard(env) == 0
        sound = env.reset(options={"failure": {"severity": 0.0}})
        assert (sound["agent", "observation"][..., 10:14] != 0).all()
    finally:
        env.close()


def test_workers_have_failures_of_their_own_and_the_same_ones_again():
    def played():
        env = SerialEnv(2, lambda: PettingZooWrapper(at_once()))
        torch.manual_seed(0)
        env.set_seed(5)
        return env.rollout(8)["agent", "observation"]

    first = played()
    assert torch.equal(first, played())
    lost = first[..., 10:14] == 0
    assert not torch.equal(lost[0], lost[1])


def test_what_it_cannot_take_and_what_cures_it():
    with pytest.raises(ValueError, match="For AEC environments you need to set use_mask"):
        PettingZooWrapper(in_turns())
    apart = PettingZooWrapper(at_once(simple_tag_v3), group_map=MarlGroupMapType.ALL_IN_ONE_GROUP)
    with pytest.raises(RuntimeError, match="Failed to stack tensors within a tensordict"):
        _ = apart.rollout(2)["agents", "observation"]
    alike = at_once(simple_tag_v3, exchange=FLAT)
    one_group = PettingZooWrapper(alike, group_map=MarlGroupMapType.ALL_IN_ONE_GROUP)
    assert one_group.rollout(2)["agents", "observation"].shape == (2, 4, 68)


def test_a_collector_that_is_seeded_shows_one_observation_of_before():
    collector = Collector(PettingZooWrapper(at_once()), None, frames_per_batch=8, total_frames=8)
    collector.set_seed(7)
    (batch,) = collector
    alone, *_ = at_once().reset(seed=7)
    assert not np.array_equal(batch["agent", "observation"][0], list(alone.values()))


def test_deaths_need_a_mask_and_turns_cannot_have_them():
    env = PettingZooWrapper(at_once(**knights()), done_on_any=False)
    with pytest.raises(ValueError, match=re.escape("you need to set use_mask=True to allow this")):
        env.rollout(300, break_when_any_done=False)
    env = PettingZooWrapper(in_turns(**knights()), use_mask=True)
    with pytest.raises(ValueError, match="when an agent is dead, the only valid action is None"):
        env.rollout(1200, break_when_any_done=False)


def test_the_example_trains(tmp_path):
    printed = run_example("train_torchrl.py", tmp_path)
    assert len(re.findall(r"^severity \d\.\d: mean return -\d+\.\d$", printed, re.MULTILINE)) == 8
