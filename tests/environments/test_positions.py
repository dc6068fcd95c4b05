"""Positions, on the real environments."""

from __future__ import annotations

import importlib
import pickle
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pettingzoo.utils.wrappers import BaseWrapper

from failure_api.environments.positions import known_positions, read_positions
from failure_api.errors import InvalidArgumentError

MPE = [
    ("collect_treasure_v1", {"num_collectors": 3}),
    ("simple_adversary_v3", {"N": 3}),
    ("simple_crypto_v3", {}),
    ("simple_formation_v1", {}),
    ("simple_line_v1", {}),
    ("simple_push_v3", {}),
    ("simple_reference_v3", {}),
    ("simple_speaker_listener_v4", {}),
    ("simple_spread_v3", {"N": 5}),
    ("simple_tag_v3", {"num_good": 2}),
    ("simple_v3", {}),
    ("simple_world_comm_v3", {}),
]


def shift_rectangle(rectangle):
    rectangle.move_ip(3, 4)


def shift_body(body):
    body.position = (body.position[0] + 3, body.position[1] + 4)


def shift_world(env, index):
    env.world.agents[index].state.p_pos += np.array([3.0, 4.0])


def shift_pursuer(env, index):
    x, y = env.env.pursuer_layer.get_position(index)
    env.env.pursuer_layer.set_position(index, x + 3, y + 4)


def shift_walker(env, index):
    shift_body(env.env.walkers[index].hull)


def shift_swimmer(env, index):
    shift_body(env.env.pursuers[index].body)


def shift_piston(env, index):
    shift_body(env.pistonList[index])


def shift_paddle(env, index):
    paddle = (env.env.p0, env.env.p1)[index]
    shift_rectangle(paddle.rects[0] if hasattr(paddle, "rects") else paddle.rect)


def player(env, index):
    if hasattr(env, "agent_map"):
        return env.agent_map[env.possible_agents[index]]
    return env.agent_list[index]


def shift_player(env, index):
    shift_rectangle(player(env, index).rect)


Case = tuple[str, dict[str, Any], Callable[[Any, int], None]]
CASES: list[Case] = [(f"mpe2.{name}", options, shift_world) for name, options in MPE]
# Several versions of one environment: PettingZoo renames them, drops them, and 1.25 is supported.
CASES += [
    ("pettingzoo.sisl.pursuit_v4|pursuit_v5", {"n_pursuers": 4}, shift_pursuer),
    ("pettingzoo.sisl.multiwalker_v9", {"n_walkers": 3}, shift_walker),
    ("pettingzoo.sisl.waterworld_v4", {"n_pursuers": 3}, shift_swimmer),
    ("pettingzoo.butterfly.pistonball_v6", {"n_pistons": 4}, shift_piston),
    ("pettingzoo.butterfly.cooperative_pong_v5|cooperative_pong_v6", {}, shift_paddle),
    (
        "pettingzoo.butterfly.cooperative_pong_v5|cooperative_pong_v6",
        {"cake_paddle": False, "render_ratio": 1},
        shift_paddle,
    ),
    (
        "pettingzoo.butterfly.knights_archers_zombies_v10|knights_archers_zombies_v11",
        {"num_archers": 2, "num_knights": 3},
        shift_player,
    ),
]


def module(names):
    package, _, versions = names.rpartition(".")
    for version in versions.split("|"):
        try:
            return importlib.import_module(f"{package}.{version}")
        except ModuleNotFoundError:
            continue
    return pytest.skip(f"the installed packages have no {names}")


def make(names, options, form="env"):
    env = getattr(module(names), form)(**options)
    env.reset(seed=5)
    return env


def positions_of(env):
    function = known_positions(env)
    assert function is not None
    return function(env)


