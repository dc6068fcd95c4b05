"""Positions and segments of packages other than mpe2, against what their environments really do.

A package that is not installed is skipped; `make test-environments` has all of them. Each case
perturbs one agent's state in the real environment: the entries that move in the others'
observations must be those that are declared to come from it, and no others.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from pettingzoo.utils.wrappers import BaseWrapper

from failure_api import CommunicationWrapperParallel, MaskSegments, ProbabilisticModel
from failure_api.environments import as_parallel
from failure_api.environments.positions import known_positions, read_positions
from failure_api.environments.segments import current_segments, known_segments, mover
from failure_api.errors import InvalidArgumentError


@contextmanager
def changed(holder, name, value):
    """Has an attribute, or an entry, other than it is."""
    entry = not isinstance(name, str) or isinstance(holder, dict)
    kept = holder[name] if entry else getattr(holder, name)
    # What is handed out may be the very thing, and change with it.
    kept = kept.copy() if hasattr(kept, "copy") else kept

    def put(what):
        if entry:
            holder[name] = what
        else:
            setattr(holder, name, what)

    put(value)
    try:
        yield
    finally:
        put(kept)


@dataclass
class World:
    """An environment, and what its tests must know of it.

    Attributes:
        package: What must be installed.
        make: Returns the environment, reset.
        shifts: Moves an agent's place by 3 and 4 units, given the raw environment and its index;
            None where it has no place, or nothing that moves it from outside.
        observe: Returns all flat observations, in the order of the agents, of the raw environment.
        perturb: Yields contexts in which one agent's state is another; None without segments.
        moves: Whether segments move with the state.
        dimensions: Of positions.
        name: What the test is called.
    """

    package: str
    make: Callable[[], Any]
    shifts: Any = None
    observe: Any = None
    perturb: Any = None
    moves: bool = False
    dimensions: int = 2
    name: str = field(default="")

    def __str__(self):
        return self.name


def started(env, seed=3):
    env.reset(seed=seed)
    return env


# Multiwalker


def multiwalker(**options):
    from pettingzoo.sisl import multiwalker_v9

    quiet = {"position_noise": 0.0, "angle_noise": 0.0}
    return started(multiwalker_v9.parallel_env(**quiet, **options))


def walkers_see(raw):
    return [np.asarray(seen) for seen in raw.env.scroll_subroutine()[2]]


def perturb_walker(raw, index):
    hull = raw.env.walkers[index].hull
    x, y = hull.position
    for offset in ((0.01, 0), (0, 0.01)):
        yield changed(hull, "position", (x + offset[0], y + offset[1]))
    yield changed(hull, "angle", hull.angle + 0.01)
    yield changed(hull, "linearVelocity", (1.0, 1.0))


# Knights, archers, zombies


def knights(**options):
    from pettingzoo.butterfly import knights_archers_zombies_v11

    return started(knights_archers_zombies_v11.parallel_env(**options))


def fighters_see(raw):
    return [raw.observe(agent).ravel() for agent in raw.possible_agents]


@contextmanager
def nudged(player, by):
    player.rect.move_ip(*by)
    try:
        yield
    finally:
        player.rect.move_ip(-by[0], -by[1])


def perturb_fighter(raw, index):
    player = raw.agent_map[raw.possible_agents[index]]
    yield nudged(player, (5, 0))
    yield nudged(player, (0, 5))
    yield changed(player, "direction", player.direction.rotate(30))
    yield changed(raw, "dead_agents", [*raw.dead_agents, player.agent_name])


# momaland


def crazyrl(name, **options):
    import importlib

    module = importlib.import_module(f"momaland.envs.crazyrl.{name}.{name}_v0")
    return started(module.parallel_env(**options))


def drones_see(raw):
    return list(raw._compute_obs().values())


def perturb_drone(raw, index):
    agent = raw.possible_agents[index]
    for axis in np.eye(3):
        yield changed(raw.agent_location, agent, raw.agent_location[agent] + 0.1 * axis)


def shift_drone(raw, index):
    agent = raw.possible_agents[index]
    raw.agent_location[agent] = raw.agent_location[agent] + np.array([3, 4, 5])


def item_gathering():
    from momaland.envs.item_gathering import moitem_gathering_v0

    return started(moitem_gathering_v0.parallel_env())


def shift_gatherer(raw, index):
    raw.agent_positions[index] += np.array([3, 4])


# lbforaging


def foraging(id_, **options):
    import gymnasium
    import lbforaging  # noqa: F401

    return started(as_parallel(gymnasium.make(id_, **options)), seed=1)


def foragers_see(raw):
    return list(raw._make_gym_obs())


def perturb_forager(raw, index):
    player = raw.players[index]
    row, column = player.position
    rows, columns = raw.field_size
    for offset in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        place = (row + offset[0], column + offset[1])
        if 0 <= place[0] < rows and 0 <= place[1] < columns:
            yield changed(player, "position", place)
    yield changed(player, "level", 1 if player.level > 1 else 2)


def shift_forager(raw, index):
    row, column = raw.players[index].position
    raw.players[index].position = (row + 3, column + 4)


# rware


def warehouse(**options):
    import gymnasium
    import rware  # noqa: F401

    env = started(as_parallel(gymnasium.make("rware-tiny-4ag-v2", **options)))
    for robot, place in zip(env.unwrapped.agents, [(2, 2), (3, 2), (3, 3), (5, 5)], strict=True):
        robot.x, robot.y = place
        robot.message = np.array([0.0] * env.unwrapped.msg_bits)
    env.unwrapped._recalc_grid()
    return env


def robots_see(raw):
    return [np.asarray(raw._make_obs(robot)) for robot in raw.agents]


def perturb_robot(raw, index):
    robot = raw.agents[index]
    yield from (changed(robot, "dir", direction) for direction in type(robot.dir))
    yield changed(robot, "message", 1 - robot.message)
    # Where it is not, nobody sees it.
    yield changed(raw.grid, (0, robot.y, robot.x), 0)


def shift_robot(raw, index):
    raw.agents[index].x += 3
    raw.agents[index].y += 4


# highway-env


def highway(order="sorted", absolute=True):
    import gymnasium
    import highway_env

    if hasattr(highway_env, "_register_highway_envs"):
        gymnasium.register_envs(highway_env)
    config = {
        "controlled_vehicles": 3,
        "vehicles_count": 4,
        "observation": {
            "type": "MultiAgentObservation",
            "observation_config": {
                "type": "Kinematics",
                "vehicles_count": 9,
                # Presence is always 1, so it does not move with its vehicle.
                "features": ["x", "y", "vx", "vy", "cos_h", "sin_h"],
                "features_range": {key: [-1000, 1000] for key in ("x", "y", "vx", "vy")},
                "absolute": absolute,
                "see_behind": True,
                "order": order,
            },
        },
        "action": {
            "type": "MultiAgentAction",
            "action_config": {"type": "DiscreteMetaAction"},
        },
    }
    return started(as_parallel(gymnasium.make("highway-v0", config=config)))


def drivers_see(raw):
    return [np.asarray(seen).ravel() for seen in raw.observation_type.observe()]


def perturb_driver(raw, index):
    vehicle = raw.controlled_vehicles[index]
    yield changed(vehicle, "position", vehicle.position + np.array([0.1, 0.0]))
    yield changed(vehicle, "position", vehicle.position + np.array([0.0, 0.1]))
    yield changed(vehicle, "speed", vehicle.speed + 1.0)
    yield changed(vehicle, "heading", vehicle.heading + 0.1)


def shift_vehicle(raw, index):
    raw.controlled_vehicles[index].position += np.array([3.0, 4.0])


# MaMuJoCo


def mamujoco(scenario, parts, reach, **options):
    from gymnasium_robotics import mamujoco_v1

    return started(mamujoco_v1.parallel_env(scenario, parts, agent_obsk=reach, **options))


def joints_see(raw):
    return list(raw._get_obs().values())


def perturb_joints(raw, index):
    """The joints of its own part; where a body is shown, that of the first node that has it."""
    data = raw.single_agent_env.unwrapped.data
    for node in raw.agent_action_partitions[index]:
        for array, ids in (
            (data.qpos, node.qpos_ids),
            (data.qvel, node.qvel_ids),
            (data.qfrc_actuator, node.qvel_ids),
        ):
            yield changed(array, (ids,), array[ids] + 0.1)


# magent2, PyFlyt


def magent(name, **options):
    import importlib

    module = importlib.import_module(f"magent2.environments.{name}")
    return started(module.parallel_env(**options))


def battle():
    return magent("battle_v4", map_size=12)


def aviary(name):
    from PyFlyt import pz_envs

    return started(getattr(pz_envs, name)())


def shift_aircraft(raw, index):
    drone = raw.aviary.drones[index]
    place, turn = drone.p.getBasePositionAndOrientation(drone.Id)
    drone.p.resetBasePositionAndOrientation(drone.Id, np.add(place, (3, 4, 5)), turn)
    drone.update_state()


def _world(name, package, make, **known):
    return World(package, make, name=name, **known)


def _mamujoco(scenario, parts, reach, **options):
    return _world(
        f"mamujoco-{scenario}-{parts}-{reach}",
        "gymnasium_robotics",
        lambda: mamujoco(scenario, parts, reach, **options),
        observe=joints_see,
        perturb=perturb_joints,
    )


def _crazyrl(name, **options):
    return _world(
        f"{name}-{options}",
        "momaland",
        lambda: crazyrl(name, **options),
        shifts=shift_drone,
        observe=drones_see,
        perturb=perturb_drone,
        dimensions=3,
    )


def _foraging(id_, moves=False, **options):
    return _world(
        f"{id_}-{options}",
        "lbforaging",
        lambda: foraging(id_, **options),
        shifts=shift_forager,
        observe=foragers_see,
        perturb=perturb_forager,
        moves=moves,
    )


def _warehouse(**options):
    return _world(
        f"rware-{options}",
        "rware",
        lambda: warehouse(**options),
        shifts=shift_robot,
        observe=robots_see,
        perturb=perturb_robot,
        moves=True,
    )


WITH_SEGMENTS = [
    *(
        _world(
            f"multiwalker-{count}",
            "Box2D",
            lambda count=count: multiwalker(n_walkers=count),
            observe=walkers_see,
            perturb=perturb_walker,
        )
        for count in (2, 3, 5)
    ),
    *(
        _world(
            f"knights_archers_zombies-{options}",
            "pygame",
            lambda options=options: knights(**options),
            observe=fighters_see,
            perturb=perturb_fighter,
        )
        for options in ({}, {"num_archers": 1, "num_knights": 3, "max_zombies": 2})
    ),
    *(_crazyrl(name) for name in ("catch", "surround", "escort")),
    _crazyrl("surround", num_drones=2),
    _foraging("Foraging-8x8-3p-2f-v3", max_player_level=3),
    _foraging("Foraging-5x5-2p-1f-v3", max_player_level=3, observe_agent_levels=True),
    _foraging("Foraging-2s-8x8-3p-2f-v3", moves=True, max_player_level=3),
    _warehouse(),
    _warehouse(msg_bits=2),
    _warehouse(sensor_range=3, msg_bits=1),
    *(
        _world(
            f"highway-absolute-{absolute}",
            "highway_env",
            lambda absolute=absolute: highway(absolute=absolute),
            shifts=shift_vehicle,
            observe=drivers_see,
            perturb=perturb_driver,
            moves=True,
        )
        for absolute in (True, False)
    ),
    _mamujoco("HalfCheetah", "6x1", 1),
    _mamujoco("HalfCheetah", "2x3", 2),
    _mamujoco("HalfCheetah", "6x1", 5),
    _mamujoco("Ant", "4x2", 1),
    _mamujoco("Ant", "2x4", 1),
    _mamujoco("Walker2d", "2x3", 1),
    _mamujoco("Hopper", "3x1", 1),
    _mamujoco("Humanoid", "9|8", 1),
    _mamujoco("Swimmer", "2x1", 1),
    _mamujoco("ManySegmentSwimmer", "4x2", 1),
    _mamujoco("Pusher", "3p", 1),
    _mamujoco("HalfCheetah", "6x1", 1, local_categories=[["qpos"], ["qvel", "qpos"]]),
]
WITHOUT = [
    _mamujoco("HalfCheetah", "6x1", 0),
    _world("item_gathering", "momaland", item_gathering, shifts=shift_gatherer),
    _world(
        "hover", "PyFlyt", lambda: aviary("MAQuadXHoverEnvV2"), shifts=shift_aircraft, dimensions=3
    ),
    _world(
        "dogfight",
        "PyFlyt",
        lambda: aviary("MAFixedwingDogfightEnvV2"),
        shifts=shift_aircraft,
        dimensions=3,
    ),
    _world("battle", "magent2", battle),
]


@pytest.fixture
def env(world):
    pytest.importorskip(world.package)
    made = world.make()
    yield made
    made.close()


def as_sets(segments):
    return {
        receiver: {sender: set(map(int, entries)) for sender, entries in parts.items()}
        for receiver, parts in segments.items()
    }


def declared(env, world):
    found = known_segments(env)
    assert callable(found) == world.moves
    return as_sets(found(env) if callable(found) else found)


def moved_entries(env, world):
    """Which entries of whose observation move when another agent's state is perturbed."""
    raw, agents = env.unwrapped, list(env.possible_agents)
    before, segments = world.observe(raw), known_segments(env)
    moved: dict[Any, dict[Any, set[int]]] = {agent: {} for agent in agents}
    fixed = as_sets(segments(env)) if callable(segments) else None
    for index, sender in enumerate(agents):
        for perturbation in list(world.perturb(raw, index)):
            with perturbation:
                if callable(segments) and as_sets(segments(env)) != fixed:
                    # Another order of the rows would say nothing of them.
                    continue
                after = world.observe(raw)
            for receiver, old, new in zip(agents, before, after, strict=True):
                entries = set(np.flatnonzero(np.asarray(new) != old).tolist())
                if receiver != sender and entries:
                    moved[receiver].setdefault(sender, set()).update(entries)
    return moved


