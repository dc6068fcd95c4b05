"""Policies, and the error for one that cannot be made."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Protocol

from failure_api.errors import invalid


class Policy(Protocol):
    """Chooses actions from observations.

    It may also have `reset(seed: int)`, which is then called at the start of every episode. Given
    the seed and what it has observed since, its actions are always the same.
    """

    def __call__(self, observations: Mapping[Any, Any], /) -> Mapping[Any, Any]:
        """Returns an action for each agent of which an observation is given.

        Args:
            observations: By agent, as the agents see them: all live agents' in a Parallel
                environment; in an AEC environment that of the agent whose turn it is.
        """


refused = partial(invalid, "policies")
"""Returns the error for a policy's name that breaks a rule, ready to be raised."""


def title(env: Any) -> str:
    """Returns what an environment calls itself."""
    metadata = getattr(env, "metadata", None) or {}
    return str(metadata.get("name") or type(getattr(env, "unwrapped", env)).__name__)
