"""The fields of a model: their rules, how they are looked up by agent and link, and their scope."""

from __future__ import annotations

import functools
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from failure_api.core.links import Array, Context
from failure_api.core.parameters.frozen import FrozenArray, FrozenMapping
from failure_api.core.parameters.rules import (
    Choice,
    Flag,
    Function,
    Instance,
    Optional,
    Rule,
    check_entries,
    numbers,
)
from failure_api.errors import invalid, listed


@dataclass(frozen=True)
class LinkRule(Rule):
    """What a parameter that may differ from link to link must satisfy."""

    text: str
    accepts: Callable[[NDArray[np.float64]], NDArray[np.bool_]]
    neutral: float
    remedy: str
    unit: str = ""

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
        if array.ndim != 2 or array.shape[0] != array.shape[1] or not array.size:
            raise invalid(
                name,
                "must be a number, an [N, N] array or {(sender, receiver): number}",
                value,
                "give one row for each sender and one column for each receiver",
            )
        # The diagonal means nothing: nothing is asked of it, and it tells no two models apart.
        off_diagonal = ~np.eye(len(array), dtype=bool)
        check_entries(name, array, self.accepts(array) | ~off_diagonal, self.text, self.remedy)
        neutral = self.neutral if np.isfinite(self.neutral) else 1.0
        return FrozenArray(np.where(off_diagonal, array, neutral))

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
class AgentRule(Rule):
    """What a parameter that may differ from agent to agent must satisfy."""

    text: str
    accepts: Callable[[NDArray[np.float64]], NDArray[np.bool_]]
    neutral: float
    remedy: str
    unit: str = ""

    def normalise(self, name: str, value: Any) -> float | FrozenArray | FrozenMapping:
        """Returns the value in its immutable form, or raises what is wrong with it."""
        if isinstance(value, Mapping):
            return FrozenMapping({key: self._number(name, v) for key, v in value.items()})
        array = numbers(value)
        if array is None or array.ndim > 1 or not array.size:
            raise invalid(
                name,
                "must be a number, an array of one for each agent, or {agent: number}",
                value,
                self.remedy,
            )
        if array.ndim == 0:
            return self._number(name, value)
        check_entries(name, array, self.accepts(array), self.text, self.remedy)
        return FrozenArray(array)

    def _number(self, name: str, value: Any) -> float:
        number = numbers(value)
        if number is None or number.ndim or not self.accepts(number):
            raise invalid(name, self.text, value, self.remedy)
        return float(number)


class Drawn(NamedTuple):
    """A link parameter that is drawn for each episode, in place of one that is given.

    Attributes:
        least: The least value that may be drawn.
        greatest: The greatest.
    """

    least: float
    greatest: float


def _rules_of(value_class: Any) -> dict[str, Rule]:
    """Returns the rule of each field of a dataclass that has one."""
    hints = typing.get_type_hints(value_class, include_extras=True)
    found = {field.name: _rule(hints[field.name]) for field in fields(value_class)}
    return {name: rule for name, rule in found.items() if rule is not None}


def _rule(hint: Any) -> Rule | None:
    """Returns the rule that a field's type stands for; None where it stands for none."""
    for note in getattr(hint, "__metadata__", ()):
        if isinstance(note, Rule):
            return note
    if hint is bool:
        return Flag()
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return Choice(arguments)
    if origin is Callable:
        return Function()
    if origin in (typing.Union, types.UnionType) and types.NoneType in arguments:
        given = [argument for argument in arguments if argument is not types.NoneType]
        rule = _rule(given[0]) if len(given) == 1 else None
        return None if rule is None else Optional(rule)
    if isinstance(hint, type) and is_dataclass(hint):
        return Instance(hint)
    return None


rules_of: Callable[[Any], dict[str, Rule]] = functools.cache(_rules_of)


def inner_rule(rule: Rule | None) -> Rule | None:
    """Returns a rule without the permission of None, where it has one."""
    return rule.rule if isinstance(rule, Optional) else rule


