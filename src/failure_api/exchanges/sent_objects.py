"""`SendMessages(form="dict")`: what an agent observes, and beside it what it was sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from failure_api.core import Delivery
from failure_api.exchanges.bits import bits_of
from failure_api.exchanges.envelope import copy_value
from failure_api.exchanges.exchange import Team
from failure_api.exchanges.shared_objects import SharedObjects
from failure_api.exchanges.voices import Voice


class SentObjects(SharedObjects):
    """Shows each message under its sender's name, and flags and ages as two vectors."""

    def __init__(self, team: Team, hold: bool, voice: Voice) -> None:
        # What says nothing has no bits, and no place in a view.
        speaking = [agent for agent in team.agent_ids if bits_of(voice.spaces[agent])]
        self._senders = {
            agent: [other for other in speaking if other != agent] for agent in team.agent_ids
        }
        super().__init__(team, hold, voice)

    def space(self, agent: Any, heard: dict[Any, spaces.Space[Any]]) -> spaces.Space[Any]:
        """Returns the space of an agent's view, less its action mask."""
        senders = self._senders[agent]
        shown = {"observation": self.envelopes[agent].body_space}
        if senders:
            shown["messages"] = spaces.Dict({sender: heard[sender] for sender in senders})
            shown["received"] = spaces.Box(0, 1, (len(senders),), np.float32)
            shown["age"] = spaces.Box(0, np.inf, (len(senders),), np.float32)
        return spaces.Dict(shown)

    def share(self, number: int, observations: Mapping[Any, Any], delivery: Delivery) -> None:
        """Writes down what is said, and each link's flag and age."""
        super().share(number, observations, delivery)
        self._flags: NDArray[np.float32] = (delivery.sent >= 0).astype(np.float32)
        self._ages: NDArray[np.float32] = (number - delivery.newest).astype(np.float32)

    def body(self, agent: Any, observation: Any) -> Any:
        """Returns an agent's view, less its action mask."""
        senders, receiver = self._senders[agent], self.index[agent]
        shown = {"observation": self.own(agent, observation)}
        if senders:
            heard, places = self.heard(receiver), [self.index[sender] for sender in senders]
            pairs = zip(senders, places, strict=True)
            shown["messages"] = {sender: copy_value(heard[place]) for sender, place in pairs}
            shown["received"] = self._flags[places, receiver]
            shown["age"] = self._ages[places, receiver]
        return shown
