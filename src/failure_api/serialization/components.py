"""The components that a model can be built from, and functions by name."""

from __future__ import annotations

import functools
import inspect
import sys
import typing
from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, NamedTuple

from failure_api.core.parameters.component import Component
from failure_api.core.parameters.fields import AgentRule, LinkRule, inner_rule, rules_of
from failure_api.core.parameters.rules import Function, Number, Rule
from failure_api.errors import InvalidArgumentError
from failure_api.serialization.paths import KeyPath, PlainDataError, refused, text_of
from failure_api.serialization.registry import KINDS, MODELS, name_of
from failure_api.user_code import is_name, named
from failure_api.user_code import name_of as import_name

_FORM = "give 'module:name', as in 'my_package.attacks:invert'"


def name_of_function(function: Any, path: KeyPath) -> str:
    """Returns the name that finds a function again, or raises why none does."""
    name = import_name(function)
    if name is not None and not name.startswith("__main__:"):
        return name
    rule = "must be a function that can be imported to be written as plain data"
    remedy = "define it by `def` at the top level of a module"
    raise refused(path, rule, function, remedy)


def function_named(name: Any, path: KeyPath) -> Any:
    """Returns the function of a name, for which its module is imported."""
    if callable(name):
        return name
    if not is_name(name):
        raise refused(path, "must be a function, or its name", name, _FORM)
    return _callable(name, path)


def class_named(name: str, path: KeyPath, kinds: tuple[type, ...]) -> Any:
    """Returns the class of a name, which must derive from one of some kinds."""
    found = _callable(name, path)
    if not isinstance(found, type) or not issubclass(found, kinds):
        rule = f"must be the name of a {' or '.join(kind.__name__ for kind in kinds)}"
        raise refused(path, rule, name, "name a class that derives from it")
    return found


def _callable(name: str, path: KeyPath) -> Any:
    """Returns what a name finds in a module, and can be called."""
    try:
        found = named(name, text_of(path))
    except InvalidArgumentError as error:
        raise PlainDataError(str(error), path) from error
    if not callable(found):
        raise refused(path, "must be a function, or its name", name, "name another one")
    return found


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


class Constructor(NamedTuple):
    """Another way to make a value of a class: a class method `from_...`.

    Attributes:
        function: The class method.
        words: Its parameters, by what plain data may call them: their names, and those that its
            own name holds, as "loss" and "burst" in `from_loss_and_burst`.
        required: One word for each parameter that has no default.
    """

    function: Any
    words: dict[str, str]
    required: tuple[str, ...]


@functools.cache
def constructors_of(value_class: Any) -> tuple[Constructor, ...]:
    """Returns the constructors of a class besides itself.

    Example:
        >>> from failure_api import GilbertElliottModel
        >>> constructors_of(GilbertElliottModel)[0].required
        ('loss', 'burst')
    """
    found = []
    for name in dir(value_class):
        if name.startswith("from_") and name != "from_plain":
            function = getattr(value_class, name)
            parameters = inspect.signature(function).parameters.values()
            single = [one for one in parameters if one.kind is not one.VAR_KEYWORD]
            required = [one.name for one in single if one.default is one.empty]
            words = {one.name: one.name for one in single}
            if len(single) < len(parameters):
                # The rest is passed on to the class.
                words = {field.key: field.name for field in fields_of(value_class)} | words
            short = name.removeprefix("from_").split("_and_")
            if len(short) == len(required):
                words |= dict(zip(short, required, strict=True))
                required = short
            found.append(Constructor(function, words, tuple(required)))
    return tuple(found)


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
