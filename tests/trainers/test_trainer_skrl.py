"""skrl trains on wrapped environments, given the spaces that they have."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")
pytest.importorskip("skrl")
import numpy as np
import torch
from mpe2 import simple_adversary_v3, simple_speaker_listener_v4
from skrl.envs.wrappers.torch import wrap_env
from skrl.memories.torch import RandomMemory
from skrl.multi_agents.torch.ippo import IPPO
from skrl.trainers.torch import SequentialTrainer
from skrl.utils import set_seed
from skrl.utils.model_instantiators.torch import categorical_model, deterministic_model
from trainer_play import assert_quoted, seen_alone
from trainer_runs import CUT, at_once, in_turns, run_example

from environments_under_test import Plain
from failure_api import CommunicationWrapperParallel, MaskSegments, ShareObservations
from failure_api.errors import WrongEnvironmentError
from failure_api.integrations.skrl import OwnSpaces

pytestmark = pytest.mark.trainers

FLAT = ShareObservations(form="flat")
LAYERS = [{"name": "net", "input": "OBSERVATIONS", "layers": [16], "activations": "tanh"}]
PARTS = "observation_preprocessor state_preprocessor value_preprocessor learning_rate_scheduler"


def make(env):
    return wrap_env(OwnSpaces(env), verbose=False)


def train(env, steps=100):
    """Returns a team after it has learnt once, which must have changed every policy."""
    models = {}
    for agent in env.possible_agents:
        given = {
            "observation_space": env.observation_space(agent),
            "action_space": env.action_space(agent),
            "network": LAYERS,
        }
        policy = categorical_model(**given, output="ACTIONS")
        models[agent] = {"policy": policy, "value": deterministic_model(**given, output="ONE")}
    team = IPPO(
        possible_agents=env.possible_agents,
        models=models,
        memories={agent: RandomMemory(memory_size=steps) for agent in models},
        observation_spaces=env.observation_spaces,
        state_spaces=env.state_spaces,
        action_spaces=env.action_spaces,
        cfg={
            "rollouts": steps,
            "learning_epochs": 1,
            "experiment": {"write_interval": 0, "checkpoint_interval": 0},
            **{f"{part}_kwargs": {agent: {} for agent in models} for part in PARTS.split()},
        },
    )
    policies = [models[agent]["policy"] for agent in models]
    for policy in policies:
        policy.act({"observations": torch.zeros(1, policy.num_observations)})
    before = [[p.detach().clone() for p in policy.parameters()] for policy in policies]
    cfg = {
        "timesteps": steps,
        "headless": True,
        "disable_progressbar": True,
        "close_environment_at_exit": False,
    }
    SequentialTrainer(env=env, agents=team, cfg=cfg).train()
    for policy, parameters in zip(policies, before, strict=True):
        after = list(policy.parameters())
        assert all(torch.isfinite(parameter).all() for parameter in after)
        assert any(not torch.equal(*pair) for pair in zip(parameters, after, strict=True))
    return team


def recorded(team, name):
    """Returns what the memory of each agent holds, `[round, ...]`."""
    return {
        agent: memory.get_tensor_by_name(name)[:, 0].numpy()
        for agent, memory in team.memories.items()
    }


@pytest.mark.parametrize(
    ("module", "exchange"),
    [
        (None, None),
        (None, FLAT),
        (None, MaskSegments(report_age=True)),
        (simple_adversary_v3, None),
        (simple_speaker_listener_v4, FLAT),
    ],
)
def test_it_trains_on_what_is_seen_without_it(module, exchange):
    env = (module,) if module else ()
    set_seed(7)
    team = train(make(at_once(*env, exchange=exchange)))
    taken, saw = recorded(team, "actions"), recorded(team, "observations")
    actions = [
        {agent: int(acts[number, 0]) for agent, acts in taken.items()} for number in range(100)
    ]
    alone = seen_alone(at_once(*env, exchange=exchange), actions, seed=7)
    for agent in taken:
        np.testing.assert_array_equal(saw[agent], [seen[agent] for seen in alone])


def test_without_our_adapter_it_reads_other_spaces():
    """When this fails, the table in the documents has to be written anew."""
    env = wrap_env(at_once(exchange=FLAT), wrapper="pettingzoo", verbose=False)
    assert env.observation_space("agent_0").shape == (18,)
    with pytest.raises(RuntimeError) as raised:
        env.reset()
    assert_quoted(raised.value, "shape '[-1, 18]' is invalid for input of size 58")
    with pytest.raises(ValueError, match=r"^Unsupported space \(<bound method "):
        wrap_env(at_once(), verbose=False).reset()


def test_the_adapter_is_told_apart_by_skrl_and_tells_its_spaces():
    inside = at_once(simple_adversary_v3, exchange=FLAT)
    env = make(inside)
    for agent in inside.possible_agents:
        assert env.observation_space(agent) == inside.observation_space(agent)
        assert env.action_space(agent) == inside.action_space(agent)
    observations, _ = env.reset()
    assert observations["agent_0"].shape == (1, *inside.observation_space("agent_0").shape)
    assert env.agents == inside.agents == env.possible_agents
    assert env.num_envs == 1
    assert env.num_agents == 3


def test_an_environment_without_a_state_trains_too():
    env = make(CommunicationWrapperParallel(Plain(max_cycles=5), (), exchange=FLAT))
    assert env.state_spaces == {"a": None, "b": None, "c": None}
    train(env, steps=20)


def test_agents_that_die_need_black_death():
    supersuit = pytest.importorskip("supersuit")
    mortal = Plain(lengths={"b": 2}, max_cycles=5)
    env = CommunicationWrapperParallel(mortal, (), exchange=FLAT)
    with pytest.raises(KeyError) as raised:
        train(make(env), steps=20)
    assert_quoted(raised.value, "'b'")
    team = train(make(supersuit.black_death_v3(env)), steps=20)
    saw = recorded(team, "observations")
    assert saw["a"][2].any()
    assert not saw["b"][3].any()


def test_severity_can_be_set():
    env = make(at_once(models=CUT))
    for share in (0.0, 1.0):
        env.set_severity(share)
        saw = recorded(train(env, steps=20), "observations")["agent_0"]
        assert (saw[:, 10:14] != 0).mean() == 1 - share


@pytest.mark.parametrize("env", [in_turns(), None])
def test_what_is_no_parallel_environment_is_refused(env):
    with pytest.raises(WrongEnvironmentError, match="OwnSpaces takes a Parallel environment"):
        OwnSpaces(env)


def test_the_example_runs(tmp_path):
    assert "1800 steps: mean reward" in run_example("train_skrl.py", tmp_path)
