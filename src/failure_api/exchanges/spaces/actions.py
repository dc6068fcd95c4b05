"""Action masks, and actions that carry what agents say."""

from __future__ import annotations

import copy
import functools
import operator
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.spaces import Discrete, Space

from failure_api.exchanges.spaces.numbers import is_plain

ByAgent = Mapping[Any, Any]
"""Something of each agent, by its id."""


class ActionMaskSplit:
    """Keeps the action mask of `{"observation", "action_mask"}` out of the exchange.

    Args:
        space: Of whole observations.
        room: Entries that actions have besides those that the mask is of; all of them are allowed.

    Attributes:
        space: Of whole observations.
        masked: Whether the space follows that convention.
        body_space: Space of the part that the exchange works on.
        arrays: The same as what it is made of, where that is several arrays.
        entries: Where each array stands in that part, by its key path; None where it is one.

    Example:
        >>> space = spaces.Dict(
        ...     observation=spaces.Discrete(3), action_mask=spaces.MultiBinary(2)
        ... )
        >>> ActionMaskSplit(space).body_space
        Discrete(3)
        >>> ActionMaskSplit(space).with_body({"observation": 2, "action_mask": "own"}, "body")
        {'observation': 'body', 'action_mask': 'own'}
    """

    entries: dict[tuple[Any, ...], slice] | None = None

    def __init__(self, space: Space[Any], room: int = 0) -> None:
        self.space, self._room = space, room
        keys = space.spaces.keys() if isinstance(space, spaces.Dict) else ()
        self.masked = "observation" in keys and "action_mask" in keys
        self.body_space: Space[Any] = space["observation"] if self.masked else space  # type: ignore[index]
        self.arrays: Space[Any] = self.body_space

    def body_of(self, observation: Any) -> Any:
        """Returns the part of an observation that the exchange works on."""
        return observation["observation"] if self.masked else observation

    def with_body(self, observation: Any, body: Any) -> Any:
        """Returns an observation with another body, everything else copied."""
        if not self.masked:
            return body
        closed = {
            key: body if key == "observation" else copy_value(value)
            for key, value in observation.items()
        }
        if self._room:
            closed["action_mask"] = with_room(closed["action_mask"], self._room)
        return closed

    def enclose(self, body_space: Space[Any]) -> Space[Any]:
        """Returns the space of observations with another body."""
        if not self.masked:
            return body_space
        assert isinstance(self.space, spaces.Dict)
        parts = {**self.space.spaces, "observation": body_space}
        if self._room:
            parts["action_mask"] = _space_with_room(parts["action_mask"], self._room)
        return spaces.Dict(parts)


def mask_length(space: Space[Any]) -> int | None:
    """Returns how many entries the action mask in observations has; None where there is no row."""
    if not ActionMaskSplit(space).masked:
        return None
    shape: Any = space["action_mask"].shape  # type: ignore[index]
    return int(shape[0]) if shape is not None and len(shape) == 1 else None


def with_room(mask: Any, room: int) -> Any:
    """Returns a mask with further entries, all of them allowed."""
    mask = np.asarray(mask)
    if mask.ndim != 1:
        return copy_value(mask)
    return np.concatenate([mask, np.ones(room, mask.dtype)])


def _space_with_room(space: Any, room: int) -> Space[Any]:
    if isinstance(space, spaces.MultiBinary):
        return spaces.MultiBinary(int(space.shape[0]) + room)
    if isinstance(space, spaces.MultiDiscrete):
        counts = np.concatenate([space.nvec, np.full(room, 2)])
        starts = np.concatenate([space.start, np.zeros(room, space.start.dtype)])
        return spaces.MultiDiscrete(counts, dtype=space.dtype.str, start=starts)
    low, high = (
        np.concatenate([bound, np.full(room, end, bound.dtype)])
        for bound, end in ((space.low, 0), (space.high, 1))
    )
    return spaces.Box(low, high, dtype=space.dtype.type)


