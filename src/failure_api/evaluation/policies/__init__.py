"""Policies by name, and a check of their actions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from failure_api.errors import nearest
from failure_api.evaluation.policies.actions import check_actions
from failure_api.evaluation.policies.mpe import AssignmentPolicy, SignallingPolicy
from failure_api.evaluation.policies.policy import Policy, refused
from failure_api.evaluation.policies.random_policy import RandomPolicy
from failure_api.evaluation.policies.sb3_model import SB3_PREFIX, SB3Policy
from failure_api.evaluation.policies.user_code import policy_from_code
from failure_api.user_code import is_name

__all__ = ["Policy", "check_actions", "check_policy_name", "make_policy"]

_BUILT_IN: dict[str, Callable[[Any], Policy]] = {
    "assignment": AssignmentPolicy,
    "random": RandomPolicy,
    "signalling": SignallingPolicy,
}
_KNOWN = (*_BUILT_IN, "module:name", f"{SB3_PREFIX}FILE.zip")
_RULE = "must be the name of a policy"


def check_policy_name(name: Any) -> None:
    """Raises unless a name can be that of a policy.

    Nothing is imported and no file is opened, so results can be read where a policy is missing.

    Args:
        name: As in `make_policy`.

    Raises:
        InvalidArgumentError: No policy can have that name.

    Example:
        >>> check_policy_name("asignment")
        Traceback (most recent call last):
        failure_api.errors.InvalidArgumentError: policies must be the name of a policy, but \
'asignment' was given: did you mean 'assignment'?
    """
    if not isinstance(name, str):
        raise refused(_RULE, name, "name one, such as 'random'")
    if name in _BUILT_IN:
        return
    if name.startswith(SB3_PREFIX):
        if not name.removeprefix(SB3_PREFIX).strip():
            raise refused(_RULE, name, f"name the model's file, as in '{SB3_PREFIX}model.zip'")
        return
    if ":" not in name:
        remedy = f"write '{SB3_PREFIX}{name}'" if name.endswith(".zip") else nearest(name, _KNOWN)
        raise refused(_RULE, name, remedy)
    if not is_name(name):
        raise refused(_RULE, name, "give 'module:name', as in 'my_package.policies:Greedy'")


def make_policy(name: Any, env: Any) -> Policy:
    """Returns the policy of a name, ready to play in an environment.

    Args:
        name: One of
            `random`, which samples action spaces;
            `assignment`, which shares out the landmarks of mpe2's simple_spread;
            `signalling`, which names goals in mpe2's simple_reference;
            `module:name`, a function of observations, or a class or function that makes a policy,
            given the environment or nothing, from a module that can be imported, also from the
            current directory; and
            `sb3:FILE.zip`, a model that stable-baselines3 saved, shared by all agents. Loading it
            runs code that it holds, as unpickling does. Or such a function, class or instance.
        env: The environment in the wrapper in which it is played, reset or not.

    Returns:
        The policy.

    Raises:
        InvalidArgumentError: No such policy, or it does not suit the environment.
        MissingDependencyError: The policy needs a package that is not installed.

    Example:
        >>> from mpe2 import simple_spread_v3
        >>> from failure_api import CommunicationWrapperParallel, ProbabilisticModel
        >>> env = CommunicationWrapperParallel(
        ...     simple_spread_v3.parallel_env(), ProbabilisticModel(failure_prob=0.5)
        ... )
        >>> policy = make_policy("assignment", env)
        >>> observations, _ = env.reset(seed=0)
        >>> policy(observations)
        {'agent_0': 4, 'agent_1': 2, 'agent_2': 1}
    """
    if callable(name):
        return policy_from_code(name, env)
    check_policy_name(name)
    if name in _BUILT_IN:
        return _BUILT_IN[name](env)
    if name.startswith(SB3_PREFIX):
        return SB3Policy(name, env)
    return policy_from_code(name, env)
