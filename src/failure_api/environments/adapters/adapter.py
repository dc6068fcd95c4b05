"""What all adapters have in common: a Parallel environment in front of one of another interface."""

from __future__ import annotations

import contextlib
import copy
import inspect
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from gymnasium import Space, spaces
from pettingzoo import ParallelEnv

from failure_api.errors import NotResetError, WrongEnvironmentError, describe, invalid, reason


class Adapter(ParallelEnv):
    """Shows an environment of another interface as a PettingZoo `ParallelEnv`.

    Args:
        env: The environment.
        agent_ids: All agents that may ever take part.
        observation_spaces: The space of each agent's observations.
        action_spaces: The space of each agent's actions.
    """

    def __init__(
        self,
        env: Any,
        agent_ids: Iterable[Any],
        observation_spaces: Mapping[Any, Space[Any]],
        action_spaces: Mapping[Any, Space[Any]],
    ) -> None:
        self.env = env
        self.metadata = {"name": title_of(env), **(getattr(env, "metadata", None) or {})}
        self.render_mode = getattr(env, "render_mode", None)
        self.possible_agents = list(agent_ids)
        self.agents: list[Any] = []
        self.observation_spaces: dict[Any, Space[Any]] = dict(observation_spaces)
        self.action_spaces: dict[Any, Space[Any]] = dict(action_spaces)

    @property
    def unwrapped(self) -> Any:
        """The innermost environment, of the other interface."""
        try:
            return self.env.unwrapped
        except AttributeError:
            return self.env
        except Exception as error:
            raise WrongEnvironmentError(
                f"unwrapped of the environment {title_of(self.env)} must return the environment "
                f"within all wrappers, but raised {reason(error)}: fix it, or let it return self."
            ) from error

    def observation_space(self, agent: Any) -> Space[Any]:
        """Returns the space of an agent's observations, always the same object."""
        return self.observation_spaces[agent]

    def action_space(self, agent: Any) -> Space[Any]:
        """Returns the space of an agent's actions, always the same object."""
        return self.action_spaces[agent]

    def state(self) -> Any:
        """Returns the environment's state.

        Raises:
            NotImplementedError: The environment tells none.
        """
        state = getattr(self.env, "state", None)
        if not callable(state):
            raise NotImplementedError(f"{title_of(self.env)} tells no state")
        return state()

    def render(self) -> Any:
        """Returns what the environment renders."""
        return self.env.render()

    def close(self) -> None:
        """Closes the environment, where it can be closed."""
        close = getattr(self.env, "close", None)
        if close is not None:
            close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({title_of(self.env)})"

    def _demand_agents(self) -> None:
        if not self.agents:
            raise NotResetError("step was called while no agent is in play: call reset().")

    def _check_spaces(self, observation_spaces: Any, action_spaces: Any) -> None:
        """Raises an error where a reset has given agents other spaces than were declared."""
        for declared, found in (
            (self.observation_spaces, observation_spaces),
            (self.action_spaces, action_spaces),
        ):
            for agent, space in declared.items():
                now = found[agent]
                if now is not space and now != space:
                    raise WrongEnvironmentError(
                        f"the environment {title_of(self.env)} must keep its spaces, but after a "
                        f"reset {agent!r} has {describe(now)} and no longer {describe(space)}: "
                        "configure it and reset it once before it is adapted."
                    )


def title_of(env: Any) -> str:
    """Returns what an environment is called, in a sentence about it."""
    spec = getattr(env, "spec", None)
    named = getattr(spec, "id", None) or (getattr(env, "metadata", None) or {}).get("name")
    inside = env
    with contextlib.suppress(Exception):
        # It is asked for errors too, which another error must not hide.
        inside = env.unwrapped
    return str(named or type(inside).__name__)


def can_be_reset(env: Any) -> bool:
    """Returns whether something has a `step`, and a `reset` that needs no arguments."""
    if isinstance(env, type) or not callable(getattr(env, "step", None)):
        return False
    parameters = _parameters(getattr(env, "reset", None))
    return parameters is not None and all(
        p.default is not p.empty or p.kind in _STARRED or p.name in _TAKEN for p in parameters
    )


_STARRED = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_TAKEN = ("seed", "options")


def _parameters(function: Any) -> list[inspect.Parameter] | None:
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return None


def reset_of(env: Any, seed: int | None, options: dict[str, Any] | None) -> Any:
    """Resets an environment with as much of a seed and options as its `reset` takes.

    Where `reset` takes no seed, an older `seed(seed)` is called before it, if there is one.
    """
    parameters = _parameters(env.reset) or []
    names = {parameter.name for parameter in parameters}
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        names.update(_TAKEN)
    given = {"seed": seed, "options": options}
    if "seed" not in names and seed is not None and callable(getattr(env, "seed", None)):
        env.seed(seed)
    return env.reset(**{name: given[name] for name in _TAKEN if name in names})


def check_agent_ids(given: Any) -> list[Any]:
    """Returns the agents that a user names, as a list.

    Raises:
        InvalidArgumentError: They are no list of different names.
    """
    listed = list(given) if isinstance(given, list | tuple | Iterator) else []
    if not listed or len(set(map(_hashable, listed))) < len(listed):
        remedy = "list each agent that may ever take part once"
        shown = listed if isinstance(given, Iterator) else given
        raise invalid("possible_agents", "must be a list of different agents", shown, remedy)
    return listed


def _hashable(agent: Any) -> Any:
    try:
        hash(agent)
    except TypeError:
        return repr(agent)
    return agent


def nearest_to_zero(space: Space[Any]) -> Any:
    """Returns the element of a space that is nearest to zero; a fixed sample where none is.

    Example:
        >>> nearest_to_zero(spaces.Tuple([spaces.Discrete(3, start=1), spaces.Box(-1, 1, (2,))]))
        (np.int64(1), array([0., 0.], dtype=float32))
    """
    if isinstance(space, spaces.Box):
        return np.clip(np.zeros(space.shape, space.dtype), space.low, space.high)
    if isinstance(space, spaces.Discrete):
        return space.dtype.type(np.clip(0, space.start, space.start + space.n - 1))
    if isinstance(space, spaces.MultiDiscrete):
        last = space.start + space.nvec - 1
        return np.clip(np.zeros(space.shape, space.dtype), space.start, last)
    if isinstance(space, spaces.MultiBinary):
        return np.zeros(space.shape, space.dtype)
    if isinstance(space, spaces.Dict):
        return {key: nearest_to_zero(part) for key, part in space.spaces.items()}
    if isinstance(space, spaces.Tuple):
        return tuple(nearest_to_zero(part) for part in space.spaces)
    # A copy, since to seed the environment's own space moves its random numbers.
    space = copy.deepcopy(space)
    space.seed(0)
    return space.sample()
