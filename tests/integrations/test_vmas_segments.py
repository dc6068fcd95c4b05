"""The declared segments are what changes when another agent's state is changed in the world."""

from __future__ import annotations

import pytest

pytest.importorskip("vmas")
import torch
import vmas

from failure_api.integrations.vmas_environments import known_segments

KNOWN = [
    *(("simple_spread", {"n_agents": n}) for n in (2, 3, 5)),
    ("simple_adversary", {"n_agents": 2}),
    ("simple_adversary", {"n_agents": 5, "n_adversaries": 2}),
    ("simple_crypto", {}),
    ("simple_crypto", {"dim_c": 2}),
    ("simple_push", {}),
    ("simple_reference", {}),
    ("simple_speaker_listener", {}),
    ("simple_tag", {}),
    ("simple_tag", {"num_good_agents": 3, "num_adversaries": 2, "num_landmarks": 1}),
    ("simple_tag", {"num_good_agents": 2, "observe_same_team": False}),
    ("simple_tag", {"num_good_agents": 2, "observe_pos": False}),
    ("simple_tag", {"num_good_agents": 2, "observe_vel": False, "observe_same_team": False}),
    ("simple_world_comm", {}),
    ("simple_world_comm", {"num_good_agents": 1, "num_adversaries": 2, "num_forests": 1}),
    ("give_way", {"observe_rel_pos": True}),
    ("give_way", {"observe_rel_pos": True, "obs_noise": 0.1}),
    ("wind_flocking", {"observe_rel_pos": True}),
    ("wind_flocking", {"observe_rel_vel": True, "observe_pos": False}),
    ("wind_flocking", {"observe_rel_pos": True, "observe_rel_vel": True}),
    ("football", {"n_blue_agents": 3}),
    ("football", {"n_blue_agents": 2, "n_red_agents": 2, "ai_red_agents": False}),
    ("football", {"n_blue_agents": 2, "ai_red_agents": False, "enable_shooting": True}),
    ("football", {"ai_red_agents": False, "observe_teammates": False}),
    ("football", {"n_blue_agents": 4, "observe_adversaries": False}),
]
STATES = ("pos", "vel", "rot", "ang_vel", "c", "force", "torque")


def observations(env):
    """Returns what everybody observes, with the same noise each time."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return {agent.name: env.scenario.observation(agent).clone() for agent in env.agents}


def changed_by(env, sender):
    """Returns, for every other agent, the entries that change with anything of the sender's."""
    before = observations(env)
    for name in STATES:
        value = getattr(sender.state, name)
        if value is not None:
            setattr(sender.state, name, value + 0.5 + torch.rand_like(value))
    after = observations(env)
    return {
        name: tuple((before[name] != after[name]).any(dim=0).nonzero().flatten().tolist())
        for name in before
        if name != sender.name
    }


@pytest.mark.parametrize(("scenario", "options"), KNOWN)
def test_segments_are_exactly_what_changes(scenario, options):
    env = vmas.make_env(scenario, num_envs=4, seed=3, **options)
    segments = known_segments(env)
    assert list(segments) == [agent.name for agent in env.agents]
    env.step(env.get_random_actions())
    assert any(segments.values())
    for sender in env.agents:
        for receiver, entries in changed_by(env, sender).items():
            declared = segments[receiver].get(sender.name, ())
            assert tuple(sorted(declared)) == entries, (sender.name, receiver)


@pytest.mark.parametrize(
    ("scenario", "options"),
    [
        ("simple", {}),
        ("simple_spread", {"obs_agents": False}),
        ("give_way", {}),
        ("wind_flocking", {}),
        ("football", {"dict_obs": True}),
        ("balance", {}),
        ("navigation", {}),
    ],
)
def test_scenarios_in_which_agents_say_nothing_have_none(scenario, options):
    assert known_segments(vmas.make_env(scenario, num_envs=2, **options)) is None


def test_forms_of_spaces_make_no_difference():
    plain = vmas.make_env("simple_tag", num_envs=2)
    keyed = vmas.make_env("simple_tag", num_envs=2, dict_spaces=True)
    assert known_segments(plain) == known_segments(keyed)


def test_a_scenario_that_observes_otherwise_is_not_taken_for_its_parent():
    parent = type(vmas.make_env("simple_spread", num_envs=2).scenario)

    class Otherwise(parent):
        def observation(self, agent):
            return super().observation(agent).flip(-1)

    class Rewarded(parent):
        def reward(self, agent):
            return super().reward(agent) + 1

    assert known_segments(vmas.make_env(Otherwise(), num_envs=2)) is None
    assert known_segments(vmas.make_env(Rewarded(), num_envs=2)) is not None


def test_another_length_than_the_layout_is_not_known():
    env = vmas.make_env("simple_spread", num_envs=2)
    env.world.add_landmark(vmas.simulator.core.Landmark(name="one more"))
    assert known_segments(env) is None
