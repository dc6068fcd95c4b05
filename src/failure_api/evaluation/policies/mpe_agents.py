"""What the policies for mpe2 have in common: which environment, what is own, how to move."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from failure_api.errors import invalid
from failure_api.evaluation.policies.refusal import refused, title

MOVES = 5
"""Stay, left, right, down, up: numbers of a discrete action, entries of a continuous one."""

# What the environment multiplies a push by where an agent has no acceleration of its own.
_FORCE = 5.0
_HOMES = ("mpe2", "pettingzoo.mpe")


def check_scenario(env: Any, policy: str, scenario: str) -> None:
    """Raises unless an environment is the one of mpe2 that a policy can play.

    Args:
        env: An environment in any wrappers.
        policy: The policy's name.
        scenario: The environment's name without its version.

    Raises:
        InvalidArgumentError: It is another environment, or its actions are not its own.
    """
    raw = env.unwrapped
    # Asked of the method, so that a scenario of the user's own that overrides it is not taken for
    # the one it derives from.
    observation = getattr(type(getattr(raw, "scenario", None)), "observation", None)
    module = getattr(observation, "__module__", None)
    if module not in [f"{home}.{scenario}.{scenario}" for home in _HOMES]:
        rule = f"must be able to play {title(env)}"
        raise refused(rule, policy, f"play mpe2.{scenario}_v3, or choose another policy")
    for agent in env.possible_agents:
        space = env.action_space(agent)
        if space != raw.action_space(agent):
            rule = f"must take the actions of {scenario} itself for the policy {policy!r}"
            raise invalid("environment", rule, space, "leave out what changes the actions")


def own_observation(env: Any, agent: Any, policy: str) -> Callable[[Any], NDArray[np.float64]]:
    """Returns a function that takes, from what an agent sees, the environment's own observation.

    It is all of it under `MaskSegments`, the first entries where others are appended, and the
    agent's own entry where observations are shared as a dictionary.

    Args:
        env: The environment in its wrapper, where observations are vectors.
        agent: The agent.
        policy: The policy's name, for the error.

    Raises:
        InvalidArgumentError: The exchange leaves no such part.
    """
    own = env.unwrapped.observation_space(agent).shape[0]
    seen = env.observation_space(agent)
    if isinstance(seen, spaces.Dict) and seen.spaces.get(agent, seen).shape == (own,):
        return lambda observation: np.asarray(observation[agent], dtype=np.float64)
    others = len(env.possible_agents) - 1
    # A flag and an age for each of the others, and before these, in one form, its observation.
    lengths = [own, own + 2 * others, own + (own + 2) * others]
    if not isinstance(seen, spaces.Box) or seen.shape not in [(length,) for length in lengths]:
        rule = f"must leave {agent} its own observation of {own} numbers for the policy {policy!r}"
        remedy = "give exchange=MaskSegments(), and wrap nothing else that changes observations"
        raise invalid("exchange", rule, seen, remedy)
    return lambda observation: np.asarray(observation[:own], dtype=np.float64)


class Steering:
    """Moves an agent of mpe2 to where it wants to be.

    A push shows in the position two steps later, and until then the agent moves on by itself:
    x + dt v + dt (1 - damping) v + dt² F u. The push u is chosen that brings this nearest to the
    target: along one axis where actions are discrete, along both where they are continuous.

    Args:
        env: The environment in any wrappers. Only its constants are read.
        agent: The agent.

    Example:
        >>> from mpe2 import simple_spread_v3
        >>> steering = Steering(simple_spread_v3.env(), "agent_0")
        >>> right, still = np.array([1.0, 0.2]), np.zeros(2)
        >>> steering.push(right, still), steering.push(still, still)
        (2, 0)
    """

    def __init__(self, env: Any, agent: Any) -> None:
        raw = env.unwrapped
        body = next(body for body in raw.world.agents if body.name == agent)
        step, kept = raw.world.dt, 1 - raw.world.damping
        self._drift = step * (1 + kept)
        self._reach = step**2 * (_FORCE if body.accel is None else body.accel) / body.mass
        self._continuous = raw.continuous_actions

    def push(self, target: NDArray[np.float64], velocity: NDArray[np.float64]) -> Any:
        """Returns the movement of an action.

        Args:
            target: Where the agent wants to be, relative to where it is: `[2]`.
            velocity: Its velocity per unit of time: `[2]`.

        Returns:
            The number of a discrete movement, or a continuous one, float32 `[5]` in [0, 1].
        """
        missing = target - self._drift * velocity
        if self._continuous:
            wanted = np.clip(missing / self._reach, -1, 1)
            return np.array(
                [0, *np.maximum([-wanted[0], wanted[0], -wanted[1], wanted[1]], 0)], np.float32
            )
        axis = int(np.abs(missing).argmax())
        if abs(missing[axis]) <= self._reach / 2:
            return 0
        return 1 + 2 * axis + int(missing[axis] > 0)

    def rest(self) -> Any:
        """Returns the movement that pushes nowhere."""
        return np.zeros(MOVES, np.float32) if self._continuous else 0
