"""Vector environments of Stable-Baselines3 with a row for each agent of each team."""
# ruff: noqa: E402

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any

from failure_api.needs import needed

needed("stable_baselines3", "failure_api.integrations.stable_baselines3", "sb3")

import cloudpickle  # type: ignore[import-untyped]
import gymnasium
import numpy as np
from gymnasium.spaces import Box, Dict, Discrete, Space
from gymnasium.vector.utils import create_empty_array
from pettingzoo import ParallelEnv
from stable_baselines3.common.vec_env import SubprocVecEnv, VecEnv

from failure_api.environments import layers
from failure_api.errors import WrongEnvironmentError, describe, invalid, reason
from failure_api.wrappers.unwrapping import agent_ids_of, check_seed, demand_parallel

Maker = Callable[[], Any]


class TeamsVecEnv(VecEnv):
    """Parallel environments whose agents are the rows of one vector.

    The agents of the first environment come first, in the order of `possible_agents`. What is asked
    of a row is asked of its environment, once. `make_vec_env` makes one.

    A row is done when its agent is, because Stable-Baselines3 looks beyond a step that is not: a
    value of nothing would become part of what its agent has earned. From then on the row is absent.
    It shows zeros and earns 0, and infos say `"absent": True`. The next episode of its team ends
    that without the row being done once more, so that only lives count as episodes.

    Args:
        inner: Holds the environments, in this process or in others.
        parts: Which of all environments are in which process.
        team: How many agents each has.
        seed: As in `seed`.
        spaces: What every row sees, and how it acts.

    Example:
        >>> from mpe2 import simple_spread_v3
        >>> make_vec_env(simple_spread_v3.parallel_env(N=3), num_envs=2).seed(5)
        [5, 5, 5, 6, 6, 6]
    """

    def __init__(
        self, inner: Any, parts: list[list[int]], team: int, seed: int | None, *spaces: Space[Any]
    ) -> None:
        self._inner, self._parts, self._team = inner, parts, team
        super().__init__(team * sum(map(len, parts)), *spaces)
        # Copies of an environment that has been seeded would otherwise all go on alike.
        self.seed(seed)

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        """Seeds each environment with a number of its own, from the next reset on.

        Args:
            seed: Of the first one, `seed + 1` of the second, and so on. None takes any.

        Returns:
            The seed of each row, which is its environment's.
        """
        seeds = super().seed(seed)
        self._seeds = [seeds[row // self._team] for row in range(self.num_envs)]
        return self._seeds

    def reset(self) -> Any:
        """Starts an episode in each environment.

        Returns:
            What each row sees, `[num_envs, ...]`.
        """
        each = zip(self._seeds[:: self._team], self._options[:: self._team], strict=True)
        self._send("begin", dict(enumerate(each)))
        self._reset_seeds()
        self._reset_options()
        observations, infos = zip(*self._receive().values(), strict=True)
        self.reset_infos = [*chain.from_iterable(infos)]
        return _each(np.concatenate, observations)

    def step_async(self, actions: Any) -> None:
        """Sends an action to each row.

        Args:
            actions: `[num_envs, ...]`; those of absent agents are not taken.
        """
        shares = np.split(np.asarray(actions), self.num_envs // self._team)
        self._send("play", dict(enumerate(zip(shares, strict=True))))

    def step_wait(self) -> Any:
        """Returns what came of it, and of each team that ended what its next episode begins with.

        Returns:
            Observations `[num_envs, ...]`, rewards, dones and infos. Where a row is done,
            `"terminal_observation"` is what its agent saw last, `"terminal_clean_observation"`
            what perfect links would have shown then, which a critic can bootstrap from, and
            `"TimeLimit.truncated"` says that it was only cut off. `"absent"` marks steps without
            an agent, for those who can leave them out of what is learnt from.
        """
        seen, rewards, dones, infos = zip(*self._receive().values(), strict=True)
        told = [*chain.from_iterable(infos)]
        return _each(np.concatenate, seen), np.concatenate(rewards), np.concatenate(dones), told

    def env_method(
        self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any
    ) -> list[Any]:
        """Calls a method of each row's environment, or of what it wraps.

        Args:
            method_name: Of the method, such as `"set_severity"`.
            method_args: Its arguments.
            indices: Rows whose environments are meant; None means all.
            method_kwargs: Its arguments by name.

        Returns:
            What it returned, for each row.

        Raises:
            AttributeError: The environment has no such method; what the method raises arrives, too.
        """
        return self._ask(indices, "call", method_name, method_args, method_kwargs)

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Returns an attribute of each row's environment, or of what it wraps."""
        return self._ask(indices, "attribute", attr_name)

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Sets an attribute of each row's environment, or of what it wraps and that has it."""
        self._ask(indices, "set", attr_name, value)

    def env_is_wrapped(self, wrapper_class: type, indices: Any = None) -> list[bool]:
        """Returns for each row whether its environment is, or wraps, one of a class."""
        return self._ask(indices, "is_wrapped", wrapper_class)

    def get_images(self) -> list[Any]:
        """Returns a picture of each environment."""
        return self.env_method("render", indices=range(0, self.num_envs, self._team))

    def close(self) -> None:
        """Closes all environments, and ends their processes."""
        self._inner.close()

    def _ask(self, indices: Any, what: str, *given: Any) -> list[Any]:
        teams = [int(row) // self._team for row in self._get_indices(indices)]
        self._send(what, dict.fromkeys(teams, given))
        answers = self._receive()
        return [answers[team] for team in teams]

    def _send(self, what: str, given: Mapping[int, Sequence[Any]]) -> None:
        """Sends each process what some of its teams are to do, and what each is given."""
        here = ({team: given[team] for team in part if team in given} for part in self._parts)
        self._sent = [(what, part) for part in here]
        if isinstance(self._inner, VecEnv):
            self._inner.step_async(self._sent)  # type: ignore[arg-type]

    def _receive(self) -> dict[int, Any]:
        """Returns the answer of each team, or raises the first error that a process has met."""
        if not isinstance(self._inner, VecEnv):
            return self._inner.do(*self._sent[0])  # type: ignore[no-any-return]
        results = self._inner.step_wait()[3]
        for result in results:
            if "error" in result:
                raise cloudpickle.loads(result["error"])
        return {team: each for result in results for team, each in result["answers"].items()}


def make_vec_env(
    env: ParallelEnv | Maker,
    num_envs: int = 1,
    processes: int = 0,
    start_method: str | None = None,
    *,
    seed: int | None = None,
    pad: bool = False,
) -> TeamsVecEnv:
    """Returns Parallel environments as one vector environment of Stable-Baselines3.

    The agents become rows that share one policy. Seeds, options, calls and attributes reach the
    environments in whatever process; every one of them has other failures. Agents may die, and
    come back.

    Args:
        env: A Parallel environment, which is copied and not played, or a function that makes one.
        num_envs: How many environments there are, each with a row for each of its agents.
        processes: How many processes they are spread over, at most one for each; 0 keeps them in
            this one. As always where a program starts processes, it needs
            `if __name__ == "__main__":`.
        start_method: `"fork"`, `"forkserver"` or `"spawn"`; None leaves that to Stable-Baselines3.
        seed: Of the first environment, as in `TeamsVecEnv.seed`. An algorithm of Stable-Baselines3
            that is given a seed sets its own.
        pad: Whether agents of different spaces get one that has room for all. What an agent sees is
            filled up with zeros. Of actions, entries that it does not have are left out, numbers
            beyond its bounds become the nearest, and choices that it does not have its first.

    Raises:
        WrongEnvironmentError: Not a Parallel environment, or spaces that differ.
        InvalidArgumentError: Numbers that are none.

    Example:
        >>> from mpe2 import simple_spread_v3
        >>> from failure_api import CommunicationWrapperParallel, ProbabilisticModel, ScheduledModel
        >>> env = CommunicationWrapperParallel(
        ...     simple_spread_v3.parallel_env(N=3),
        ...     ScheduledModel(model=ProbabilisticModel(failure_prob=0.5)),
        ... )
        >>> vec_env = make_vec_env(env, num_envs=4, seed=0)
        >>> _ = vec_env.env_method("set_severity", 0.3)
        >>> vec_env.reset().shape
        (12, 18)
    """
    for name, value, least in (("num_envs", num_envs, 1), ("processes", processes, 0)):
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < least:
            raise invalid(name, f"must be a whole number of at least {least}", value, "give one")
    check_seed(seed)
    make = env if callable(env) else partial(cloudpickle.loads, cloudpickle.dumps(env))
    one = env() if callable(env) else env
    demand_parallel("make_vec_env", one)
    spaces = _shared(one, "observation_space", pad), _shared(one, "action_space", pad)
    shares = np.array_split(np.arange(num_envs), min(max(processes, 1), num_envs))
    parts = [share.tolist() for share in shares]
    makers: list[Any] = [partial(_Teams, make, part, *spaces) for part in parts]
    inner = SubprocVecEnv(makers, start_method) if processes else makers[0]()
    return TeamsVecEnv(inner, parts, len(one.possible_agents), seed, *spaces)


class _Team:
    """An environment that begins anew as it ends.

    Args:
        env: The environment.
        sees: What every row sees.
        acts: How every row acts.
    """

    def __init__(self, env: Any, sees: Space[Any], acts: Space[Any]) -> None:
        self.env, self._agents, self._sees = env, agent_ids_of(env), sees
        self._differs = {a: own for a in self._agents if (own := env.action_space(a)) != acts}
        self._listed = self._playing = set[Any]()
        # What a layer further inside tells might be of other shapes.
        spaces = [*map(env.observation_space, self._agents)]
        telling = (layer for layer in layers(env) if hasattr(layer, "clean_observations"))
        alike = (t for t in telling if [*map(t.observation_space, self._agents)] == spaces)
        self._clean: Maker = getattr(next(alike, None), "clean_observations", dict)

    def begin(self, seed: int | None = None, options: Any = None) -> tuple[Any, list[Any]]:
        """Starts an episode; returns what each agent sees, and infos."""
        observations, infos = self.env.reset(seed=seed, options=options or None)
        self._listed = self._playing = set(self.env.agents)
        return self._rows(observations), [infos.get(agent, {}) for agent in self._agents]

    def play(self, actions: Any) -> tuple[Any, ...]:
        """Plays a round; returns also rewards and dones."""
        before, acts = self._playing, dict(zip(self._agents, actions, strict=True))
        acts |= {agent: _cropped(acts[agent], space) for agent, space in self._differs.items()}
        played = self.env.step({a: act for a, act in acts.items() if a in self._listed})
        observations, rewards, ended, cut, infos = played
        # Some environments go on to list those that have ended, and to await their actions.
        self._listed = set(self.env.agents)
        self._playing = {a for a in self._listed if not (ended.get(a) or cut.get(a))}
        gone = before - self._playing
        ends = {"terminal_observation": observations} if gone else {}
        ends |= {"terminal_clean_observation": self._clean()} if gone else {}
        told = [{**infos.get(a, {}), "TimeLimit.truncated": False} for a in self._agents]
        for agent, info in zip(self._agents, told, strict=True):
            if agent in gone:
                info["TimeLimit.truncated"] = bool(cut.get(agent)) and not ended.get(agent)
                last = {name: each[agent] for name, each in ends.items() if agent in each}
                info |= {name: self._alone(each) for name, each in last.items()}
            elif agent not in before:
                info["absent"] = True
        # What an agent is given after its end would count for its next life.
        given = [rewards.get(agent, 0) if agent in before else 0 for agent in self._agents]
        dones, seen = [agent in gone for agent in self._agents], self._rows(observations)
        if not self._playing:
            seen, begun = self.begin()
            told = [info | new for info, new in zip(told, begun, strict=True)]
        return seen, np.array(given, np.float32), np.array(dones), told

    def attribute(self, name: str) -> Any:
        """Returns an attribute of the outermost layer that has it."""
        for layer in layers(self.env):
            if hasattr(layer, name):
                return getattr(layer, name)
        raise AttributeError(f"neither {self.env} nor what it wraps has an attribute {name!r}")

    def call(self, name: str, given: Sequence[Any], named: Mapping[str, Any]) -> Any:
        """Calls a method of the outermost layer that has it."""
        return self.attribute(name)(*given, **named)

    def set(self, name: str, value: Any) -> None:
        """Sets an attribute of the outermost layer that has it as its own, or of the outermost."""
        has = (e for e in layers(self.env) if name in vars(e) or hasattr(type(e), name))
        setattr(next(has, self.env), name, value)

    def is_wrapped(self, kind: type) -> bool:
        """Returns whether any layer is of a class."""
        return any(isinstance(layer, kind) for layer in layers(self.env))

    def _rows(self, observations: Any) -> Any:
        """Returns what each agent sees, and zeros for those that are absent."""
        rows = create_empty_array(self._sees, len(self._agents))
        for row, agent in enumerate(self._agents):
            if agent in self._playing:
                _each(partial(_put, row), (rows, observations[agent]))
        return rows

    def _alone(self, observation: Any) -> Any:
        """Returns an observation as a row shows it."""
        rows = create_empty_array(self._sees, 1)
        _each(partial(_put, 0), (rows, observation))
        return _each(lambda each: each[0][0], (rows,))


class _Teams(gymnasium.Env[Any, Any]):
    """The environments of one process.

    Stable-Baselines3 runs a Gymnasium environment in each process, whose steps it sends and awaits
    apart. Here a step is anything that is asked. The answers are with the infos, and so is an
    error, which would otherwise end the process and be lost.

    Args:
        make: Makes an environment.
        part: Which of all environments these are.
        spaces: What every row sees, and how it acts.
    """

    def __init__(self, make: Maker, part: Sequence[int], *spaces: Space[Any]) -> None:
        self._teams = {team: _Team(make(), *spaces) for team in part}
        self.observation_space = self.action_space = Discrete(1)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Does what is asked."""
        try:
            return 0, 0.0, False, False, {"answers": self.do(*action)}
        except Exception as error:
            try:
                cloudpickle.loads(told := cloudpickle.dumps(error))
            except Exception:
                # An error that holds a lock, for one, cannot travel: its text does.
                told = cloudpickle.dumps(RuntimeError(reason(error)))
        return 0, 0.0, False, False, {"error": told}

    def do(self, what: str, given: Mapping[int, Sequence[Any]]) -> dict[int, Any]:
        """Returns what each of some teams answers, given its part."""
        return {team: getattr(self._teams[team], what)(*part) for team, part in given.items()}

    def close(self) -> None:
        """Closes all of them."""
        for team in self._teams.values():
            team.env.close()


def _shared(env: Any, what: str, pad: bool) -> Space[Any]:
    """Returns the space that all agents of an environment share."""
    spaces = {agent: getattr(env, what)(agent) for agent in agent_ids_of(env)}
    (first, one), *others = spaces.items()
    differing = [(agent, space) for agent, space in others if space != one]
    if not differing:
        return one  # type: ignore[no-any-return]
    if pad and (space := _padded([*spaces.values()])) is not None:
        return space
    agent, other = differing[0]
    remedy = "make them Box, Discrete or Dict spaces that differ in size only"
    raise WrongEnvironmentError(
        f"all agents must have the same {what}, but {first!r} has {describe(one)} and "
        f"{agent!r} {describe(other)}: {remedy if pad else 'give pad=True, which fills them up'}."
    )


def _padded(spaces: Sequence[Any]) -> Space[Any] | None:
    """Returns a space with room for what is in each of several; None where there is none."""
    first = spaces[0]
    if all(space == first for space in spaces):
        return first  # type: ignore[no-any-return]
    if all(isinstance(space, Discrete) and space.start == 0 for space in spaces):
        return Discrete(max(int(space.n) for space in spaces))
    if all(isinstance(space, Dict) and space.keys() == first.keys() for space in spaces):
        within: Any = {key: _padded([space[key] for space in spaces]) for key in first}
        return None if None in within.values() else Dict(within)
    kinds = {(type(space), space.dtype, len(space.shape or ())) for space in spaces}
    if len(kinds) > 1 or not isinstance(first, Box):
        return None
    shape = np.max([space.shape for space in spaces], axis=0).tolist()
    low, high = np.zeros((2, len(spaces), *shape), first.dtype)
    for row, space in enumerate(spaces):
        _put(row, (low, space.low))
        _put(row, (high, space.high))
    return Box(low.min(axis=0), high.max(axis=0), dtype=first.dtype)


def _cropped(action: Any, space: Any) -> Any:
    """Returns of a row's action what its agent can do."""
    if isinstance(space, Discrete):
        return action * (action < space.n)
    return np.clip(action[tuple(map(slice, space.shape))], space.low, space.high)


def _put(row: int, arrays: Sequence[Any]) -> None:
    """Writes the second array into a row of the first, whose rest stays as it is."""
    arrays[0][(row, *map(slice, np.shape(arrays[1])))] = arrays[1]


def _each(function: Callable[..., Any], values: Sequence[Any]) -> Any:
    """Returns what a function makes of arrays, or of those under each key of dicts."""
    if isinstance(values[0], dict):
        return {key: _each(function, [value[key] for value in values]) for key in values[0]}
    return function(values)
