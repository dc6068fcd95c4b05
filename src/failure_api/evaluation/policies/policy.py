"""Policies, and the error for one that cannot be made."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import partial
from typing import Any, Protocol

from failure_api.errors import invalid


class Policy(Protocol):
    """Chooses actions from observations.

    It may also have `reset(seed: int)`, which is then called at the start of every episode. Given
    the seed and what it has observed since, its actions are always the same. One with a parameter
    called `infos` is given what the environment tells of the same agents, action masks for example.
    """

    def __call__(self, observations: Mapping[Any, Any], /) -> Mapping[Any, Any]:
        """Returns an action for each agent of which an observation is given.

        Args:
            observations: By agent, as the agents see them: all live agents' in a Parallel
                environment; in an AEC environment that of the agent whose turn it is.
        """


refused = partial(invalid, "policies")
"""Returns the error for a policy's name that breaks a rule, ready to be raised."""


class SeesInfos:
    """A policy that is given infos beside observations.

    Args:
        policy: The policy, with a parameter called `infos`.
        env: The environment in its wrapper, whose infos these are.
    """

    def __init__(self, policy: Any, env: Any) -> None:
        self._policy, self._env = policy, env

    def reset(self, seed: int) -> None:
        """Starts an episode."""
        if hasattr(self._policy, "reset"):
            self._policy.reset(seed)

    def __call__(self, observations: Mapping[Any, Any]) -> Any:
        """Returns an action for each agent of which an observation is given."""
        told = self._env.infos
        return self._policy(observations, infos={a: dict(told.get(a, {})) for a in observations})


def takes_infos(policy: Any) -> bool:
    """Returns whether a policy has a parameter called `infos`."""
    try:
        return "infos" in inspect.signature(policy).parameters
    except (TypeError, ValueError):
        # Some of what is written in C does not tell.
        return False


def title(env: Any) -> str:
    """Returns what an environment calls itself."""
    metadata = getattr(env, "metadata", None) or {}
    return str(metadata.get("name") or type(getattr(env, "unwrapped", env)).__name__)
