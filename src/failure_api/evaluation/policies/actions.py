"""Checks that a policy's actions can be played."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np
from gymnasium import spaces
from pettingzoo import AECEnv

from failure_api.errors import describe, invalid
from failure_api.exchanges.spaces.actions import ActionMaskSplit
from failure_api.wrappers.reports import actions_of
from failure_api.wrappers.unwrapping import action_mask, own_mask

_LISTED = 10


def check_actions(actions: Any, env: Any, agents: Iterable[Any] | Mapping[Any, Any]) -> None:
    """Raises unless a policy answered with an action for each agent, as the environment takes it.

    As in PettingZoo, any integer will do for a `Discrete` space, and any array or list of the
    right shape for the others, if its numbers lie within the bounds once they have the space's
    type.

    Args:
        actions: What the policy returned.
        env: The environment in its wrapper.
        agents: The agents that had to answer. Given as a mapping to their observations, their
            action masks count; without, they count in an AEC environment, which can be asked. Masks
            in `env.infos` count always.

    Raises:
        InvalidArgumentError: Not a dict, an agent without an action, an unknown agent, an action
            outside of its space, or one that the action mask forbids.

    Example:
        >>> from mpe2 import simple_spread_v3
        >>> env = simple_spread_v3.parallel_env()
        >>> check_actions({"agent_0": 7}, env, ["agent_0"])
        Traceback (most recent call last):
        failure_api.errors.InvalidArgumentError: actions must hold for 'agent_0' an action within \
Discrete(5), but 7 was given: let the policy answer with one of these.
    """
    if not isinstance(actions, Mapping):
        raise _refused("must be a dict by agent", actions, "let the policy return one")
    asked = list(agents)
    for agent in asked:
        if agent not in actions:
            rule = f"must hold an action for every agent observed, {agent!r} among them"
            raise _refused(rule, actions, "let the policy answer for all of its observations")
    for agent in actions:
        if agent not in asked:
            listed = ", ".join(map(str, asked))
            raise _refused("must name only agents observed", agent, f"answer for {listed} alone")
    spoken = actions_of(env)
    for agent in asked:
        action, space = actions[agent], env.action_space(agent)
        if not _within(space, action):
            rule = f"must hold for {agent!r} an action within {describe(space)}"
            raise _refused(rule, action, "let the policy answer with one of these")
        if spoken is not None:
            (action, _), space = spoken.parted(agent, action), spoken.own_spaces[agent]
        mask = _mask(agent, env, agents)
        if mask is None or not isinstance(space, spaces.Discrete):
            continue
        legal = np.flatnonzero(own_mask(mask, space)) + space.start
        if legal.size and int(action) not in legal:
            rule = f"must hold for {agent!r} an action that its action mask allows"
            more = ", ..." if len(legal) > _LISTED else ""
            listed = ", ".join(map(str, legal[:_LISTED])) + more
            raise _refused(rule, action, f"let the policy choose from {listed}")


def _within(space: Any, action: Any) -> bool:
    if not isinstance(space, spaces.Box | spaces.MultiDiscrete | spaces.MultiBinary):
        return bool(space.contains(action))
    try:
        array = np.asarray(action)
    except ValueError:
        return False
    if array.shape != space.shape:
        return False
    # Bits are bits whatever the type of integer; no fraction is cut off to make an integer.
    if array.dtype.kind not in "biu" and not np.can_cast(array.dtype, space.dtype, "same_kind"):
        return False
    with np.errstate(over="ignore"):
        # What is too large becomes infinite, which its bounds then refuse.
        cast = array.astype(space.dtype)
    exact = space.dtype.kind == "f" or np.array_equal(cast, array)
    return exact and bool(space.contains(cast))


def _mask(agent: Any, env: Any, agents: Any) -> Any:
    """Returns an agent's action mask; None where it has none or cannot be asked for it."""
    observation = None
    if ActionMaskSplit(env.observation_space(agent)).masked:
        if isinstance(agents, Mapping):
            observation = agents[agent]
        elif isinstance(env, AECEnv):
            observation = env.observe(agent)
    return action_mask(observation, getattr(env, "infos", {}).get(agent))


_refused = partial(invalid, "actions")
