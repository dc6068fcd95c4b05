"""The parameters of a model: one rule for each kind, checked when the model is made.

A field annotated with one of the kinds below is checked and normalised by
`CommunicationModel.__post_init__`. Link parameters accept a number for all links, an `[N, N]`
array indexed `[sender, receiver]`, or `{(sender, receiver): value}`, where links that are not
named keep the rule's neutral value.
"""

from __future__ import annotations

import functools
import operator
import typing
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from failure_api.core.frozen import FrozenArray, FrozenMapping
from failure_api.core.links import Array, Context
from failure_api.errors import invalid, nearest

LARGEST = float(np.finfo(np.float32).max)
SMALLEST = float(np.finfo(np.float32).tiny)
"""Links are float32: beyond these a finite number is infinite, or zero, to them."""


class Rule(ABC):
    """What a parameter must satisfy."""

    @abstractmethod
    def normalise(self, name: str, value: Any) -> Any:
        """Returns the value in its immutable form, or raises what is wrong with it."""


@dataclass(frozen=True)
class LinkRule(Rule):
    """What a parameter that may differ from link to link must satisfy."""

    text: str
    accepts: Callable[[NDArray[np.float64]], NDArray[np.bool_]]
    neutral: float
    remedy: str

    def normalise(self, name: str, value: Any) -> float | FrozenArray | FrozenMapping:
        """Returns the value in its immutable form, or raises what is wrong with it."""
        if isinstance(value, Mapping):
            return FrozenMapping(
                {self._pair(name, pair): self._number(name, v) for pair, v in value.items()}
            )
        array = numbers(value)
        if array is None:
            raise invalid(
                name,
                "must be a number, an [N, N] array or {(sender, receiver): number}",
                value,
                self.remedy,
            )
        if array.ndim == 0:
            return self._number(name, value)
        if array.ndim != 2 or array.shape[0] != array.shape[1]:
            raise invalid(
                name,
                "must be a number, an [N, N] array or {(sender, receiver): number}",
                value,
                "give one row for each sender and one column for each receiver",
            )
        # The diagonal means nothing, so nothing is asked of it.
        off_diagonal = ~np.eye(len(array), dtype=bool)
        fine = self.accepts(array)
        refused = off_diagonal & ~fine
        if refused.any():
            sender, receiver = np.argwhere(refused)[0].tolist()
            entry = f"{name}[{sender}, {receiver}]"
            raise invalid(entry, self.text, float(array[sender, receiver]), self.remedy)
        return FrozenArray(np.where(fine, array, 1.0))

    def _number(self, name: str, value: Any) -> float:
        number = numbers(value)
        if number is None or number.ndim or not self.accepts(number):
            raise invalid(name, self.text, value, self.remedy)
        return float(number)

    def _pair(self, name: str, key: Any) -> tuple[Any, Any]:
        if isinstance(key, tuple) and len(key) == 2 and key[0] != key[1]:
            return key
        raise invalid(
            name, "must have (sender, receiver) pairs as keys", key, "name two different agents"
        )


@dataclass(frozen=True)
class Choice(Rule):
    """A parameter that is one of a few words, as its `Literal` type says."""

    words: tuple[str, ...]

    def normalise(self, name: str, value: Any) -> str:
        """Returns the word, or raises an error that lists those accepted."""
        if isinstance(value, str) and value in self.words:
            return value
        listed = " or ".join(map(repr, self.words))
        raise invalid(name, f"must be {listed}", value, nearest(str(value), self.words))


class Flag(Rule):
    """A parameter that is True or False."""

    def normalise(self, name: str, value: Any) -> bool:
        """Returns the flag, or raises an error for anything that is none."""
        if isinstance(value, bool | np.bool_):
            return bool(value)
        raise invalid(name, "must be True or False", value, "give one of the two")


