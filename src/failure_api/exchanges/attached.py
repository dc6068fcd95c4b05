"""Action and message together: as one flat action, or under two keys of a dictionary."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.spaces import Space
from gymnasium.spaces.utils import flatdim, flatten, flatten_space
from numpy.typing import NDArray

from failure_api.core.parameters.rules import as_array, numbers
from failure_api.errors import InvalidArgumentError, invalid
from failure_api.exchanges.spaces.actions import Attachment, ByAgent
from failure_api.exchanges.spaces.numbers import Numbers, OneHotNumbers, leaves, limits_of

CHOICES = (spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)


def attached_entries(
    agent: Any, own_space: Space[Any], message_space: Space[Any]
) -> AttachedChoices | AttachedVector:
    """Returns how an action and a message are one `MultiDiscrete`, or else one `Box`.

    Args:
        agent: Whose action.
        own_space: The environment's action space.
        message_space: Of what the agent says.

    Raises:
        InvalidArgumentError: The environment's actions are no fixed number of numbers.
    """
    try:
        parts = list(leaves(spaces.Tuple([own_space, message_space])))
    except TypeError as error:
        raise InvalidArgumentError(
            f'form "flat" of SendMessages must be of actions that can be flattened, but those of '
            f'agent {agent!r} are {own_space} ({error}): give form="dict" instead.'
        ) from None
    made = AttachedChoices if all(isinstance(part, CHOICES) for part in parts) else AttachedVector
    return made(own_space, message_space)


class _AttachedEntries(Attachment):
    """An action and a message as one vector of numbers.

    Attributes:
        shape: Of the vector.
    """

    _numbers: Numbers
    _rule: str
    _remedy: str
    shape: tuple[int, ...]

    def parted(self, agent: Any, action: Any) -> tuple[Any, Any]:
        """Returns the environment's action and the message, each in its own type."""
        vector = numbers(action, flags=True)
        fits = vector is not None and vector.shape == self.shape
        rows = self._rows(vector[None]) if vector is not None and fits else None
        if rows is None:
            raise invalid(f"the action of agent {agent!r}", self._rule, action, self._remedy)
        own, said = self._numbers.elements(rows)[0]
        return own, said

    def parted_of_all(self, actions: ByAgent) -> dict[Any, tuple[Any, Any]]:
        """Returns what `parted` does for each of some agents, by agent."""
        arrays = [*actions.values()]
        # What is no array of numbers is looked at by itself, for what is wrong with it.
        if all(type(a) is np.ndarray and a.shape == self.shape for a in arrays):
            vectors = np.array(arrays)
            rows = self._rows(vectors.astype(np.float64)) if vectors.dtype.kind in "biuf" else None
            if rows is not None:
                return dict(zip(actions, self._numbers.elements(rows), strict=True))
        return super().parted_of_all(actions)

    def like(self, other: Attachment) -> bool:
        """Returns whether the spaces are the same, to the last bit of their bounds."""
        if type(other) is not type(self):
            return False
        one, two = self._numbers, other._numbers
        types = [leaf.dtype for leaf in one.leaves] == [leaf.dtype for leaf in two.leaves]
        bounds = np.array_equal(one.low, two.low) and np.array_equal(one.high, two.high)
        return types and bounds and one.space == two.space

    @abstractmethod
    def _rows(self, vectors: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Returns the numbers that vectors stand for, a row each; None where one is refused."""


class AttachedChoices(_AttachedEntries):
    """Every choice is an entry of a `MultiDiscrete`, which counts from 0 whatever they do.

    Args:
        own_space: The environment's action space, made of choices alone.
        message_space: Of what the agent says, likewise.

    Example:
        >>> attached = AttachedChoices(spaces.Discrete(5), spaces.Discrete(3, start=1))
        >>> attached.space
        MultiDiscrete([5 3])
        >>> attached.parted("a", [4, 0])
        (np.int64(4), np.int64(1))
    """

    def __init__(self, own_space: Space[Any], message_space: Space[Any]) -> None:
        self.message_space = message_space
        self._numbers = Numbers(spaces.Tuple([own_space, message_space]))
        limits = [limits_of(leaf) for leaf in self._numbers.leaves]
        first, last = (
            np.concatenate(ends, dtype=np.int64, casting="unsafe")
            for ends in zip(*limits, strict=True)
        )
        self._starts, self._counts = first.astype(np.float64), last - first + 1
        self.space: Space[Any] = spaces.MultiDiscrete(self._counts)
        self.shape = self._counts.shape
        self.message_entries = int(self._counts[len(limits[0][0]) :].sum())
        self._rule = f"must be in {self.space}"
        self._remedy = "give an element of that space"

    def _rows(self, vectors: NDArray[np.float64]) -> NDArray[np.float64] | None:
        counted = ((vectors >= 0) & (vectors < self._counts) & (vectors % 1 == 0)).all()
        return vectors + self._starts if counted else None

    def joined(self, own: Any, message: Any) -> Any:
        """Returns the entries of both."""
        row = self._numbers.row((own, message), np.float64)
        return (row - self._starts).astype(np.int64)


class AttachedVector(_AttachedEntries):
    """Entries of a float32 `Box`: numbers stand as they are, a choice is a block for one-hot.

    The greatest entry of a block is chosen, and a bit is 1 above one half. What is beyond the
    bounds of a message comes to them. What is beyond those of the environment's action is left to
    the environment, but for whole numbers, which are rounded and come to their bounds.

    Args:
        own_space: The environment's action space.
        message_space: Of what the agent says.

    Example:
        >>> attached = AttachedVector(spaces.Box(-1, 1, (2,)), spaces.Discrete(3))
        >>> attached.space.shape
        (5,)
        >>> attached.parted("a", [0.5, -1, 0.2, 0.7, 0.1])
        (array([ 0.5, -1. ], dtype=float32), np.int64(1))
    """

    def __init__(self, own_space: Space[Any], message_space: Space[Any]) -> None:
        self.message_space = message_space
        self._both = spaces.Tuple([own_space, message_space])
        self._flat, self._numbers = OneHotNumbers(self._both), Numbers(self._both)
        box: Any = flatten_space(self._both)
        bounds = box.low, box.high, self._numbers.low, self._numbers.high
        with np.errstate(over="ignore"):
            low, high, near_low, near_high = (bound.astype(np.float32) for bound in bounds)
        self.space: Space[Any] = spaces.Box(low, high, dtype=np.float32)
        self.shape = low.shape
        self.message_entries = self.shape[0] - int(flatdim(own_space))
        self._rule = f"must be a vector of {self.shape[0]} numbers"
        self._remedy = f"give one as in {self.space}"
        own = np.arange(self._numbers.width) < Numbers(own_space).width
        free = own & ~self._numbers.whole
        # An entry within what float32 makes of its bounds is meant to be within them.
        self._far_low = np.where(free & (near_low < np.inf), near_low, -np.inf)
        self._far_high = np.where(free & (near_high > -np.inf), near_high, np.inf)

    def _rows(self, vectors: NDArray[np.float64]) -> NDArray[np.float64] | None:
        if np.isnan(vectors).any():
            return None
        rows = self._flat.rows(vectors, np.float64)
        rows = np.where(self._numbers.whole, np.rint(rows), rows)
        inside = np.clip(rows, self._numbers.low, self._numbers.high)
        return np.where((rows < self._far_low) | (rows > self._far_high), rows, inside)

    def joined(self, own: Any, message: Any) -> Any:
        """Returns the entries of both."""
        return np.array(flatten(self._both, (own, message)), dtype=np.float32)


ACTION, MESSAGE = "action", "message"


class AttachedKeys(Attachment):
    """`{"action": the environment's, "message": what the agent says}`.

    Args:
        own_space: The environment's action space.
        message_space: Of what the agent says.

    Example:
        >>> attached = AttachedKeys(spaces.Discrete(5), spaces.MultiBinary(2))
        >>> attached.parted("a", {"action": 4, "message": [1, 0]})
        (4, array([1, 0], dtype=int8))
    """

    def __init__(self, own_space: Space[Any], message_space: Space[Any]) -> None:
        self.message_space = message_space
        self.space: Space[Any] = spaces.Dict({ACTION: own_space, MESSAGE: message_space})

    def parted(self, agent: Any, action: Any) -> tuple[Any, Any]:
        """Returns the environment's action, as it is, and the message."""
        if not isinstance(action, Mapping) or ACTION not in action or MESSAGE not in action:
            rule = 'must be of the form {"action": ..., "message": ...}'
            raise invalid(f"the action of agent {agent!r}", rule, action, "give both keys")
        said = element(self.message_space, action[MESSAGE])
        if said is None:
            name, rule = f"the message of agent {agent!r}", f"must be in {self.message_space}"
            raise invalid(name, rule, action[MESSAGE], "give an element of that space")
        return action[ACTION], said

    def joined(self, own: Any, message: Any) -> Any:
        """Returns the two in one dictionary."""
        return {ACTION: own, MESSAGE: message}


def element(space: Space[Any], value: Any) -> Any:
    """Returns a value as an element of a space, which nobody else holds; None where it is none.

    Numbers of another type, and lists of them, are taken where the space has what they stand for.

    Args:
        space: Box, Discrete, MultiDiscrete or MultiBinary.
        value: Anything.

    Example:
        >>> element(spaces.Box(-1, 1, (2,)), [0.5, 1])
        array([0.5, 1. ], dtype=float32)
        >>> element(spaces.Discrete(3), 3.0) is None
        True
    """
    array = as_array(value)
    dtype = np.dtype(space.dtype or np.float32)
    floats = dtype.kind == "f"
    if array is None or array.shape != space.shape:
        return None
    if array.dtype.kind not in ("biuf" if floats else "biu"):
        return None
    with np.errstate(over="ignore"):
        found = array.astype(dtype)
    if not floats and not np.array_equal(found, array):
        return None
    made = found[()] if isinstance(space, spaces.Discrete) else found
    return made if space.contains(made) else None
