"""Messages of any kind, remembered for as long as a link may still bring or hold them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from gymnasium.spaces import Space

from failure_api.core import Delivery
from failure_api.errors import InvalidArgumentError
from failure_api.exchanges.corruption import Entries, numbers_of, padded
from failure_api.exchanges.exchange import BoundExchange, Team
from failure_api.exchanges.numbers import Numbers


class SharedMessages(BoundExchange):
    """Writes down who says what, and finds what a receiver has of each sender.

    Args:
        team: Who talks.
        hold: Whether the newest content that ever arrived stands in for what is missing.

    Attributes:
        zeros: What each agent has said while nothing has arrived from it.
    """

    zeros: list[Any]
    numbers: type[Numbers] = Numbers
    """How messages are numbers."""

    def __init__(self, team: Team, hold: bool) -> None:
        super().__init__(team)
        self._hold = hold
        self._longest_delay = team.longest_delay
        self._rows: list[Numbers] = []
        self.start()
        self.noise.place(self._entries)

    def _entries(self) -> Entries:
        self._rows = [
            numbers_of(agent, envelope.body_space, self.numbers)
            for agent, envelope in self.envelopes.items()
        ]
        return padded(self._rows, (len(self._rows),) * 2)

    def start(self) -> None:
        """Forgets everything that was said."""
        self._said: dict[int, list[Any]] = {}
        self._sources: list[list[int]] = []
        self._observations: Mapping[Any, Any] = {}
        self._kept: list[list[Any]] | None = None

    @abstractmethod
    def message(self, agent: Any, observation: Any) -> Any:
        """Returns what an agent says, sharing nothing with what it observes."""

    def share(self, number: int, observations: Mapping[Any, Any], delivery: Delivery) -> None:
        """Writes down what is said in a round, and forgets what no longer matters."""
        self._observations = observations
        self._said[number] = [
            self.message(agent, observations[agent]) if agent in observations else None
            for agent in self.agent_ids
        ]
        hold = self._hold
        if self._kept is not None or self.noise.acts(delivery.links):
            self._receive(number, delivery)
            # What is held is what was received, and no longer what was said.
            hold = False
        sources = delivery.newest if hold else delivery.sent
        self._sources = sources.T.tolist()
        oldest = number - self._longest_delay
        # Rounds go on mattering for as long as their content is the newest on some link.
        held = set(sources.ravel().tolist()) if hold else ()
        for past in [past for past in self._said if past < oldest and past not in held]:
            del self._said[past]

    def heard(self, receiver: int) -> list[Any]:
        """Returns, for each sender, the content that a receiver has of it."""
        if self._kept is not None:
            return self._kept[receiver]
        said, zeros = self._said, self.zeros
        return [
            said[sent][sender] if sent >= 0 else zeros[sender]
            for sender, sent in enumerate(self._sources[receiver])
        ]

    def _receive(self, number: int, delivery: Delivery) -> None:
        """Writes down what each receiver has of each sender, once noise may have changed it."""
        agents = len(self.agent_ids)
        kept = self._kept
        if kept is None and self._hold and self._sources:
            kept = [self.heard(receiver) for receiver in range(agents)]
        if kept is None or not self._hold:
            kept = [list(self.zeros) for _ in range(agents)]
        self._kept = kept
        links = np.argwhere(delivery.sent.T >= 0).tolist()
        came = [self._said[int(delivery.sent[s, r])][s] for r, s in links]
        if self.noise.acts(delivery.links):
            came = self._corrupted(number, delivery, links, came)
        for (receiver, sender), content in zip(links, came, strict=True):
            kept[receiver][sender] = content

    def _corrupted(
        self, number: int, delivery: Delivery, links: list[list[int]], came: list[Any]
    ) -> list[Any]:
        """Returns what came over the links as the noise leaves it."""
        shape, low, *_ = self.noise.entries
        before = np.zeros(shape, dtype=low.dtype)
        real = np.zeros(shape, dtype=bool)
        for (receiver, sender), content in zip(links, came, strict=True):
            numbers = self._rows[sender]
            before[receiver, sender, : numbers.width] = numbers.row(content, low.dtype)
            real[receiver, sender, : numbers.width] = True
        after = self.noise.apply(number, before, real, delivery.links)
        return [
            self._rows[sender].observation(after[r, sender], before[r, sender], content)
            for (r, sender), content in zip(links, came, strict=True)
        ]


def shareable(function: Callable[[Any], Any], agent: Any, space: Space[Any]) -> Any:
    """Calls a function of a space; what it refuses becomes an error that names the agent."""
    try:
        return function(space)
    except (TypeError, NotImplementedError) as error:
        raise InvalidArgumentError(
            f"exchange ShareObservations cannot share the observations of agent {agent!r}, "
            f"whose space is {space} ({error}): give another exchange, or flatten the space first."
        ) from None
