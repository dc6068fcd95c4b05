"""AgileRL trains on wrapped environments, alone and in processes."""

from __future__ import annotations

from functools import partial

import pytest

pytest.importorskip("torch")
pytest.importorskip("agilerl")
import numpy as np
import torch
from agilerl.algorithms import IPPO
from agilerl.training.train_multi_agent_on_policy import train_multi_agent_on_policy
from agilerl.vector.pz_async_vec_env import AsyncPettingZooVecEnv
from gymnasium.spaces import Box, Dict
from mpe2 import simple_adversary_v3, simple_speaker_listener_v4, simple_spread_v3
from trainer_play import assert_quoted, seen_alone
from trainer_runs import CUT, at_once, run_example

from environments_under_test import Plain
from failure_api import CommunicationWrapperParallel, MaskSegments, ShareObservations

pytestmark = pytest.mark.trainers

FLAT = ShareObservations(form="flat")
SPREAD = simple_spread_v3


class Watched(IPPO):
    """Notes what it is shown and what it does, while it trains."""

    def get_action(self, obs, infos=None, **others):
        answer = super().get_action(obs, infos, **others)
        if self.training:
            notes = self.__dict__.setdefault("notes", [])
            notes.append((obs, answer[0]))
        return answer


def team_for(env, **options):
    agents = list(env.possible_agents)
    return Watched(
        observation_spaces=[env.observation_space(agent) for agent in agents],
        action_spaces=[env.action_space(agent) for agent in agents],
        agent_ids=agents,
        batch_size=20,
        update_epochs=1,
        **{"learn_step": 100, **options},
    )


def train(env, team, steps=100):
    """Returns a team after it has learnt, which must have changed its networks."""
    networks = [*team.actors.values(), *team.critics.values()]
    before = [[p.detach().clone() for p in network.parameters()] for network in networks]
    train_multi_agent_on_policy(
        env,
        "wrapped",
        "IPPO",
        [team],
        max_steps=team.steps[-1] + steps,
        evo_steps=steps,
        eval_steps=5,
        verbose=False,
    )
    for network, parameters in zip(networks, before, strict=True):
        after = list(network.parameters())
        assert all(torch.isfinite(parameter).all() for parameter in after)
        assert any(not torch.equal(*pair) for pair in zip(parameters, after, strict=True))
    assert np.isfinite(team.fitness[-1])
    return team


@pytest.mark.parametrize(
    ("module", "exchange"),
    [
        (SPREAD, None),
        (SPREAD, FLAT),
        (SPREAD, MaskSegments(report_age=True)),
        (simple_adversary_v3, None),
        (simple_speaker_listener_v4, FLAT),
    ],
)
def test_it_trains_in_processes_on_what_is_seen_without_it(module, exchange):
    make = partial(at_once, module, exchange=exchange)
    env = AsyncPettingZooVecEnv([make, make])
    try:
        # It resets without a seed as it begins; what was seeded goes on.
        env.reset(seed=7)
        team = train(env, team_for(make(), learn_step=200), steps=200)
    finally:
        env.close()
    notes = team.notes[:100]
    for copy in range(2):
        actions = [{agent: act[copy] for agent, act in acts.items()} for _, acts in notes]
        alone = seen_alone(make(), actions, seed=7 + copy, begun=True)
        for agent in alone[0]:
            saw = [observations[agent][copy] for observations, _ in notes]
            np.testing.assert_array_equal(saw, [seen[agent] for seen in alone])


@pytest.mark.parametrize("exchange", [None, FLAT, ShareObservations()], ids=repr)
def test_it_trains_on_an_environment_alone(exchange):
    env = at_once(exchange=exchange)
    train(env, team_for(env))


def test_nested_dicts_need_the_flat_form():
    nested = Dict({"seen": Box(-1, 1, (2,)), "felt": Box(-1, 1, (1,))})
    env = Plain(dict.fromkeys("abc", nested))
    with pytest.raises(AssertionError) as raised:
        team_for(CommunicationWrapperParallel(env, (), exchange=ShareObservations()))
    assert_quoted(
        raised.value,
        "AgileRL does not support nested Tuple and Dict spaces in Dict spaces.",
    )
    flat = CommunicationWrapperParallel(env, (), exchange=FLAT)
    train(flat, team_for(flat))


def test_agents_that_die_need_black_death():
    supersuit = pytest.importorskip("supersuit")
    mortal = Plain(lengths={"b": 2}, max_cycles=5)
    env = CommunicationWrapperParallel(mortal, (), exchange=FLAT)
    alone = AsyncPettingZooVecEnv([lambda: env])
    try:
        with pytest.raises(RuntimeError) as raised:
            train(alone, team_for(env, learn_step=20), steps=20)
    finally:
        alone.close()
    assert_quoted(raised.value, "probability tensor contains either `inf`, `nan` or element < 0")
    filled = AsyncPettingZooVecEnv([lambda: supersuit.black_death_v3(env)])
    try:
        team = train(filled, team_for(env, learn_step=20), steps=20)
    finally:
        filled.close()
    there = [bool(observations["b"].any()) for observations, _ in team.notes[:5]]
    assert there == [True, True, True, False, False]


def test_severity_can_be_set_in_processes():
    make = partial(at_once, models=CUT)
    env = AsyncPettingZooVecEnv([make, make])
    team = team_for(make(), learn_step=40)
    try:
        for share in (0.0, 1.0):
            assert env.call("set_severity", share) == (None, None)
            team.notes = []
            train(env, team, steps=40)
            heard = [observations["agent_0"][:, 10:14] for observations, _ in team.notes]
            assert (np.array(heard) != 0).mean() == 1 - share
    finally:
        env.close()


def test_the_example_runs(tmp_path):
    assert "severity 1.0: mean return" in run_example("train_agilerl.py", tmp_path)
