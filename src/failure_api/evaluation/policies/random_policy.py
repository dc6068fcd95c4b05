"""Samples of the action space: what a team gets without any skill."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces

from failure_api.exchanges.spaces.actions import ActionMaskSplit, SpokenActions
from failure_api.wrappers.reports import actions_of
from failure_api.wrappers.unwrapping import action_mask, own_mask

_SEEDS = 2**31


class RandomPolicy:
    """Samples each agent's action space; a masked `Discrete` one among its legal actions.

    An `action_mask` counts in observations, and in infos where the environment keeps them, as
    wrapped environments do.

    Where actions carry messages, these are samples too, and beside them agents act as without.

    An agent's k-th action depends on the seed, the agent, k and its mask alone: not on what it
    observes, not on who else is alive, not on earlier masks. So failing links change nothing.

    Args:
        env: The environment.

    Example:
        >>> from mpe2 import simple_spread_v3
        >>> env = simple_spread_v3.parallel_env()
        >>> policy = RandomPolicy(env)
        >>> observations, _ = env.reset(seed=0)
        >>> policy.reset(seed=0)
        >>> first = policy(observations)
        >>> policy.reset(seed=0)
        >>> policy(observations) == first
        True
    """

    def __init__(self, env: Any) -> None:
        self._env = env
        self._agents = agents = tuple(env.possible_agents)
        silent = SpokenActions({}, {agent: env.action_space(agent) for agent in agents})
        self._spoken = actions_of(env) or silent
        # Copies, since to sample one of the environment's own spaces moves its random numbers.
        self._spaces = {a: copy.deepcopy(self._spoken.own_spaces[a]) for a in agents}
        self._messages = {a: copy.deepcopy(self._spoken.message_space(a)) for a in agents}
        self._masked = {a for a in agents if ActionMaskSplit(env.observation_space(a)).masked}
        self.reset(0)

    def reset(self, seed: int) -> None:
        """Starts an episode.

        Args:
            seed: Fixes every action.
        """
        self._streams = {
            agent: np.random.default_rng([seed, index]) for index, agent in enumerate(self._agents)
        }

    def __call__(self, observations: Mapping[Any, Any]) -> dict[Any, Any]:
        """Returns an action for each agent."""
        return {agent: self._sample(agent, seen) for agent, seen in observations.items()}

    def _sample(self, agent: Any, observation: Any) -> Any:
        # A sample takes more or fewer random numbers by its mask and by chance, so each has a
        # seed of its own.
        seed = int(self._streams[agent].integers(_SEEDS))
        space, messages = self._spaces[agent], self._messages[agent]
        space.seed(seed)
        told = observation if agent in self._masked else None
        mask = action_mask(told, getattr(self._env, "infos", {}).get(agent))
        if mask is not None and isinstance(space, spaces.Discrete):
            mask = np.asarray(own_mask(mask, space), dtype=np.int8)
        action = space.sample() if mask is None else space.sample(mask=mask)
        if messages is None:
            return action
        messages.seed(seed)
        return self._spoken.joined(agent, action, messages.sample())
