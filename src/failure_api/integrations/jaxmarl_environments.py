"""JaxMARL's environments: their agents, sizes and positions, and which entries come from whom."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
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
    limits: tuple[Any, Any] = -np.inf, np.inf
    if np.prod(getattr(space, "shape", 0)) == size:
        if isinstance(space, Box):
            limits = space.low, space.high
        elif isinstance(space, MultiDiscrete):
            limits = 0, np.asarray(space.num_categories) - 1
    low, high = (np.asarray(limit, dtype=np.float32).ravel() for limit in limits)
    return np.broadcast_to(low, (size,)).copy(), np.broadcast_to(high, (size,)).copy()


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
        rule = "must be a function of the environment's state"
        remedy = "give one that returns an array with one row for each agent"
        raise invalid("positions", rule, positions, remedy)
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
        rule = f"must give an array of shape [{len(team.agent_ids)}, dim]"
        remedy = "return one row of coordinates for each of env.agents, in that order"
        raise invalid("positions", rule, shape, remedy)
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

Blocks = list[tuple[Sequence[int], int]]
"""Whose blocks of entries follow each other, the receiver for its own, and how wide each is."""

_POSITION = 2
_VELOCITY = 2
_COLOR = 3


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
        walk, others = BlockWalk(), [a for a in range(env.num_agents) if a != receiver]
        for senders, width in layout(env, receiver, others):
            for sender in senders:
                if sender == receiver:
                    walk.own(width)
                else:
                    walk.heard(env.agents[sender], width)
        if walk.length != sizes[name]:
            return None
        found[name] = {sender: np.array(entries) for sender, entries in walk.entries.items()}
    return found if any(found.values()) else None


def _landmarks(env: Any) -> int:
    return _POSITION * int(env.num_landmarks)


def _body(env: Any) -> int:
    return _VELOCITY + _POSITION + _landmarks(env)


def _adversary(env: Any, receiver: int) -> bool:
    return receiver < int(env.num_adversaries)


def _simple_adversary(env: Any, receiver: int, others: list[int]) -> Blocks:
    goal = 0 if _adversary(env, receiver) else _POSITION
    return [([receiver], goal + _landmarks(env)), (others, _POSITION)]


def _simple_crypto(env: Any, receiver: int, others: list[int]) -> Blocks:
    eve, alice, _ = range(3)
    if receiver == alice:
        return [([receiver], 2 * env.dim_c)]
    return [([receiver], 0 if receiver == eve else env.dim_c), ([alice], env.dim_c)]


def _simple_facmac(env: Any, receiver: int, others: list[int]) -> Blocks:
    prey = others[-1:] if _adversary(env, receiver) else [receiver]
    return [([receiver], _body(env)), (others, _POSITION), (prey, _VELOCITY)]


def _simple_push(env: Any, receiver: int, others: list[int]) -> Blocks:
    own = _VELOCITY + _landmarks(env)
    if not _adversary(env, receiver):
        # Where its goal is, its colour, and the colours of the landmarks.
        own += _POSITION + _COLOR * (1 + env.num_landmarks)
    return [([receiver], own), (others, _POSITION)]


def _simple_reference(env: Any, receiver: int, others: list[int]) -> Blocks:
    return [([receiver], _VELOCITY + _landmarks(env) + _COLOR), (others, env.dim_c)]


def _simple_speaker_listener(env: Any, receiver: int, others: list[int]) -> Blocks:
    speaker, _ = range(2)
    if receiver == speaker:
        return [([receiver], env.dim_c)]
    return [([receiver], _VELOCITY + _landmarks(env)), ([speaker], env.dim_c)]


def _simple_spread(env: Any, receiver: int, others: list[int]) -> Blocks:
    return [([receiver], _body(env)), (others, _POSITION), (others, env.dim_c)]


def _simple_tag(env: Any, receiver: int, others: list[int]) -> Blocks:
    prey = others[-1:] if _adversary(env, receiver) else []
    return [([receiver], _body(env)), (others, _POSITION), (prey, _VELOCITY)]


def _simple_world_comm(env: Any, receiver: int, others: list[int]) -> Blocks:
    # An agent hidden by a forest keeps its entries, which then say (0, 0): that, too, is news
    # which comes over the link.
    blocks, forests = [([receiver], _body(env)), (others, _POSITION)], ([receiver], env.num_forests)
    if _adversary(env, receiver):
        return [*blocks, (others[-2:], _VELOCITY), forests, ([env.leader_idx], env.dim_c)]
    return [*blocks, forests, (others[-1:], _VELOCITY)]


_LAYOUTS: dict[type, Callable[[Any, int, list[int]], Blocks]] = {
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
