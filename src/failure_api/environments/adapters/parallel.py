"""Which interface an environment has, the adapter that fits, and the way back to Tuple spaces."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from pettingzoo import AECEnv, ParallelEnv
from pettingzoo.utils import aec_to_parallel

from failure_api.environments.adapters.adapter import nearest_to_zero
from failure_api.environments.adapters.dicts import (
    from_dicts,
    from_rllib,
    is_rllib,
    says_all,
    speaks_in_dicts,
)
from failure_api.environments.adapters.tuples import from_tuple, has_tuple_spaces
from failure_api.errors import WrongEnvironmentError, describe, invalid


def as_parallel(env: Any, *, possible_agents: Sequence[Any] | None = None) -> ParallelEnv:
    """Returns any multi-agent environment as a PettingZoo `ParallelEnv`.

    Args:
        env: A `ParallelEnv`, which comes back as it is if it names its agents and spaces; an
            `AECEnv` whose agents act in cycles, which PettingZoo converts; an environment with
            Tuple spaces (`from_tuple`), one of RLlib's (`from_rllib`), or one that speaks in dicts
            (`from_dicts`), as a `ParallelEnv` does that names them only after a reset.
        possible_agents: All agents that may ever take part, where the environment does not say,
            or the names of those that have none.

    Returns:
        The environment, in an adapter where it needs one.

    Raises:
        WrongEnvironmentError: None of these, or one that does not keep to its interface.
        InvalidArgumentError: `possible_agents` are not the agents of the environment.

    Example:
        >>> from mpe2 import simple_spread_v3
        >>> from failure_api.environments import as_parallel, to_tuple
        >>> as_parallel(to_tuple(simple_spread_v3.parallel_env())).possible_agents
        ['agent_0', 'agent_1', 'agent_2']
    """
    if isinstance(env, AECEnv):
        if not env.metadata.get("is_parallelizable", False):
            raise WrongEnvironmentError(
                f"as_parallel must be given agents that can act at once, but in {env} they take "
                "turns: wrap it as it is, by CommunicationWrapper."
            )
        env = aec_to_parallel(env)
    if isinstance(env, ParallelEnv):
        complete = possible_agents is None and says_all(env)
        return env if complete else from_dicts(env, possible_agents=possible_agents)
    for suits, adapt in (
        (has_tuple_spaces, from_tuple),
        (is_rllib, from_rllib),
        (lambda env: speaks_in_dicts(env, possible_agents), from_dicts),
    ):
        if suits(env):
            return adapt(env, possible_agents=possible_agents)
    raise WrongEnvironmentError(
        "an environment must be one of PettingZoo, of gymnasium with a Tuple of spaces, of RLlib's "
        f"MultiAgentEnv, or speak in dicts by agent, but {describe(env)} is none of these: give "
        "its agents names and spaces, as PettingZoo's ParallelEnv has them."
    )


def adapted(env: Any) -> Any:
    """Returns what `as_parallel` makes of something; as it is where PettingZoo or nobody made it.

    It is asked where PettingZoo's environments are taken as they are, and anything else that is
    none is refused by words of its own.
    """
    other = has_tuple_spaces(env) or is_rllib(env) or speaks_in_dicts(env)
    return as_parallel(env) if other and not isinstance(env, AECEnv | ParallelEnv) else env


def to_tuple(env: Any) -> gymnasium.Env[Any, Any]:
    """Returns a Parallel environment as a gymnasium environment with Tuple spaces.

    That is what EPyMARL takes: register a function that returns it as a gymnasium id. Rewards are
    a list with a number for each agent. An agent that has left observes zeros (where its space has
    none, what is nearest), gets 0, and what it does is left out. The episode ends with
    its last agent: as truncated where any of those that left last was cut off, else as terminated.

    The info holds numbers alone, as EPyMARL adds them up: `<agent>_alive`, 1 or 0, for every
    agent, and each number that an agent's own info holds, as `<agent>_<key>`. Where agents have an
    `action_mask` in their infos, it also holds `action_mask`, a tuple as `Tuple.sample` takes it.

    Args:
        env: A Parallel environment, wrapped or bare, or anything that `as_parallel` takes.

    Returns:
        A gymnasium environment, with `n_agents`.

    Raises:
        WrongEnvironmentError: No environment that `as_parallel` takes.

    Example:
        >>> from mpe2 import simple_spread_v3
        >>> from failure_api import CommunicationWrapperParallel, ProbabilisticModel
        >>> from failure_api.environments import to_tuple
        >>> env = to_tuple(CommunicationWrapperParallel(
        ...     simple_spread_v3.parallel_env(), ProbabilisticModel(failure_prob=0.5)
        ... ))
        >>> observations, info = env.reset(seed=0)
        >>> observations, rewards, terminated, truncated, info = env.step((0, 0, 0))
        >>> len(rewards), terminated, info["agent_0_alive"]
        (3, False, 1)
    """
    return TupleEnvironment(as_parallel(env))


class TupleEnvironment(gymnasium.Env[Any, Any]):
    """A Parallel environment as `to_tuple` shows it.

    Args:
        env: The Parallel environment.

    Attributes:
        n_agents: Number of agents that may ever take part.
        possible_agents: Their names, in the order of the spaces.
    """

    def __init__(self, env: ParallelEnv) -> None:
        self.env = env
        self.possible_agents = tuple(env.possible_agents)
        self.n_agents = len(self.possible_agents)
        self.metadata = dict(getattr(env, "metadata", None) or {})
        self.render_mode = getattr(env, "render_mode", None)
        # Copies, since to seed the environment's own spaces moves their random numbers.
        self._observed, acted = (
            [copy.deepcopy(space_of(agent)) for agent in self.possible_agents]
            for space_of in (env.observation_space, env.action_space)
        )
        self.observation_space = spaces.Tuple(self._observed)
        self.action_space = spaces.Tuple(acted)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Starts an episode.

        Args:
            seed: Fixes the environment's draws; None goes on.
            options: Passed to the environment.

        Returns:
            The agents' observations, and an info.
        """
        super().reset(seed=seed)
        observations, infos = self.env.reset(seed=seed, options=options)
        return self._padded(observations), self._told(infos)

    def step(
        self, action: Sequence[Any]
    ) -> tuple[tuple[Any, ...], Any, bool, bool, dict[str, Any]]:
        """Takes an action of each agent.

        Args:
            action: N actions; those of agents that are not in play are left out.

        Returns:
            The agents' observations, a list of their rewards, whether the episode has ended for
            good, whether it was cut off, and an info.

        Raises:
            InvalidArgumentError: Not an action for each agent.
        """
        listed = isinstance(action, list | tuple | np.ndarray)
        if not listed or len(action) != self.n_agents:
            rule = f"must hold an action for each of {self.n_agents} agents"
            raise invalid("action", rule, action, "give a tuple or a list")
        chosen = dict(zip(self.possible_agents, action, strict=True))
        observations, rewards, _, truncations, infos = self.env.step(
            {agent: chosen[agent] for agent in self.env.agents}
        )
        over = not self.env.agents
        cut = over and any(truncations.values())
        gained = [rewards.get(agent, 0.0) for agent in self.possible_agents]
        return self._padded(observations), gained, over and not cut, cut, self._told(infos)

    def render(self) -> Any:
        """Returns what the environment renders."""
        return self.env.render()

    def close(self) -> None:
        """Closes the environment."""
        self.env.close()

    def _padded(self, observations: Mapping[Any, Any]) -> tuple[Any, ...]:
        pairs = zip(self.possible_agents, self._observed, strict=True)
        return tuple(
            observations[agent] if agent in observations else nearest_to_zero(space)
            for agent, space in pairs
        )

    def _told(self, infos: Mapping[Any, Any]) -> dict[str, Any]:
        told: dict[str, Any] = {}
        for agent in self.possible_agents:
            told[f"{agent}_alive"] = int(agent in self.env.agents)
            own = infos.get(agent, {})
            told.update({f"{agent}_{k}": v for k, v in own.items() if isinstance(v, Real)})
        masks = tuple(infos.get(agent, {}).get("action_mask") for agent in self.possible_agents)
        if any(mask is not None for mask in masks):
            told["action_mask"] = masks
        return told
