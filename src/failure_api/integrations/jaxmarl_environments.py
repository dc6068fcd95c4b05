"""JaxMARL's environments: their agents, sizes and positions, and which entries come from whom."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxmarl.environments import SMAX, MultiAgentEnv, mpe
from jaxmarl.environments.mpe import SimpleMPE
from jaxmarl.environments.smax.heuristic_enemy_smax_env import EnemySMAX
from jaxmarl.environments.spaces import Box, MultiDiscrete
from jaxmarl.wrappers.baselines import CTRolloutManager, JaxMARLWrapper
from numpy.typing import NDArray

from failure_api.environments.layouts import BlockWalk
from failure_api.errors import InvalidArgumentError, WrongEnvironmentError, describe, invalid

StateFunction = Callable[[Any], Any]
"""A function of an environment's state, in whatever wrappers' states that is."""


class Team(NamedTuple):
    """The agents of an environment.

    Attributes:
        agent_ids: The agents, in the environment's order.
        sizes: Number of entries of each agent's observation.
        state: The environment's state after `reset`, as shapes and dtypes.
        raw: The environment without wrappers.
    """

    agent_ids: tuple[str, ...]
    sizes: dict[str, int]
    state: Any
    raw: Any


def read_team(env: Any) -> Team:
    """Returns the agents of an environment, after checking that it can be wrapped.

    The sizes are those of the observations themselves, since JaxMARL declares some environments'
    spaces for teams of one size alone.

    Raises:
        WrongEnvironmentError: Not a JaxMARL environment, or one whose observations are not flat.
    """
    if isinstance(env, CTRolloutManager):
        raise WrongEnvironmentError(
            "CommunicationWrapper wraps single JaxMARL environments, but CTRolloutManager is a "
            "batch of them: put CTRolloutManager around CommunicationWrapper."
        )
    if not isinstance(env, MultiAgentEnv | JaxMARLWrapper):
        raise WrongEnvironmentError(
            f"CommunicationWrapper wraps JaxMARL environments, but {describe(env)} is none: give "
            "what jaxmarl.make returns, or use failure_api.CommunicationWrapper for PettingZoo."
        )
    observations, state = jax.eval_shape(env.reset, jax.random.PRNGKey(0))
    agent_ids = tuple(env.agents)
    sizes = {}
    for agent in agent_ids:
        seen: Any = observations.get(agent) if isinstance(observations, dict) else None
        shape = getattr(seen, "shape", None)
        if shape is None or len(shape) != 1:
            shown = "nothing" if shape is None else f"an array of shape {shape}"
            raise WrongEnvironmentError(
                f"CommunicationWrapper needs a flat observation of each agent, but {env.name} "
                f"shows agent {agent!r} {shown}: flatten it in a wrapper below this one."
            )
        sizes[agent] = int(seen.size)
    return Team(agent_ids, sizes, state, list(layers(env))[-1])


def layers(env: Any) -> Iterator[Any]:
    """Yields an environment, and those that it wraps, one within the other."""
    while isinstance(env, JaxMARLWrapper):
        yield env
        env = env._env
    yield env


def limits_of(space: Any, size: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Returns the least and greatest values of an agent's observation, float32 `[size]`.

    Anything may stand in an observation that is not of the length that its space declares.

    Example:
        >>> limits_of(MultiDiscrete([2, 4]), 2)[1].tolist()
        [1.0, 3.0]
        >>> limits_of(Box(0, 1, (3,)), 2)[1].tolist()
        [inf, inf]
    """
    low: Any = -np.inf
    high: Any = np.inf
    if np.prod(getattr(space, "shape", 0)) == size:
        if isinstance(space, Box):
            low, high = space.low, space.high
        elif isinstance(space, MultiDiscrete):
            low, high = 0, np.asarray(space.num_categories) - 1
    return _filled(low, size), _filled(high, size)


def _filled(limit: Any, size: int) -> NDArray[np.float32]:
    return np.broadcast_to(np.asarray(limit, dtype=np.float32).ravel(), (size,)).copy()


def known_alive(raw: Any) -> StateFunction | None:
    """Returns the function that says which agents live, bool `[N]`; None where all always do."""
    if isinstance(raw, SMAX | EnemySMAX):
        return partial(units_alive, raw.num_agents)
    return None


