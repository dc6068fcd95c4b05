"""Environments that speak in dicts by agent: like PettingZoo's Parallel ones, or like RLlib's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from contextlib import suppress
from typing import Any

from gymnasium import Space
from pettingzoo import ParallelEnv

from failure_api.environments.adapters.adapter import (
    Adapter,
    can_be_reset,
    check_agent_ids,
    reset_of,
    title_of,
)
from failure_api.errors import FailureApiError, WrongEnvironmentError, describe
from failure_api.user_code import globals_preserved

_ALL = "__all__"
_STEPPED = ("observations", "rewards", "terminations", "truncations", "infos")


def speaks_in_dicts(env: Any, possible_agents: Any = None) -> bool:
    """Returns whether an environment has agents by name, as Parallel environments have them."""
    names = ("possible_agents", "agents", "observation_spaces", "get_agent_ids")
    told = possible_agents is not None or any(hasattr(env, name) for name in names)
    return told and can_be_reset(env)


def is_rllib(env: Any) -> bool:
    """Returns whether an environment is one of RLlib's, or made like one; Ray is not imported."""
    ray = any(
        ancestor.__name__ == "MultiAgentEnv" and ancestor.__module__.startswith("ray.")
        for ancestor in type(env).__mro__
    )
    names = ("get_observation_space", "get_action_space")
    alike = all(callable(getattr(env, name, None)) for name in names)
    return can_be_reset(env) and (ray or alike)


def from_dicts(env: Any, *, possible_agents: Sequence[Any] | None = None) -> ParallelEnv:
    """Adapts an environment that is like a Parallel one without being a `ParallelEnv`.

    That is one whose `reset` returns observations and infos and whose `step` returns five dicts
    by agent. Spaces may be methods (`observation_space(agent)`) or dicts (`observation_spaces`),
    or one space for all. An agent that leaves may come back. `"__all__"` ends the episode for
    everyone. What is missing in rewards, flags and infos is 0, False and empty.

    Agents and spaces that exist only after a reset are looked up after one: the environment is
    reset once without a seed, and the global random numbers of Python and NumPy are then as they
    were. A later `reset(seed)` is what it would have been.

    Args:
        env: The environment.
        possible_agents: All agents that may ever take part; None takes what the environment says,
            by `possible_agents`, `get_agent_ids()`, the keys of its spaces, or `agents`.

    Returns:
        A PettingZoo `ParallelEnv`, whose `unwrapped` is that of the environment.

    Raises:
        WrongEnvironmentError: No such environment, or one without spaces of gymnasium.
        InvalidArgumentError: `possible_agents` are no list of different names.

    Example:
        >>> import numpy as np
        >>> from gymnasium.spaces import Box, Discrete
        >>> from failure_api.environments import from_dicts
        >>> class Pair:
        ...     agents = ["left", "right"]
        ...     observation_space, action_space = Box(0, 9, (1,)), Discrete(2)
        ...     def reset(self, seed=None, options=None):
        ...         self.time = 0
        ...         return {agent: np.zeros(1, np.float32) for agent in self.agents}, {}
        ...     def step(self, actions):
        ...         self.time += 1
        ...         seen = {agent: np.full(1, self.time, np.float32) for agent in self.agents}
        ...         return seen, {"left": 1.0}, {"__all__": self.time == 9}, {}, {}
        >>> env = from_dicts(Pair())
        >>> observations, infos = env.reset(seed=0)
        >>> env.step({"left": 0, "right": 1})[1:4]
        ({'left': 1.0, 'right': 0.0}, {'left': False, 'right': False}, \
{'left': False, 'right': False})
    """
    return _adapted(env, possible_agents, DictAdapter)


