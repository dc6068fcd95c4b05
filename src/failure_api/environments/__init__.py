"""Environments by name, adapters of other interfaces, and the layers that they are made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from failure_api.environments.adapters import (
    as_parallel,
    from_dicts,
    from_rllib,
    from_tuple,
    to_tuple,
)
from failure_api.environments.make import (
    APIS,
    environment_apis,
    environment_options,
    known_environments,
    make_environment,
)
from failure_api.errors import FailureApiError, WrongEnvironmentError, describe, reason

__all__ = [
    "APIS",
    "as_parallel",
    "environment_apis",
    "environment_options",
    "from_dicts",
    "from_rllib",
    "from_tuple",
    "known_environments",
    "layers",
    "make_environment",
    "to_tuple",
]

BELOW = ("env", "aec_env", "par_env", "_env")
"""Where environments keep the one that they wrap or convert."""


def layers(env: Any) -> Iterator[Any]:
    """Yields an environment, and those that it wraps or converts, one within the other."""
    seen: set[int] = set()
    while env is not None and id(env) not in seen:
        yield env
        seen.add(id(env))
        inside = getattr(env, "__dict__", {})
        env = next((inside[name] for name in BELOW if inside.get(name) is not None), None)


def offers(layer: Any, method: str) -> bool:
    """Returns whether a layer itself has a method, and does not look it up in another one."""
    return hasattr(type(layer), method) or method in getattr(layer, "__dict__", ())


def offering(env: Any, method: str) -> Any:
    """Returns the outermost layer of an environment that has a method; None where none has.

    Args:
        env: An environment in any wrappers.
        method: "communication_positions" or "communication_segments", by which authors say what
            is known of their environments.
    """
    return next((layer for layer in layers(env) if offers(layer, method)), None)


def said_by(layer: Any, method: str) -> Any:
    """Returns what a layer says by a method that it offers, as `offering` found it.

    Raises:
        WrongEnvironmentError: It is no method, or raises an exception of its own.
    """
    title = type(layer).__name__
    try:
        said = getattr(layer, method)
        if callable(said):
            return said()
    except FailureApiError:
        raise
    except Exception as error:
        raise WrongEnvironmentError(
            f"{method}() of the environment {title} must say what is known of it, but raised "
            f"{reason(error)}: fix it, or leave the method out."
        ) from error
    raise WrongEnvironmentError(
        f"{method} of the environment {title} must be a method without arguments, but is "
        f"{describe(said)}: define it by def {method}(self)."
    )


def innermost(env: Any) -> Any:
    """Returns the environment within all wrappers, as `unwrapped` has it.

    Raises:
        WrongEnvironmentError: It has no `unwrapped`, or one that raises an exception.
    """
    try:
        return env.unwrapped
    except FailureApiError:
        raise
    except Exception as error:
        raise WrongEnvironmentError(
            f"unwrapped of the environment {type(env).__name__} must return the environment within "
            f"all wrappers, but raised {reason(error)}: fix it, or let it return self."
        ) from error
