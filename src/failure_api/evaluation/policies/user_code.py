"""Policies from anyone's Python: `module:name`."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from failure_api.errors import InvalidArgumentError, invalid, nearest
from failure_api.evaluation.policies.policy import Policy, SeesInfos, reason, refused, takes_infos

# What a user's code raises may be anything; Ctrl-C is not the code's doing.
_ANYTHING = (Exception, SystemExit)


def policy_from_code(name: str, env: Any) -> Policy:
    """Returns the policy that a name finds in a module.

    A class is called with the environment where it needs one argument, and with nothing where it
    needs none. So is a function that takes nothing or that needs one argument called `env`. Any
    other function is the policy itself. What is made and has no `reset` is made anew for each
    episode. A policy with a parameter called `infos` is given infos beside observations.

    Args:
        name: `module:name`; the module is looked for in the current directory first, as
            `python -m` does.
        env: The environment in its wrapper.

    Returns:
        The policy.

    Raises:
        InvalidArgumentError: The module cannot be imported, has no such name, or that makes no
            policy.

    Example:
        >>> policy_from_code("failure_api.evaluation.policies.random_policy:RandomPolice", None)
        Traceback (most recent call last):
        failure_api.errors.InvalidArgumentError: policies must name something in a module, but \
'failure_api.evaluation.policies.random_policy:RandomPolice' was given: did you mean 'RandomPolicy'?
    """
    module, _, path = name.partition(":")
    found = _attribute(name, _import(name, module), path)
    if not callable(found):
        rule = f"must name a function or a class, which {path} is not"
        raise refused(rule, name, "name another one")
    arguments = _arguments(name, found, env)
    if arguments is None:
        return cast(Policy, SeesInfos(found, env) if takes_infos(found) else found)
    try:
        policy = found(*arguments)
    except _ANYTHING as error:
        rule = f"must make a policy, which fails ({reason(error)})"
        raise refused(rule, name, f"fix {path}") from error
    if not callable(policy):
        rule = f"must make a policy that can be called, not {type(policy).__name__}"
        raise refused(rule, name, "give it __call__(self, observations)")
    if not hasattr(policy, "reset"):
        policy = _MadeAnew(policy, found, arguments)
    seen = takes_infos(getattr(policy, "policy", policy))
    return cast(Policy, SeesInfos(policy, env) if seen else policy)


def function_from_code(name: str, argument: str) -> Callable[..., Any]:
    """Returns the function that a name finds in a module.

    Args:
        name: As in `policy_from_code`.
        argument: What a user calls it, in the error for one that cannot be found.

    Raises:
        InvalidArgumentError: The module cannot be imported, or has no such function.
    """
    module, _, path = name.partition(":")
    try:
        found = _attribute(name, _import(name, module), path)
    except InvalidArgumentError as error:
        raise InvalidArgumentError(str(error).replace("policies", argument, 1)) from error
    if not callable(found):
        rule = f"must name a function, which {path} is not"
        raise invalid(argument, rule, name, "name another one")
    return cast(Callable[..., Any], found)


class _MadeAnew:
    """A policy without `reset`, made anew for each episode, so that none depends on another."""

    def __init__(self, first: Any, make: Any, arguments: tuple[Any, ...]) -> None:
        self.policy, self._make, self._arguments = first, make, arguments

    def reset(self, seed: int) -> None:
        """Starts an episode."""
        self.policy = self._make(*self._arguments)

    def __call__(self, observations: Mapping[Any, Any], **infos: Any) -> Mapping[Any, Any]:
        """Returns an action for each agent."""
        return cast(Mapping[Any, Any], self.policy(observations, **infos))


def look_here() -> None:
    """Lets modules be imported from the current directory, as `python -m` does."""
    here = str(Path.cwd())
    # The console script leaves it out.
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)
    importlib.invalidate_caches()


def _import(name: str, module: str) -> ModuleType:
    try:
        look_here()
        return importlib.import_module(module)
    except _ANYTHING as error:
        rule = f"must name a module that can be imported ({reason(error)})"
        remedy = f"fix {module}, or run from the directory that holds it"
        raise refused(rule, name, remedy) from error


def _attribute(name: str, found: Any, path: str) -> Any:
    for part in path.split("."):
        try:
            found = getattr(found, part)
        except _ANYTHING as error:
            rule = "must name something in a module"
            hint = nearest(part, [word for word in dir(found) if not word.startswith("_")])
            fix = f"it has no {part}, fix the name"
            raise refused(rule, name, hint if hint.endswith("?") else fix) from error
    return found


def _arguments(name: str, found: Any, env: Any) -> tuple[Any, ...] | None:
    """Returns what is to be called with to get a policy; None for what is one already."""
    try:
        parameters = inspect.signature(found).parameters.values()
    except (TypeError, ValueError):
        # Some of what is written in C does not tell.
        return () if inspect.isclass(found) else None
    starred = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    needed = [
        parameter
        for parameter in parameters
        if parameter.default is parameter.empty and parameter.kind not in starred
    ]
    if not inspect.isclass(found) and len(needed) > 1:
        # A policy may see infos, too.
        needed = [parameter for parameter in needed if parameter.name != "infos"]
    named = [parameter for parameter in needed if parameter.kind is parameter.KEYWORD_ONLY]
    if len(needed) > 1 or named:
        listed = ", ".join(parameter.name for parameter in needed)
        rule = f"must need one argument at most, not {listed}"
        raise refused(rule, name, "write a class or a function that needs no more")
    if inspect.isclass(found):
        return (env,) if needed else ()
    if not parameters:
        return ()
    return (env,) if [parameter.name for parameter in needed] == ["env"] else None
