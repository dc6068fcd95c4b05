"""Gymnasium environments whose spaces are a Tuple, with a space for each agent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from gymnasium import Space, spaces
from pettingzoo import ParallelEnv

from failure_api.environments.adapters.adapter import (
    Adapter,
    can_be_reset,
    check_agent_ids,
    nearest_to_zero,
    reset_of,
    title_of,
)
from failure_api.errors import WrongEnvironmentError, describe, invalid


def has_tuple_spaces(env: Any) -> bool:
    """Returns whether an environment observes and acts by a space for each agent, in a row."""
    return can_be_reset(env) and all(_row(env, name) for name in _NAMES)


_NAMES = ("observation_space", "action_space")


def _row(env: Any, name: str) -> list[Space[Any]]:
    """Returns an environment's spaces in their order; nothing where they are in no row."""
    given = getattr(env, name, None)
    row = list(given.spaces) if isinstance(given, spaces.Tuple) else given
    if not isinstance(row, list | tuple) or not all(isinstance(space, Space) for space in row):
        return []
    return list(row)


def from_tuple(env: Any, *, possible_agents: Sequence[Any] | None = None) -> ParallelEnv:
    """Adapts a gymnasium environment with Tuple spaces, such as lbforaging, rware and highway-env.

    Agent i has the i-th space, observation, action and reward. A reward that is one number, and a
    flag that is one, count for every agent. An agent that has ended is no longer in `agents`; the
    environment gets the action nearest to zero for it until all have ended. Each agent is told the
    environment's info, or its own where the environment returns a list of them; of an
    `action_mask` in a shared info each agent gets its own entry. Observations take the type of
    their `Box`.

    Args:
        env: The environment. Its spaces are `Tuple`s, or lists, of N spaces.
        possible_agents: Names of the N agents; None takes the environment's own `possible_agents`,
            or else `agent_0`, `agent_1`, ...

    Returns:
        A PettingZoo `ParallelEnv`, whose `unwrapped` is that of the environment.

    Raises:
        WrongEnvironmentError: The spaces are no Tuples, or not as many of one as of the other.
        InvalidArgumentError: Not a name for each agent.

    Example:
        >>> from mpe2 import simple_spread_v3
        >>> from failure_api.environments import from_tuple, to_tuple
        >>> teams = to_tuple(simple_spread_v3.parallel_env())  # any environment with Tuple spaces
        >>> env = from_tuple(teams, possible_agents=["left", "middle", "right"])
        >>> observations, infos = env.reset(seed=0)
        >>> observations["left"].shape
        (18,)
    """
    rows = [_row(env, name) for name in _NAMES]
    if not can_be_reset(env) or not all(rows):
        raise WrongEnvironmentError(
            "from_tuple must be given observation_space and action_space that are Tuples with a "
            f"space for each agent, but {describe(env)} has none: use as_parallel, which finds the "
            "interface."
        )
    if len(rows[0]) != len(rows[1]):
        raise WrongEnvironmentError(
            f"the environment {title_of(env)} must have a space for each agent, but has "
            f"{len(rows[0])} to observe and {len(rows[1])} to act in: give it as many."
        )
    names = _named(env, len(rows[0])) or [f"agent_{index}" for index in range(len(rows[0]))]
    if possible_agents is not None:
        names = check_agent_ids(possible_agents)
        if len(names) != len(rows[0]):
            rule = f"must name the {len(rows[0])} agents of {title_of(env)}"
            raise invalid("possible_agents", rule, possible_agents, "give a name for each space")
    return TupleAdapter(env, names, *(dict(zip(names, row, strict=True)) for row in rows))


def _named(env: Any, count: int) -> list[Any]:
    """Returns the names that an environment has for its agents; nothing where it has none."""
    named = None
    with suppress(Exception):
        # What an environment raises here says only that it names nobody.
        named = getattr(getattr(env, "unwrapped", env), "possible_agents", None)
    names = list(named) if isinstance(named, list | tuple) else []
    return names if len(names) == count and all(isinstance(n, str | int) for n in names) else []