@pytest.mark.parametrize("world", WITH_SEGMENTS, ids=str)
def test_segments_are_exactly_what_moves_with_their_sender(env, world):
    assert any(declared(env, world).values())
    assert moved_entries(env, world) == declared(env, world)


@pytest.mark.parametrize("world", WITH_SEGMENTS, ids=str)
def test_segments_hold_while_it_is_played(env, world):
    agents = list(env.possible_agents)
    for index, agent in enumerate(agents):
        env.action_space(agent).seed(index)
    senders = set()
    for _ in range(4):
        env.step({agent: env.action_space(agent).sample() for agent in env.agents})
        if len(env.agents) < len(agents):
            break
        moved, said = moved_entries(env, world), declared(env, world)
        for receiver, parts in moved.items():
            for sender, entries in parts.items():
                assert entries <= said[receiver][sender]
                senders.add(sender)
    assert senders


@pytest.mark.parametrize("world", WITH_SEGMENTS, ids=str)
def test_they_fail_with_their_links(env, world):
    """Through the whole wrapper: what does not arrive is zero, and nothing else is."""
    dead = CommunicationWrapperParallel(env, ProbabilisticModel(failure_prob=1.0))
    assert isinstance(dead._rounds.exchange, MaskSegments)
    seen, _ = dead.reset(seed=3)
    said = declared(env, world)
    for receiver, parts in said.items():
        flat = np.asarray(seen[receiver]).ravel()
        space = env.observation_space(receiver)
        for entries in parts.values():
            where = sorted(entries)
            low, high = (limit.ravel()[where] for limit in (space.low, space.high))
            np.testing.assert_array_equal(flat[where], np.clip(0, low, high))