def parameters_of(value: Any, context: Any) -> dict[str, Array | None]:
    """Returns the fields that may differ from link to link or from agent to agent, as arrays.

    Args:
        value: A model.
        context: Says who the agents are.

    Returns:
        By the name of the field a float32 array, `[N, N]`, `[N]` or 0-d; None where the field is
        None, and where it is drawn for each episode.
    """
    found: dict[str, Array | None] = {}
    for name, rule in rules_of(type(value)).items():
        inner, given = inner_rule(rule), getattr(value, name)
        if not isinstance(inner, LinkRule | AgentRule):
            continue
        look_up = per_link if isinstance(inner, LinkRule) else per_agent
        called = f"{value.name}.{name}"
        found[name] = None if given is None else look_up(called, given, inner.neutral, context)
    return found


def normalise_fields(value: Any) -> None:
    """Puts every field of a frozen dataclass that has a rule into its immutable form."""
    sizes: dict[str, int] = {}
    for name, rule in rules_of(type(value)).items():
        field = rule.normalise(name, getattr(value, name))
        object.__setattr__(value, name, field)
        if isinstance(inner_rule(rule), LinkRule | AgentRule) and isinstance(field, FrozenArray):
            sizes[name] = field.shape[0]
    check_sizes(sizes)


def check_sizes(sizes: Mapping[str, int]) -> None:
    """Raises an error if arrays are for different numbers of agents.

    Args:
        sizes: The number of agents that each array is for, by the name of its parameter.
    """
    for name, size in sizes.items():
        first, expected = next(iter(sizes.items()))
        if size != expected:
            rule = f"must be for as many agents as {first}, {expected}"
            raise invalid(name, rule, size, "give all arrays for the same agents")


def per_link(name: str, value: Any, neutral: float, context: Context) -> Array | None:
    """Returns a link parameter as a float32 array of the namespace, `[N, N]` or 0-d.

    A parameter that is drawn for each episode is None.

    Args:
        name: What errors call the parameter.
        value: Its normalised value.
        neutral: What holds for links that a mapping does not name.
        context: Says who the agents are.

    Raises:
        InvalidArgumentError: The array is not `[N, N]`, or the mapping names an unknown agent.
    """
    if isinstance(value, Drawn):
        return None
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


def per_agent(name: str, value: Any, neutral: float, context: Context) -> Array:
    """Returns an agent parameter as a float32 array of the namespace, `[N]` or 0-d.

    Args:
        name: What errors call the parameter.
        value: Its normalised value.
        neutral: What holds for agents that a mapping does not name.
        context: Says who the agents are.

    Raises:
        InvalidArgumentError: The array is not `[N]`, or the mapping names an unknown agent.
    """
    if isinstance(value, float):
        return context.xp.asarray(value, dtype=context.xp.float32)
    agent_ids, count = context.agent_ids, len(context.agent_ids)
    if isinstance(value, FrozenMapping):
        row = np.full(count, neutral, dtype=np.float32)
        for agent_id, number in value.items():
            row[index_of(name, agent_id, agent_ids)] = number
    else:
        row = np.array(value, dtype=np.float32)
        if row.shape != (count,):
            raise invalid(
                name,
                f"must have one entry for each of the {count} agents",
                row,
                f"give {count} numbers in the order of possible_agents",
            )
    return context.xp.asarray(row)


def index_of(name: str, agent_id: Any, agent_ids: tuple[Any, ...]) -> int:
    """Returns an agent's place in `agent_ids`, or raises an error that lists them."""
    try:
        return agent_ids.index(agent_id)
    except ValueError:
        remedy = f"choose from {listed(agent_ids)}"
        raise invalid(name, "must name agents of the environment", agent_id, remedy) from None


def members_of(model: Any, context: Any) -> NDArray[np.bool_]:
    """Returns which agents a model is confined to, bool `[N]`.

    Args:
        model: A failure model or a noise model.
        context: Says who the agents are.

    Example:
        >>> from failure_api import Context, ProbabilisticModel
        >>> context = Context(0, np.ones(3, dtype=bool), None, np, (3, 3), ("a", "b", "c"))
        >>> members_of(ProbabilisticModel(failure_prob=0.1, agent_ids=["a", "c"]), context).tolist()
        [True, False, True]
    """
    ids: tuple[Any, ...] = context.agent_ids
    members = np.full(len(ids), model.agent_ids is None)
    for agent_id in model.agent_ids or ():
        members[index_of(f"{model.name}.agent_ids", agent_id, ids)] = True
    return members
