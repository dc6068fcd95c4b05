"""mpe2's simple_reference by naming the other's goal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from failure_api.evaluation.policies.mpe_agents import (
    MOVES,
    Steering,
    check_scenario,
    own_observation,
)

_HEARD = 0.5


class SignallingPolicy:
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
        check_scenario(env, "signalling", "simple_reference")
        raw = env.unwrapped
        self._continuous = raw.continuous_actions
        self._landmarks = len(raw.world.landmarks)
        self._words = raw.world.dim_c
        self._own = {a: own_observation(env, a, "signalling") for a in env.possible_agents}
        self._steering = {agent: Steering(env, agent) for agent in env.possible_agents}

    def __call__(self, observations: Mapping[Any, Any]) -> dict[Any, Any]:
        """Returns an action for each agent."""
        return {agent: self._act(agent, seen) for agent, seen in observations.items()}

    def _act(self, agent: Any, observation: Any) -> Any:
        own = self._own[agent](observation)
        seen = 2 + 2 * self._landmarks
        velocity, landmarks = own[:2], own[2:seen].reshape(-1, 2)
        heard = own[-self._words :][: self._landmarks]
        # The landmarks are red, green and blue, and a goal is shown as its colour.
        word = int(own[seen : -self._words].argmax())
        steering = self._steering[agent]
        told = heard.max() > _HEARD
        move = steering.push(landmarks[heard.argmax()], velocity) if told else steering.rest()
        return self._action(word, move)

    def _action(self, word: int, move: Any) -> Any:
        if not self._continuous:
            return word * MOVES + move
        said: NDArray[np.float32] = np.zeros(self._words, np.float32)
        said[word] = 1
        return np.concatenate([move, said])
