"""The components that a model can be built from, and functions by name."""

from __future__ import annotations

import functools
import inspect
import operator
import sys
import typing
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from importlib import import_module
from typing import Any

from failure_api.core.model import CommunicationModel
from failure_api.core.noise import NoiseModel
from failure_api.core.parameters.component import Component
from failure_api.core.parameters.fields import AgentRule, LinkRule
from failure_api.core.parameters.rules import Function, Number, Optional, Rule
from failure_api.serialization.paths import KeyPath, refused
from failure_api.serialization.registry import name_of

_FORM = "give 'module:name', as in 'my_package.attacks:invert'"


def name_of_function(function: Any, path: KeyPath) -> str:
    """Returns the name that finds a function again, or raises why none does."""
    module = getattr(function, "__module__", None)
    name = getattr(function, "__qualname__", None)
    if isinstance(module, str) and isinstance(name, str) and module != "__main__":
        try:
            if operator.attrgetter(name)(import_module(module)) is function:
                return f"{module}:{name}"
        except (ImportError, AttributeError):
            pass
    rule = "must be a function that can be imported to be written as plain data"
    remedy = "define it by `def` at the top level of a module"
    raise refused(path, rule, function, remedy)


def function_named(name: Any, path: KeyPath) -> Any:
    """Returns the function of a name, for which its module is imported."""
    rule = "must be a function, or its name"
    if callable(name):
        return name
    module, colon, attribute = name.partition(":") if isinstance(name, str) else ("", "", "")
    if not (
        colon and all(part.isidentifier() for part in [*module.split("."), *attribute.split(".")])
    ):
        raise refused(path, rule, name, _FORM)
    try:
        function = operator.attrgetter(attribute)(import_module(module))
    except AttributeError as error:
        raise refused(path, rule, name, f"{module} has no {attribute}, fix the name") from error
    except (Exception, SystemExit) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".: ")
        rule = f"must name a module that can be imported ({reason})"
        raise refused(path, rule, name, "fix the name, or install the package") from error
    if not callable(function):
        raise refused(path, rule, name, f"{attribute} is no function, name another one")
    return function


def _hints_of(value_class: Any) -> dict[str, Any]:
    """Returns the type of each field of a dataclass that its constructor takes."""
    hints = typing.get_type_hints(value_class, include_extras=True)
    return {field.name: hints[field.name] for field in fields(value_class) if field.init}


hints_of: Callable[[Any], dict[str, Any]] = functools.cache(_hints_of)


def kinds_of(value_class: type, field: str) -> tuple[type, ...]:
    """Returns the classes of parts that a field takes.

    They are those that its type speaks of, however deep within it; where it speaks of none, as
    `Any` and `Callable` do not, those that the class's module knows.
    """
    hint = hints_of(value_class)[field]
    named = tuple(kind for kind in _classes_in(hint) if not issubclass(kind, _MODELS))
    return named or _kinds_in_modules(value_class)


def kind_of_model(value_class: type, field: str) -> type | None:
    """Returns which kind of model a field's type speaks of; None where it speaks of none."""
    hint = hints_of(value_class)[field]
    named = [kind for kind in _classes_in(hint) if issubclass(kind, _MODELS)]
    return named[0] if named else None


def part_classes(*kinds: type) -> dict[str, type]:
    """Returns the classes of some kinds that can be made, by name."""
    found: dict[str, type] = {}
    for kind in kinds:
        for part in _descendants(kind):
            if is_dataclass(part) and not inspect.isabstract(part) and part is not Component:
                found.setdefault(name_of(part), part)
    return found


def inner_rule(rule: Rule | None) -> Rule | None:
    """Returns the rule that holds for a value that is not None."""
    return rule.rule if isinstance(rule, Optional) else rule


def takes_function(rule: Rule | None) -> bool:
    """Returns whether a parameter is a function and nothing else."""
    return isinstance(inner_rule(rule), Function)


def is_number(rule: Rule | None) -> bool:
    """Returns whether a parameter holds numbers and nothing else."""
    return isinstance(inner_rule(rule), LinkRule | AgentRule | Number)


_MODELS = (CommunicationModel, NoiseModel)


def _classes_in(hint: Any) -> Iterator[Any]:
    if isinstance(hint, type) and is_dataclass(hint):
        yield hint
    for argument in typing.get_args(hint):
        yield from _classes_in(argument)


@functools.cache
def _kinds_in_modules(value_class: type) -> tuple[type, ...]:
    """Returns the classes of parts that the modules of a class and of its bases know."""
    modules = [sys.modules.get(base.__module__) for base in value_class.__mro__]
    known = [value for module in modules for value in vars(module or object).values()]
    parts = [value for value in known if isinstance(value, type) and issubclass(value, Component)]
    return tuple(dict.fromkeys(part for part in parts if part is not Component))


def _descendants(kind: type) -> Iterator[type]:
    yield kind
    below: type
    for below in kind.__subclasses__():
        if not below.__name__.startswith("_"):
            yield from _descendants(below)