@pytest.mark.parametrize("world", WITHOUT, ids=str)
def test_nothing_is_declared_where_it_cannot_be(env, world):
    assert known_segments(env) is None


def test_magent2_says_why_it_has_no_segments():
    pytest.importorskip("magent2")
    with pytest.raises(InvalidArgumentError, match="since they move with it"):
        CommunicationWrapperParallel(battle(), [], exchange=MaskSegments())


@pytest.mark.parametrize(
    "world", [world for world in (*WITH_SEGMENTS, *WITHOUT) if world.shifts], ids=str
)
def test_a_row_of_positions_follows_its_agent_and_no_other(env, world):
    function = known_positions(env)
    before = function(env)
    assert before.shape == (len(env.possible_agents), world.dimensions)
    assert before.dtype == np.float64
    assert np.isfinite(before).all()
    assert pickle.loads(pickle.dumps(function)) is function
    alive = np.ones(len(before), dtype=bool)
    np.testing.assert_array_equal(read_positions(function, env, env.possible_agents, alive), before)
    for index in range(len(before)):
        world.shifts(env.unwrapped, index)
        expected = np.zeros_like(before)
        expected[index] = (3, 4, 5)[: world.dimensions]
        after = function(env)
        np.testing.assert_allclose(after - before, expected, atol=1e-4)
        before = after


