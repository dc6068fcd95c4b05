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
        self._inbox = Inbox(hold, team.longest_delay)
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
        contents = np.concatenate(said, dtype=self._dtype).reshape(1, len(said), -1)
        sent = np.array(delivery.sent.T, order="C")
        # What an agent knows of itself needs no link.
        sent.reshape(-1)[:: len(said) + 1] = number
        corrupt = None
        if self.noise.acts(delivery.links):
            corrupt = partial(self.noise.apply, number, links=delivery.links)
        received = self._inbox.receive(number, contents, sent, self._blank, None, corrupt)
        self._block = received.reshape(self._everything)

    def view(self, agent: Any, observation: Any = None) -> Any:
        """Returns what an agent has heard, by sender, with its own observation among it."""
        receiver = self.index[agent]
        rows = self._block[receiver].copy()
        if observation is not None:
            rows[receiver] = observation
        return dict(zip(self.agent_ids, rows, strict=False))
