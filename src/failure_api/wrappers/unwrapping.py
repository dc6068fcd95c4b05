"""Questions that wrappers ask of the environment that they wrap."""

from __future__ import annotations

import operator
from collections.abc import Collection, KeysView, Mapping, Set
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium.spaces import Box, Discrete, Space
from pettingzoo import AECEnv, ParallelEnv
from pettingzoo.utils import parallel_to_aec

from failure_api.environments import layers
from failure_api.environments.adapters import adapted
from failure_api.errors import NotResetError, WrongEnvironmentError, describe, invalid
from failure_api.exchanges.spaces.actions import ByAgent

if TYPE_CHECKING:
    from failure_api.wrappers.rounds import Rounds


def environment_of(name: str, env: Any, kind: type[AECEnv] | type[ParallelEnv]) -> Any:
    """Returns what is to be wrapped as an environment of a kind.

    PettingZoo's are taken as they are, and those of other interfaces adapted.

    Args:
        name: What the wrapper for AEC environments is called; the other one adds "Parallel".
        env: What is to be wrapped.
        kind: What it must be.

    Raises:
        WrongEnvironmentError: It is an environment of the other kind, or none.
    """
    found = adapted(env)
    if found is not env:
        env = parallel_to_aec(found) if kind is AECEnv else found
    if isinstance(env, kind):
        return env
    kinds = [("AEC", "an AEC one", name), ("Parallel", "a Parallel one", f"{name}Parallel")]
    (word, _, wraps), (_, is_one, other) = kinds if kind is AECEnv else kinds[::-1]
    if isinstance(env, AECEnv | ParallelEnv):
        raise WrongEnvironmentError(
            f"{wraps} wraps {word} environments, but {env} is {is_one}: use {other}."
        )
    raise WrongEnvironmentError(
        f"{wraps} wraps PettingZoo {word} environments, but {describe(env)} is none: "
        f"give an instance of pettingzoo.{kind.__name__}."
    )


def demand_parallel(name: str, env: Any) -> None:
    """Raises an error for what is no Parallel environment.

    Args:
        name: Who takes only those.
        env: What was given.
    """
    if not isinstance(env, ParallelEnv):
        aec = isinstance(env, AECEnv)
        convert = "convert it with pettingzoo.utils.aec_to_parallel"
        remedy = convert if aec else "give an instance of pettingzoo.ParallelEnv"
        raise WrongEnvironmentError(
            f"{name} takes a Parallel environment, but {describe(env)} is none: {remedy}."
        )


def check_seed(seed: Any) -> None:
    """Raises an error for what cannot seed an environment."""
    whole = isinstance(seed, int | np.integer) and not isinstance(seed, bool)
    if seed is not None and (not whole or seed < 0):
        raise invalid("seed", "must be a whole number or None", seed, "give 0 or more")


def agent_ids_of(env: Any) -> tuple[Any, ...]:
    """Returns all agents that may ever take part.

    Raises:
        WrongEnvironmentError: The environment does not say who they are.
    """
    given = getattr(env, "possible_agents", ())
    if isinstance(given, Set) and not isinstance(given, KeysView):
        raise WrongEnvironmentError(
            f"the environment {env} keeps its possible_agents in a set, whose order changes from "
            "process to process: set possible_agents to a list."
        )
    agent_ids = tuple(given)
    if not agent_ids:
        raise WrongEnvironmentError(
            f"the environment {env} has no possible_agents, without which links have no ends: "
            "set possible_agents to the list of all agents that may ever take part."
        )
    return agent_ids


def space_of(env: Any, what: str, agent: Any) -> Space[Any]:
    """Returns an agent's space, as the environment has it.

    Args:
        env: The environment.
        what: `"observation_space"` or `"action_space"`.
        agent: Whose.

    Raises:
        WrongEnvironmentError: The environment has none, or none yet.
    """
    reason: Exception | None = None
    try:
        space = getattr(env, what)(agent)
    except Exception as error:
        space, reason = None, error
    if isinstance(space, Space):
        return space
    raise WrongEnvironmentError(
        f"the environment {describe(env)} has no {what} of {agent!r} that is a Gymnasium space: "
        "set it when the environment is made, or reset the environment before it is wrapped."
    ) from reason


def check_agent(agent: Any, agent_ids: Collection[Any]) -> None:
    """Raises an error for an agent that the environment does not have."""
    if agent not in agent_ids:
        rule, remedy = "must be one of the environment's", f"take {', '.join(map(str, agent_ids))}"
        raise invalid("agent", rule, agent, remedy)


def action_mask(observation: Any, info: Any) -> Any:
    """Returns which actions are legal, as an observation or else an info says; None if neither."""
    for told in (observation, info):
        if isinstance(told, Mapping) and told.get("action_mask") is not None:
            return told["action_mask"]
    return None