def position_function(team: Team, positions: Any, needing: str | None) -> StateFunction | None:
    """Returns the function of the state that says where the agents are.

    Args:
        team: The agents.
        positions: The user's own function; None takes what is known of MPE and SMAX.
        needing: A model that needs positions; None where no model does.

    Returns:
        A function that gives `[N, dim]`; None where no model needs it.

    Raises:
        InvalidArgumentError: A model needs positions and there are none, or not one a row.
    """
    if positions is not None and not callable(positions):
        raise invalid(
            "positions",
            "must be a function of the environment's state",
            positions,
            "give one that returns an array with one row for each agent",
        )
    if needing is None:
        return None
    found: StateFunction | None = positions or _known_positions(team.raw)
    if found is None:
        raise InvalidArgumentError(
            f"{needing} needs the agents' positions, which are not known for {team.raw.name}: "
            "give positions=, a function of the environment's state that returns one row for each "
            "agent."
        )
    shape: tuple[int, ...] = getattr(jax.eval_shape(found, team.state), "shape", ())
    if len(shape) != 2 or shape[0] != len(team.agent_ids) or not shape[1]:
        raise invalid(
            "positions",
            f"must give an array of shape [{len(team.agent_ids)}, dim]",
            shape,
            "return one row of coordinates for each of env.agents, in that order",
        )
    return found


def _known_positions(raw: Any) -> StateFunction | None:
    if isinstance(raw, SimpleMPE):
        return partial(world_positions, raw.num_agents)
    if isinstance(raw, SMAX | EnemySMAX):
        return partial(unit_positions, raw.num_agents)
    return None


def world_positions(agents: int, state: Any) -> Any:
    """Returns where the agents of MPE are; unit: half the arena's width."""
    return innermost(state).p_pos[:agents]


def unit_positions(agents: int, state: Any) -> Any:
    """Returns where the units of SMAX are; unit: that of its map, 32 wide if not told otherwise."""
    return _units(state).unit_positions[:agents]


def units_alive(agents: int, state: Any) -> Any:
    """Returns which units of SMAX live, bool `[agents]`."""
    return _units(state).unit_alive[:agents]


def innermost(state: Any) -> Any:
    """Returns the environment's own state out of those of wrappers around it."""
    while hasattr(state, "env_state"):
        state = state.env_state
    return state


def _units(state: Any) -> Any:
    state = innermost(state)
    # Where enemies follow a policy, their state stands beside that of the units.
    return getattr(state, "state", state)


Segments = Mapping[str, Mapping[str, NDArray[np.int64]]]
"""`{receiver: {sender: indices into the receiver's observation}}`."""

Blocks = Iterator[tuple[int | None, int]]
"""Whose each block is, None for what the receiver knows by itself, and its number of entries."""

_POSITION = 2
_VELOCITY = 2


def known_segments(env: Any, sizes: Mapping[str, int]) -> Segments | None:
    """Returns which entries of each agent's observation come from each other agent.

    What a receiver knows by itself is in no segment: its own state, landmarks, goals, a shared
    key, its own words, and the padding of observations that are of one length.

    Args:
        env: A JaxMARL environment, without wrappers.
        sizes: Number of entries of each agent's observation.

    Returns:
        The segments; None where the environment is not known, where nobody perceives anybody, or
        where an observation has another length than the layout.

    Example:
        >>> import jaxmarl
        >>> env = jaxmarl.make("MPE_simple_spread_v3")
        >>> known_segments(env, dict.fromkeys(env.agents, 18))["agent_0"]["agent_2"].tolist()
        [12, 13, 16, 17]
    """
    layout = _LAYOUTS.get(_observing_class(env))
    if layout is None:
        return None
    found: dict[str, dict[str, NDArray[np.int64]]] = {}
    for receiver, name in enumerate(env.agents):
        walk = BlockWalk()
        for sender, width in layout(env, receiver):
            if sender is None:
                walk.own(width)
            else:
                walk.heard(env.agents[sender], width)
        if walk.length != sizes[name]:
            return None
        found[name] = {sender: np.array(entries) for sender, entries in walk.entries.items()}
    return found if any(found.values()) else None


def _others(env: Any, receiver: int) -> list[int]:
    return [agent for agent in range(env.num_agents) if agent != receiver]


