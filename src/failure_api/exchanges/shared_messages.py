"""Messages of any kind, remembered for as long as a link may still bring or hold them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from gymnasium.spaces import Space
from numpy.typing import NDArray

from failure_api.core import Delivery
from failure_api.errors import InvalidArgumentError
from failure_api.exchanges.bits import bits_of, to_each
from failure_api.exchanges.corruption import Entries, numbers_of, padded
from failure_api.exchanges.exchange import BoundExchange, Team
from failure_api.exchanges.numbers import Numbers
from failure_api.exchanges.voices import Observed, Voice


class SharedMessages(BoundExchange):
    """Writes down who says what, and finds what a receiver has of each sender.

    Args:
        team: Who talks.
        hold: Whether the newest content that ever arrived stands in for what is missing.
        voice: Knows what they say; None for what they observe.

    Attributes:
        voice: Knows what they say.
        zeros: What each agent has said while nothing has arrived from it.
    """

    zeros: list[Any]
    numbers: type[Numbers] = Numbers
    """How messages are numbers."""

    def __init__(self, team: Team, hold: bool, voice: Voice | None = None) -> None:
        super().__init__(team)
        self.voice: Voice = voice or Observed(self.envelopes)
        self._hold = hold
        self._slots = team.channel.slots if team.channel else 1
        self._places, self._limit = team.places, 0
        # What is said is kept for as many rounds as any of it may be needed.
        team.check_memory(_bytes(self.voice.spaces.values()) * (self._slots + self._places))
        self._rows: list[Numbers] = []
        self.start()
        self.noise.place(self._entries)

    def _entries(self) -> Entries:
        self._rows = [
            numbers_of(agent, space, self.numbers) for agent, space in self.voice.spaces.items()
        ]
        return padded(self._rows, (len(self._rows),) * 2)

    def start(self) -> None:
        """Forgets everything that was said."""
        self._said: dict[int, list[Any]] = {}
        self._sources: list[list[int]] = []
        self._observations: Mapping[Any, Any] = {}
        self._kept: list[list[Any]] | None = None
        self._limit = 0

    @property
    def message_bits(self) -> NDArray[np.float64]:
        """Bits of a message on each link, `[sender, receiver]`."""
        return to_each([bits_of(space) for space in self.voice.spaces.values()])

    @abstractmethod
    def message(self, agent: Any, content: Any) -> Any:
        """Returns what an agent says, as it is kept, sharing nothing with what it was made of."""

    def share(self, number: int, observations: Mapping[Any, Any], delivery: Delivery) -> None:
        """Writes down what is said in a round, and forgets what no longer matters."""
        self._observations = observations
        self._said[number] = [
            self._message(place, agent, number) if agent in observations else None
            for place, agent in enumerate(self.agent_ids)
        ]
        hold = self._hold
        if self._kept is not None or self.noise.acts(delivery.links):
            self._receive(number, delivery)
            # What is held is what was received, and no longer what was said.
            hold = False
        sources = delivery.newest if hold else delivery.sent
        self._sources = sources.T.tolist()
        if self._places:
            self._forget_all_but(delivery, sources if hold else None)
            return
        oldest = number - self._slots + 1
        # Rounds go on mattering for as long as their content is the newest on some link.
        held = set(sources.ravel().tolist()) if hold else ()
        gone = []
        for past in self._said:
            if past >= oldest:
                break
            if past not in held:
                gone.append(past)
        for past in gone:
            del self._said[past]

    def _forget_all_but(self, delivery: Delivery, held: NDArray[np.int32] | None) -> None:
        """Forgets rounds of which nothing waits, is under way or is held, once there are many."""
        if len(self._said) <= self._limit:
            return
        needed = [delivery.sent, *([] if held is None else [held])]
        if delivery.waiting is not None:
            rounds, first, count, _ = delivery.waiting
            # Places that are free still have the rounds of what has left.
            behind = (np.arange(len(rounds))[:, None, None] - first) % len(rounds)
            needed.append(rounds[behind < count])
        if delivery.under_way is not None:
            needed.append(delivery.under_way.made - 1)
        live = set(np.unique(np.concatenate([each.ravel() for each in needed])).tolist())
        self._said = {past: said for past, said in self._said.items() if past in live}
        self._limit = 2 * len(self._said) + 16

    def _message(self, place: int, agent: Any, number: int) -> Any:
        content = self.voice.says(agent, self._observations[agent], number)
        return self.zeros[place] if content is None else self.message(agent, content)

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
        after = self.noise.apply(number, before, real, delivery.links, made=delivery.sent.T)
        return [
            self._rows[sender].observation(after[r, sender], before[r, sender], content)
            for (r, sender), content in zip(links, came, strict=True)
        ]


def _bytes(all_spaces: Iterable[Space[Any]]) -> int:
    """Returns what elements of spaces take together, as far as that is known."""
    total = 0
    for space in all_spaces:
        try:
            total += bits_of(space) // 8
        except TypeError:
            continue
    return total


def shareable(function: Callable[[Any], Any], agent: Any, space: Space[Any], exchange: str) -> Any:
    """Calls a function of a space; what it refuses becomes an error that names the agent."""
    try:
        return function(space)
    except (TypeError, NotImplementedError) as error:
        raise InvalidArgumentError(
            f"exchange {exchange} cannot share the observations of agent {agent!r}, "
            f"whose space is {space} ({error}): give another exchange, or flatten the space first."
        ) from None
