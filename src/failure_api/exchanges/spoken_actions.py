"""Actions that carry what agents say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from gymnasium.spaces import Space


class Attachment(Protocol):
    """How one agent's action and its message are one action.

    Attributes:
        space: The space of both together.
        message_space: The space of the message.
    """

    space: Space[Any]
    message_space: Space[Any]

    def parted(self, agent: Any, action: Any) -> tuple[Any, Any]:
        """Returns the environment's action and the message.

        Args:
            agent: Whose action.
            action: Both together; it is not written to, nor is what is returned a part of it that
                may change.

        Raises:
            InvalidArgumentError: It is not what the space says.
        """

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
        self.own_spaces = dict(own_spaces)
        self.spaces = {
            agent: attachments[agent].space if agent in attachments else space
            for agent, space in own_spaces.items()
        }

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
        both = {agent: self.parted(agent, action) for agent, action in actions.items()}
        said = {agent: message for agent, (_, message) in both.items() if message is not None}
        return {agent: own for agent, (own, _) in both.items()}, said

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
