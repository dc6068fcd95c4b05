"""The fields of a model: their rules, how they are looked up by agent and link, and their scope."""

from __future__ import annotations

import functools
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from failure_api.core.links import Array, Context
from failure_api.core.parameters import rules
from failure_api.core.parameters.frozen import FrozenArray, FrozenMapping
from failure_api.errors import invalid, listed


@dataclass(frozen=True)
class VaryingRule:
    """What a parameter that may differ from link to link, or from agent to agent, must satisfy."""

    text: str
    accepts: Callable[[NDArray[np.float64]], NDArray[np.bool_]]
    neutral: float
    remedy: str
    unit: str = ""

    axes: ClassVar[int]
    form: ClassVar[str]
    form_remedy: ClassVar[str] = ""

    def normalise(self, name: str, value: Any) -> float | FrozenArray | FrozenMapping:
        """Returns the value in its immutable form, or raises what is wrong with it."""
        if isinstance(value, Mapping):
            items = value.items()
            return FrozenMapping({self._key(name, k): self._number(name, v) for k, v in items})
        array = rules.numbers(value)
        if array is not None and array.ndim == 0:
            return self._number(name, value)
        if array is None or array.ndim != self.axes or len({*array.shape}) > 1 or not array.size:
            remedy = (array is not None and self.form_remedy) or self.remedy
            raise invalid(name, self.form, value, remedy)
        # The diagonal means nothing: nothing is asked of it, and it tells no two models apart.
        read = ~np.eye(len(array), dtype=bool) if self.axes == 2 else np.full(len(array), True)
        rules.check_entries(name, array, self.accepts(array) | ~read, self.text, self.remedy)
        neutral = self.neutral if np.isfinite(self.neutral) else 1.0
        return FrozenArray(np.where(read, array, neutral))

    def _number(self, name: str, value: Any) -> float:
        number = rules.numbers(value)
        if number is None or number.ndim or not self.accepts(number):
            raise invalid(name, self.text, value, self.remedy)
        return float(number)

    def _key(self, name: str, key: Any) -> Any:
        return key


class LinkRule(VaryingRule, rules.Rule):
    """What a parameter that may differ from link to link must satisfy."""

    axes = 2
    form = "must be a number, an [N, N] array or {(sender, receiver): number}"
    form_remedy = "give one row for each sender and one column for each receiver"

    def _key(self, name: str, key: Any) -> Any:
        if isinstance(key, tuple) and len(key) == 2 and key[0] != key[1]:
            return key
        rule = "must have (sender, receiver) pairs as keys"
        raise invalid(name, rule, key, "name two different agents")


class AgentRule(VaryingRule, rules.Rule):
    """What a parameter that may differ from agent to agent must satisfy."""

    axes = 1
    form = "must be a number, an array of one for each agent, or {agent: number}"


class Drawn(NamedTuple):
    """A link parameter that is drawn for each episode, in place of one that is given.

    Attributes:
        least: The least value that may be drawn.
        greatest: The greatest.
    """

    least: float
    greatest: float


def _rules_of(value_class: Any) -> dict[str, rules.Rule]:
    """Returns the rule of each field of a dataclass that has one."""
    hints = typing.get_type_hints(value_class, include_extras=True)
    found = {field.name: _rule(hints[field.name]) for field in fields(value_class)}
    return {name: rule for name, rule in found.items() if rule is not None}


def _rule(hint: Any) -> rules.Rule | None:
    """Returns the rule that a field's type stands for; None where it stands for none."""
    for note in getattr(hint, "__metadata__", ()):
        if isinstance(note, rules.Rule):
            return note
    if hint is bool:
        return rules.Flag()
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return rules.Choice(arguments)
    if origin is Callable:
        return rules.Function()
    if origin in (typing.Union, types.UnionType) and types.NoneType in arguments:
        others = [argument for argument in arguments if argument is not types.NoneType]
        rule = _rule(others[0]) if len(others) == 1 else None
        return None if rule is None else rules.Optional(rule)
    if isinstance(hint, type) and is_dataclass(hint):
        return rules.Instance(hint)
    return None


rules_of: Callable[[Any], dict[str, rules.Rule]] = functools.cache(_rules_of)


def inner_rule(rule: rules.Rule | None) -> rules.Rule | None:
    """Returns a rule without the permission of None, where it has one."""
    return rule.rule if isinstance(rule, rules.Optional) else rule


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
        inner, field = inner_rule(rule), getattr(value, name)
        if isinstance(inner, VaryingRule):
            called = f"{value.name}.{name}"
            neutral, axes = inner.neutral, inner.axes
            found[name] = None if field is None else _table(called, field, neutral, axes, context)
    return found


def normalise_fields(value: Any) -> None:
    """Puts every field of a frozen dataclass that has a rule into its immutable form."""
    sizes: dict[str, int] = {}
    for name, rule in rules_of(type(value)).items():
        field = rule.normalise(name, getattr(value, name))
        object.__setattr__(value, name, field)
        if isinstance(inner_rule(rule), VaryingRule) and isinstance(field, FrozenArray):
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
    return _table(name, value, neutral, 2, context)


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
    return _table(name, value, neutral, 1, context)


def _table(name: str, value: Any, neutral: float, axes: int, context: Context) -> Array | None:
    """Returns a parameter with an axis of all agents, or with two, as `per_link` does."""
    agent_ids, count = context.agent_ids, len(context.agent_ids)
    if isinstance(value, Drawn):
        return None
    if isinstance(value, float):
        return context.xp.asarray(value, dtype=context.xp.float32)
    if isinstance(value, FrozenMapping):
        table = np.full((count,) * axes, neutral, dtype=np.float32)
        for key, number in value.items():
            named = key if axes == 2 else (key,)
            table[tuple(index_of(name, agent_id, agent_ids) for agent_id in named)] = number
    else:
        table = np.array(value, dtype=np.float32)
        if table.shape != (count,) * axes:
            rule = f"must have one entry for each of the {count} agents"
            remedy = f"give {count} numbers in the order of possible_agents"
            if axes == 2:
                rule = f"must have one row and one column for each of the {count} agents"
                remedy = (
                    f"give an array of shape ({count}, {count}) in the order of possible_agents"
                )
            raise invalid(name, rule, table, remedy)
    return context.xp.asarray(table)


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
