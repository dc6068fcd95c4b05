"""Actions that carry what agents say."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from gymnasium.spaces import Discrete, Space

from failure_api.exchanges.envelope import mask_length


class Attachment(ABC):
    """How one agent's action and its message are one action.

    Attributes:
        space: The space of both together.
        message_space: The space of the message.
    """

    space: Space[Any]
    message_space: Space[Any]

    @abstractmethod
    def parted(self, agent: Any, action: Any) -> tuple[Any, Any]:
        """Returns the environment's action and the message.

        Args:
            agent: Whose action.
            action: Both together; it is not written to, nor is what is returned a part of it that
                may change.

        Raises:
            InvalidArgumentError: It is not what the space says.
        """

    def parted_of_all(self, actions: Mapping[Any, Any]) -> dict[Any, tuple[Any, Any]]:
        """Returns what `parted` does for each of some agents, by agent."""
        return {agent: self.parted(agent, action) for agent, action in actions.items()}

    def like(self, other: Attachment) -> bool:
        """Returns whether another one does the same with any action."""
        return self is other

    @property
    def message_entries(self) -> int:
        """Entries of a mask that are the message's; 0 where the two have masks of their own."""
        return 0

    @abstractmethod
    def joined(self, own: Any, message: Any) -> Any:
        """Returns the action that carries an action of the environment's and a message."""


class SpokenActions:
    """The actions of a team, some of whose agents say something with theirs.

    Args:
        attachments: For each agent that says anything, how.
        own_spaces: The environment's action space of each agent.

    Attributes:
        spaces: The space of each agent's actions; the environment's where it says nothing.
        own_spaces: The environment's.
    """

    def __init__(
        self, attachments: Mapping[Any, Attachment], own_spaces: Mapping[Any, Space[Any]]
    ) -> None:
        self._attachments = attachments
        # Agents whose actions are read alike share one attachment, which reads them all at once.
        self._shared: dict[Any, Attachment] = {}
        for agent, one in attachments.items():
            known = self._shared.values()
            self._shared[agent] = next((other for other in known if one.like(other)), one)
        self.own_spaces = dict(own_spaces)
        self.spaces = {
            agent: attachments[agent].space if agent in attachments else space
            for agent, space in own_spaces.items()
        }

    def rooms(self, seen: Mapping[Any, Space[Any]]) -> dict[Any, int]:
        """Returns the entries to append to action masks in observations, by agent.

        Args:
            seen: Each agent's observation space.
        """
        lengths = {agent: mask_length(space) for agent, space in seen.items()}
        return {agent: self.room(agent, length) for agent, length in lengths.items()}

    def room(self, agent: Any, length: int | None) -> int:
        """Returns the entries to append to an agent's action mask of a length."""
        own = self.own_spaces[agent]
        fits = isinstance(own, Discrete) and length == own.n and agent in self._attachments
        return self._attachments[agent].message_entries if fits else 0

    def parted(self, agent: Any, action: Any) -> tuple[Any, Any]:
        """Returns the environment's action, and the message, None where there is none.

        Args:
            agent: Whose action.
            action: None is nobody's but the environment's.

        Raises:
            InvalidArgumentError: The action is not what its space says.
        """
        if action is None or agent not in self._attachments:
            return action, None
        return self._attachments[agent].parted(agent, action)

    def parted_of_all(self, actions: Mapping[Any, Any]) -> tuple[dict[Any, Any], dict[Any, Any]]:
        """Returns the environment's actions and the messages, by agent.

        Args:
            actions: An action by agent.

        Raises:
            InvalidArgumentError: An action is not what its space says.
        """
        own, said = dict(actions), {}
        speaking: dict[Attachment, dict[Any, Any]] = {}
        for agent, action in actions.items():
            if action is not None and agent in self._shared:
                speaking.setdefault(self._shared[agent], {})[agent] = action
        for attachment, spoken in speaking.items():
            for agent, both in attachment.parted_of_all(spoken).items():
                own[agent], said[agent] = both
        return own, {agent: said[agent] for agent in actions if agent in said}

    def joined(self, agent: Any, own: Any, message: Any = None) -> Any:
        """Returns the action that carries an action of the environment's and a message.

        Args:
            agent: Whose action.
            own: What it does in the environment.
            message: What it says; not looked at where it says nothing.
        """
        if agent not in self._attachments:
            return own
        return self._attachments[agent].joined(own, message)

    def message_space(self, agent: Any) -> Space[Any] | None:
        """Returns the space of what an agent says; None where it says nothing."""
        return self._attachments[agent].message_space if agent in self._attachments else None
