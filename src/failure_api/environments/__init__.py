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