def test_the_dead_of_magent2_have_no_positions():
    pytest.importorskip("magent2")
    env = magent("gather_v5", max_cycles=200)
    function = known_positions(env)
    agents = env.possible_agents
    for index, agent in enumerate(agents):
        env.action_space(agent).seed(index)
    assert np.isfinite(function(env)).all()
    shares = []
    while env.agents:
        gone = [agent not in env.agents for agent in agents]
        assert np.isnan(function(env)).any(axis=1).tolist() == gone
        shares.append(sum(gone))
        env.step({agent: env.action_space(agent).sample() for agent in env.agents})
    assert shares[-1] > 0


def test_who_moves_in_magent2_moves_its_row():
    pytest.importorskip("magent2")
    env = battle()
    function = known_positions(env)
    stay = 6
    # In the first step of an environment some obey the order of another agent.
    env.step(dict.fromkeys(env.agents, stay))
    before = function(env)
    for index, walker in enumerate(env.possible_agents):
        steps = 0
        for action in range(13):
            env.step({agent: action if agent == walker else stay for agent in env.agents})
            after = function(env)
            moved = np.flatnonzero((after != before).any(axis=1)).tolist()
            assert moved in ([], [index])
            steps += len(moved)
            before = after
        assert steps > 3


def test_typemasks_widen_the_rows_of_knights_archers_zombies():
    env = knights(obs_method="vector-masked")
    world = next(world for world in WITH_SEGMENTS if "zombies" in str(world))
    said = declared(env, world)
    assert said["archer_0"]["archer_1"] == set(range(11 * 2, 11 * 3))
    for receiver, parts in moved_entries(env, world).items():
        for sender, entries in parts.items():
            # An entry of 0 of a mask stays 0, whatever its agent does.
            assert entries <= said[receiver][sender]
            assert len(entries) == 6


