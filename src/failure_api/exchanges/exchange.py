"""Exchanges and codecs: the base classes, and what a round brings a team."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from gymnasium.spaces import Space
from numpy.typing import NDArray

from failure_api.core.layouts import TeamLayout, TeamRows
from failure_api.core.parameters.fields import normalise_fields
from failure_api.exchanges.spaces.actions import ByAgent, SpokenActions, copy_value
from failure_api.exchanges.spaces.numbering import ContentNumbers, PackedNumbers, Packing
from failure_api.exchanges.spaces.zero import bits_of, to_each, zero_of


@dataclass(frozen=True)
class Team:
    """What an exchange is told of the environment that it is bound to.

    Attributes:
        env: The environment below the wrapper.
        agent_ids: Its `possible_agents`.
        spaces: Each agent's observation space.
        positions: A function of the environment that gives positions `[N, dim]`; None for what is
            known of the environment.
    """

    env: Any
    agent_ids: tuple[Any, ...]
    spaces: Mapping[Any, Space[Any]]
    positions: Callable[[Any], Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Exchange(ABC):
    """What agents say and how a receiver sees it: a value, bound to an environment by `bind`.

    Attributes:
        missing: What stands in for a message that did not arrive. A subclass makes it a field,
            `missing: Missing = "zero"`, where users are to choose.
        follows_environment: Whether codecs look at the environment in every round.
    """

    # Without types, since they are no fields of this class.
    missing = "zero"
    follows_environment = False

    def __post_init__(self) -> None:
        """Checks and normalises every field that has a rule."""
        normalise_fields(self)

    @abstractmethod
    def bind(self, team: Team) -> TeamCodec:
        """Returns this exchange at work in one environment.

        Raises:
            InvalidArgumentError: The environment's observations do not suit the exchange.
        """


@dataclass(slots=True, eq=False)
class Received:
    """What one round has brought a whole team.

    Attributes:
        round_index: The round.
        content: What every receiver has of every sender, as the codec's layout has it. Only the
            codec writes to it, and only to what belongs to no link.
        fresh: Whether the content was made for this round and is nobody's memory, so that a codec
            may hand out what it is made of.
        arrived: Whether a message arrived in this round, bool `[sender, receiver]`.
        newest: Round in which the newest that ever arrived was made, int32 `[sender, receiver]`,
            -1 where none has.
        noisy: Whether noise acts in this round.
        observations: What each agent observed in it.
        kept: For the codec: what it has made of the content in this round.
    """

    round_index: int
    content: Any
    fresh: bool
    arrived: NDArray[np.bool_]
    newest: NDArray[np.int32]
    noisy: bool
    observations: ByAgent
    kept: Any = None

    @property
    def age(self) -> NDArray[np.int32]:
        """Rounds since the newest that ever arrived was made, int32 `[sender, receiver]`."""
        return np.subtract(np.array(self.round_index, np.int32), self.newest)

    @property
    def current(self) -> NDArray[np.bool_]:
        """Where what is shown is from this round and as it was said, bool `[sender, receiver]`."""
        return np.asarray(self.newest == self.round_index) & (not self.noisy)


class Heard(Mapping[Any, Any]):
    """What one agent has of each other one, by sender, in copies that nobody else holds.

    Attributes:
        arrived: By sender, whether a message arrived in this round.
        age: By sender, rounds since the newest that ever arrived was made.
    """

    def __init__(
        self, codec: TeamCodec, receiver: int, received: Received, content: Callable[[int], Any]
    ) -> None:
        self._codec, self._receiver, self._received = codec, receiver, received
        self._content = content

    @property
    def arrived(self) -> dict[Any, bool]:
        """By sender, whether a message arrived in this round."""
        return dict(zip(self, self._of(self._received.arrived), strict=True))

    @property
    def age(self) -> dict[Any, int]:
        """By sender, rounds since the newest that ever arrived was made."""
        return dict(zip(self, self._of(self._received.age), strict=True))

    def _of(self, of_links: NDArray[Any]) -> list[Any]:
        return np.delete(of_links[:, self._receiver], self._receiver).tolist()

    def __getitem__(self, sender: Any) -> Any:
        index = self._codec.index[sender]
        if index == self._receiver:
            raise KeyError(sender)
        return self._content(index)

    def __iter__(self) -> Iterator[Any]:
        own = self._codec.agent_ids[self._receiver]
        return (agent for agent in self._codec.agent_ids if agent != own)

    def __len__(self) -> int:
        return len(self._codec.agent_ids) - 1


class TeamCodec(ABC):
    """An exchange at work in one environment, for the whole team at once.

    Whatever comes over the links, and how late, is not the codec's business. Most exchanges derive
    from `Codec`, which asks for one agent at a time.

    Args:
        team: Who talks.

    Attributes:
        agent_ids: All agents.
        index: Their positions among all agents.
        spaces: The space of each agent's view.
        actions: How actions carry what agents say; None where actions are the environment's own.
        layout: How what is said lies in memory.
        zero: What there is where nothing has arrived, which broadcasts to the layout; None for 0.
        numbering: How what is said is read as numbers, for noise and predictions.
        message_bits: Bits of a message on each link, `[sender, receiver]`; None where nobody
            counts them.
    """

    spaces: dict[Any, Space[Any]]
    actions: SpokenActions | None = None

    def __init__(self, team: Team) -> None:
        self.agent_ids = team.agent_ids
        self.index = {agent: i for i, agent in enumerate(team.agent_ids)}

    @property
    @abstractmethod
    def layout(self) -> TeamLayout:
        """How what is said lies in memory."""

    @property
    def zero(self) -> NDArray[Any] | None:
        """What there is where nothing has arrived, which broadcasts to the layout; None for 0."""
        return None

    @property
    @abstractmethod
    def numbering(self) -> ContentNumbers:
        """How what is said is read as numbers, for noise and predictions.

        Raises:
            InvalidArgumentError: It is no numbers.
        """

    @property
    def message_bits(self) -> NDArray[np.float64] | None:
        """Bits of a message on each link, `[sender, receiver]`; None where nobody counts them."""
        return None

    def follow(self, noisy: bool) -> Callable[[NDArray[Any]], NDArray[Any]] | None:
        """Takes what has changed in the environment before a round, for codecs that move.

        Args:
            noisy: Whether noise acts in this round.

        Returns:
            How what was kept in the old layout is put into the new one; None where it stays.
        """
        return None

    @property
    def form(self) -> NDArray[Any]:
        """Something that is as large as what is said ever becomes."""
        return self.say_team({}, {})

    def start(self) -> None:  # noqa: B027
        """Forgets what was, before an episode; most codecs remember nothing."""

    @abstractmethod
    def say_team(self, observations: ByAgent, messages: ByAgent) -> NDArray[Any]:
        """Returns what everybody says, as `layout` takes it; nobody else holds it.

        Args:
            observations: What each agent observes that takes part.
            messages: What each agent attached to its last action that attached anything.
        """

    @abstractmethod
    def see_one(self, agent: Any, observation: Any, received: Received) -> Any:
        """Returns what one agent sees, as an object that nobody else holds.

        Args:
            agent: The receiver.
            observation: What it observes, which may be newer than the round.
            received: What the round has brought.
        """

    def see_team(self, observations: ByAgent, received: Received) -> dict[Any, Any]:
        """Returns what the agents see that take part, as objects that nobody else holds."""
        return {agent: self.see_one(agent, seen, received) for agent, seen in observations.items()}

    # What the laws read, so that anybody's exchange can be checked.

    @abstractmethod
    def own(self, agent: Any, view: Any) -> Any:
        """Returns what in an agent's view it knows without the others."""

    @abstractmethod
    def heard(self, agent: Any, view: Any) -> dict[Any, Any]:
        """Returns what an agent's view shows of each other agent, by sender."""


