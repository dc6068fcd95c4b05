"""Action and message under two keys of one dictionary."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces

from failure_api.core.parameters.rules import as_array
from failure_api.errors import invalid
from failure_api.exchanges.spoken_actions import Attachment

ACTION, MESSAGE = "action", "message"


class AttachedKeys(Attachment):
    """`{"action": the environment's, "message": what the agent says}`.

    Args:
        own_space: The environment's action space.
        message_space: Of what the agent says.

    Example:
        >>> attached = AttachedKeys(spaces.Discrete(5), spaces.MultiBinary(2))
        >>> attached.parted("a", {"action": 4, "message": [1, 0]})
        (4, array([1, 0], dtype=int8))
    """

    def __init__(self, own_space: spaces.Space[Any], message_space: spaces.Space[Any]) -> None:
        self.message_space = message_space
        self.space: spaces.Space[Any] = spaces.Dict({ACTION: own_space, MESSAGE: message_space})

    def parted(self, agent: Any, action: Any) -> tuple[Any, Any]:
        """Returns the environment's action, as it is, and the message."""
        if not isinstance(action, Mapping) or ACTION not in action or MESSAGE not in action:
            raise invalid(
                f"the action of agent {agent!r}",
                'must be of the form {"action": ..., "message": ...}',
                action,
                "give both keys",
            )
        said = element(self.message_space, action[MESSAGE])
        if said is None:
            rule = f"must be in {self.message_space}"
            name = f"the message of agent {agent!r}"
            raise invalid(name, rule, action[MESSAGE], "give an element of that space")
        return action[ACTION], said

    def joined(self, own: Any, message: Any) -> Any:
        """Returns the two in one dictionary."""
        return {ACTION: own, MESSAGE: message}


def element(space: spaces.Space[Any], value: Any) -> Any:
    """Returns a value as an element of a space, which nobody else holds; None where it is none.

    Numbers of another type, and lists of them, are taken where the space has what they stand for.

    Args:
        space: Box, Discrete, MultiDiscrete or MultiBinary.
        value: Anything.

    Example:
        >>> element(spaces.Box(-1, 1, (2,)), [0.5, 1])
        array([0.5, 1. ], dtype=float32)
        >>> element(spaces.Discrete(3), 3.0) is None
        True
    """
    given = as_array(value)
    if given is None:
        return None
    dtype = np.dtype(space.dtype or np.float32)
    if given.shape != space.shape or given.dtype.kind not in ("biuf" if _floats(dtype) else "biu"):
        return None
    with np.errstate(over="ignore"):
        found = given.astype(dtype)
    if not _floats(dtype) and not np.array_equal(found, given):
        return None
    made = found[()] if isinstance(space, spaces.Discrete) else found
    return made if space.contains(made) else None


def _floats(dtype: np.dtype[Any]) -> bool:
    return dtype.kind == "f"
