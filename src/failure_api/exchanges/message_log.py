"""Who said what in the rounds that can still matter, for messages of any kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from failure_api.core import Delivery


class MessageLog:
    """Remembers messages for as long as a link may still bring or hold them.

    Args:
        agent_ids: All agents.
        zeros: What each of them has said while nothing has arrived from it.
        hold: Whether the newest content that ever arrived stands in for what is missing.
        longest_delay: The most rounds that a message may be on its way.
    """

    def __init__(
        self, agent_ids: tuple[Any, ...], zeros: Sequence[Any], hold: bool, longest_delay: int
    ) -> None:
        self._agent_ids = agent_ids
        self._zeros = zeros
        self._hold = hold
        self._longest_delay = longest_delay
        self.start()

    def start(self) -> None:
        """Forgets everything that was said."""
        self._rounds: dict[int, list[Any]] = {}
        self._sources: list[list[int]] = []

    def __len__(self) -> int:
        return len(self._rounds)

    def write(
        self,
        number: int,
        observations: Mapping[Any, Any],
        message: Callable[[Any, Any], Any],
        delivery: Delivery,
    ) -> None:
        """Writes down what is said in a round, and forgets what no longer matters.

        Args:
            number: The round.
            observations: The observation of each agent that takes part.
            message: Makes an agent's message of its observation.
            delivery: What the channel brings in this round.
        """
        self._rounds[number] = [
            message(agent, observations[agent]) if agent in observations else None
            for agent in self._agent_ids
        ]
        sources = delivery.newest if self._hold else delivery.sent
        self._sources = sources.T.tolist()
        oldest = number - self._longest_delay
        # Rounds go on mattering for as long as their content is the newest on some link.
        held = set(sources.ravel().tolist()) if self._hold else ()
        for past in [past for past in self._rounds if past < oldest and past not in held]:
            del self._rounds[past]

    def heard(self, receiver: int) -> list[Any]:
        """Returns, for each sender, the content that a receiver has of it."""
        rounds, zeros = self._rounds, self._zeros
        return [
            rounds[sent][sender] if sent >= 0 else zeros[sender]
            for sender, sent in enumerate(self._sources[receiver])
        ]
