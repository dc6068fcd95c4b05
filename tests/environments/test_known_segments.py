"""The declared segments against what the environments' observations really do."""

from __future__ import annotations

import importlib
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from mpe2 import simple_spread_v3
from pettingzoo.utils.conversions import aec_to_parallel
from pettingzoo.utils.wrappers import BaseWrapper

from failure_api import (
    CommunicationWrapper,
    MaskSegments,
    ProbabilisticModel,
    ShareObservations,
)
from failure_api.environments.segments import current_segments, known_segments, mover
from failure_api.errors import InvalidArgumentError

Moved = dict[Any, dict[Any, set[int]]]

FIXED: list[tuple[str, dict[str, Any]]] = [
    ("simple_adversary_v3", {}),
    ("simple_adversary_v3", {"N": 1}),
    ("simple_adversary_v3", {"N": 5}),
    ("simple_adversary_v3", {"N": 4, "num_landmark_neighbors": 2}),
    ("simple_adversary_v3", {"N": 2, "num_landmark_neighbors": 5}),
    ("simple_crypto_v3", {}),
    ("simple_push_v3", {}),
    ("simple_reference_v3", {}),
    ("simple_reference_v3", {"continuous_actions": True}),
    ("simple_speaker_listener_v4", {}),
    ("simple_spread_v3", {}),
    ("simple_spread_v3", {"N": 2}),
    ("simple_spread_v3", {"N": 10}),
    ("simple_spread_v3", {"continuous_actions": True, "curriculum": True}),
    ("simple_spread_v3", {"N": 4, "num_landmark_neighbors": 2}),
    ("simple_spread_v3", {"N": 3, "num_landmark_neighbors": 7}),
    ("simple_tag_v3", {}),
    ("simple_tag_v3", {"curriculum": True}),
    ("simple_tag_v3", {"num_good": 3, "num_adversaries": 2, "num_obstacles": 0}),
    ("simple_tag_v3", {"num_good": 0, "num_adversaries": 3}),
    ("simple_tag_v3", {"num_obstacles": 4, "num_landmark_neighbors": 2}),
    ("simple_tag_v3", {"num_obstacles": 1, "num_landmark_neighbors": 3}),
    ("simple_world_comm_v3", {}),
    ("simple_world_comm_v3", {"continuous_actions": True}),
    ("simple_world_comm_v3", {"num_good": 1, "num_adversaries": 1, "num_obstacles": 0}),
    ("simple_world_comm_v3", {"num_good": 3, "num_adversaries": 2, "num_obstacles": 3}),
    ("simple_world_comm_v3", {"num_food": 0, "num_forests": 0}),
    ("simple_world_comm_v3", {"num_food": 4, "num_forests": 1, "num_good": 0}),
    # Without adversaries the environment still makes the first agent the leader.
    ("simple_world_comm_v3", {"num_adversaries": 0, "num_good": 3, "num_forests": 3}),
]

MOVING: list[tuple[str, dict[str, Any]]] = [
    ("simple_adversary_v3", {"num_agent_neighbors": 1}),
    ("simple_adversary_v3", {"N": 4, "num_agent_neighbors": 2, "num_landmark_neighbors": 1}),
    ("simple_adversary_v3", {"N": 2, "num_agent_neighbors": 6}),
    ("simple_spread_v3", {"num_agent_neighbors": 1}),
    ("simple_spread_v3", {"num_agent_neighbors": 2}),
    ("simple_spread_v3", {"N": 7, "num_agent_neighbors": 3, "num_landmark_neighbors": 2}),
    ("simple_spread_v3", {"N": 2, "num_agent_neighbors": 4, "continuous_actions": True}),
    ("simple_tag_v3", {"num_agent_neighbors": 1}),
    ("simple_tag_v3", {"num_good": 3, "num_agent_neighbors": 4}),
    ("simple_tag_v3", {"num_good": 2, "num_agent_neighbors": 9, "num_landmark_neighbors": 1}),
    ("collect_treasure_v1", {}),
    ("collect_treasure_v1", {"continuous_actions": True, "num_treasures": 1}),
    ("collect_treasure_v1", {"num_collectors": 1, "num_deposits": 1}),
    ("collect_treasure_v1", {"num_collectors": 3, "num_deposits": 4, "num_treasures": 2}),
]