def own_mask(mask: Any, space: Space[Any]) -> Any:
    """Returns of an action mask what belongs to the environment's own action.

    Behind the choices of a `Discrete` space may stand those of a message.
    """
    return np.asarray(mask)[: int(space.n)] if isinstance(space, Discrete) else mask


def check_observations(env: Any, observations: ByAgent) -> None:
    """Raises an error for an observation that is not what its space declares.

    Args:
        env: The environment.
        observations: Its observations, by agent.
    """
    for agent, observation in observations.items():
        space = env.observation_space(agent)
        # Numbers out of bounds are observations none the less.
        box = isinstance(space, Box)
        if not (_shape(observation) == space.shape if box else space.contains(observation)):
            raise WrongEnvironmentError(
                f"the environment {describe(env)} must observe what its spaces declare, but showed "
                f"{agent!r} {describe(observation)}, which is not in {describe(space)}: fix its "
                "observations or its observation_space."
            )


def _shape(observation: Any) -> Any:
    try:
        array = np.asarray(observation)
    except ValueError:
        return None
    return array.shape if array.dtype.kind in "biuf" else None


def alike_below(env: Any, kind: type) -> tuple[int, ...]:
    """Returns how many wrappers that keep rounds of a kind are below; nothing for none.

    Two of them with the same model and seed would otherwise fail in the same rounds.
    """
    kept = (getattr(layer, "__dict__", {}).get("_rounds") for layer in layers(env))
    count = sum(isinstance(rounds, kind) for rounds in kept)
    return (count,) if count else ()


class RoundsWrapper:
    """What the wrappers of both kinds of environments have in common.

    They pickle and copy; an environment that is built anew on the way has to be reset: EzPickle
    remembers of an environment only what it was built with, and copies do not go on with such an
    environment.

    Args:
        env: The environment.
        rounds: What happens in a round.
    """

    env: Any
    kind: type[AECEnv] | type[ParallelEnv]

    def __init__(self, env: Any, rounds: Rounds) -> None:
        super().__init__(env)  # type: ignore[call-arg]
        self._started = False
        self._rounds: Any = rounds
        self._view, self._actions = rounds.view, rounds.actions
        self.observation_spaces: dict[Any, Space[Any]] = rounds.spaces
        if rounds.actions is not None:
            self.action_spaces: dict[Any, Space[Any]] = rounds.actions.spaces

    def observation_space(self, agent: Any) -> Space[Any]:
        """Returns the space of an agent's observations, as it sees them.

        Raises:
            InvalidArgumentError: The environment has no such agent.
        """
        check_agent(agent, self.observation_spaces)
        return self.observation_spaces[agent]

    def action_space(self, agent: Any) -> Space[Any]:
        """Returns the space of an agent's actions, with what it says where that is part of them.

        Raises:
            InvalidArgumentError: The environment has no such agent.
            WrongEnvironmentError: The environment has no such space.
        """
        check_agent(agent, self.observation_spaces)
        if self._actions is not None:
            return self._actions.spaces[agent]
        return space_of(self.env, "action_space", agent)

    def noise_reports(self) -> dict[str, dict[str, Any]]:
        """Returns what the noise models have counted in this episode, by the models' names.

        Models that count nothing are absent.

        Raises:
            NotResetError: There has been no reset yet.
        """
        self._rounds.check_begun()
        return self._rounds.noise.reports()  # type: ignore[no-any-return]

    def __str__(self) -> str:
        return repr(self)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_carried": _carried(self.env) if self._started else None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        carried = state.pop("_carried")
        self.__dict__.update(state)
        if self._started and not all(map(operator.is_, carried, _carried(self.env))):
            self._started = False
            self._rounds.stop()
            self._forget()

    def _forget(self) -> None:
        """Forgets who is in play, and everything else of the episode."""
        raise NotImplementedError

    def state(self) -> Any:
        """Returns the environment's state.

        Raises:
            NotResetError: There has been no reset yet.
        """
        if not self._started:
            raise not_reset("state was called")
        return self.env.state()


def not_reset(what: str, kind: type[NotResetError] = NotResetError) -> NotResetError:
    """Returns the error for what takes a reset first."""
    return kind(f"{what} before a reset that succeeded: call reset().")


def _carried(env: Any) -> list[Any]:
    """Returns of each layer one container that it holds, None where it holds none of its own.

    Copied together with its layer, a container stays the very one that the layer holds. A layer
    that is built anew holds another.
    """
    names = ("agents", "possible_agents", "terminations", "rewards")
    held = [getattr(layer, "__dict__", {}) for layer in layers(env)]
    found = [
        [inside[n] for n in names if isinstance(inside.get(n), list | dict)]
        # Gymnasium's environments hold none of these, but spaces, which can always be pickled.
        or [value for value in inside.values() if isinstance(value, Space)]
        for inside in held
    ]
    return [values[0] if values else None for values in found]
