"""Environments by name, and the layers that they are made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from failure_api.environments.make import (
    APIS,
    environment_apis,
    environment_options,
    known_environments,
    make_environment,
)

__all__ = [
    "APIS",
    "environment_apis",
    "environment_options",
    "known_environments",
    "layers",
    "make_environment",
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