SILENT: list[tuple[str, dict[str, Any]]] = [
    ("simple_v3", {}),
    ("simple_formation_v1", {}),
    ("simple_formation_v1", {"N": 6}),
    ("simple_line_v1", {}),
    ("simple_spread_v3", {"N": 1}),
    ("simple_tag_v3", {"num_good": 1, "num_adversaries": 0}),
    ("simple_world_comm_v3", {"num_good": 0, "num_adversaries": 1}),
]


def make(name, options, form="env", seed=3):
    env = getattr(importlib.import_module(f"mpe2.{name}"), form)(**options)
    env.reset(seed=seed)
    if name == "simple_world_comm_v3":
        # Out of everybody's way, so that all see all; the tests on hiding bring them back.
        for forest in env.unwrapped.world.forests:
            forest.state.p_pos = np.array([50.0, 50.0])
    return env


def segments_of(env):
    found = known_segments(env)
    return found(env) if callable(found) else found


def as_sets(segments):
    return {
        receiver: {sender: set(indices.tolist()) for sender, indices in parts.items()}
        for receiver, parts in segments.items()
    }


def observations(env):
    return {name: env.unwrapped.observe(name).ravel() for name in env.possible_agents}


def perturbations(agent, world):
    """Every part of an agent's state, with a value that differs a little from what it is."""
    for name, by in (("p_pos", 1e-5), ("p_vel", 0.25), ("c", 0.25)):
        value = getattr(agent.state, name)
        for axis in range(len(value)):
            shifted = value.copy()
            shifted[axis] += by
            yield agent.state, name, shifted
    if hasattr(agent, "collector"):
        for treasure in (None, *range(len(world.treasure_types))):
            yield agent, "holding" if agent.collector else "d_i", treasure


def moved_entries(env, unchanged=lambda: None):
    """Which entries of whose observation move when a state is perturbed, for every sender."""
    world = env.unwrapped.world
    before = observations(env)
    moved: Moved = {name: {} for name in env.possible_agents}
    for agent in world.agents:
        for holder, attribute, value in perturbations(agent, world):
            kept = getattr(holder, attribute)
            setattr(holder, attribute, value)
            unchanged()
            for receiver, after in observations(env).items():
                entries = set(np.flatnonzero(after != before[receiver]).tolist())
                if receiver != agent.name and entries:
                    moved[receiver].setdefault(agent.name, set()).update(entries)
            setattr(holder, attribute, kept)
    return moved


def play(env, cycles, seed=0):
    """Random joint steps of an AEC environment."""
    for index, name in enumerate(env.possible_agents):
        env.action_space(name).seed(seed + index)
    for cycle in range(cycles):
        for name in env.possible_agents:
            env.step(env.action_space(name).sample())
        yield cycle


@pytest.mark.parametrize("seed", [3, 4])
@pytest.mark.parametrize(("name", "options"), FIXED)
def test_a_fixed_segment_is_exactly_what_moves_with_its_sender(name, options, seed):
    env = make(name, options, seed=seed)
    segments = known_segments(env)
    assert isinstance(segments, dict)
    assert moved_entries(env) == as_sets(segments)


@pytest.mark.parametrize("seed", [3, 4])
@pytest.mark.parametrize(("name", "options"), MOVING)
def test_a_moving_segment_is_exactly_what_moves_with_its_sender(name, options, seed):
    env = make(name, options, seed=seed)
    function = known_segments(env)
    assert callable(function)
    declared = as_sets(function(env))

    def unchanged():
        # A perturbation that reorders the neighbours would test nothing.
        assert as_sets(function(env)) == declared

    assert moved_entries(env, unchanged) == declared


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("name", "options"), MOVING)
def test_a_moving_segment_follows_the_play(name, options):
    env = make(name, options)
    function = known_segments(env)
    assert callable(function)
    seen = set()
    sizes: dict[Any, int] = {}
    for cycle in play(env, 12):
        segments = function(env)
        assert moved_entries(env) == as_sets(segments)
        seen.add(str(as_sets(segments)))
        for receiver, parts in segments.items():
            for sender, indices in parts.items():
                assert sizes.setdefault((receiver, sender), len(indices)) == len(indices)
        if cycle % 4 == 3:
            env.reset()
    assert len(seen) > 1 or len(env.possible_agents) == 2