class Codec(TeamCodec):
    """An exchange at work in one environment, told by what one agent says and what one sees.

    Args:
        team: Who talks.
        message_spaces: The space of what each agent says. Messages of fixed numbers of numbers may
            be corrupted and predicted; others, such as text, are passed on as they are.

    Attributes:
        message_spaces: The space of what each agent says.
    """

    def __init__(self, team: Team, message_spaces: Mapping[Any, Space[Any]]) -> None:
        super().__init__(team)
        self.message_spaces = {agent: message_spaces[agent] for agent in team.agent_ids}

    @abstractmethod
    def say(self, agent: Any, observation: Any, message: Any) -> Any:
        """Returns what an agent says, an element of its message space; None for nothing yet.

        Args:
            agent: Who says it.
            observation: What the agent observes.
            message: What it attached to its last action; None where it attached nothing.
        """

    @abstractmethod
    def see(self, agent: Any, observation: Any, heard: Heard) -> Any:
        """Returns what an agent sees, as an object that nobody else holds.

        Args:
            agent: The receiver.
            observation: What it observes, which is not written to.
            heard: What it has of each other agent.
        """

    @cached_property
    def layout(self) -> TeamLayout:
        """One row for each receiver and sender."""
        agents = len(self.agent_ids)
        # What an agent says to itself comes over no link that ever brings anything.
        return TeamRows(np.arange(agents**2).reshape(agents, agents).T, agents)

    @cached_property
    def zero(self) -> NDArray[Any] | None:
        """Zeros of each sender's space; None where messages are bytes."""
        if self._packings is not None:
            return None
        zeros = [zero_of(space) for space in self.message_spaces.values()]
        return np.tile(_as_rows(zeros), (len(zeros), 1))

    @cached_property
    def numbering(self) -> ContentNumbers:
        """Read field by field."""
        return PackedNumbers(self.message_spaces, self._packings or [])

    @property
    def message_bits(self) -> NDArray[np.float64] | None:
        """Bits of a message on each link; None where messages are no fixed number of numbers."""
        if self._packings is None:
            return None
        return to_each([bits_of(space) for space in self.message_spaces.values()])

    @cached_property
    def _packings(self) -> list[Packing] | None:
        """How messages are rows of bytes; None where some are no numbers."""
        try:
            return [Packing(space) for space in self.message_spaces.values()]
        except TypeError:
            return None

    def say_team(self, observations: ByAgent, messages: ByAgent) -> NDArray[Any]:
        """Returns a row for each sender."""
        said = [
            self.say(a, observations[a], messages.get(a)) if a in observations else None
            for a in self.agent_ids
        ]
        packings = self._packings
        if packings is None:
            pairs = zip(said, self.message_spaces.values(), strict=True)
            return _as_rows([zero_of(sp) if one is None else copy_value(one) for one, sp in pairs])
        rows = np.zeros((len(said), max(packing.size for packing in packings)), np.uint8)
        for row, agent, packing, one in zip(rows, self.agent_ids, packings, said, strict=True):
            if one is not None:
                packing.pack(agent, one, row)
        return rows

    def see_one(self, agent: Any, observation: Any, received: Received) -> Any:
        """Returns what one agent sees, given what it has of each other one."""
        receiver, count, packings = self.index[agent], len(self.agent_ids), self._packings

        def content(sender: int) -> Any:
            row = received.content[receiver * count + sender]
            return copy_value(row[0]) if packings is None else packings[sender].unpack(row)

        return self.see(agent, observation, Heard(self, receiver, received, content))


def _as_rows(values: list[Any]) -> NDArray[Any]:
    """Returns objects as rows of one each."""
    rows = np.empty((len(values), 1), dtype=object)
    rows[:, 0] = values
    return rows
