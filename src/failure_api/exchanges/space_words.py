"""Spaces of messages in plain data: `{"discrete": 4}` and the like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces

from failure_api.core.parameters.frozen import FrozenMapping
from failure_api.errors import InvalidArgumentError, invalid

FORMS = "{discrete: 4}, {multi_binary: 3}, {multi_discrete: [2, 5]} or {box: [low, high, length]}"
_WORDS = ("discrete", "multi_binary", "multi_discrete", "box")


def plain_spaces(space: Any) -> Any:
    """Returns a space, or a mapping of them, as plain data.

    Raises:
        InvalidArgumentError: A space that has no such form.

    Example:
        >>> plain_spaces(spaces.Box(-1, 1, (2,)))
        {'box': [-1.0, 1.0, 2]}
    """
    if isinstance(space, Mapping):
        return FrozenMapping({agent: plain_spaces(one) for agent, one in space.items()})
    plain: dict[str, Any] = {}
    if isinstance(space, spaces.Discrete):
        plain = {"discrete": int(space.n)}
    elif isinstance(space, spaces.MultiBinary):
        plain = {"multi_binary": space.n if isinstance(space.n, int) else list(space.shape)}
    elif isinstance(space, spaces.MultiDiscrete):
        plain = {"multi_discrete": space.nvec.tolist()}
    elif isinstance(space, spaces.Box) and space.shape:
        first = [float(bound.flat[0]) for bound in (space.low, space.high)]
        plain = {"box": [*first, *space.shape]}
    if not plain or _made(plain) != space:
        rule = f"must be of the form {FORMS} in plain data"
        raise invalid("space", rule, space, "use it from Python, or take one of these")
    return plain


def spaces_from_plain(plain: Any) -> Any:
    """Returns the space, or the spaces by agent, that plain data stands for.

    Args:
        plain: What `plain_spaces` returns, by agents in any form of a mapping, or spaces
            themselves.

    Raises:
        InvalidArgumentError: Anything else.

    Example:
        >>> spaces_from_plain({"speaker_0": {"discrete": 3}})
        {'speaker_0': Discrete(3)}
    """
    if isinstance(plain, spaces.Space):
        return plain
    if isinstance(plain, Mapping) and plain:
        ((word, held), *further) = plain.items()
        if word == "agents" and not further and isinstance(held, list | tuple):
            return {agent: spaces_from_plain(one) for agent, one in map(_pair, held)}
        if all(isinstance(one, Mapping | spaces.Space) for one in plain.values()):
            return {agent: spaces_from_plain(one) for agent, one in plain.items()}
        if word in _WORDS and not further:
            return _made(plain)
    raise invalid("space", f"must be of the form {FORMS}", plain, "give one, or one by agent")


def _made(plain: Mapping[str, Any]) -> spaces.Space[Any]:
    """Returns the space of one word and its numbers."""
    ((word, held),) = plain.items()
    try:
        if word == "discrete":
            return spaces.Discrete(held)
        if word == "multi_binary":
            return spaces.MultiBinary(held)
        if word == "multi_discrete":
            return spaces.MultiDiscrete(held)
        low, high, length, *further = held
        return spaces.Box(float(low), float(high), (length, *further), np.float32)
    except (TypeError, ValueError, AssertionError, OverflowError) as error:
        reason = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        raise InvalidArgumentError(
            f"space must be of the form {FORMS}, but {dict(plain)} is none ({reason}): mend it."
        ) from None


def _pair(row: Any) -> tuple[Any, Any]:
    if isinstance(row, list | tuple) and len(row) == 2:
        return row[0], row[1]
    raise invalid("space", "must have rows [agent, space] by agents", row, "give one row each")