@pytest.mark.parametrize("form", ["env", "parallel_env"])
@pytest.mark.parametrize(("names", "options", "shift"), CASES)
def test_a_row_follows_its_agent_and_no_other(names, options, shift, form):
    env = make(names, options, form)
    function = known_positions(env)
    assert function is not None
    before = function(env)
    assert before.shape == (len(env.possible_agents), 2)
    assert before.dtype == np.float64
    assert np.isfinite(before).all()
    for index in range(len(env.possible_agents)):
        shift(env.unwrapped, index)
        expected = np.zeros_like(before)
        expected[index] = (3, 4)
        after = function(env)
        np.testing.assert_allclose(after - before, expected, atol=1e-5)
        before = after


@pytest.mark.parametrize(("names", "options", "shift"), CASES)
def test_all_forms_and_wrappers_agree(names, options, shift):
    aec, parallel = make(names, options), make(names, options, "parallel_env")
    function = known_positions(parallel)
    assert function is not None
    assert known_positions(aec) is function
    assert known_positions(BaseWrapper(aec)) is function
    assert known_positions(module(names).env(**options)) is function
    np.testing.assert_array_equal(function(aec), function(parallel))
    np.testing.assert_array_equal(function(BaseWrapper(aec)), function(aec))
    assert pickle.loads(pickle.dumps(function)) is function


@pytest.mark.parametrize("form", ["env", "parallel_env"])
def test_each_read_is_an_array_of_its_own(form):
    env = make("mpe2.simple_spread_v3", {}, form)
    function = known_positions(env)
    assert function is not None
    positions = function(env)
    positions += 7
    assert (function(env) < 2).all()


def test_the_rows_are_where_the_environment_says_that_agents_stand():
    env = make("mpe2.simple_tag_v3", {})
    positions = positions_of(env)
    for row, agent_id in zip(positions, env.possible_agents, strict=True):
        np.testing.assert_array_equal(env.observe(agent_id)[2:4], row.astype(np.float32))


def test_multiwalker_counts_metres():
    env = make("pettingzoo.sisl.multiwalker_v9", {"n_walkers": 3})
    positions = positions_of(env)
    np.testing.assert_allclose(np.diff(positions[:, 0]), 14 / 3, rtol=1e-3)


@pytest.mark.parametrize("form", ["env", "parallel_env"])
def test_a_killed_knight_has_no_position(form):
    names = "pettingzoo.butterfly.knights_archers_zombies_v10|knights_archers_zombies_v11"
    # Version 10 called it a rate, and meant the same.
    spawn = "spawn_rate" if module(names).__name__.endswith("v10") else "spawn_delay"
    env = make(names, {spawn: 1, "max_zombies": 40}, form)
    function = known_positions(env)
    assert function is not None
    rounds_with_dead = 0
    for _ in range(900):
        if form == "env":
            # A killed agent stays among `agents` until its last step, but has lost its body.
            order = [name for name in env.agents if not env.terminations[name]]
            for name in order:
                while env.agents and env.agent_selection != name:
                    env.step(None)
                env.step(5)
        else:
            env.step(dict.fromkeys(env.agents, 5))
        if not env.agents or (form == "env" and all(env.terminations.values())):
            break
        alive = np.array(
            [
                name in env.agents and not (form == "env" and env.terminations[name])
                for name in env.possible_agents
            ]
        )
        positions = function(env)
        np.testing.assert_array_equal(np.isnan(positions), np.repeat(~alive[:, None], 2, axis=1))
        checked = read_positions(function, env, env.possible_agents, alive)
        np.testing.assert_array_equal(checked, np.where(alive[:, None], positions, 0.0))
        rounds_with_dead += not alive.all()
    assert rounds_with_dead


def test_a_removed_walker_has_no_position():
    options = {"n_walkers": 3, "terminate_on_fall": False, "remove_on_fall": True}
    env = make("pettingzoo.sisl.multiwalker_v9", options, "parallel_env")
    function = known_positions(env)
    assert function is not None
    for index, name in enumerate(env.possible_agents):
        env.action_space(name).seed(index)
    for _ in range(300):
        env.step({name: env.action_space(name).sample() for name in env.agents})
        if len(env.agents) < 3:
            break
    gone = [name not in env.agents for name in env.possible_agents]
    assert any(gone)
    assert np.isnan(function(env)).all(axis=1).tolist() == gone