# Without prey or food the environment observes, but cannot compute its rewards.
PLAYABLE = [
    (name, options)
    for name, options in FIXED
    if 0 not in map(options.get, ("num_good", "num_food"))
]


@pytest.mark.sampled(15)
@pytest.mark.parametrize(("name", "options"), PLAYABLE)
def test_a_fixed_segment_stays_through_the_play(name, options):
    env = make(name, options)
    segments = as_sets(known_segments(env))
    for _ in play(env, 5):
        assert moved_entries(env) == segments


def features(name, sender, receiver, world):
    """What a receiver perceives of a sender, in the declared order."""
    position = [sender.state.p_pos - receiver.state.p_pos]
    prey_velocity = [] if getattr(sender, "adversary", True) else [sender.state.p_vel]
    if name in ("simple_crypto_v3", "simple_reference_v3", "simple_speaker_listener_v4"):
        return [sender.state.c]
    if name == "simple_spread_v3":
        return [*position, sender.state.c]
    if name == "simple_tag_v3":
        return position + prey_velocity
    if name == "simple_world_comm_v3":
        hears = sender.leader and receiver.adversary
        return position + prey_velocity + ([sender.state.c] if hears else [])
    if name == "collect_treasure_v1":
        kind = sender.holding if sender.collector else sender.d_i
        return [*position, sender.state.p_vel, np.arange(world.num_deposits) == kind]
    return position


@pytest.mark.parametrize(("name", "options"), FIXED + MOVING)
def test_the_entries_of_a_segment_come_in_the_order_of_the_features(name, options):
    env = make(name, options)
    world = env.unwrapped.world
    for agent in world.agents:
        agent.state.p_vel = np.random.default_rng(1).normal(size=2)
        agent.state.c = np.random.default_rng(2).normal(size=world.dim_c)
        agent.holding = 0
    segments = segments_of(env)
    assert list(segments) == env.possible_agents
    for parts in segments.values():
        for indices in parts.values():
            assert isinstance(indices, np.ndarray)
            assert indices.dtype == np.int64
    assert_each_segment_shows_its_sender(name, env, segments)


def assert_each_segment_shows_its_sender(name, env, segments):
    world = env.unwrapped.world
    agents = {agent.name: agent for agent in world.agents}
    for receiver, parts in segments.items():
        for sender, indices in parts.items():
            shown = features(name, agents[sender], agents[receiver], world)
            expected = np.concatenate(shown).astype(np.float32)
            np.testing.assert_array_equal(env.observe(receiver)[indices], expected)


