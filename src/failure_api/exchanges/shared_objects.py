"""What agents say as one object for each sender, of any kind, as `form="dict"` has it."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

from failure_api.exchanges.blank import blank, with_blank
from failure_api.exchanges.envelope import copy_value
from failure_api.exchanges.exchange import Team
from failure_api.exchanges.shared_messages import SharedMessages, shareable
from failure_api.exchanges.voices import Voice


class SharedObjects(SharedMessages):
    """Keeps messages one by one, and copies those that a view is made of."""

    def __init__(self, team: Team, hold: bool, voice: Voice | None = None) -> None:
        super().__init__(team, hold, voice)
        said, exchange = self.voice.spaces, self.voice.exchange
        heard = {a: shareable(with_blank, a, space, exchange) for a, space in said.items()}
        self.zeros = [blank(space) for space in said.values()]
        self.spaces = {
            agent: envelope.enclose(self.space(agent, heard))
            for agent, envelope in self.envelopes.items()
        }

    def space(self, agent: Any, heard: dict[Any, spaces.Space[Any]]) -> spaces.Space[Any]:
        """Returns the space of an agent's view, less its action mask.

        Args:
            agent: The receiver.
            heard: The space of what is heard of each agent.
        """
        return spaces.Dict({**heard, agent: self.envelopes[agent].body_space})

    def message(self, agent: Any, content: Any) -> Any:
        """Returns a copy of what an agent says."""
        return copied(self.voice.spaces[agent], content)

    def view(self, agent: Any, observation: Any = None) -> Any:
        """Returns what an agent has heard, by sender, with its own observation among it."""
        if observation is None:
            observation = self._observations[agent]
        return self.envelopes[agent].close(observation, self.body(agent, observation))

    def body(self, agent: Any, observation: Any) -> Any:
        """Returns an agent's view, less its action mask.

        Args:
            agent: The receiver.
            observation: What it observes now.
        """
        heard = self.heard(self.index[agent])
        return {
            other: self.own(agent, observation) if other == agent else copy_value(content)
            for other, content in zip(self.agent_ids, heard, strict=True)
        }

    def own(self, agent: Any, observation: Any) -> Any:
        """Returns a copy of what an agent observes, without its action mask."""
        envelope = self.envelopes[agent]
        return copied(envelope.body_space, envelope.open(observation))


def copied(space: spaces.Space[Any], value: Any) -> Any:
    """Returns a copy of an element of a space, in the space's type."""
    if isinstance(space, spaces.Box):
        return np.array(value, dtype=space.dtype, order="C")
    return copy_value(value)
