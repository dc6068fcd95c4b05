"""Which entries of an agent's observation come from which other agent, for JaxMARL's MPE.

Each layout below gives one receiver's observation block by block, in the order in which the
environment concatenates it; `_LAYOUTS` says which layout belongs to which environment. JaxMARL
orders some of them otherwise than mpe2 does, and shows fewer velocities.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from jaxmarl.environments import mpe
from numpy.typing import NDArray

from failure_api.environments.segments import BlockWalk

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