@pytest.mark.parametrize("method", ["image", "vector-sequence"])
def test_other_observations_of_knights_archers_zombies_are_not_known(method):
    assert known_segments(knights(obs_method=method)) is None


def test_shuffled_rows_of_highway_env_are_not_known():
    pytest.importorskip("highway_env")
    assert known_segments(highway(order="shuffled")) is None


def test_a_class_of_ones_own_is_not_known():
    pytest.importorskip("momaland")
    from momaland.envs.crazyrl.surround.surround import Surround

    class Reversed(Surround):
        def _compute_obs(self):
            return {agent: seen[::-1] for agent, seen in super()._compute_obs().items()}

    assert known_segments(started(Surround())) is not None
    env = started(Reversed())
    assert known_segments(env) is None
    # Where its agents are is still where they are.
    assert known_positions(env) is not None


def test_a_layer_of_gymnasium_that_may_move_entries_is_found():
    gymnasium = pytest.importorskip("gymnasium")
    pytest.importorskip("lbforaging")
    import lbforaging  # noqa: F401

    class Sorted(gymnasium.ObservationWrapper):
        def observation(self, observation):
            return tuple(np.sort(seen) for seen in observation)

    bare = gymnasium.make("Foraging-8x8-3p-2f-v3")
    assert mover(as_parallel(bare)) is None
    assert known_segments(as_parallel(bare)) is not None
    env = as_parallel(Sorted(bare))
    assert type(mover(env)) is Sorted
    assert known_segments(env) is None


def test_layers_of_momaland_that_change_rewards_are_taken():
    pytest.importorskip("momaland")
    from momaland.envs.multiwalker_stability import momultiwalker_stability_v0
    from momaland.utils.parallel_wrappers import LinearizeReward, NormalizeReward

    walkers = momultiwalker_stability_v0.parallel_env()
    assert known_segments(walkers)["walker_1"]["walker_2"].tolist() == [26, 27]
    env = crazyrl("surround")
    linear = LinearizeReward(env, dict.fromkeys(env.possible_agents, np.array([0.5, 0.5])))
    normal = NormalizeReward(linear, "agent_0", 0)
    assert mover(normal) is None
    assert known_segments(normal)["agent_0"]["agent_1"].tolist() == [6, 7, 8]