def from_rllib(env: Any, *, possible_agents: Sequence[Any] | None = None) -> ParallelEnv:
    """Adapts a `MultiAgentEnv` of RLlib, or one that is made like it; Ray need not be installed.

    In RLlib an agent acts when it has been observed. One that has to wait stays in `agents`, since
    it goes on to send and receive: it observes what it observed last, what it does is left out, and
    `"acts"` in its info, which every agent has, is False. An agent takes part from its first
    observation on until it ends, and again once it is observed anew. `"__all__"` ends the episode
    for everyone.

    RLlib's own `ParallelPettingZooEnv` is the way back.

    Args:
        env: The environment.
        possible_agents: All agents that may ever take part; None takes what the environment says.

    Returns:
        A PettingZoo `ParallelEnv`, whose `unwrapped` is that of the environment.

    Raises:
        WrongEnvironmentError: No such environment, or one without spaces of gymnasium.
        InvalidArgumentError: `possible_agents` are no list of different names.

    Example:
        >>> import numpy as np
        >>> from gymnasium.spaces import Box, Discrete
        >>> from failure_api.environments import from_rllib
        >>> class Turns:
        ...     agents = possible_agents = ["north", "south"]
        ...     observation_spaces = dict.fromkeys(agents, Box(0, 9, (1,)))
        ...     action_spaces = dict.fromkeys(agents, Discrete(2))
        ...     def reset(self, *, seed=None, options=None):
        ...         self.time = 0
        ...         return {agent: np.zeros(1, np.float32) for agent in self.agents}, {}
        ...     def step(self, action_dict):
        ...         self.time += 1
        ...         acting = self.agents[self.time % 2]
        ...         seen = {acting: np.full(1, self.time, np.float32)}
        ...         return seen, {}, {"__all__": self.time == 9}, {"__all__": False}, {}
        >>> env = from_rllib(Turns())
        >>> observations, infos = env.reset(seed=0)
        >>> observations, rewards, terminations, truncations, infos = env.step(
        ...     {"north": 0, "south": 1}
        ... )
        >>> observations
        {'north': array([0.], dtype=float32), 'south': array([1.], dtype=float32)}
        >>> {agent: info["acts"] for agent, info in infos.items()}
        {'north': False, 'south': True}
    """
    return _adapted(env, possible_agents, RLlibAdapter)


def _adapted(env: Any, given: Any, adapter: type[DictAdapter]) -> ParallelEnv:
    if not can_be_reset(env):
        raise WrongEnvironmentError(
            "an environment must have step, and a reset that needs no arguments, but "
            f"{describe(env)} has not: give one with both."
        )
    chosen = None if given is None else check_agent_ids(given)
    agent_ids = chosen or _agent_ids(env)
    if not _complete(env, agent_ids):
        observed = _observed_once(env)
        agent_ids = chosen or _agent_ids(env) or observed
    if not agent_ids:
        raise WrongEnvironmentError(
            f"the environment {title_of(env)} must say which agents may ever take part, but names "
            "none: give as_parallel(env, possible_agents=[...])."
        )
    spaces = [
        {agent: _demanded(env, what, agent, agent_ids) for agent in agent_ids} for what in _WHAT
    ]
    return adapter(env, agent_ids, *spaces)


def _observed_once(env: Any) -> list[Any]:
    """Returns the agents that a reset shows, which also lets an environment make its spaces."""
    try:
        with globals_preserved():
            return list(_checked_reset(env, None, None)[0])
    except FailureApiError:
        raise
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".")
        raise WrongEnvironmentError(
            f"the environment {title_of(env)} must name its agents and their spaces, or find them "
            f"in a reset without arguments ({reason}): name them when it is made, or reset it "
            "before it is adapted."
        ) from error


def says_all(env: Any) -> bool:
    """Returns whether an environment names its agents and their spaces without a reset."""
    return _complete(env, _agent_ids(env))


def _agent_ids(env: Any) -> list[Any]:
    """Returns the agents that an environment names; nothing where it names none."""
    for name in ("possible_agents", "get_agent_ids", "observation_spaces", "agents"):
        named = getattr(env, name, None)
        if callable(named):
            with suppress(Exception):
                named = named()
        if isinstance(named, Set) and not isinstance(named, Mapping | type({}.keys())):
            # The order of a set changes from process to process.
            named = sorted(named, key=lambda agent: (str(type(agent)), _order(agent)))
        if isinstance(named, Sequence | Mapping | type({}.keys())) and len(named):
            return list(named)
    return []