class ArraysSplit(ActionMaskSplit):
    """Takes the arrays of a Dict or Tuple observation, one after the other as one vector.

    Attributes:
        entries: Where each of them stands in the vector, by its key path.

    Example:
        >>> space = spaces.Dict(
        ...     others=spaces.Box(-1, 1, (2, 2)), goal=spaces.Discrete(3)
        ... )
        >>> split = ArraysSplit(space)
        >>> split.entries
        {('others',): slice(0, 4, None)}
        >>> seen = {"others": np.ones((2, 2), np.float32), "goal": 2}
        >>> split.with_body(seen, split.body_of(seen) * 0)["others"].tolist()
        [[0.0, 0.0], [0.0, 0.0]]
    """

    entries: dict[tuple[Any, ...], slice]

    def __init__(self, space: Space[Any]) -> None:
        super().__init__(space)
        self.masked = False
        self._boxes = dict(_boxes(space, ()))
        if not self._boxes:
            raise TypeError(f"{type(space).__name__} holds no Box")
        ends = np.cumsum([int(np.prod(box.shape)) for box in self._boxes.values()]).tolist()
        self.entries = dict(zip(self._boxes, map(slice, [0, *ends], ends), strict=True))
        boxes = self._boxes.values()
        self.dtype = np.result_type(*(box.dtype for box in boxes))
        self.arrays = spaces.Tuple(list(boxes))
        low, high = (
            np.concatenate([getattr(box, end).ravel() for box in boxes]).astype(self.dtype)
            for end in ("low", "high")
        )
        self.body_space = spaces.Box(low, high, dtype=self.dtype.type)

    def body_of(self, observation: Any) -> Any:
        """Returns the entries of all arrays.

        Raises:
            ValueError: One is not of the shape that its space declares.
        """
        parts = []
        for path, box in self._boxes.items():
            part = np.asarray(functools.reduce(operator.getitem, path, observation))
            if part.shape != box.shape:
                raise ValueError(f"{path} has the shape {part.shape}")
            parts.append(part.ravel())
        return np.concatenate(parts, dtype=self.dtype)

    def with_body(self, observation: Any, body: Any) -> Any:
        """Returns a copy of an observation with other entries in its arrays."""
        changed = body != self.body_of(observation)
        return self._closed(self.space, observation, body, changed, ())

    def _closed(self, space: Any, part: Any, body: Any, changed: Any, path: tuple[Any, ...]) -> Any:
        box = self._boxes.get(path)
        if box is not None:
            array, entries = np.array(part, dtype=box.dtype), self.entries[path]
            # Only what has changed is converted, since not every type holds all of the others.
            where = changed[entries]
            np.place(array, where, body[entries][where].astype(box.dtype))
            return array
        # By the space: a list may stand where it says Tuple.
        if isinstance(space, spaces.Dict) and isinstance(part, Mapping):
            return {
                key: self._closed(space.spaces.get(key), it, body, changed, (*path, key))
                for key, it in part.items()
            }
        if isinstance(space, spaces.Tuple):
            pairs = enumerate(zip(space.spaces, part, strict=True))
            return tuple([self._closed(sp, it, body, changed, (*path, i)) for i, (sp, it) in pairs])
        return copy_value(part)

    def enclose(self, body_space: Space[Any]) -> Space[Any]:
        """Returns the space as it is: the arrays stay what they are."""
        return self.space


def _boxes(
    space: Space[Any], path: tuple[Any, ...]
) -> Iterator[tuple[tuple[Any, ...], spaces.Box]]:
    """Yields the key path and the space of each array in a space."""
    if isinstance(space, spaces.Box) and is_plain(space):
        yield path, space
    elif isinstance(space, spaces.Dict):
        for key, part in space.spaces.items():
            yield from _boxes(part, (*path, key))
    elif isinstance(space, spaces.Tuple):
        for index, part in enumerate(space.spaces):
            yield from _boxes(part, (*path, index))


def copy_value(value: Any) -> Any:
    """Returns a copy of an observation of any space that shares nothing with it."""
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, dict):
        return {key: copy_value(item) for key, item in value.items()}
    return copy.deepcopy(value)


class Attachment(ABC):
    """How one agent's action and its message are one action.

    Attributes:
        space: The space of both together.
        message_space: The space of the message.
        message_entries: Entries of a mask that are the message's; 0 where the two have masks of
            their own.
    """

    space: Space[Any]
    message_space: Space[Any]
    message_entries = 0

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

    def parted_of_all(self, actions: ByAgent) -> dict[Any, tuple[Any, Any]]:
        """Returns what `parted` does for each of some agents, by agent."""
        return {agent: self.parted(agent, action) for agent, action in actions.items()}

    def like(self, other: Attachment) -> bool:
        """Returns whether another one does the same with any action."""
        return self is other

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
        return {agent: self.room(agent, mask_length(space)) for agent, space in seen.items()}

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

    def parted_of_all(self, actions: ByAgent) -> tuple[dict[Any, Any], dict[Any, Any]]:
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
