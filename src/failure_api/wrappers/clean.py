"""Observations as perfect communication would have shown them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from failure_api.core import Delivery, Links
from failure_api.errors import NotResetError
from failure_api.exchanges import Exchange, Team
from failure_api.exchanges.spaces.actions import copy_value
from failure_api.wrappers.team_content import TeamContent


class CleanView:
    """The same exchange over perfect links, worked out for the rounds in which somebody asks.

    What it shows does not depend on whether anybody has asked before: what the dead said last is
    kept where the exchange may still show it.

    Args:
        exchange: What agents say to each other and how a receiver sees it.
        team: Who talks.
    """

    def __init__(self, exchange: Exchange, team: Team) -> None:
        self._exchange = exchange
        self._team = team
        self._remembers = exchange.missing != "zero"
        # What follows the environment does so in its round: later it has moved on.
        self._at_once = self._remembers and exchange.follows_environment
        self._apart = ~np.eye(len(team.agent_ids), dtype=bool)
        self._content: TeamContent | None = None
        self._round_index = -1

    def start(self) -> None:
        """Forgets everything that was said."""
        self._round_index = -1
        self._newest = np.full(self._apart.shape, -1, dtype=np.int32)
        self._observations: Mapping[Any, Any] = {}
        self._messages: Mapping[Any, Any] = {}
        self._alive: NDArray[np.bool_] | None = None
        if self._content is not None:
            self._content.start()

    def hear(
        self,
        round_index: int,
        observations: Mapping[Any, Any],
        messages: Mapping[Any, Any],
        alive: NDArray[np.bool_],
    ) -> None:
        """Takes what agents observe in a round, what they attached, and who of them is alive."""
        before = self._alive
        if before is not None and alive is not before and not np.array_equal(alive, before):
            # The last round in which these agents talked to each other.
            if self._remembers and not self._at_once:
                self._share()
            self._newest = self._heard()
        if self._remembers:
            observations = {agent: copy_value(seen) for agent, seen in observations.items()}
        self._round_index, self._observations, self._alive = round_index, observations, alive
        self._messages = messages
        if self._at_once:
            self._share()

    def views(self, newer: Mapping[Any, Any]) -> dict[Any, Any]:
        """Returns what each agent would have seen in this round.

        Args:
            newer: Observations that have changed since the round.

        Raises:
            NotResetError: There has been no round yet.
        """
        if self._round_index < 0:
            raise NotResetError("the environment has not been reset: call reset() first.")
        content = self._content if self._at_once and self._content else self._share()
        return {agent: content.view(agent, newer.get(agent)) for agent in self._observations}

    def _share(self) -> TeamContent:
        """Returns the content after this round."""
        if self._content is None:
            codec = self._exchange.bind(self._team)
            self._content = TeamContent(codec, self._exchange.missing)
        talk = self._talking()
        delivery = Delivery(Links(talk), self._round_index, talk, self._heard(), talk, talk)
        self._content.share(self._round_index, self._observations, self._messages, delivery)
        return self._content

    def _talking(self) -> NDArray[np.bool_]:
        """Returns which agents tell each other something in this round, `[sender, receiver]`."""
        assert self._alive is not None
        return self._apart & self._alive[:, None] & self._alive[None, :]

    def _heard(self) -> NDArray[np.int32]:
        """Returns the round of the newest message on each link."""
        return np.where(self._talking(), np.int32(self._round_index), self._newest)
