"""What of an observation takes part in the exchange, and what stays the agent's own."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from gymnasium import spaces


class Envelope:
    """Keeps the action mask of `{"observation", "action_mask"}` out of the exchange.

    Attributes:
        masked: Whether the space follows that convention.
        body_space: Space of the part that the exchange works on.

    Example:
        >>> space = spaces.Dict(
        ...     observation=spaces.Discrete(3), action_mask=spaces.MultiBinary(2)
        ... )
        >>> Envelope(space).body_space
        Discrete(3)
        >>> Envelope(space).close({"observation": 2, "action_mask": "own"}, "body")
        {'observation': 'body', 'action_mask': 'own'}
    """

    def __init__(self, space: spaces.Space[Any]) -> None:
        self._space = space
        self.masked = (
            isinstance(space, spaces.Dict)
            and "observation" in space.spaces
            and "action_mask" in space.spaces
        )
        self.body_space: spaces.Space[Any] = space["observation"] if self.masked else space  # type: ignore[index]

    def open(self, observation: Any) -> Any:
        """Returns the part of an observation that the exchange works on."""
        return observation["observation"] if self.masked else observation

    def close(self, observation: Any, body: Any) -> Any:
        """Returns an observation with another body, everything else copied."""
        if not self.masked:
            return body
        return {
            key: body if key == "observation" else copy_value(value)
            for key, value in observation.items()
        }

    def enclose(self, body_space: spaces.Space[Any]) -> spaces.Space[Any]:
        """Returns the space of observations with another body."""
        if not self.masked:
            return body_space
        assert isinstance(self._space, spaces.Dict)
        return spaces.Dict({**self._space.spaces, "observation": body_space})


def copy_value(value: Any) -> Any:
    """Returns a copy of an observation of any space that shares nothing with it."""
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, dict):
        return {key: copy_value(item) for key, item in value.items()}
    return copy.deepcopy(value)