def _order(agent: Any) -> Any:
    return agent if isinstance(agent, int | float | str) else str(agent)


_WHAT = ("observation", "action")


def _space(env: Any, what: str, agent: Any, agent_ids: Sequence[Any]) -> Space[Any] | None:
    """Returns an agent's space wherever an environment keeps it; None where it has none yet."""
    for name in (f"{what}_space", f"get_{what}_space"):
        method = getattr(env, name, None)
        if callable(method):
            # It is asked before a reset, when what it looks up may not be there.
            with suppress(Exception):
                space = method(agent)
                if isinstance(space, Space):
                    return space
    for name in (f"{what}_spaces", f"{what}_space"):
        held = getattr(env, name, None)
        # To ask a Dict itself whether a name is in it would ask for a sample.
        if isinstance(held, Mapping) and not held.keys().isdisjoint(agent_ids):
            space = held.get(agent)
            if isinstance(space, Space):
                return space
        elif isinstance(held, Space):
            return held
    return None


def _complete(env: Any, agent_ids: Sequence[Any]) -> bool:
    return bool(agent_ids) and all(
        _space(env, what, agent, agent_ids) is not None for what in _WHAT for agent in agent_ids
    )


def _demanded(env: Any, what: str, agent: Any, agent_ids: Sequence[Any]) -> Space[Any]:
    space = _space(env, what, agent, agent_ids)
    if space is None:
        raise WrongEnvironmentError(
            f"the environment {title_of(env)} must have an {what}_space of {agent!r} that is a "
            f"Gymnasium space, but has none, not even after a reset: let {what}_space({agent!r}) "
            "return one."
        )
    return space


def _checked_reset(env: Any, seed: Any, options: Any) -> tuple[Any, Any]:
    returned = reset_of(env, seed, options)
    if isinstance(returned, tuple) and [isinstance(r, Mapping) for r in returned] == [True, True]:
        return returned[0], returned[1]
    raise WrongEnvironmentError(
        f"the environment {title_of(env)} must return observations and infos from reset, but "
        f"returned {describe(returned)}: return two dicts by agent, as PettingZoo has had it since "
        "1.23."
    )