class TupleAdapter(Adapter):
    """A gymnasium environment with Tuple spaces, as `from_tuple` shows it."""

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[Any, Any], dict[Any, Any]]:
        """Starts an episode.

        Args:
            seed: Fixes the environment's draws; None goes on.
            options: Passed to the environment.

        Returns:
            Observations and infos of all agents.

        Raises:
            WrongEnvironmentError: The environment returns something else, or changes its spaces.
        """
        self.agents = []
        returned = reset_of(self.env, seed, options)
        if not isinstance(returned, tuple) or len(returned) != 2 or not self._tells(returned[1]):
            raise self._wrong("an observation for each agent and an info from reset", returned)
        rows = (dict(zip(self.possible_agents, _row(self.env, n), strict=False)) for n in _NAMES)
        self._check_spaces(*rows)
        observations, info = returned
        seen = self._observations(observations)
        self.agents = list(self.possible_agents)
        return seen, self._infos(info)

    def step(
        self, actions: dict[Any, Any]
    ) -> tuple[dict[Any, Any], dict[Any, Any], dict[Any, bool], dict[Any, bool], dict[Any, Any]]:
        """Takes the actions of all agents in `agents`.

        Args:
            actions: An action for each of them; those of others are left out.

        Returns:
            Observations, rewards, terminations, truncations and infos of those that acted.

        Raises:
            NotResetError: There has been no reset yet, or the episode has ended.
            InvalidArgumentError: An agent without an action.
            WrongEnvironmentError: The environment returns something else than gymnasium has.
        """
        self._demand_agents()
        missing = next((agent for agent in self.agents if agent not in actions), None)
        if missing is not None:
            rule = f"must hold an action for every agent in agents, {missing!r} among them"
            raise invalid("actions", rule, actions, "add what is missing")
        chosen = tuple(
            actions[agent] if agent in self.agents else nearest_to_zero(self.action_spaces[agent])
            for agent in self.possible_agents
        )
        returned = self.env.step(chosen)
        if not isinstance(returned, tuple) or len(returned) != 5 or not self._tells(returned[4]):
            what = "observations, rewards, terminated, truncated and info from step"
            raise self._wrong(what, returned)
        observations, reward, terminated, truncated, info = returned
        results = (
            self._observations(observations),
            self._rewards(reward),
            {agent: bool(flag) for agent, flag in self._each(terminated, "terminated").items()},
            {agent: bool(flag) for agent, flag in self._each(truncated, "truncated").items()},
            self._infos(info),
        )
        over, cut = results[2:4]
        self.agents = [agent for agent in self.agents if not (over[agent] or cut[agent])]
        return results

    def _rewards(self, reward: Any) -> dict[Any, Any]:
        try:
            # A list of one might be the first agent's alone.
            if np.ndim(reward) == 0 or len(reward) == len(self.possible_agents):
                return {a: _reward(value) for a, value in self._each(reward, "reward").items()}
        except (TypeError, ValueError):
            pass
        count = len(self.possible_agents)
        raise self._wrong(f"one number as reward, or one for each of {count} agents,", reward)

    def _tells(self, info: Any) -> bool:
        if isinstance(info, list | tuple):
            own = all(isinstance(told, Mapping) for told in info)
            return own and len(info) == len(self.possible_agents)
        return isinstance(info, Mapping)

    def _observations(self, observations: Any) -> dict[Any, Any]:
        if not isinstance(observations, list | tuple | np.ndarray):
            raise self._wrong("an observation for each agent", observations)
        seen = self._each(observations, "observations")
        return {agent: _typed(self.observation_spaces[agent], seen[agent]) for agent in seen}

    def _infos(self, info: Any) -> dict[Any, Any]:
        if isinstance(info, list | tuple):
            return {agent: dict(told) for agent, told in self._each(info, "infos").items()}
        infos = {agent: dict(info) for agent in self._playing()}
        mask = info.get("action_mask")
        if isinstance(mask, list | tuple) or (isinstance(mask, np.ndarray) and mask.ndim > 1):
            for agent, own in self._each(mask, "action_mask").items():
                infos[agent]["action_mask"] = own
        return infos

    def _playing(self) -> list[Any]:
        # Nobody is in play until a reset has succeeded, which concerns all.
        return self.agents or self.possible_agents

    def _each(self, given: Any, what: str) -> dict[Any, Any]:
        """Returns what concerns each agent that plays: its own, or the one that is for all."""
        count = len(self.possible_agents)
        one = isinstance(given, np.ndarray) and given.ndim == 0
        shared = one or not isinstance(given, list | tuple | np.ndarray)
        if not shared and len(given) != count:
            if what in ("observations", "action_mask") or len(given) != 1:
                raise self._wrong(f"{count} {what}, one for each agent,", given)
            shared, given = True, given[0]
        values = [given] * count if shared else given
        by_agent = dict(zip(self.possible_agents, values, strict=True))
        return {agent: by_agent[agent] for agent in self._playing()}

    def _wrong(self, what: str, returned: Any) -> WrongEnvironmentError:
        return WrongEnvironmentError(
            f"the environment {title_of(self.env)} must return {what} as gymnasium has it, but "
            f"returned {describe(returned)}: bring it to the interface of gymnasium 1.0."
        )


def _typed(space: Space[Any], observation: Any) -> Any:
    return np.asarray(observation, space.dtype) if isinstance(space, spaces.Box) else observation


def _reward(value: Any) -> Any:
    array = np.asarray(value)
    if array.dtype.kind in "biuf":
        return float(array.reshape(())) if array.size == 1 else array
    if array.dtype.kind != "O" or array.size != 1:
        raise TypeError
    return float(array.item())
