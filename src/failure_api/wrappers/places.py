"""Where a wrapper takes the agents' positions from."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from failure_api.core import Chain
from failure_api.errors import InvalidArgumentError, invalid
from failure_api.positions import known_positions


def position_function(given: Any, chain: Chain, env: Any) -> Callable[[Any], Any] | None:
    """Returns the function of the environment that gives positions; None where no model asks.

    Args:
        given: What the user gave; None takes what is known of the environment.
        chain: The failure models.
        env: The environment below the wrapper.

    Raises:
        InvalidArgumentError: It is no such function, or none is known and a model needs one.
    """
    if given is not None and not callable(given):
        raise invalid(
            "positions",
            "must be a function of the environment",
            given,
            "give one that returns an array with one row for each agent",
        )
    if given is not None and not _takes_one(given):
        raise invalid(
            "positions",
            "must take the environment as its one argument",
            given,
            "give a function such as lambda env: env.unwrapped.positions",
        )
    needing = chain.needing_positions
    if needing is None:
        return None
    found = given or known_positions(env)
    if found is None:
        raise InvalidArgumentError(
            f"{needing} needs the agents' positions, which are not known for {env}: "
            "give positions=, a function of the environment that returns one row for each "
            "agent."
        )
    return found


def _takes_one(function: Callable[..., Any]) -> bool:
    try:
        inspect.signature(function).bind(None)
    except TypeError:
        return False
    except ValueError:
        # Some built-in functions do not tell what they take.
        return True
    return True
