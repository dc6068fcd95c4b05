"""`ShareObservations(form="dict")` for observations of any kind."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

from failure_api.exchanges.blank import blank, with_blank
from failure_api.exchanges.envelope import copy_value
from failure_api.exchanges.exchange import Team
from failure_api.exchanges.shared_messages import SharedMessages, shareable


class SharedObjects(SharedMessages):
    """Keeps messages one by one, and copies those that a view is made of."""

    def __init__(self, team: Team, hold: bool) -> None:
        super().__init__(team, hold)
        bodies = {agent: envelope.body_space for agent, envelope in self.envelopes.items()}
        others = {agent: shareable(with_blank, agent, space) for agent, space in bodies.items()}
        self.spaces = {
            agent: envelope.enclose(spaces.Dict({**others, agent: bodies[agent]}))
            for agent, envelope in self.envelopes.items()
        }
        self.zeros = [blank(bodies[agent]) for agent in self.agent_ids]

    def message(self, agent: Any, observation: Any) -> Any:
        """Returns a copy of what an agent observes, without its action mask."""
        envelope = self.envelopes[agent]
        body, space = envelope.open(observation), envelope.body_space
        if isinstance(space, spaces.Box):
            return np.array(body, dtype=space.dtype, order="C")
        return copy_value(body)

    def view(self, agent: Any, observation: Any = None) -> Any:
        """Returns what an agent has heard, by sender, with its own observation among it."""
        if observation is None:
            observation = self._observations[agent]
        receiver = self.index[agent]
        heard = self.heard(receiver)
        body = {
            other: self.message(agent, observation) if other == agent else copy_value(content)
            for other, content in zip(self.agent_ids, heard, strict=True)
        }
        return self.envelopes[agent].close(observation, body)
