"""What agents say in one vector for each receiver, as `form="flat"` has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.spaces.utils import flatten, flatten_space
from numpy.typing import NDArray

from failure_api.core import Delivery
from failure_api.exchanges.exchange import Team
from failure_api.exchanges.one_hot import FlatNumbers
from failure_api.exchanges.shared_messages import SharedMessages, shareable
from failure_api.exchanges.voices import Voice


class SharedVector(SharedMessages):
    """Flattens every message, and joins what an agent has of them with its own observation."""

    numbers = FlatNumbers

    def __init__(self, team: Team, hold: bool, voice: Voice | None = None) -> None:
        super().__init__(team, hold, voice)
        exchange = self.voice.exchange
        own = {
            agent: shareable(_vector_space, agent, envelope.body_space, exchange)
            for agent, envelope in self.envelopes.items()
        }
        said = {
            agent: shareable(_vector_space, agent, space, exchange)
            for agent, space in self.voice.spaces.items()
        }
        self.spaces = {
            agent: envelope.enclose(_joined(agent, own[agent], said))
            for agent, envelope in self.envelopes.items()
        }
        self.zeros = [np.zeros(box.shape, np.float32) for box in said.values()]
        self._speaking = [bool(box.shape[0]) for box in said.values()]

    def share(self, number: int, observations: Mapping[Any, Any], delivery: Delivery) -> None:
        """Writes down what is said, and each link's flag and age."""
        super().share(number, observations, delivery)
        self._made: dict[Any, NDArray[np.float32]] = {}
        self._flags_and_ages = np.empty((*delivery.sent.shape, 2), dtype=np.float32)
        self._flags_and_ages[..., 0] = delivery.sent >= 0
        self._flags_and_ages[..., 1] = number - delivery.newest

    def message(self, agent: Any, content: Any) -> NDArray[np.float32]:
        """Returns what an agent says as a vector."""
        return np.array(flatten(self.voice.spaces[agent], content), dtype=np.float32)

    def view(self, agent: Any, observation: Any = None) -> Any:
        """Returns an agent's own observation and what it has heard, as one vector."""
        if observation is not None:
            vector = self._join(agent, observation)
        else:
            observation = self._observations[agent]
            if agent not in self._made:
                self._made[agent] = self._join(agent, observation)
            vector = self._made[agent].copy()
        return self.envelopes[agent].close(observation, vector)

    def _join(self, agent: Any, observation: Any) -> NDArray[np.float32]:
        receiver, envelope = self.index[agent], self.envelopes[agent]
        parts = [np.asarray(flatten(envelope.body_space, envelope.open(observation)))]
        for sender, content in enumerate(self.heard(receiver)):
            if sender != receiver and self._speaking[sender]:
                parts += [content, self._flags_and_ages[sender, receiver]]
        return np.concatenate(parts, dtype=np.float32, casting="unsafe")


def _vector_space(space: spaces.Space[Any]) -> spaces.Box:
    flat = flatten_space(space)
    if not isinstance(flat, spaces.Box):
        raise TypeError(f"{type(space).__name__} has no fixed number of entries")
    return flat


def _joined(agent: Any, own: spaces.Box, said: Mapping[Any, spaces.Box]) -> spaces.Box:
    """Returns the space of an agent's vector: its own entries, then those of each other agent."""
    low: list[Any] = [own.low]
    high: list[Any] = [own.high]
    for other, box in said.items():
        if other != agent and box.shape[0]:
            low += [np.minimum(box.low, 0), np.zeros(2)]
            high += [np.maximum(box.high, 0), np.array([1.0, np.inf])]
    return spaces.Box(
        np.concatenate(low).astype(np.float32), np.concatenate(high).astype(np.float32)
    )
