"""Policies from anyone's Python: `module:name`."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, cast

from failure_api.errors import reason
from failure_api.evaluation.policies.policy import Policy, SeesInfos, refused, takes_infos
from failure_api.user_code import ANYTHING, named


def policy_from_code(source: Any, env: Any) -> Policy:
    """Returns the policy that a function, a class, an instance or the name of one stands for.

    A class is called with the environment where it needs one argument, and with nothing where it
    needs none. So is a function that takes nothing or that needs one argument called `env`. Any
    other function is the policy itself. What is made and has no `reset` is made anew for each
    episode. A policy with a parameter called `infos` is given infos beside observations.

    Args:
        source: What makes the policy or is it, or its `module:name`; the module is looked for
            among what is installed and then in the current directory.
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
    found = named(source, "policies") if isinstance(source, str) else source
    if not callable(found):
        rule = "must name a function or a class"
        raise refused(rule, source, "name another one")
    arguments = _arguments(source, found, env)
    if arguments is None:
        return cast(Policy, SeesInfos(found, env) if takes_infos(found) else found)
    try:
        policy = found(*arguments)
    except ANYTHING as error:
        rule = f"must make a policy, which fails ({reason(error)})"
        raise refused(rule, source, "fix it") from error
    if not callable(policy):
        rule = f"must make a policy that can be called, not {type(policy).__name__}"
        raise refused(rule, source, "give it __call__(self, observations)")
    if not hasattr(policy, "reset"):
        policy = _MadeAnew(policy, found, arguments)
    sees_infos = takes_infos(getattr(policy, "policy", policy))
    return cast(Policy, SeesInfos(policy, env) if sees_infos else policy)


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


def _arguments(source: Any, found: Any, env: Any) -> tuple[Any, ...] | None:
    """Returns what is to be called with to get a policy; None for what is one already."""
    try:
        parameters = inspect.signature(found).parameters.values()
    except (TypeError, ValueError):
        # Some of what is written in C does not tell.
        return () if inspect.isclass(found) else None
    starred = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    needed = [
        each for each in parameters if each.default is each.empty and each.kind not in starred
    ]
    # A policy may see infos, too.
    needed = [each for each in needed if each.name != "infos"]
    names = [each.name for each in needed]
    if len(needed) > 1 or any(each.kind is each.KEYWORD_ONLY for each in needed):
        rule = f"must need one argument at most, not {', '.join(names)}"
        raise refused(rule, source, "write a class or a function that needs no more")
    if inspect.isclass(found) or not parameters:
        return (env,) if needed else ()
    return (env,) if names == ["env"] else None
