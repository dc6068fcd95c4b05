"""What agents say in a round: what they observe, or what they choose to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from gymnasium import spaces

from failure_api.exchanges.envelope import Envelope
from failure_api.exchanges.outbox import Outbox

SILENCE = spaces.Box(0, 1, (0,), np.float32)
"""The space of what an agent says that says nothing."""


class Voice(Protocol):
    """Knows what each agent says.

    Attributes:
        spaces: The space of what each agent says.
        exchange: What errors call the exchange.
    """

    spaces: dict[Any, spaces.Space[Any]]
    exchange: str

    def says(self, agent: Any, observation: Any, number: int) -> Any:
        """Returns what an agent says in a round; None where it has not said anything yet."""


class Observed:
    """Agents say what they observe, without their action masks.

    Args:
        envelopes: What of each agent's observation takes part in the exchange.
    """

    exchange = "ShareObservations"

    def __init__(self, envelopes: Mapping[Any, Envelope]) -> None:
        self._envelopes = envelopes
        self.spaces = {agent: envelope.body_space for agent, envelope in envelopes.items()}

    def says(self, agent: Any, observation: Any, number: int) -> Any:
        """Returns the part of an agent's observation that it shares."""
        return self._envelopes[agent].open(observation)


class Chosen:
    """Agents say what they attached to their last action.

    Args:
        messages: The space of what each agent says that says anything.
        agent_ids: All agents.
        outbox: Where it is kept.
    """

    exchange = "SendMessages"

    def __init__(
        self,
        messages: Mapping[Any, spaces.Space[Any]],
        agent_ids: tuple[Any, ...],
        outbox: Outbox,
    ) -> None:
        self.spaces = {agent: messages.get(agent, SILENCE) for agent in agent_ids}
        self._outbox = outbox

    def says(self, agent: Any, observation: Any, number: int) -> Any:
        """Returns what an agent said last, before the round."""
        return self._outbox.sent(number).get(agent)
