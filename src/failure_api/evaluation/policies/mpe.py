"""Policies for mpe2: simple_spread by the best assignment, simple_reference by naming the goal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from failure_api.errors import invalid
from failure_api.evaluation.policies.policy import refused, title

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


class _SteeredPolicy:
    """A policy by which each agent acts on its own observation alone."""

    def __init__(self, env: Any, policy: str, scenario: str) -> None:
        check_scenario(env, policy, scenario)
        self._own = {a: own_observation(env, a, policy) for a in env.possible_agents}
        self._steering = {a: Steering(env, a) for a in env.possible_agents}

    def __call__(self, observations: Mapping[Any, Any]) -> dict[Any, Any]:
        """Returns an action for each agent."""
        return {a: self._act(a, self._own[a](seen)) for a, seen in observations.items()}

    def _act(self, agent: Any, own: NDArray[np.float64]) -> Any:
        raise NotImplementedError


_SELFISH = 1e-6


class AssignmentPolicy(_SteeredPolicy):
    """Each agent works out who should go to which landmark, and goes to its own.

    An agent takes the assignment with the shortest ways, squared, in all,

    min over assignments a of sum over agents i of |landmark a(i) - agent i|²,

    from what it observes alone, so with perfect communication all agents find the same one. By
    plain distance it would cost nothing to send an agent past another that is in its place, and
    there they block each other; with squares each moves on by one.

    One that has lost messages believes the others to be where its observation puts them, which
    under `MaskSegments(missing="zero")` is where it is itself. Among assignments that are equally
    good it takes the one with the shortest way for itself: agents that hear nothing all go to the
    landmark next to them, and some meet there.

    Under `ShareObservations` an agent's own observation tells it where the others are, so failing
    links change nothing. With `num_agent_neighbors` and `num_landmark_neighbors` it reckons with
    those in sight; an agent that is left without a landmark stays where it is.

    Args:
        env: mpe2's simple_spread in its wrapper, with any number of agents.

    Raises:
        InvalidArgumentError: Another environment, or an exchange that hides an agent's own
            observation.

    Example:
        >>> from mpe2 import simple_spread_v3
        >>> env = simple_spread_v3.parallel_env()
        >>> observations, _ = env.reset(seed=0)
        >>> AssignmentPolicy(env)(observations)
        {'agent_0': 4, 'agent_1': 2, 'agent_2': 1}

    Source:
        D. F. Crouse, On implementing 2D rectangular assignment algorithms, IEEE Transactions on
        Aerospace and Electronic Systems 52(4), 2016: the algorithm in `scipy.optimize`.
    """

    def __init__(self, env: Any) -> None:
        super().__init__(env, "assignment", "simple_spread")
        raw = env.unwrapped
        bodies, landmarks = len(raw.world.agents), len(raw.world.landmarks)
        self._slots = _slots(raw.scenario, "num_landmark_neighbors", landmarks)
        self._landmarks = min(self._slots, landmarks)
        self._others = min(_slots(raw.scenario, "num_agent_neighbors", bodies - 1), bodies - 1)
        self._index = {agent: index for index, agent in enumerate(env.possible_agents)}

    def _act(self, agent: Any, own: NDArray[np.float64]) -> Any:
        velocity, position, points = own[:2], own[2:4], own[4:].reshape(-1, 2)
        landmarks = points[: self._landmarks]
        others = points[self._slots : self._slots + self._others]
        # Everyone in the same frame and the same order, so that agents that know the same reckon
        # with the same numbers.
        row = min(self._index[agent], len(others))
        agents = np.insert(others, row, 0, axis=0) + position
        ways = agents[:, None] - (landmarks + position)[None, :]
        costs = np.einsum("ijk,ijk->ij", ways, ways)
        costs[row] *= 1 + _SELFISH
        rows, columns = linear_sum_assignment(costs)
        chosen = columns[rows == row]
        steering = self._steering[agent]
        return steering.push(landmarks[chosen[0]], velocity) if chosen.size else steering.rest()


def _slots(scenario: Any, option: str, everyone: int) -> int:
    chosen = getattr(scenario, option, None)
    return everyone if chosen is None else int(chosen)


_HEARD = 0.5


class SignallingPolicy(_SteeredPolicy):
    """Each agent says where the other should go, and goes where it is told.

    It has no memory: where nothing arrives in a round, it does not push, whatever it was told
    before. So it feels every message that is lost, unless the exchange holds the newest one.

    Args:
        env: mpe2's simple_reference in its wrapper.

    Raises:
        InvalidArgumentError: Another environment, or an exchange that hides an agent's own
            observation.

    Example:
        >>> from mpe2 import simple_reference_v3
        >>> env = simple_reference_v3.parallel_env()
        >>> observations, _ = env.reset(seed=0)
        >>> SignallingPolicy(env)(observations)
        {'agent_0': 10, 'agent_1': 5}

    Source:
        R. Lowe et al., Multi-agent actor-critic for mixed cooperative-competitive environments,
        NeurIPS 2017: the environment.
    """

    def __init__(self, env: Any) -> None:
        super().__init__(env, "signalling", "simple_reference")
        raw = env.unwrapped
        self._continuous = raw.continuous_actions
        self._landmarks = len(raw.world.landmarks)
        self._words = raw.world.dim_c

    def _act(self, agent: Any, own: NDArray[np.float64]) -> Any:
        seen = 2 + 2 * self._landmarks
        velocity, landmarks = own[:2], own[2:seen].reshape(-1, 2)
        heard = own[-self._words :][: self._landmarks]
        # The landmarks are red, green and blue, and a goal is shown as its colour.
        word = int(own[seen : -self._words].argmax())
        steering = self._steering[agent]
        told = heard.max() > _HEARD
        move = steering.push(landmarks[heard.argmax()], velocity) if told else steering.rest()
        if not self._continuous:
            return word * MOVES + move
        said: NDArray[np.float32] = np.zeros(self._words, np.float32)
        said[word] = 1
        return np.concatenate([move, said])
