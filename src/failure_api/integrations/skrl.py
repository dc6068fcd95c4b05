"""Shows skrl the spaces that a wrapped environment has."""

from __future__ import annotations

from typing import Any

from gymnasium.spaces import Space
from pettingzoo import ParallelEnv
from pettingzoo.utils import BaseParallelWrapper

from failure_api.wrappers.unwrapping import demand_parallel


class OwnSpaces(BaseParallelWrapper):  # type: ignore[misc]
    """A Parallel environment that skrl's `wrap_env` takes, whatever wrappers have made of it.

    skrl asks the innermost environment for spaces and agents, whose observations are others than
    those of an exchange such as `ShareObservations`. Of this one it is told that it is innermost.
    Where the environment has no state, it shows none, with which independent learners can do.

    Args:
        env: A Parallel environment, such as a `CommunicationWrapperParallel`.

    Raises:
        WrongEnvironmentError: Not a Parallel environment.

    Example:
        >>> from mpe2 import simple_spread_v3
        >>> from failure_api import CommunicationWrapperParallel, ShareObservations
        >>> env = CommunicationWrapperParallel(
        ...     simple_spread_v3.parallel_env(N=3), (), exchange=ShareObservations(form="flat")
        ... )
        >>> env.unwrapped.observation_spaces["agent_0"].shape
        (18,)
        >>> OwnSpaces(env).unwrapped.observation_spaces["agent_0"].shape
        (58,)
    """

    def __init__(self, env: ParallelEnv) -> None:
        demand_parallel("OwnSpaces", env)
        super().__init__(env)
        # skrl asks for these many times in a step; to look for them layer by layer takes long.
        self.num_envs = 1
        if (space := getattr(env, "state_space", None)) is not None:
            self.state_space = space
        self.possible_agents = agents = list(env.possible_agents)
        self.observation_spaces: dict[Any, Space[Any]] = {
            agent: env.observation_space(agent) for agent in agents
        }
        self.action_spaces: dict[Any, Space[Any]] = {
            agent: env.action_space(agent) for agent in agents
        }

    @property
    def unwrapped(self) -> ParallelEnv:
        """This environment."""
        return self

    def state(self) -> Any:
        """Returns the environment's state, or None where it has none."""
        try:
            return self.env.state()
        except NotImplementedError:
            return None
