"""A curriculum for RLlib, whose algorithms do not pass calls on to their environments."""

from __future__ import annotations

from functools import partial
from typing import Any

from failure_api.environments import layers
from failure_api.errors import WrongEnvironmentError


def set_severity(algorithm: Any, severity: float) -> None:
    """Sets how severe failures are in all environments that an algorithm trains in.

    It holds from the next episode of each on, in local and in remote environment runners. Those
    that evaluate stay as they are.

    Args:
        algorithm: What `config.build_algo()` returns, and callbacks are given.
        severity: A share in [0, 1], as in `CommunicationWrapperParallel.set_severity`.

    Raises:
        InvalidArgumentError: Not within [0, 1], or no failure model takes it.
        WrongEnvironmentError: An environment is not wrapped.

    Example:
        >>> from failure_api.integrations.rllib import set_severity
        >>> def on_train_result(*, algorithm, result, **others):
        ...     set_severity(algorithm, min(1.0, result["training_iteration"] / 100))
    """
    algorithm.env_runner_group.foreach_env_runner(partial(_set, severity=severity))


def _set(runner: Any, severity: float) -> None:
    for environment in getattr(runner.env, "envs", ()):
        adapter = environment.unwrapped
        given = getattr(adapter, "par_env", None) or getattr(adapter, "env", adapter)
        wrapped = next((each for each in layers(given) if hasattr(each, "set_severity")), None)
        if wrapped is None:
            raise WrongEnvironmentError(
                f"set_severity must find wrapped environments, but {given} is none: give "
                "RLlib's adapter a CommunicationWrapper or a CommunicationWrapperParallel."
            )
        wrapped.set_severity(severity)
