"""Reaches what an environment is made of, through wrappers that hide it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from failure_api.environments import layers


def get(env: Any, name: str) -> Any:
    """Returns an attribute of the outermost layer that has it.

    Args:
        env: An environment, wrapped or converted any number of times.
        name: Of the attribute.

    Raises:
        AttributeError: No layer has it.

    Example:
        >>> from mpe2 import simple_spread_v3
        >>> get(simple_spread_v3.parallel_env(N=2), "local_ratio")
        0.5
    """
    for layer in layers(env):
        try:
            return getattr(layer, name)
        except AttributeError:
            continue
    raise AttributeError(f"neither {env} nor what it wraps has an attribute {name!r}")


def put(env: Any, name: str, value: Any) -> None:
    """Sets an attribute of the outermost layer that has it as its own, or else of the outermost.

    Args:
        env: As for `get`.
        name: Of the attribute.
        value: What it is set to.

    Example:
        >>> from mpe2 import simple_spread_v3
        >>> env = simple_spread_v3.parallel_env()
        >>> put(env, "local_ratio", 0.2)
        >>> env.unwrapped.local_ratio
        0.2
    """
    owners = (each for each in layers(env) if name in vars(each) or hasattr(type(each), name))
    setattr(next(owners, env), name, value)


def call(env: Any, name: str, given: Sequence[Any], named: Mapping[str, Any]) -> Any:
    """Calls a method of the outermost layer that has it.

    Args:
        env: As for `get`.
        name: Of the method.
        given: Its arguments by position.
        named: Its arguments by name.

    Returns:
        What the method returns.

    Raises:
        AttributeError: No layer has it.

    Example:
        >>> from mpe2 import simple_spread_v3
        >>> call(simple_spread_v3.parallel_env(), "action_space", ["agent_0"], {})
        Discrete(5)
    """
    return get(env, name)(*given, **named)


def is_wrapped(env: Any, kind: type) -> bool:
    """Returns whether any layer is of a class.

    Args:
        env: As for `get`.
        kind: The class.

    Example:
        >>> from mpe2 import simple_spread_v3
        >>> is_wrapped(simple_spread_v3.parallel_env(), simple_spread_v3.raw_env)
        True
    """
    return any(isinstance(layer, kind) for layer in layers(env))