@pytest.mark.sampled(23)
@pytest.mark.parametrize(("name", "options"), MOVING)
@pytest.mark.parametrize("layout", ["one point", "mirrored", "circle"])
def test_ties_go_to_whom_the_environment_gives_them(name, options, layout):
    if name in ("simple_spread_v3", "simple_adversary_v3"):
        # Above 16 elements NumPy's default sort no longer keeps equal elements in order.
        options = {**options, "N": 40}
    env = make(name, options)
    agents = env.unwrapped.world.agents
    for index, agent in enumerate(agents):
        angle = 2 * np.pi * index / len(agents)
        agent.state.p_pos = {
            "one point": np.zeros(2),
            "mirrored": np.array([0.1 * (-1) ** index, 0.1 * (-1) ** (index // 2)]),
            "circle": np.array([np.cos(angle), np.sin(angle)]),
        }[layout]
        # Tells the agents apart where they stand at one point.
        agent.state.p_vel = np.full(2, 1.0 + index)
        agent.state.c = np.full(2, 1.0 + index)
    assert_each_segment_shows_its_sender(name, env, segments_of(env))


def hide(env, *groups):
    """Puts each group of agents inside a forest of its own, and everybody else outside."""
    world = env.unwrapped.world
    for index, agent in enumerate(world.agents):
        agent.state.p_pos = np.array([-5.0 + 0.01 * index, -5.0])
    for number, group in enumerate(groups):
        centre = np.array([3.0 * number, 5.0])
        world.forests[number].state.p_pos = centre
        for index in group:
            world.agents[index].state.p_pos = centre + 0.01 * index


def test_forest_company_sees_each_other_entirely():
    env = make("simple_world_comm_v3", {})
    hide(env, tuple(range(len(env.possible_agents))))
    assert moved_entries(env) == as_sets(known_segments(env))


@pytest.mark.parametrize(
    "groups", [((4,),), ((0,),), ((0, 4), (1, 5)), ((1, 2),), ((0, 1), (2, 3, 4, 5))]
)
def test_hidden_agents_show_nothing_and_the_leader_is_still_heard(
    groups,
):
    env = make("simple_world_comm_v3", {})
    declared = as_sets(known_segments(env))
    hide(env, *groups)
    assert as_sets(known_segments(env)) == declared
    moved = moved_entries(env)
    forest = {index: number for number, group in enumerate(groups) for index in group}
    names = env.possible_agents
    hidden_pairs = 0
    for r, receiver in enumerate(names):
        for s, sender in enumerate(names):
            if r == s:
                continue
            entries = set(declared[receiver][sender])
            if forest.get(r) != forest.get(s) and r != 0:
                hidden_pairs += 1
                heard = sorted(entries)[-4:] if s == 0 and r < 4 else []
                silent = sorted(entries - set(heard))
                assert not env.observe(receiver)[silent].any()
                entries = set(heard)
            assert moved[receiver].get(sender, set()) == entries
    assert hidden_pairs


@pytest.mark.parametrize(("name", "options"), FIXED + MOVING)
def test_the_parallel_form_has_the_same_segments(name, options):
    aec = make(name, options)
    parallel = make(name, options, form="parallel_env")
    assert as_sets(segments_of(parallel)) == as_sets(segments_of(aec))
    assert as_sets(segments_of(BaseWrapper(aec))) == as_sets(segments_of(aec))


@pytest.mark.parametrize(("name", "options"), FIXED + MOVING)
def test_segments_are_known_before_the_first_reset(name, options):
    env = importlib.import_module(f"mpe2.{name}").env(**options)
    found = known_segments(env)
    env.reset(seed=3)
    assert found is current_segments or as_sets(found) == as_sets(known_segments(env))


@pytest.mark.parametrize(("name", "options"), SILENT)
def test_nothing_is_declared_where_nobody_perceives_anybody(name, options):
    env = make(name, options)
    assert known_segments(env) is None
    assert not any(moved_entries(env).values())


def test_every_environment_of_mpe2_is_covered():
    from mpe2.all_modules import mpe_environments

    listed = {name.rpartition("/")[2] for name in mpe_environments}
    assert listed == {name for name, _ in FIXED + MOVING + SILENT}


def test_the_function_pickles():
    env = make("collect_treasure_v1", {})
    function = pickle.loads(pickle.dumps(known_segments(env)))
    assert as_sets(function(env)) == as_sets(segments_of(env))


def test_other_environments_are_not_known():
    from pettingzoo.butterfly import pistonball_v6
    from pettingzoo.classic import rps_v2

    assert known_segments(rps_v2.env()) is None
    assert known_segments(pistonball_v6.env()) is None


def test_a_wrapper_that_changes_the_observations_makes_them_unknown():
    class Stacked(BaseWrapper):
        def observation_space(self, agent):
            space = super().observation_space(agent)
            return type(space)(-np.inf, np.inf, (2 * space.shape[0],), np.float32)

    assert known_segments(Stacked(make("simple_spread_v3", {}))) is None


def test_a_scenario_that_observes_otherwise_is_not_known():
    from mpe2.simple_spread.simple_spread import Scenario

    class Reversed(Scenario):
        def observation(self, agent, world):
            return super().observation(agent, world)[::-1]

    class Rewarded(Scenario):
        def reward(self, agent, world):
            return 1.0

    env = make("simple_spread_v3", {})
    env.unwrapped.scenario = Rewarded()
    assert known_segments(env) is not None
    env.unwrapped.scenario = Reversed()
    assert known_segments(env) is None


@pytest.mark.parametrize("name", ["simple_spread_v3", "simple_tag_v3", "simple_adversary_v3"])
def test_an_mpe2_without_an_option_is_taken_to_have_it_off(name):
    env = make(name, {})
    expected = as_sets(known_segments(env))
    for option in ("num_agent_neighbors", "num_landmark_neighbors"):
        delattr(env.unwrapped.scenario, option)
    assert as_sets(known_segments(env)) == expected


def test_importing_needs_no_environment():
    code = (
        "import sys, failure_api.environments.segments, failure_api.environments.positions\n"
        "loaded = [n for n in sys.modules if n.split('.')[0] in ('mpe2', 'pygame', 'pettingzoo')]\n"
        "assert not [n for n in loaded if 'mpe' in n or 'sisl' in n or 'butterfly' in n\n"
        "            or n == 'pygame'], loaded"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


class ByDistance(BaseWrapper):
    """Shows the others in the order of their distance: of the same shape, and elsewhere."""

    def observe(self, agent):
        seen = super().observe(agent)
        offsets = seen[10:14].reshape(2, 2)
        nearest = np.argsort(np.abs(offsets).sum(axis=1))
        return np.concatenate([seen[:10], offsets[nearest].ravel(), seen[14:]])


class Rewarding(BaseWrapper):
    """Changes nothing that is shown."""

    def step(self, action):
        super().step(action)


class Hidden(ByDistance):
    """Keeps the environment where nobody looks."""

    def __init__(self, env):
        super().__init__(env)
        self.__dict__["inside"] = self.__dict__.pop("env")

    def __getattr__(self, name):
        return getattr(self.__dict__["inside"], name)


def test_segments_are_not_known_where_a_layer_may_have_moved_entries():
    env = ByDistance(simple_spread_v3.env(N=3))
    assert known_segments(env) is None
    with pytest.warns(UserWarning, match="layer ByDistance of"):
        wrapped = CommunicationWrapper(env, ProbabilisticModel(failure_prob=0.5))
    assert type(wrapped._rounds.exchange) is ShareObservations
    with pytest.raises(InvalidArgumentError, match="MaskSegments cannot tell whether the layer By"):
        CommunicationWrapper(env, [], exchange=MaskSegments())
    # What the user says is taken.
    given = MaskSegments(segments={"agent_0": {"agent_1": [10, 11], "agent_2": [12, 13]}})
    CommunicationWrapper(env, [], exchange=given).reset(seed=0)


def test_layers_that_hand_observations_on_keep_segments_known():
    env = simple_spread_v3.env(N=3)
    for layer in (
        Rewarding(env),
        aec_to_parallel(Rewarding(env)),
        CommunicationWrapper(env, []),
        simple_spread_v3.raw_env(N=3),
    ):
        assert known_segments(layer) is not None
    assert known_segments(aec_to_parallel(ByDistance(env))) is None


def test_layers_of_supersuit_that_show_nothing_else_are_taken():
    supersuit = pytest.importorskip("supersuit")
    env = simple_spread_v3.env(N=3, continuous_actions=True)
    for layer in (
        supersuit.clip_actions_v0(env),
        supersuit.clip_reward_v0(env),
        supersuit.black_death_v3(aec_to_parallel(env)),
    ):
        assert known_segments(layer) is not None
    assert known_segments(supersuit.dtype_v0(env, np.float64)) is None
    env = simple_spread_v3.env(N=3)
    assert mover(Hidden(env)) is not None