class DictAdapter(Adapter):
    """An environment that speaks in dicts by agent, as `from_dicts` shows it."""

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[Any, Any], dict[Any, Any]]:
        """Starts an episode.

        Args:
            seed: Fixes the environment's draws; None goes on. One whose `reset` takes no seed is
                asked for `seed(seed)`, and has only global random numbers without that.
            options: Passed to the environment where its `reset` takes any.

        Returns:
            Observations and infos of the agents that take part.

        Raises:
            WrongEnvironmentError: The environment returns no two dicts, an agent that is none of
                `possible_agents`, or has other spaces than before.
        """
        self.agents, self._ended = [], set[Any]()
        observations, infos = _checked_reset(self.env, seed, options)
        agent_ids = self.possible_agents
        self._check_spaces(
            *(
                {agent: _demanded(self.env, what, agent, agent_ids) for agent in agent_ids}
                for what in _WHAT
            )
        )
        seen = self._seen(observations)
        self.agents = self._in_play(seen)
        return self._shown(seen), self._told(infos, seen)

    def step(
        self, actions: dict[Any, Any]
    ) -> tuple[dict[Any, Any], dict[Any, Any], dict[Any, bool], dict[Any, bool], dict[Any, Any]]:
        """Takes the actions of all agents in `agents`.

        Args:
            actions: An action for each of them; those of others are left out.

        Returns:
            Observations, rewards, terminations, truncations and infos, by agent.

        Raises:
            NotResetError: There has been no reset yet, or the episode has ended.
            WrongEnvironmentError: The environment returns no five dicts, or an agent that is none
                of `possible_agents`.
        """
        self._demand_agents()
        before = self.agents
        returned = self.env.step({a: actions[a] for a in self._acting(before) if a in actions})
        if not isinstance(returned, tuple) or [isinstance(r, Mapping) for r in returned] != (
            [True] * len(_STEPPED)
        ):
            raise WrongEnvironmentError(
                f"the environment {title_of(self.env)} must return five dicts by agent from step "
                f"({', '.join(_STEPPED)}), but returned {describe(returned)}: return them as "
                "PettingZoo has it since 1.23."
            )
        observations, rewards, terminations, truncations, infos = returned
        seen = self._seen(observations)
        told = [agent for agent in self.possible_agents if agent in before or agent in seen]
        over, cut = self._flags(terminations, told), self._flags(truncations, told)
        self._ended.difference_update(seen)
        self._ended.update(agent for agent in told if over[agent] or cut[agent])
        self.agents = self._in_play(seen)
        gained = {agent: rewards.get(agent, 0.0) for agent in told}
        return self._shown(seen, told), gained, over, cut, self._told(infos, told)

    def _in_play(self, seen: Mapping[Any, Any]) -> list[Any]:
        """Returns who takes part now, given what agents observe."""
        listed = getattr(self.env, "agents", None)
        if listed is None or callable(listed):
            listed = seen
        self._known(listed)
        # Some list all of their agents, those that have ended or not yet joined among them.
        ended = self._ended
        return [a for a in self.possible_agents if a in seen and a in listed and a not in ended]

    def _acting(self, agents: list[Any]) -> list[Any]:
        """Returns which of the agents in play the environment takes an action of."""
        return agents

    def _shown(self, seen: dict[Any, Any], told: Sequence[Any] = ()) -> dict[Any, Any]:
        """Returns what agents observe, of whom something is told."""
        return seen

    def _told(self, infos: Mapping[Any, Any], told: Any) -> dict[Any, Any]:
        return {agent: infos.get(agent, {}) for agent in told}

    def _seen(self, observations: Mapping[Any, Any]) -> dict[Any, Any]:
        self._known(observations)
        return {a: observations[a] for a in self.possible_agents if a in observations}

    def _known(self, agents: Any) -> None:
        for agent in agents:
            if agent not in self.possible_agents:
                raise WrongEnvironmentError(
                    f"the environment {title_of(self.env)} must have only agents that it has named "
                    f"({', '.join(map(str, self.possible_agents))}), but shows {agent!r}: give "
                    "as_parallel(env, possible_agents=[...]) with all that may ever take part."
                )

    def _flags(self, flags: Mapping[Any, Any], agents: Sequence[Any]) -> dict[Any, bool]:
        everyone = bool(flags.get(_ALL, False))
        return {agent: everyone or bool(flags.get(agent, False)) for agent in agents}


class RLlibAdapter(DictAdapter):
    """A `MultiAgentEnv` of RLlib, as `from_rllib` shows it."""

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[Any, Any], dict[Any, Any]]:
        """Starts an episode, as in `DictAdapter`."""
        self._last: dict[Any, Any] = {}
        self._observed: set[Any] = set()
        return super().reset(seed, options)

    def _seen(self, observations: Mapping[Any, Any]) -> dict[Any, Any]:
        seen = super()._seen(observations)
        self._last.update(seen)
        self._observed = set(seen)
        return seen

    def _in_play(self, seen: Mapping[Any, Any]) -> list[Any]:
        return [a for a in self.possible_agents if a in self._last and a not in self._ended]

    def _acting(self, agents: list[Any]) -> list[Any]:
        return [agent for agent in agents if agent in self._observed]

    def _shown(self, seen: dict[Any, Any], told: Sequence[Any] = ()) -> dict[Any, Any]:
        return {agent: self._last[agent] for agent in told or seen}

    def _told(self, infos: Mapping[Any, Any], told: Any) -> dict[Any, Any]:
        return {agent: {**infos.get(agent, {}), "acts": agent in self._observed} for agent in told}