def _each(senders: Iterable[int], width: int) -> Blocks:
    for sender in senders:
        yield sender, width


def _own(width: int) -> tuple[None, int]:
    return None, width


def _landmarks(env: Any) -> int:
    return _POSITION * int(env.num_landmarks)


def _adversary(env: Any, receiver: int) -> bool:
    return receiver < int(env.num_adversaries)


def _simple_adversary(env: Any, receiver: int) -> Blocks:
    yield _own(0 if _adversary(env, receiver) else _POSITION)
    yield _own(_landmarks(env))
    yield from _each(_others(env, receiver), _POSITION)


def _simple_crypto(env: Any, receiver: int) -> Blocks:
    eve, alice, _ = range(3)
    if receiver == alice:
        yield _own(2 * env.dim_c)
    else:
        yield _own(0 if receiver == eve else env.dim_c)
        yield alice, env.dim_c


def _simple_facmac(env: Any, receiver: int) -> Blocks:
    others = _others(env, receiver)
    yield _own(_VELOCITY + _POSITION + _landmarks(env))
    yield from _each(others, _POSITION)
    if _adversary(env, receiver):
        yield from _each(others[-1:], _VELOCITY)
    else:
        yield _own(_VELOCITY)


def _simple_push(env: Any, receiver: int) -> Blocks:
    colour = 3
    yield _own(_VELOCITY + _landmarks(env))
    if not _adversary(env, receiver):
        # Where its goal is, its colour, and the colours of the landmarks.
        yield _own(_POSITION + colour * (1 + env.num_landmarks))
    yield from _each(_others(env, receiver), _POSITION)


def _simple_reference(env: Any, receiver: int) -> Blocks:
    colour = 3
    yield _own(_VELOCITY + _landmarks(env) + colour)
    yield from _each(_others(env, receiver), env.dim_c)


def _simple_speaker_listener(env: Any, receiver: int) -> Blocks:
    speaker, listener = range(2)
    if receiver == listener:
        yield _own(_VELOCITY + _landmarks(env))
        yield speaker, env.dim_c
    else:
        yield _own(env.dim_c)


def _simple_spread(env: Any, receiver: int) -> Blocks:
    others = _others(env, receiver)
    yield _own(_VELOCITY + _POSITION + _landmarks(env))
    yield from _each(others, _POSITION)
    yield from _each(others, env.dim_c)


def _simple_tag(env: Any, receiver: int) -> Blocks:
    others = _others(env, receiver)
    yield _own(_VELOCITY + _POSITION + _landmarks(env))
    yield from _each(others, _POSITION)
    if _adversary(env, receiver):
        yield from _each(others[-1:], _VELOCITY)


def _simple_world_comm(env: Any, receiver: int) -> Blocks:
    # An agent hidden by a forest keeps its entries, which then say (0, 0): that, too, is news
    # which comes over the link.
    others, leader = _others(env, receiver), env.leader_idx
    yield _own(_VELOCITY + _POSITION + _landmarks(env))
    yield from _each(others, _POSITION)
    if _adversary(env, receiver):
        yield from _each(others[-2:], _VELOCITY)
        yield _own(env.num_forests)
        yield None if receiver == leader else leader, env.dim_c
    else:
        yield _own(env.num_forests)
        yield from _each(others[-1:], _VELOCITY)


_LAYOUTS: dict[type, Callable[[Any, int], Blocks]] = {
    mpe.SimpleAdversaryMPE: _simple_adversary,
    mpe.SimpleCryptoMPE: _simple_crypto,
    mpe.SimpleFacmacMPE: _simple_facmac,
    mpe.SimplePushMPE: _simple_push,
    mpe.SimpleReferenceMPE: _simple_reference,
    mpe.SimpleSpeakerListenerMPE: _simple_speaker_listener,
    mpe.SimpleSpreadMPE: _simple_spread,
    mpe.SimpleTagMPE: _simple_tag,
    mpe.SimpleWorldCommMPE: _simple_world_comm,
}


def _observing_class(env: Any) -> type:
    """Returns the class that defines what the environment's agents observe."""
    # Asked of the class that has the method, so that an environment of the user's own that
    # overrides it is not taken for the one it derives from.
    return next((c for c in type(env).__mro__ if "get_obs" in vars(c)), object)
