"""The agents' positions, in the environments that people use or that say them themselves.

`known_positions` finds the function for an environment, `read_positions` calls it (or the user's
own) and refuses what a model could not work with.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from failure_api.core.parameters.rules import numbers
from failure_api.core.parameters.types import FARTHEST
from failure_api.environments import innermost, offering, said_by
from failure_api.errors import invalid

PositionFunction = Callable[[Any], Any]

_OFFER = "communication_positions"


def known_positions(env: Any) -> Callable[[Any], NDArray[np.float64]] | None:
    """Returns the function that reads the agents' positions, where the environment is known.

    An environment that offers `communication_positions()` is asked first. It returns, after a
    reset, `[N, dim]` numbers, rows in the order of `possible_agents`, NaN for an agent that has no
    body any more.

    Distances are in the environment's own units, so a range that suits one family means nothing
    in another: see the unit in the docstring of each function below (mpe2 counts arena
    half-widths, grid worlds cells, what has physics metres, the others pixels).

    Args:
        env: An AEC or Parallel environment in any wrappers, reset or not.

    Returns:
        A function of the environment, valid after `reset`, which gives what the environment
        offers, or float64 `[N, 2]`, `[N, 3]` for drones, rows in the order of `possible_agents`,
        NaN for an agent that has no body any more; None where the environment is not known or has
        no positions.

    Example:
        >>> from mpe2 import simple_spread_v3
        >>> env = simple_spread_v3.env(N=3)
        >>> env.reset(seed=0)
        >>> known_positions(env)(env).shape
        (3, 2)
    """
    if offering(env, _OFFER) is not None:
        return offered_positions
    modules = (ancestor.__module__ for ancestor in type(innermost(env)).__mro__)
    return next((_FUNCTIONS[module] for module in modules if module in _FUNCTIONS), None)


def read_positions(
    function: PositionFunction, env: Any, agent_ids: Sequence[Any], alive: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Returns where the agents are now, after checking what the function gave.

    Args:
        function: A function of the environment, from `known_positions` or the user.
        env: The environment, after `reset`.
        agent_ids: The N agents, in the order of the rows.
        alive: Which of them take part, bool `[N]`.

    Returns:
        A fresh float64 array `[N, dim]`; rows of agents that are not alive are 0.

    Raises:
        InvalidArgumentError: Not an `[N, dim]` array of numbers, or a live agent without a
            finite position, or with one that is further than 1e18 from 0.

    Example:
        >>> read_positions(lambda env: [[0, 1], [2, 3]], None, ["a", "b"], np.array([True, False]))
        array([[0., 1.],
               [0., 0.]])
    """
    positions = _rows_of_numbers(function(env), len(agent_ids))
    if not alive.all():
        positions[~alive] = 0.0
    near = np.abs(positions) <= FARTHEST
    if not near.all():
        index = int(np.argmin(near.all(axis=1)))
        rule = f"must be finite, within {FARTHEST:g} of 0, for the live agent {agent_ids[index]!r}"
        remedy = "let the function return NaN only for agents that are no longer in the environment"
        raise invalid("positions", rule, positions[index].tolist(), remedy)
    return positions


def _rows_of_numbers(found: Any, agents: int) -> NDArray[np.float64]:
    """Returns a fresh array of what was found, which has a row for each agent."""
    positions = numbers(found)
    if positions is None or positions.ndim != 2 or len(positions) != agents or not positions.size:
        rule = f"must give numbers of shape [{agents}, dim]"
        remedy = "return one row of coordinates for each of possible_agents, in that order"
        raise invalid("positions", rule, found, remedy)
    return positions


def offered_positions(env: Any) -> NDArray[np.float64]:
    """Returns the positions that an environment offers itself, in units of its own.

    Raises:
        InvalidArgumentError: Not an `[N, dim]` array of numbers.
    """
    found = said_by(offering(env, _OFFER), _OFFER)
    return _rows_of_numbers(found, len(env.possible_agents))


def world_positions(env: Any) -> NDArray[np.float64]:
    """Returns the positions in mpe2 (and PettingZoo's former `mpe`).

    Unit: half the arena's width. Agents start in `[-1, 1]` by `[-1, 1]` and may leave it.
    """
    agents = env.unwrapped.world.agents
    return np.array([agent.state.p_pos for agent in agents], dtype=np.float64)


def pursuit_positions(env: Any) -> NDArray[np.float64]:
    """Returns the pursuers' positions in PettingZoo's pursuit.

    Unit: cells of the grid, 16 by 16 unless the environment was told otherwise.
    """
    layer = env.unwrapped.env.pursuer_layer
    return _rows(layer.get_position(index) for index in range(layer.n_agents()))


def multiwalker_positions(env: Any) -> NDArray[np.float64]:
    """Returns the walkers' hulls in PettingZoo's multiwalker; NaN for a walker that was removed.

    Unit: metres of its physics, x along the terrain and y upwards; neighbours start 4.7 apart.
    """
    hulls = (walker.hull for walker in env.unwrapped.env.walkers)
    return _rows(None if hull is None else hull.position for hull in hulls)


def waterworld_positions(env: Any) -> NDArray[np.float64]:
    """Returns the pursuers' positions in PettingZoo's waterworld.

    Unit: pixels; the arena is 750 by 750.
    """
    return _rows(pursuer.body.position for pursuer in env.unwrapped.env.pursuers)