@pytest.mark.parametrize("name", ["tictactoe_v3", "connect_four_v3", "rps_v2"])
def test_board_games_have_no_positions(name):
    assert known_positions(module(f"pettingzoo.classic.{name}").env()) is None


AGENTS = ["ada", "ben", "cem"]
ALL = np.ones(3, dtype=bool)
ROWS = np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])


@pytest.mark.parametrize(
    "given",
    [
        ROWS,
        ROWS.astype(np.float32),
        ROWS.astype(int),
        ROWS.astype(np.uint8),
        ROWS.tolist(),
        tuple(map(tuple, ROWS.tolist())),
        list(ROWS),
    ],
)
def test_any_array_of_numbers_is_read(given):
    positions = read_positions(lambda env: given, None, AGENTS, ALL)
    np.testing.assert_array_equal(positions, ROWS)
    assert positions.dtype == np.float64


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_positions_have_any_number_of_dimensions(dimensions):
    given = np.ones((3, dimensions))
    assert read_positions(lambda env: given, None, AGENTS, ALL).shape == (3, dimensions)


def test_the_function_receives_the_environment():
    given = object()
    seen = []
    read_positions(lambda env: (seen.append(env), ROWS)[1], given, AGENTS, ALL)
    assert seen == [given]


def test_the_rows_of_the_dead_are_zero_and_the_given_array_stays():
    given = ROWS.copy()
    given[1] = np.nan
    given.setflags(write=False)
    alive = np.array([True, False, True])
    positions = read_positions(lambda env: given, None, AGENTS, alive)
    assert positions.tolist() == [[0.0, 1.0], [0.0, 0.0], [4.0, 5.0]]
    positions[:] = 9
    assert given[0].tolist() == [0.0, 1.0]


@pytest.mark.parametrize("everyone", [True, False])
def test_the_array_is_fresh(everyone):
    given = ROWS.copy()
    alive = np.array([True, everyone, True])
    read_positions(lambda env: given, None, AGENTS, alive)[:] = 9
    np.testing.assert_array_equal(given, ROWS)


@pytest.mark.parametrize(
    "given",
    [
        None,
        3.0,
        ROWS[:2],
        ROWS[0],
        ROWS[None],
        np.empty((3, 0)),
        np.vstack([ROWS, ROWS]),
        [[0.0, 1.0], [2.0], [4.0, 5.0]],
        [["0", "1"], ["2", "3"], ["4", "5"]],
        ROWS.astype(str),
        ROWS.astype(complex),
        ROWS.astype(bool),
        [[0.0, None]] * 3,
        {"ada": (0.0, 1.0)},
        "here",
        np.ma.array(ROWS),
        [*ROWS[:2], np.ma.array(ROWS[2])],
        [[0.0, True], [2.0, 3.0], [4.0, 5.0]],
    ],
)
def test_what_is_no_row_of_numbers_for_each_agent_is_refused(given):
    with pytest.raises(InvalidArgumentError, match=r"^positions must give numbers of shape \[3, d"):
        read_positions(lambda env: given, None, AGENTS, ALL)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300, -1.1e18])
def test_a_live_agent_without_a_position_is_named(value):
    """What lies further off than 1e18 is infinite, or has an infinite square, in float32."""
    given = ROWS.copy()
    given[1, 1] = value
    with pytest.raises(
        InvalidArgumentError, match=rf"live agent 'ben', but \[2\.0, {re.escape(str(value))}\] was"
    ):
        read_positions(lambda env: given, None, AGENTS, np.array([False, True, True]))


def test_an_error_of_the_function_is_its_own():
    with pytest.raises(ZeroDivisionError):
        read_positions(lambda env: 1 / 0, None, AGENTS, ALL)
