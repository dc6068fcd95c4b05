"""`ShareObservations(form="dict")` where all observations are arrays that are alike."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from failure_api.core import Delivery
from failure_api.exchanges.bits import bits_of, to_each
from failure_api.exchanges.blank import with_blank
from failure_api.exchanges.corruption import Entries, numbers_of, padded
from failure_api.exchanges.exchange import BoundExchange, Team
from failure_api.exchanges.inbox import Inbox


class SharedBlock(BoundExchange):
    """Keeps what everyone has of everyone in one array; a view is a copy of one row of it."""

    def __init__(self, team: Team, hold: bool) -> None:
        super().__init__(team)
        others = {agent: with_blank(space) for agent, space in team.spaces.items()}
        self.spaces = {
            agent: spaces.Dict({**others, agent: space}) for agent, space in team.spaces.items()
        }
        first = team.spaces[self.agent_ids[0]]
        self._dtype = first.dtype
        self._everything = (len(self.agent_ids),) * 2 + (first.shape or ())
        self._blank = np.zeros(1, dtype=self._dtype)
        self._absent = np.zeros(first.shape or (), dtype=self._dtype)
        agents = len(self.agent_ids)
        links = np.arange(agents**2).reshape(agents, agents).T.reshape(-1)
        # What an agent knows of itself needs no link.
        links[:: agents + 1] = agents**2
        transport = team.transport(links)
        team.check_memory(transport.nbytes(self._absent.nbytes))
        self._inbox = Inbox(transport, hold, links, agents)
        self._team_spaces = team.spaces
        self.noise.place(self._entries)

    def _entries(self) -> Entries:
        numbers = [numbers_of(agent, space) for agent, space in self._team_spaces.items()]
        return padded(numbers, self._everything[:2])

    @property
    def message_bits(self) -> NDArray[np.float64]:
        """Bits of a message on each link, `[sender, receiver]`."""
        return to_each([bits_of(space) for space in self._team_spaces.values()])

    def start(self) -> None:
        """Forgets everything that was said."""
        self._inbox.start()

    def share(self, number: int, observations: Mapping[Any, Any], delivery: Delivery) -> None:
        """Works out what everyone has of everyone."""
        said = [observations.get(agent, self._absent) for agent in self.agent_ids]
        contents = np.concatenate(said, dtype=self._dtype).reshape(len(said), -1)
        everyone = np.broadcast_to(contents, (len(said), *contents.shape))
        rows = everyone.reshape(len(said) ** 2, -1)
        corrupt = None
        if self.noise.acts(delivery.links):
            corrupt = partial(self._corrupt, number, delivery)
        received = self._inbox.receive(number, rows, delivery, self._blank, None, corrupt)
        self._block = received.reshape(self._everything)

    def _corrupt(
        self, number: int, delivery: Delivery, rows: NDArray[Any], arrived: NDArray[np.bool_]
    ) -> NDArray[Any]:
        """Returns what arrives as the noise leaves it."""
        links = (len(self.agent_ids),) * 2
        content, arrived = rows.reshape(*links, -1), arrived.reshape(*links, -1)
        made = delivery.sent.T
        after = self.noise.apply(number, content, arrived, delivery.links, made=made)
        return after.reshape(rows.shape)

    def view(self, agent: Any, observation: Any = None) -> Any:
        """Returns what an agent has heard, by sender, with its own observation among it."""
        receiver = self.index[agent]
        rows = self._block[receiver].copy()
        if observation is not None:
            rows[receiver] = observation
        return dict(zip(self.agent_ids, rows, strict=False))
