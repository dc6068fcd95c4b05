"""Vector environments of Stable-Baselines3 over SuperSuit, whose seeds and calls arrive."""
# ruff: noqa: E402

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

from failure_api.needs import needed

needed("supersuit", "failure_api.integrations.supersuit", "supersuit")
needed("stable_baselines3", "failure_api.integrations.supersuit", "supersuit")

import cloudpickle  # type: ignore[import-untyped]
import numpy as np
from pettingzoo import ParallelEnv
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecEnv
from supersuit import pettingzoo_env_to_vec_env_v1

from failure_api.errors import invalid
from failure_api.integrations import supersuit_teams as teams
from failure_api.wrappers.unwrapping import demand_parallel

StartMethod = Literal["fork", "forkserver", "spawn"]


class TeamsVecEnv(VecEnv):
    """Copies of a Parallel environment whose agents are entries of one vector.

    The agents of the first copy come first, in the order of `possible_agents`. What is asked of an
    entry is asked of its copy, once. `make_vec_env` makes one.

    Args:
        env: A Parallel environment whose agents have the same spaces.
        copies: How many of it there are.
        processes: How many processes they are spread over; 0 keeps them in this one.
        start_method: How processes are started; None leaves that to Stable-Baselines3.

    Example:
        >>> from mpe2 import simple_spread_v3
        >>> make_vec_env(simple_spread_v3.parallel_env(N=3), copies=2).seed(5)
        [5, 5, 5, 6, 6, 6]
    """

    def __init__(
        self, env: ParallelEnv, copies: int, processes: int, start_method: StartMethod | None
    ) -> None:
        # SuperSuit says in its own words what it cannot take; a process could not.
        one = pettingzoo_env_to_vec_env_v1(env)
        self._team: int = one.num_envs
        self._copies = copies
        pickled, parts = cloudpickle.dumps(env), np.split(np.arange(copies), max(processes, 1))
        makers: list[Any] = [partial(teams.Teams, pickled, part.tolist()) for part in parts]
        inner = SubprocVecEnv(makers, start_method) if processes else DummyVecEnv(makers)
        self._inner: VecEnv = inner
        self._begun = False
        super().__init__(copies * self._team, one.observation_space, one.action_space)

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        """Seeds each copy with a number of its own, from the next reset on.

        Args:
            seed: Of the first copy, `seed + 1` of the second, and so on. None takes any.

        Returns:
            The seed of each entry, which is its copy's.
        """
        first = super().seed(seed)[0]
        assert first is not None
        self._seeds = [first + entry // self._team for entry in range(self.num_envs)]
        return self._seeds

    def reset(self) -> Any:
        """Starts an episode in each copy.

        Returns:
            What each entry sees, `[num_envs, ...]`.
        """
        if not self._begun and self._seeds[0] is None:
            # Copies of an environment that has been seeded would all go on alike.
            self.seed()
        self._begun = True
        seeds, options = self._seeds[:: self._team], self._options[:: self._team]
        parts = np.split(np.arange(self._copies), self._inner.num_envs)
        self._inner.set_options(
            [
                {"seeds": [seeds[i] for i in part], "options": [options[i] or None for i in part]}
                for part in parts
            ]
        )
        observations = self._inner.reset()
        self._reset_seeds()
        self._reset_options()
        self.reset_infos = _infos(self._inner.reset_infos)
        return _flat(observations)

    def step_async(self, actions: Any) -> None:
        """Sends an action to each entry.

        Args:
            actions: `[num_envs, ...]`.
        """
        parts = self._inner.num_envs
        self._inner.step_async(np.reshape(actions, (parts, -1, *np.shape(actions)[1:])))

    def step_wait(self) -> Any:
        """Returns what came of it, and of each copy that ended what its next episode begins with.

        Returns:
            Observations `[num_envs, ...]`, rewards, dones and infos. Where an episode ended,
            `"terminal_observation"` is what was last seen of it, `"terminal_clean_observation"`
            what perfect links would have shown then, which a critic can bootstrap from, and
            `"TimeLimit.truncated"` says that it was only cut off.
        """
        observations, _, _, results = self._inner.step_wait()
        infos = _infos(results)
        rewards, dones = (
            np.concatenate([part[name] for part in results]) for name in ("rewards", "dones")
        )
        return _flat(observations), rewards, dones, infos

    def env_method(
        self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any
    ) -> list[Any]:
        """Calls a method of each copy's environment, or of what it wraps.

        Args:
            method_name: Of the method, such as `"set_severity"`.
            method_args: Its arguments.
            indices: Entries whose copies are meant; None means all.
            method_kwargs: Its arguments by name.

        Returns:
            What it returned, for each entry.

        Raises:
            AttributeError: The environment has no such method; what the method raises arrives, too.
        """
        return self._ask(indices, teams.call_method, method_name, method_args, method_kwargs)

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Returns an attribute of each copy's environment, or of what it wraps, for each entry."""
        return self._ask(indices, teams.attribute_of, attr_name)

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Sets an attribute of each copy's environment, or of what it wraps and that has it."""
        self._ask(indices, teams.set_attribute, attr_name, value)

    def env_is_wrapped(self, wrapper_class: type, indices: Any = None) -> list[bool]:
        """Returns for each entry whether its environment is, or wraps, one of a class."""
        return self._ask(indices, teams.is_wrapped, wrapper_class)

    def get_images(self) -> list[Any]:
        """Returns a picture of each copy."""
        return self.env_method("render", indices=range(0, self.num_envs, self._team))

    def close(self) -> None:
        """Closes all copies, and ends their processes."""
        self._inner.close()

    def _ask(self, indices: Any, question: Callable[..., Any], *given: Any) -> list[Any]:
        copies = [int(entry) // self._team for entry in self._get_indices(indices)]
        answers: dict[int, Any] = {}
        for part in self._inner.env_method("ask", sorted(set(copies)), question, *given):
            if isinstance(part, teams.Failed):
                raise part.again()
            answers.update(part)
        return [answers[copy] for copy in copies]


def make_vec_env(
    env: ParallelEnv, copies: int = 1, processes: int = 0, start_method: StartMethod | None = None
) -> TeamsVecEnv:
    """Returns copies of a Parallel environment as one vector environment of Stable-Baselines3.

    The agents become entries that share one policy, as SuperSuit makes them. Seeds, options, calls
    and attributes reach the environments in whatever process; every copy has other failures.

    Args:
        env: A Parallel environment whose agents have the same spaces. It is copied and not played.
        copies: How many of it there are.
        processes: How many processes they are spread over; 0 keeps them in this one. As always
            where a program starts processes, it needs `if __name__ == "__main__":`.
        start_method: `"fork"`, `"forkserver"` or `"spawn"`; None leaves that to Stable-Baselines3.

    Raises:
        WrongEnvironmentError: Not a Parallel environment.
        InvalidArgumentError: Numbers that are none, or copies that processes cannot share evenly.
        AssertionError: SuperSuit's, where agents have different spaces.

    Example:
        >>> from mpe2 import simple_spread_v3
        >>> from failure_api import CommunicationWrapperParallel, ProbabilisticModel, ScheduledModel
        >>> env = CommunicationWrapperParallel(
        ...     simple_spread_v3.parallel_env(N=3),
        ...     ScheduledModel(model=ProbabilisticModel(failure_prob=0.5)),
        ... )
        >>> vec_env = make_vec_env(env, copies=4)
        >>> _ = vec_env.env_method("set_severity", 0.3), vec_env.seed(0)
        >>> vec_env.reset().shape
        (12, 18)
    """
    demand_parallel("make_vec_env", env)
    for name, value, least in (("copies", copies, 1), ("processes", processes, 0)):
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < least:
            rule = f"must be a whole number of at least {least}"
            raise invalid(name, rule, value, "give how many there shall be")
    if processes and copies % processes:
        remedy = f"give {(copies // processes + 1) * processes}, or another number of processes"
        raise invalid("copies", f"must be a multiple of processes={processes}", copies, remedy)
    return TeamsVecEnv(env, copies, processes, start_method)


def _flat(observations: Any) -> Any:
    """Returns what came from several processes, without the axis that tells them apart."""
    if isinstance(observations, dict):
        return {key: _flat(value) for key, value in observations.items()}
    return observations.reshape(-1, *observations.shape[2:])


def _infos(results: Sequence[Any]) -> list[Any]:
    """Returns the infos of all entries, or raises the first error that a process has met."""
    for part in results:
        if "error" in part:
            raise part["error"].again()
    return [info for part in results for info in part["infos"]]
