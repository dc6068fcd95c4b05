"""The BenchMARL task."""
# ruff: noqa: E402

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from failure_api.needs import needed

needed("benchmarl", "failure_api.integrations.benchmarl", "benchmarl")

import numpy as np
from benchmarl.environments.pettingzoo.common import PettingZooClass
from gymnasium.spaces import Box
from pettingzoo import ParallelEnv
from torchrl.envs import PettingZooWrapper

from failure_api.errors import WrongEnvironmentError, describe, invalid


class CommunicationTask(PettingZooClass):  # type: ignore[misc]
    """A BenchMARL task over a wrapped PettingZoo environment.

    BenchMARL's own PettingZoo tasks make their environments by name. Here a function makes them,
    for training and for evaluation alike. Each environment has a seed of its own, that follows
    from the experiment's, so that no two of them play the same episodes with the same failures;
    workers that are forked, which BenchMARL does not do by itself, would share one.

    Args:
        make: A function without arguments that returns a `CommunicationWrapperParallel`. It is
            saved with experiments, so it must pickle, as functions of modules do.
        max_steps: Greatest number of steps in an episode that evaluates.
        name: What the task is called in logs.
        state: Whether centralised critics get the environment's own `state()`, in which nothing
            fails, in place of all observations.

    Raises:
        WrongEnvironmentError: The function returns no Parallel environment.
        InvalidArgumentError: It is no function, or there are no steps.

    Example:
        >>> from mpe2 import simple_spread_v3
        >>> from failure_api import CommunicationWrapperParallel, ProbabilisticModel
        >>> def make():
        ...     env = simple_spread_v3.parallel_env()
        ...     return CommunicationWrapperParallel(env, ProbabilisticModel(failure_prob=0.3))
        >>> task = CommunicationTask(make, max_steps=25)
        >>> task.name, task.supports_continuous_actions()
        ('SIMPLE_SPREAD_V3', False)
        >>> env = task.get_env_fun(1, False, seed=0, device="cpu")()
        >>> env.rollout(5)["agent", "observation"].shape
        torch.Size([5, 3, 18])
    """

    def __init__(
        self,
        make: Callable[[], Any],
        *,
        max_steps: int,
        name: str | None = None,
        state: bool = False,
    ) -> None:
        if not callable(make):
            remedy = "give a function that returns a wrapped environment"
            raise invalid("make", "must be callable", make, remedy)
        if not isinstance(max_steps, int) or max_steps < 1:
            remedy = "give the length of an episode"
            raise invalid("max_steps", "must be a positive integer", max_steps, remedy)
        env = make()
        if not isinstance(env, ParallelEnv):
            raise WrongEnvironmentError(
                f"make must return a Parallel environment, but {describe(env)} is none: wrap "
                "parallel_env(...) in a CommunicationWrapperParallel."
            )
        settings = {"environment": str(env), "max_steps": max_steps, "state": state}
        super().__init__(name or str(env.metadata["name"]).upper(), settings)
        self.make = make
        self._continuous = isinstance(env.action_space(env.possible_agents[0]), Box)

    def get_env_fun(
        self, num_envs: int, continuous_actions: bool, seed: int | None, device: Any
    ) -> Callable[[], PettingZooWrapper]:
        """Returns a function that makes an environment for TorchRL.

        Args:
            num_envs: Ignored: BenchMARL makes as many as it wants.
            continuous_actions: Ignored: the environment has the actions that it has.
            seed: Of the first environment; the others' follow from it. None fixes none.
            device: Where the tensors are.
        """
        return _Maker(self.make, seed, {"device": device, "return_state": self.config["state"]})

    def supports_continuous_actions(self) -> bool:
        """Returns whether the actions are vectors."""
        return self._continuous

    def supports_discrete_actions(self) -> bool:
        """Returns whether the actions are numbered."""
        return not self._continuous

    def max_steps(self, env: Any) -> int:
        """Returns the greatest number of steps in an episode that evaluates."""
        return int(self.config["max_steps"])

    def has_render(self, env: Any) -> bool:
        """Returns whether the environment draws pictures."""
        return getattr(env, "render_mode", None) == "rgb_array"

    @staticmethod
    def env_name() -> str:
        """Returns what logs call the kind of environment."""
        return "failure_api"


class _Maker:
    """Makes environments, each with another seed, also where workers have copies of it."""

    def __init__(self, make: Callable[[], Any], seed: int | None, settings: Any) -> None:
        self._make = make
        self._seed = seed
        self._settings = settings
        self._number = 0

    def __call__(self) -> PettingZooWrapper:
        seed = self._seed
        if seed is not None and self._number:
            seed = int(np.random.SeedSequence((seed, self._number)).generate_state(1)[0])
        self._number += 1
        return PettingZooWrapper(env=self._make(), seed=seed, **self._settings)

    def __getstate__(self) -> dict[str, Any]:
        # Each worker gets a copy, which makes an environment of its own.
        self._number += 1
        return dict(vars(self))