@dataclass(frozen=True)
class WholeRounds(Rule):
    """A parameter that counts rounds."""

    def normalise(self, name: str, value: Any) -> int:
        """Returns the value as an integer, or raises what is wrong with it."""
        try:
            rounds = operator.index(value)
        except TypeError:
            rounds = -1
        if rounds < 0 or isinstance(value, bool | np.bool_):
            raise invalid(
                name, "must be a whole number of rounds, 0 or more", value, "give an integer"
            )
        return rounds


def numbers(value: Any) -> NDArray[np.float64] | None:
    """Returns real numbers as a float64 array; None for anything else, such as text."""
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return array.astype(np.float64) if array.dtype.kind in "biuf" else None


LinkValue: TypeAlias = float | ArrayLike | Mapping[tuple[Any, Any], float]

Probability: TypeAlias = Annotated[
    LinkValue,
    LinkRule("must lie in [0, 1]", lambda p: (p >= 0) & (p <= 1), 0.0, "give a probability"),
]
Bandwidth: TypeAlias = Annotated[
    LinkValue,
    LinkRule(
        "must be finite and at least 0",
        lambda b: (b >= 0) & (b <= LARGEST),
        1.0,
        "give messages per round, where 1 is nominal",
    ),
]
Distance: TypeAlias = Annotated[
    LinkValue,
    LinkRule(
        "must be greater than 0",
        lambda d: d >= SMALLEST,
        np.inf,
        "give a distance in the environment's units",
    ),
]
Rounds: TypeAlias = Annotated[int, WholeRounds()]


def _rules_of(value_class: Any) -> dict[str, Rule]:
    """Returns the rule of each field of a dataclass that has one."""
    hints = typing.get_type_hints(value_class, include_extras=True)
    rules: dict[str, Rule] = {}
    for field in fields(value_class):
        hint = hints[field.name]
        if hint is bool:
            rules[field.name] = Flag()
        if typing.get_origin(hint) is typing.Literal:
            rules[field.name] = Choice(typing.get_args(hint))
        for note in getattr(hint, "__metadata__", ()):
            if isinstance(note, Rule):
                rules[field.name] = note
    return rules


rules_of: Callable[[Any], dict[str, Rule]] = functools.cache(_rules_of)


def normalise_fields(value: Any) -> None:
    """Puts every field of a frozen dataclass that has a rule into its immutable form."""
    for name, rule in rules_of(type(value)).items():
        object.__setattr__(value, name, rule.normalise(name, getattr(value, name)))


def per_link(name: str, value: Any, neutral: float, context: Context) -> Array:
    """Returns a link parameter as a float32 array of the namespace, `[N, N]` or 0-d.

    Args:
        name: What errors call the parameter.
        value: Its normalised value.
        neutral: What holds for links that a mapping does not name.
        context: Says who the agents are.

    Raises:
        InvalidArgumentError: The array is not `[N, N]`, or the mapping names an unknown agent.
    """
    if isinstance(value, float):
        return context.xp.asarray(value, dtype=context.xp.float32)
    agent_ids, count = context.agent_ids, len(context.agent_ids)
    if isinstance(value, FrozenMapping):
        table = np.full((count, count), neutral, dtype=np.float32)
        for pair, number in value.items():
            table[index_of(name, pair[0], agent_ids), index_of(name, pair[1], agent_ids)] = number
    else:
        table = np.array(value, dtype=np.float32)
        if table.shape != (count, count):
            raise invalid(
                name,
                f"must have one row and one column for each of the {count} agents",
                table,
                f"give an array of shape ({count}, {count}) in the order of possible_agents",
            )
    return context.xp.asarray(table)


def index_of(name: str, agent_id: Any, agent_ids: tuple[Any, ...]) -> int:
    """Returns an agent's place in `agent_ids`, or raises an error that lists them."""
    try:
        return agent_ids.index(agent_id)
    except ValueError:
        known = ", ".join(map(str, agent_ids))
        raise invalid(
            name, "must name agents of the environment", agent_id, f"choose from {known}"
        ) from None
