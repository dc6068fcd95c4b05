"""Several teams in one process, as Stable-Baselines3's processes carry them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

import cloudpickle  # type: ignore[import-untyped]
import gymnasium
import numpy as np
from gymnasium.vector.utils import batch_space, create_empty_array
from supersuit.vector import MarkovVectorEnv

from failure_api.environments import layers


class Failed(NamedTuple):
    """What was raised, in a form that reaches other processes.

    Attributes:
        pickled: The error, by cloudpickle: it may be of a class of the script itself.
    """

    pickled: bytes

    @classmethod
    def of(cls, error: Exception) -> Failed:
        """Returns an error in that form; its text alone where it cannot be pickled."""
        try:
            return cls(cloudpickle.dumps(error))
        except Exception:
            return cls(cloudpickle.dumps(RuntimeError(f"{type(error).__name__}: {error}")))

    def again(self) -> Exception:
        """Returns the error."""
        error: Exception = cloudpickle.loads(self.pickled)
        return error


class Team(MarkovVectorEnv):  # type: ignore[misc]
    """A Parallel environment as a vector with an entry for each agent, as SuperSuit makes it.

    Where an episode ends, infos hold `"terminal_clean_observation"` beside SuperSuit's
    `"terminal_observation"`, if a layer of the environment tells clean observations.

    Args:
        env: The environment.
    """

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self._tells = next((each for each in layers(env) if hasattr(each, CLEAN)), None)
        self._steps = False
        self._last: dict[Any, Any] = {}

    def reset(self, seed: int | None = None, options: Any = None) -> tuple[Any, list[Any]]:
        """Starts an episode."""
        if self._steps and self._tells is not None:
            # SuperSuit starts the next episode within the step that ends one.
            self._last = getattr(self._tells, CLEAN)()
        begun: tuple[Any, list[Any]] = super().reset(seed=seed, options=options)
        return begun

    def step(self, actions: Any) -> Any:
        """Steps the environment, and starts it anew where it ends."""
        self._steps, self._last = True, {}
        try:
            *played, infos = super().step(actions)
        finally:
            self._steps = False
        for agent, info in zip(self.par_env.possible_agents, infos, strict=True):
            if agent in self._last:
                info["terminal_clean_observation"] = self._last[agent]
        return *played, infos


CLEAN = "clean_observations"


class Teams(gymnasium.Env[Any, Any]):
    """Copies of a Parallel environment, each of them a vector with an entry for each agent.

    Stable-Baselines3 runs one Gymnasium environment in each process; this is one that holds many
    entries. An error is handed over with the infos, because it would otherwise end the process
    and be lost.

    Args:
        pickled: The environment.
        numbers: Which of all copies these are.

    Example:
        >>> from mpe2 import simple_spread_v3
        >>> teams = Teams(cloudpickle.dumps(simple_spread_v3.parallel_env(N=3)), numbers=[4, 5])
        >>> observations, _ = teams.reset(options={"seeds": [0, 1], "options": [None, None]})
        >>> observations.shape
        (6, 18)
    """

    def __init__(self, pickled: bytes, numbers: Sequence[int]) -> None:
        self.numbers = tuple(numbers)
        self._teams = [Team(cloudpickle.loads(pickled)) for _ in numbers]
        first = self._teams[0]
        self.size: int = first.num_envs
        self.render_mode = first.render_mode
        entries = self.size * len(self.numbers)
        self.observation_space = batch_space(first.observation_space, entries)
        self.action_space = batch_space(first.action_space, entries)
        self._empty = create_empty_array(first.observation_space, entries)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Starts an episode in each copy.

        Args:
            seed: Not used: each copy has one of its own.
            options: `"seeds"` and `"options"`, one of each for each copy.

        Returns:
            The observations of all entries, and `{"infos": one for each of them}`.
        """
        assert options is not None
        each = zip(self._teams, options["seeds"], options["options"], strict=True)
        try:
            begun = [team.reset(seed=start, options=given) for team, start, given in each]
        except Exception as error:
            return self._empty, {"error": Failed.of(error)}
        observations, infos = zip(*begun, strict=True)
        return _joined(observations), {"infos": [*chain.from_iterable(infos)]}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Steps each copy, and starts those anew that have ended.

        Args:
            action: The actions of all entries.

        Returns:
            The observations of all entries; a reward and flags that mean nothing; and their
            `"rewards"`, `"dones"` and `"infos"`.
        """
        actions = np.split(action, len(self._teams))
        try:
            played = [team.step(part) for team, part in zip(self._teams, actions, strict=True)]
        except Exception as error:
            return self._empty, 0.0, False, False, {"error": Failed.of(error)}
        observations, rewards, terminations, truncations, infos = zip(*played, strict=True)
        ended = np.concatenate(terminations).astype(bool)
        cut = np.concatenate(truncations).astype(bool)
        told = zip(chain.from_iterable(infos), (cut & ~ended).tolist(), strict=True)
        results = {
            "rewards": np.concatenate(rewards),
            "dones": ended | cut,
            "infos": [{**info, "TimeLimit.truncated": timed_out} for info, timed_out in told],
        }
        return _joined(observations), 0.0, False, False, results

    def ask(
        self, numbers: Iterable[int], question: Callable[..., Any], *given: Any
    ) -> dict[int, Any] | Failed:
        """Returns a function's answers of the environments of some copies.

        Args:
            numbers: Of the copies; those that are not here are left out.
            question: A function of an environment and of what is given.
            given: Its further arguments.

        Returns:
            The answers by number, or the error that the function raised.
        """
        here = set(numbers).intersection(self.numbers)
        teams = zip(self.numbers, self._teams, strict=True)
        try:
            return {
                number: question(team.par_env, *given) for number, team in teams if number in here
            }
        except Exception as error:
            return Failed.of(error)

    def close(self) -> None:
        """Closes all copies."""
        for team in self._teams:
            team.close()


def _joined(parts: Sequence[Any]) -> Any:
    """Returns observations of several copies as those of one."""
    if len(parts) == 1:
        return parts[0]
    if isinstance(parts[0], dict):
        return {key: _joined([part[key] for part in parts]) for key in parts[0]}
    return np.concatenate(parts)


def attribute_of(env: Any, name: str) -> Any:
    """Returns an attribute of the outermost layer that has it.

    Args:
        env: An environment, wrapped or converted any number of times.
        name: Of the attribute.

    Raises:
        AttributeError: No layer has it.

    Example:
        >>> from mpe2 import simple_spread_v3
        >>> attribute_of(simple_spread_v3.parallel_env(N=2), "local_ratio")
        0.5
    """
    for layer in layers(env):
        try:
            return getattr(layer, name)
        except AttributeError:
            continue
    raise AttributeError(f"neither {env} nor what it wraps has an attribute {name!r}")


def set_attribute(env: Any, name: str, value: Any) -> None:
    """Sets an attribute of the outermost layer that has it as its own, or else of the outermost.

    Args:
        env: As for `attribute_of`.
        name: Of the attribute.
        value: What it is set to.

    Example:
        >>> from mpe2 import simple_spread_v3
        >>> env = simple_spread_v3.parallel_env()
        >>> set_attribute(env, "local_ratio", 0.2)
        >>> env.unwrapped.local_ratio
        0.2
    """
    owners = (each for each in layers(env) if name in vars(each) or hasattr(type(each), name))
    setattr(next(owners, env), name, value)


def call_method(env: Any, name: str, given: Sequence[Any], named: Mapping[str, Any]) -> Any:
    """Calls a method of the outermost layer that has it.

    Args:
        env: As for `attribute_of`.
        name: Of the method.
        given: Its arguments by position.
        named: Its arguments by name.

    Returns:
        What the method returns.

    Raises:
        AttributeError: No layer has it.

    Example:
        >>> from mpe2 import simple_spread_v3
        >>> call_method(simple_spread_v3.parallel_env(), "action_space", ["agent_0"], {})
        Discrete(5)
    """
    return attribute_of(env, name)(*given, **named)


def is_wrapped(env: Any, kind: type) -> bool:
    """Returns whether any layer is of a class.

    Args:
        env: As for `attribute_of`.
        kind: The class.

    Example:
        >>> from mpe2 import simple_spread_v3
        >>> is_wrapped(simple_spread_v3.parallel_env(), simple_spread_v3.raw_env)
        True
    """
    return any(isinstance(layer, kind) for layer in layers(env))
