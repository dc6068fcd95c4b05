"""Plays any PettingZoo environment, AEC or Parallel, the same way twice."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pettingzoo import AECEnv

from failure_api.wrappers.reports import actions_of
from failure_api.wrappers.unwrapping import action_mask, own_mask


@dataclass(frozen=True)
class Moment:
    """What an environment shows after a reset, a turn or a step, as it was then.

    Attributes:
        handed: The observations themselves, in the very dict that was handed out.
        told: The same of rewards, terminations, truncations and infos; empty for AEC, where
            they are the environment's own attributes.
        observations: Copies of what was handed out, and so are those that follow.
        received: Links on which a message arrived; None for a bare environment.
        said: What each agent has said last with an action, where actions carry messages.
    """

    agents: tuple[Any, ...]
    handed: dict[Any, Any]
    told: tuple[dict[Any, Any], ...]
    observations: dict[Any, Any]
    rewards: dict[Any, Any]
    terminations: dict[Any, bool]
    truncations: dict[Any, bool]
    infos: dict[Any, Any]
    received: NDArray[np.bool_] | None
    age: NDArray[np.int64] | None
    said: dict[Any, Any] = field(default_factory=dict)


def play(
    env: Any,
    seed: int | None,
    steps: int,
    *,
    looks: int = 1,
    actions_seed: int = 0,
    after: Moment | None = None,
    spoil: bool = False,
) -> Iterator[Moment]:
    """Plays one episode with random actions that depend on the environment and seed alone.

    Args:
        env: A PettingZoo environment, bare or wrapped.
        seed: Given to `reset`.
        steps: The most turns of an AEC environment, or steps of a Parallel one.
        looks: How often every agent's observation is asked for.
        actions_seed: Seed of the actions.
        after: What there was to see last of the episode that goes on; None starts a new one.
        spoil: Whether everything that was handed out is written to before the next step.

    Yields:
        What there is to see after the reset and after each step.
    """
    chooser = _Chooser(actions_seed)
    turns = _turns if isinstance(env, AECEnv) else _steps
    for moment in turns(env, seed, steps, looks, chooser, after):
        yield replace(moment, said=dict(chooser.said))
        if spoil:
            _spoil(moment.handed)


def _turns(
    env: Any, seed: int | None, steps: int, looks: int, chooser: _Chooser, after: Moment | None
) -> Iterator[Moment]:
    if after is None:
        env.reset(seed=seed)
        yield _aec_moment(env, looks)
    for _ in range(steps):
        if not env.agents:
            return
        agent = env.agent_selection
        over = env.terminations[agent] or env.truncations[agent]
        for _ in range(looks):
            observation = env.last()[0]
        mask = None if over else _mask(observation, env.infos.get(agent))
        env.step(None if over else chooser.choose(env, agent, mask))
        yield _aec_moment(env, looks)


def _steps(
    env: Any, seed: int | None, steps: int, looks: int, chooser: _Chooser, after: Moment | None
) -> Iterator[Moment]:
    if after is None:
        observations, infos = env.reset(seed=seed)
        nothing = dict.fromkeys(observations, False)
        after = _moment(env, observations, {}, nothing, nothing, infos)
        yield after
    # What was handed out may be written to before the next step; its copies are not.
    masks = _masks(after.observations, after.infos)
    for _ in range(steps):
        if not env.agents:
            return
        actions = {agent: chooser.choose(env, agent, masks.get(agent)) for agent in env.agents}
        moment = _moment(env, *env.step(actions))
        masks = _masks(moment.observations, moment.infos)
        yield moment


def _spoil(value: Any) -> None:
    """Writes to all arrays within an observation, and empties its dicts."""
    if isinstance(value, dict):
        for item in value.values():
            _spoil(item)
        value.clear()
    elif isinstance(value, np.ndarray) and value.flags.writeable:
        value[...] = 1


class _Chooser:
    """Draws actions; the spaces' own generators are shared by everyone who holds them.

    Where actions carry messages, the environment's part is what it is without them.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._spaces: dict[Any, Any] = {}
        self._messages: dict[Any, Any] = {}
        self.said: dict[Any, Any] = {}

    def choose(self, env: Any, agent: Any, mask: Any) -> Any:
        """Returns an action that the mask allows."""
        spoken = actions_of(env)
        space = env.action_space(agent) if spoken is None else spoken.own_spaces[agent]
        if spoken is not None and mask is not None:
            mask = own_mask(mask, space)
        action = self._drawn(self._spaces, agent, space, mask)
        message_space = None if spoken is None else spoken.message_space(agent)
        if spoken is None or message_space is None:
            return action
        self.said[agent] = self._drawn(self._messages, agent, message_space, None)
        return spoken.joined(agent, action, self.said[agent])

    def _drawn(self, known: dict[Any, Any], agent: Any, space: Any, mask: Any) -> Any:
        if agent not in known:
            known[agent] = copy.deepcopy(space)
            known[agent].seed(self._seed + len(known))
        return known[agent].sample(mask)


def _masks(observations: dict[Any, Any], infos: dict[Any, Any]) -> dict[Any, Any]:
    return {agent: _mask(seen, infos.get(agent)) for agent, seen in observations.items()}


def _mask(observation: Any, info: Any) -> Any:
    """Returns a mask as spaces take it; None where it is none, or allows nothing."""
    told = action_mask(observation, info)
    if told is None or isinstance(told, tuple | dict):
        # Spaces of several parts have a mask for each.
        return told
    mask = np.asarray(told, dtype=np.int8)
    return mask if mask.any() else None


def _aec_moment(env: Any, looks: int) -> Moment:
    for _ in range(looks):
        observations = {agent: env.observe(agent) for agent in env.agents}
    return _moment(env, observations, env.rewards, env.terminations, env.truncations, env.infos)


def _moment(
    env: Any, observations: Any, rewards: Any, terminations: Any, truncations: Any, infos: Any
) -> Moment:
    reports = hasattr(env, "get_communication_state")
    return Moment(
        agents=tuple(env.agents),
        handed=observations,
        told=() if isinstance(env, AECEnv) else (rewards, terminations, truncations, infos),
        observations=copy.deepcopy(dict(observations)),
        rewards=dict(rewards),
        terminations=dict(terminations),
        truncations=dict(truncations),
        infos=copy.deepcopy(dict(infos)),
        received=np.array(env.get_communication_state()) if reports else None,
        age=np.array(env.message_age) if reports else None,
    )
