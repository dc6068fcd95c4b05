"""Messages of any kind, remembered for as long as a link may still bring or hold them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

from gymnasium.spaces import Space

from failure_api.core import Delivery
from failure_api.errors import InvalidArgumentError
from failure_api.exchanges.exchange import BoundExchange, Team


class SharedMessages(BoundExchange):
    """Writes down who says what, and finds what a receiver has of each sender.

    Args:
        team: Who talks.
        hold: Whether the newest content that ever arrived stands in for what is missing.

    Attributes:
        zeros: What each agent has said while nothing has arrived from it.
    """

    zeros: list[Any]

    def __init__(self, team: Team, hold: bool) -> None:
        super().__init__(team)
        self._hold = hold
        self._longest_delay = team.longest_delay
        self.start()

    def start(self) -> None:
        """Forgets everything that was said."""
        self._said: dict[int, list[Any]] = {}
        self._sources: list[list[int]] = []
        self._observations: Mapping[Any, Any] = {}

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
        sources = delivery.newest if self._hold else delivery.sent
        self._sources = sources.T.tolist()
        oldest = number - self._longest_delay
        # Rounds go on mattering for as long as their content is the newest on some link.
        held = set(sources.ravel().tolist()) if self._hold else ()
        for past in [past for past in self._said if past < oldest and past not in held]:
            del self._said[past]

    def heard(self, receiver: int) -> list[Any]:
        """Returns, for each sender, the content that a receiver has of it."""
        said, zeros = self._said, self.zeros
        return [
            said[sent][sender] if sent >= 0 else zeros[sender]
            for sender, sent in enumerate(self._sources[receiver])
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