def test_the_layer_of_highway_env_that_changes_rewards_is_taken():
    gymnasium = pytest.importorskip("gymnasium")
    highway_env = pytest.importorskip("highway_env")
    gymnasium.register_envs(highway_env)
    env = as_parallel(gymnasium.make("intersection-multi-agent-v1"))
    assert known_segments(env) is current_segments


def test_segments_that_move_are_a_function_before_the_first_reset():
    gymnasium = pytest.importorskip("gymnasium")
    pytest.importorskip("rware")
    import rware  # noqa: F401

    env = as_parallel(gymnasium.make("rware-tiny-2ag-v2"))
    assert known_segments(env) is current_segments
    assert not any(current_segments(env).values())
    env.reset(seed=0)
    assert pickle.loads(pickle.dumps(known_segments(env))) is current_segments


# What authors say of their own environments


def spread(**methods):
    """Simple_spread as a class of the user's own, which says what is known of it."""
    from mpe2.simple_spread.simple_spread import raw_env

    return type("Mine", (raw_env,), methods)(N=3)


SAID = {"agent_0": {"agent_1": [10, 11]}, "agent_1": {}, "agent_2": {}}


@pytest.mark.parametrize("wrap", [lambda env: env, BaseWrapper])
def test_what_an_environment_says_itself_comes_first(wrap):
    places = [[0.0, 1.0, 2.0]] * 3
    env = wrap(
        spread(
            communication_segments=lambda self: SAID,
            communication_positions=lambda self: places,
        )
    )
    assert known_segments(env) is SAID
    function = known_positions(env)
    given = pickle.loads(pickle.dumps(function))(env)
    assert given.dtype == np.float64
    assert given.tolist() == places
    alive = np.ones(3, dtype=bool)
    assert read_positions(function, env, env.possible_agents, alive).tolist() == places


def test_a_layer_can_say_it_and_may_show_what_it_likes():
    class Mirrored(BaseWrapper):
        def observe(self, agent):
            return super().observe(agent)[::-1].copy()

    class Told(Mirrored):
        def communication_segments(self):
            return {"agent_0": {"agent_1": [0]}}

    env = spread()
    assert known_segments(Mirrored(env)) is None
    assert known_segments(Told(env)) == {"agent_0": {"agent_1": [0]}}
    assert known_segments(Mirrored(Told(env))) is None
    assert known_segments(BaseWrapper(Told(env))) == {"agent_0": {"agent_1": [0]}}


def test_an_environment_may_say_that_nothing_is_known():
    env = spread(communication_segments=lambda self: None)
    assert known_segments(env) is None
    assert known_segments(spread()) is not None


@pytest.mark.parametrize("said", [SAID, lambda env: SAID])
def test_what_is_said_fails_with_its_links(said):
    from failure_api import CommunicationWrapper

    env = spread(communication_segments=lambda self: said)
    bare = spread()
    bare.reset(seed=2)
    wrapped = CommunicationWrapper(env, ProbabilisticModel(failure_prob=1.0))
    wrapped.reset(seed=2)
    expected = bare.observe("agent_0").copy()
    expected[[10, 11]] = 0
    np.testing.assert_array_equal(wrapped.observe("agent_0"), expected)
    np.testing.assert_array_equal(wrapped.observe("agent_1"), bare.observe("agent_1"))


def test_positions_that_are_said_are_a_copy():
    places = np.zeros((3, 2))
    env = spread(communication_positions=lambda self: places)
    known_positions(env)(env)[:] = 7
    assert not places.any()


def test_range_acts_on_the_positions_that_are_said():
    from failure_api import CommunicationWrapper, DistanceModel

    env = spread(communication_positions=lambda self: [[0.0], [1.0], [9.0]])
    wrapped = CommunicationWrapper(env, DistanceModel(distance_threshold=2.0))
    wrapped.reset(seed=0)
    heard = wrapped.get_communication_state()
    assert heard[0, 1]
    assert not heard[0, 2]


def test_positions_of_another_shape_are_refused_in_a_sentence():
    from failure_api import CommunicationWrapper, DistanceModel

    env = spread(communication_positions=lambda self: [[0.0], [1.0]])
    wrapped = CommunicationWrapper(env, DistanceModel(distance_threshold=2.0))
    with pytest.raises(InvalidArgumentError, match=r"^positions must give numbers of shape \[3"):
        wrapped.reset(seed=0)
