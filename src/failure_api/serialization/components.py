"""The components that a model can be built from, and functions by name."""

from __future__ import annotations

import contextlib
import functools
import inspect
import operator
import sys
import typing
from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields, is_dataclass
from importlib import import_module
from typing import Any, NamedTuple

from failure_api.core.parameters.component import Component
from failure_api.core.parameters.fields import AgentRule, LinkRule, inner_rule, rules_of
from failure_api.core.parameters.rules import Function, Number, Rule
from failure_api.serialization.paths import KeyPath, reason_of, refused
from failure_api.serialization.registry import KINDS, MODELS, name_of

_FORM = "give 'module:name', as in 'my_package.attacks:invert'"


def name_of_function(function: Any, path: KeyPath) -> str:
    """Returns the name that finds a function again, or raises why none does."""
    module = getattr(function, "__module__", None)
    name = getattr(function, "__qualname__", None)
    if isinstance(module, str) and isinstance(name, str) and module != "__main__":
        with contextlib.suppress(ImportError, AttributeError):
            if operator.attrgetter(name)(import_module(module)) is function:
                return f"{module}:{name}"
    rule = "must be a function that can be imported to be written as plain data"
    remedy = "define it by `def` at the top level of a module"
    raise refused(path, rule, function, remedy)


def function_named(name: Any, path: KeyPath) -> Any:
    """Returns the function of a name, for which its module is imported."""
    rule = "must be a function, or its name"
    if callable(name):
        return name
    module, _, attribute = name.partition(":") if isinstance(name, str) else ("", "", "")
    if not all(part.isidentifier() for part in [*module.split("."), *attribute.split(".")]):
        raise refused(path, rule, name, _FORM)
    try:
        function = operator.attrgetter(attribute)(import_module(module))
    except AttributeError as error:
        raise refused(path, rule, name, f"{module} has no {attribute}, fix the name") from error
    except (Exception, SystemExit) as error:
        rule = f"must name a module that can be imported ({reason_of(error)})"
        raise refused(path, rule, name, "fix the name, or install the package") from error
    if not callable(function):
        raise refused(path, rule, name, f"{attribute} is no function, name another one")
    return function


INNER = "of"
"""What plain data calls a parameter that has the name of the key which tells the class."""


class Field(NamedTuple):
    """A parameter of a class, and what plain data may hold in its place.

    Attributes:
        name: What the class calls it.
        key: What plain data calls it.
        rule: The rule of its values other than None; None where it has none.
        default: Its default value; `MISSING` where it has none.
        model: Which kind of model its type speaks of; None where it speaks of none.
        kinds: The classes of parts that it takes. They are those that its type speaks of, however
            deep within it; where it speaks of none, as `Any` and `Callable` do not, those that the
            class's module knows.
        function: Whether it is a function and nothing else.
        number: Whether it holds numbers and nothing else.
    """

    name: str
    key: str
    rule: Rule | None
    default: Any
    model: type | None
    kinds: tuple[type, ...]
    function: bool
    number: bool


def _fields_of(value_class: Any) -> tuple[Field, ...]:
    """Returns the fields of a dataclass that its constructor takes."""
    hints, tag = typing.get_type_hints(value_class, include_extras=True), tag_of(value_class)
    found = []
    for field in fields(value_class):
        if not field.init:
            continue
        name, default, make_default = field.name, field.default, field.default_factory
        rule, classes = inner_rule(rules_of(value_class).get(name)), [*_classes_in(hints[name])]
        parts = tuple(kind for kind in classes if not issubclass(kind, MODELS))
        found.append(
            Field(
                name=name,
                key=INNER if name == tag else name,
                rule=rule,
                default=default if make_default is MISSING else make_default(),
                model=next((kind for kind in classes if issubclass(kind, MODELS)), None),
                kinds=parts or _known_to(value_class),
                function=isinstance(rule, Function),
                number=isinstance(rule, LinkRule | AgentRule | Number),
            )
        )
    return tuple(found)


fields_of: Callable[[Any], tuple[Field, ...]] = functools.cache(_fields_of)


def tag_of(value_class: type) -> str:
    """Returns the key that tells a class: "model", "noise" or, for parts, "type"."""
    return next((tag for tag, kind in KINDS.items() if issubclass(value_class, kind)), "type")


def part_classes(*kinds: type) -> dict[str, type]:
    """Returns the classes of some kinds that can be made, by name."""
    found: dict[str, type] = {}
    for kind in kinds:
        for part in _descendants(kind):
            if is_dataclass(part) and not inspect.isabstract(part) and part is not Component:
                found.setdefault(name_of(part), part)
    return found


def _classes_in(hint: Any) -> Iterator[Any]:
    if isinstance(hint, type) and is_dataclass(hint):
        yield hint
    for argument in typing.get_args(hint):
        yield from _classes_in(argument)


@functools.cache
def _known_to(value_class: type) -> tuple[type, ...]:
    """Returns the classes of parts that the modules of a class and of its bases know."""
    modules = [sys.modules.get(base.__module__) for base in value_class.__mro__]
    known = [value for module in modules for value in vars(module or object).values()]
    parts = [value for value in known if isinstance(value, type) and issubclass(value, Component)]
    return tuple(dict.fromkeys(part for part in parts if part is not Component))


def _descendants(kind: type) -> Iterator[type]:
    yield kind
    derived: type
    for derived in kind.__subclasses__():
        if not derived.__name__.startswith("_"):
            yield from _descendants(derived)