def pistonball_positions(env: Any) -> NDArray[np.float64]:
    """Returns the left ends of the pistons' heads in PettingZoo's pistonball.

    Unit: pixels, y downwards; a piston is 40 wide and only its y changes.
    """
    return _rows(piston.position for piston in env.unwrapped.pistonList)


def cooperative_pong_positions(env: Any) -> NDArray[np.float64]:
    """Returns the centres of the paddles (of the lowest tier of a cake) in cooperative pong.

    Unit: pixels of its screen, y downwards: 960 by 560 divided by `render_ratio`, which is 2
    unless the environment was told otherwise.
    """
    game = env.unwrapped.env
    # PettingZoo 1.25 had one rectangle where later versions have a list.
    bases = (p.rects[0] if hasattr(p, "rects") else p.rect for p in (game.p0, game.p1))
    return _rows(base.center for base in bases)


def knights_archers_zombies_positions(env: Any) -> NDArray[np.float64]:
    """Returns the centres of archers and knights; NaN from the moment that one is killed.

    Unit: pixels, y downwards; the screen is 1280 by 720.
    """
    raw = env.unwrapped
    if hasattr(raw, "agent_map"):
        players = [raw.agent_map[agent_id] for agent_id in raw.possible_agents]
        return _rows(player.rect.center if player.is_alive else None for player in players)
    # Version 10, in PettingZoo 1.25, kept its players in a list and called the flag otherwise.
    return _rows(player.rect.center if player.alive else None for player in raw.agent_list)


def battlefield_positions(env: Any) -> NDArray[np.float64]:
    """Returns where the agents of a magent2 environment stand; NaN for the dead.

    Unit: cells of the map, x and y.
    """
    raw = env.unwrapped
    positions = np.full((len(raw.possible_agents), 2), np.nan)
    for handle in raw.handles:
        positions[raw.env.get_agent_id(handle)] = raw.env.get_pos(handle)
    return positions


def foraging_positions(env: Any) -> NDArray[np.float64]:
    """Returns the players' row and column in lbforaging.

    Unit: cells of the field.
    """
    return _rows(player.position for player in env.unwrapped.players)


def warehouse_positions(env: Any) -> NDArray[np.float64]:
    """Returns the robots' x and y in rware.

    Unit: cells of the grid, y downwards.
    """
    return _rows((robot.x, robot.y) for robot in env.unwrapped.agents)


def crazyrl_positions(env: Any) -> NDArray[np.float64]:
    """Returns where the drones of momaland's catch, surround and escort are, `[N, 3]`.

    Unit: metres.
    """
    raw = env.unwrapped
    nowhere = np.full(3, np.nan)
    found = [raw.agent_location.get(agent, nowhere) for agent in raw.possible_agents]
    return np.array(found, dtype=np.float64)


def gatherer_positions(env: Any) -> NDArray[np.float64]:
    """Returns the agents' row and column in momaland's item_gathering.

    Unit: cells of the map.
    """
    return np.array(env.unwrapped.agent_positions, dtype=np.float64)


def aviary_positions(env: Any) -> NDArray[np.float64]:
    """Returns where the drones and aeroplanes of PyFlyt are, `[N, 3]`.

    Unit: metres, z upwards.
    """
    raw = env.unwrapped
    agents = range(len(raw.possible_agents))
    return np.array([raw.aviary.state(index)[-1] for index in agents], dtype=np.float64)


def vehicle_positions(env: Any) -> NDArray[np.float64]:
    """Returns where the controlled vehicles of highway-env are.

    Unit: metres, y downwards.
    """
    return _rows(vehicle.position for vehicle in env.unwrapped.controlled_vehicles)


def _rows(points: Any) -> NDArray[np.float64]:
    rows = [(np.nan, np.nan) if point is None else (point[0], point[1]) for point in points]
    return np.array(rows, dtype=np.float64)


# Recognised by the module that defines the environment's class or an ancestor of it, since that
# needs no import.
_FUNCTIONS: dict[str, Callable[[Any], NDArray[np.float64]]] = {
    "mpe2._mpe_utils.simple_env": world_positions,
    "pettingzoo.mpe._mpe_utils.simple_env": world_positions,
    "pettingzoo.sisl.pursuit.pursuit": pursuit_positions,
    "pettingzoo.sisl.multiwalker.multiwalker": multiwalker_positions,
    "pettingzoo.sisl.waterworld.waterworld": waterworld_positions,
    "pettingzoo.butterfly.pistonball.pistonball": pistonball_positions,
    "pettingzoo.butterfly.cooperative_pong.cooperative_pong": cooperative_pong_positions,
    "pettingzoo.butterfly.knights_archers_zombies.knights_archers_zombies": (
        knights_archers_zombies_positions
    ),
    "magent2.environments.magent_env": battlefield_positions,
    "lbforaging.foraging.environment": foraging_positions,
    "rware.warehouse": warehouse_positions,
    "momaland.envs.crazyrl.crazyRL_base": crazyrl_positions,
    "momaland.envs.item_gathering.item_gathering": gatherer_positions,
    "PyFlyt.pz_envs.quadx_envs.ma_quadx_base_env": aviary_positions,
    "PyFlyt.pz_envs.fixedwing_envs.ma_fixedwing_base_env": aviary_positions,
    "highway_env.envs.common.abstract": vehicle_positions,
}
