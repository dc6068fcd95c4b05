"""mpe2's simple_spread by the best assignment of landmarks to agents."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from failure_api.evaluation.policies.mpe_agents import Steering, check_scenario, own_observation

_SELFISH = 1e-6


class AssignmentPolicy:
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
        check_scenario(env, "assignment", "simple_spread")
        raw = env.unwrapped
        bodies, landmarks = len(raw.world.agents), len(raw.world.landmarks)
        self._slots = _slots(raw.scenario, "num_landmark_neighbors", landmarks)
        self._landmarks = min(self._slots, landmarks)
        self._others = min(_slots(raw.scenario, "num_agent_neighbors", bodies - 1), bodies - 1)
        self._own: dict[Any, Callable[[Any], NDArray[np.float64]]] = {}
        self._steering: dict[Any, Steering] = {}
        for agent in env.possible_agents:
            self._own[agent] = own_observation(env, agent, "assignment")
            self._steering[agent] = Steering(env, agent)
        self._index = {agent: index for index, agent in enumerate(env.possible_agents)}

    def __call__(self, observations: Mapping[Any, Any]) -> dict[Any, Any]:
        """Returns an action for each agent."""
        return {agent: self._act(agent, seen) for agent, seen in observations.items()}

    def _act(self, agent: Any, observation: Any) -> Any:
        own = self._own[agent](observation)
        velocity, position, places = own[:2], own[2:4], own[4:].reshape(-1, 2)
        landmarks = places[: self._landmarks]
        others = places[self._slots : self._slots + self._others]
        # Everyone in the same frame and the same order, so that agents that know the same reckon
        # with the same numbers.
        row = min(self._index[agent], len(others))
        agents = np.insert(others, row, 0, axis=0) + position
        chosen = _landmark(agents, landmarks + position, row)
        if chosen is None:
            return self._steering[agent].rest()
        return self._steering[agent].push(landmarks[chosen], velocity)


def _landmark(agents: NDArray[np.float64], landmarks: NDArray[np.float64], row: int) -> int | None:
    """Returns which landmark the best assignment gives one of the agents; None for none."""
    ways = agents[:, None] - landmarks[None, :]
    costs = np.einsum("ijk,ijk->ij", ways, ways)
    costs[row] *= 1 + _SELFISH
    rows, columns = linear_sum_assignment(costs)
    chosen = columns[rows == row]
    return int(chosen[0]) if chosen.size else None


def _slots(scenario: Any, option: str, everyone: int) -> int:
    chosen = getattr(scenario, option, None)
    return everyone if chosen is None else int(chosen)
