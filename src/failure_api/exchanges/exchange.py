"""What every exchange has in common: how it is bound to an environment and asked for views."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from gymnasium.spaces import Space
from numpy.typing import NDArray

from failure_api.core import Channel, Delivery
from failure_api.core.noise_chain import NoiseChain
from failure_api.core.parameters import normalise_fields
from failure_api.exchanges.corruption import Corruption
from failure_api.exchanges.envelope import Envelope
from failure_api.exchanges.inbox import Transport
from failure_api.exchanges.outbox import Outbox
from failure_api.exchanges.spoken_actions import SpokenActions


@dataclass(frozen=True)
class Team:
    """What an exchange is told of the environment that it is bound to.

    Attributes:
        env: The environment below the wrapper.
        agent_ids: Its `possible_agents`.
        spaces: Each agent's observation space.
        channel: What brings the messages; None for links that bring each in its own round.
        noise: What an exchange has the content corrupted by that arrives; None where it never is.
        outbox: What agents say with their actions, for an exchange that lets them.
    """

    env: Any
    agent_ids: tuple[Any, ...]
    spaces: dict[Any, Space[Any]]
    channel: Channel | None = None
    noise: Corruption | None = None
    outbox: Outbox = field(default_factory=Outbox)

    def transport(self, links: NDArray[np.int64]) -> Transport:
        """Returns what keeps rows of content while they wait and while they are under way.

        Args:
            links: The link of each row, as its place in the flat array of links; one past the
                last link for rows that come over none.
        """
        slots = self.channel.slots if self.channel else 1
        return Transport(links, len(self.agent_ids), slots, self.places)

    @property
    def places(self) -> int:
        """Places in a link's queue; 0 where there is none."""
        queue = self.channel.chain.queue if self.channel else None
        return queue.places if queue else 0

    def check_memory(self, content: int) -> None:
        """Raises an error if what waits and is under way takes more than 1 GiB.

        Args:
            content: Bytes that the messages' content takes.
        """
        if self.channel is not None:
            self.channel.check_memory((len(self.agent_ids),) * 2, content)


@dataclass(frozen=True, kw_only=True)
class Exchange(ABC):
    """What agents say and how a receiver sees it: a value, bound to an environment by `bind`."""

    def __post_init__(self) -> None:
        """Checks and normalises every field that has a rule."""
        normalise_fields(self)

    @abstractmethod
    def bind(self, team: Team) -> BoundExchange:
        """Returns this exchange at work in one environment.

        Raises:
            InvalidArgumentError: The environment's observations do not suit the exchange.
        """


class BoundExchange(ABC):
    """An exchange at work: takes each round's observations, gives each agent's view of them.

    Attributes:
        spaces: The observation space of each agent's view.
        actions: How actions carry what agents say; None where actions are the environment's own.
    """

    spaces: dict[Any, Space[Any]]
    actions: SpokenActions | None = None

    def __init__(self, team: Team) -> None:
        self.agent_ids = team.agent_ids
        self.index = {agent: i for i, agent in enumerate(team.agent_ids)}
        self.envelopes = {agent: Envelope(space) for agent, space in team.spaces.items()}
        self.noise = team.noise or Corruption(NoiseChain(models=()), team.agent_ids)

    @property
    def message_bits(self) -> NDArray[np.float64] | None:
        """Bits of a message on each link, `[sender, receiver]`; None where nobody counts them."""
        return None

    @abstractmethod
    def start(self) -> None:
        """Forgets everything that was said."""

    @abstractmethod
    def share(self, number: int, observations: Mapping[Any, Any], delivery: Delivery) -> None:
        """Takes what the agents say in a round, and what of it arrives.

        Args:
            number: The round.
            observations: The environment's observation of each agent that takes part.
            delivery: What the channel brings in this round.
        """

    def views(self, agents: Iterable[Any]) -> dict[Any, Any]:
        """Returns what agents see that took part in the round, as objects that nobody holds."""
        return {agent: self.view(agent) for agent in agents}

    @abstractmethod
    def view(self, agent: Any, observation: Any = None) -> Any:
        """Returns what an agent sees, as an object that nobody else holds.

        Args:
            agent: The receiver.
            observation: The agent's own observation, where it has changed since the round or
                the agent took no part in it.
        """
