"""Questions that wrappers ask of the environment that they wrap."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, KeysView, Mapping, Set
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete, Space
from pettingzoo import AECEnv, ParallelEnv
from pettingzoo.utils import parallel_to_aec

from failure_api.environments import layers
from failure_api.environments.adapters import adapted
from failure_api.errors import NotResetError, WrongEnvironmentError, describe, invalid
from failure_api.exchanges.spaces.actions import ByAgent


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
        WrongEnvironmentError: The environment does not say who they are, or names one twice.
    """
    given = getattr(env, "possible_agents", ())
    if isinstance(given, Set) and not isinstance(given, KeysView):
        raise WrongEnvironmentError(
            f"the environment {env} keeps its possible_agents in a set, whose order changes from "
            "process to process: set possible_agents to a list."
        )
    if isinstance(given, Iterator) or not isinstance(given, Iterable):
        # An iterator is empty once it has been read, and the environment would find no agents.
        raise WrongEnvironmentError(
            f"the environment {env} must have possible_agents that can be read again and again, "
            f"but {describe(given)} was given: set possible_agents to a list."
        )
    agent_ids = tuple(given)
    if not _once(agent_ids):
        raise WrongEnvironmentError(
            "possible_agents must hold each agent once, by an id that can be hashed, but "
            f"{describe(list(agent_ids))} was given by the environment {env}: name each agent by "
            "a text or a number of its own."
        )
    if not agent_ids:
        raise WrongEnvironmentError(
            f"the environment {env} has no possible_agents, without which links have no ends: "
            "set possible_agents to the list of all agents that may ever take part."
        )
    return agent_ids


def _once(agent_ids: tuple[Any, ...]) -> bool:
    try:
        return len(set(agent_ids)) == len(agent_ids)
    except TypeError:
        return False


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


def not_reset(what: str, kind: type[NotResetError] = NotResetError) -> NotResetError:
    """Returns the error for what takes a reset first."""
    return kind(f"{what} before a reset that succeeded: call reset().")
