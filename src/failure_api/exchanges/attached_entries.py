"""Action and message as one flat action that trainers accept."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.spaces.utils import flatten, flatten_space
from numpy.typing import NDArray

from failure_api.core.rules import numbers
from failure_api.errors import InvalidArgumentError, invalid
from failure_api.exchanges.numbers import Numbers, leaves
from failure_api.exchanges.one_hot import OneHotNumbers
from failure_api.exchanges.zero import zero_of

CHOICES = (spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)


def attached_entries(
    agent: Any, own_space: spaces.Space[Any], message_space: spaces.Space[Any]
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


class AttachedChoices:
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

    def __init__(self, own_space: spaces.Space[Any], message_space: spaces.Space[Any]) -> None:
        self.message_space = message_space
        self._numbers = Numbers(spaces.Tuple([own_space, message_space]))
        self._zero = zero_of(self._numbers.space)
        starts = [_starts(leaf) for leaf in self._numbers.leaves]
        counts = [_counts(leaf) for leaf in self._numbers.leaves]
        self._starts = np.concatenate(starts).astype(np.float64)
        self._counts = np.concatenate(counts)
        self.space: spaces.Space[Any] = spaces.MultiDiscrete(self._counts)

    def parted(self, agent: Any, action: Any) -> tuple[Any, Any]:
        """Returns the environment's action and the message, each in its own type."""
        given = _numbers_in(action)
        if given is None or given.shape != self._counts.shape or not self._counted(given):
            rule, name = f"must be in {self.space}", f"the action of agent {agent!r}"
            raise invalid(name, rule, action, "give an element of that space")
        own, said = _element(self._numbers, given + self._starts, self._zero)
        return own, said

    def _counted(self, given: NDArray[np.float64]) -> bool:
        return bool(((given >= 0) & (given < self._counts) & (given % 1 == 0)).all())

    def joined(self, own: Any, message: Any) -> Any:
        """Returns the entries of both."""
        row = self._numbers.row((own, message), np.float64)
        return (row - self._starts).astype(np.int64)


class AttachedVector:
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

    def __init__(self, own_space: spaces.Space[Any], message_space: spaces.Space[Any]) -> None:
        self.message_space = message_space
        self._both = spaces.Tuple([own_space, message_space])
        self._flat, self._numbers = OneHotNumbers(self._both), Numbers(self._both)
        self._zero = zero_of(self._both)
        box: Any = flatten_space(self._both)
        with np.errstate(over="ignore"):
            low, high = box.low.astype(np.float32), box.high.astype(np.float32)
        self.space: spaces.Space[Any] = spaces.Box(low, high, dtype=np.float32)
        self._size = low.size
        own = np.arange(self._numbers.width) < Numbers(own_space).width
        free = own & ~self._numbers.whole
        # An entry within what float32 makes of its bounds is meant to be within them.
        with np.errstate(over="ignore"):
            near = [b.astype(np.float32) for b in (self._numbers.low, self._numbers.high)]
        self._far_low = np.where(free, near[0], np.inf)
        self._far_high = np.where(free, near[1], -np.inf)

    def parted(self, agent: Any, action: Any) -> tuple[Any, Any]:
        """Returns the environment's action and the message, each in its own type."""
        given = _numbers_in(action)
        if given is None or given.shape != (self._size,) or np.isnan(given).any():
            rule = f"must be a vector of {self._size} numbers"
            name = f"the action of agent {agent!r}"
            raise invalid(name, rule, action, f"give one as in {self.space}")
        row = self._flat.row(given, np.float64)
        row = np.where(self._numbers.whole, np.rint(row), row)
        inside = np.clip(row, self._numbers.low, self._numbers.high)
        beyond = (row < self._far_low) & (self._far_low < np.inf)
        beyond |= (row > self._far_high) & (self._far_high > -np.inf)
        own, said = _element(self._numbers, np.where(beyond, row, inside), self._zero)
        return own, said

    def joined(self, own: Any, message: Any) -> Any:
        """Returns the entries of both."""
        return np.array(flatten(self._both, (own, message)), dtype=np.float32)


def _numbers_in(action: Any) -> NDArray[np.float64] | None:
    """Returns an action as float64; None where it is no array of numbers."""
    return numbers(action, flags=True)


def _element(numbers: Numbers, row: NDArray[np.float64], zero: Any) -> Any:
    """Returns the element that a row stands for."""
    return numbers.observation(row, np.full(row.shape, np.nan), zero)


def _starts(leaf: Any) -> NDArray[Any]:
    return np.ravel(getattr(leaf, "start", np.zeros(leaf.shape, np.int64)))


def _counts(leaf: Any) -> NDArray[np.int64]:
    if isinstance(leaf, spaces.MultiBinary):
        return np.full(int(np.prod(leaf.shape)), 2, dtype=np.int64)
    return np.ravel(leaf.n if isinstance(leaf, spaces.Discrete) else leaf.nvec).astype(np.int64)
