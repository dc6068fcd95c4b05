"""Descriptions of models, read from the models themselves and their docstrings."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import MISSING
from typing import Any, NamedTuple

import numpy as np

from failure_api.catalogue.examples import example_of, shown
from failure_api.catalogue.mathematics import plain_mathematics
from failure_api.core.noise import NoiseModel
from failure_api.core.parameters.fields import AgentRule, LinkRule
from failure_api.core.parameters.rules import Choice, Instance
from failure_api.errors import FailureApiError
from failure_api.serialization.components import (
    Constructor,
    constructors_of,
    fields_of,
    part_classes,
)
from failure_api.serialization.reading import class_of
from failure_api.serialization.registry import OURS, Entry, built_in, find, name_of, plugins

_HEADING = re.compile(r"^(Args|Attributes|Raises|Returns|Example|Examples|Source):[ ]*(.*)$")


class Sections(NamedTuple):
    """The parts of a docstring, with formulas in plain characters.

    Attributes:
        summary: Its first paragraph, one line.
        text: The paragraphs after it, the equations among them.
        parameters: What "Args" says of each parameter.
        source: What "Source" says.
    """

    summary: str
    text: tuple[str, ...]
    parameters: dict[str, str]
    source: str


def sections_of(value_class: Any) -> Sections:
    """Returns what the docstring of a class or a function says; empty where it says nothing.

    Example:
        >>> from failure_api import ProbabilisticModel
        >>> sections_of(ProbabilisticModel).source
        'Bernoulli trials; tc-netem(8), option loss random.'
    """
    docstring = inspect.cleandoc(value_class.__doc__ or "")
    if docstring.startswith(f"{value_class.__name__}("):
        # A dataclass without a docstring gets one that is its signature.
        docstring = ""
    found: dict[str, list[str]] = {"": []}
    current = ""
    for line in docstring.split("\n"):
        heading = _HEADING.match(line)
        if heading:
            current = heading[1]
            found[current] = [heading[2]] if heading[2] else []
        elif current and current != "Source" and line and not line.startswith(" "):
            # Text that follows a section belongs to none.
            current = ""
            found[""].extend(["", line])
        else:
            found[current].append(line)
    summary, *text = _paragraphs(found[""]) or [""]
    source = " ".join(_paragraphs(found.get("Source", [])))
    return Sections(summary, tuple(text), _meanings_in(found.get("Args", [])), source)


def meaning_of(plain: Mapping[str, Any], word: str) -> str:
    """Returns what a word in the description of a model stands for, in a few words of its own.

    Args:
        plain: A model or a part of one as plain data.
        word: One of its keys: a parameter of the class, or of one of its other constructors.

    Returns:
        The beginning of what the docstring says of the parameter; empty where none is found.

    Example:
        >>> meaning_of({"model": "gilbert_elliott"}, "loss")
        'long-run share of messages lost'
    """
    word = word.replace("-", "_")
    try:
        found: Any = class_of(plain)
    except FailureApiError:
        return ""
    known = {field.key: (found, field.name) for field in fields_of(found)}
    for constructor in constructors_of(found):
        words = {key: (constructor.function, name) for key, name in constructor.words.items()}
        known = words | known
    subject, parameter = known.get(word, (None, ""))
    meaning = sections_of(subject).parameters.get(parameter, "") if subject is not None else ""
    first = re.split(r"[:;.,(]", meaning, maxsplit=1)[0].strip()
    return first[:1].lower() + first[1:]


def _paragraphs(lines: list[str]) -> list[str]:
    """Returns the paragraphs, each on one line."""
    text = plain_mathematics("\n".join(lines))
    # The entries of a list are paragraphs too.
    paragraphs = re.split(r"\n\s*\n|\n(?= *- )", text)
    return [" ".join(part.split()) for part in paragraphs if part.strip()]


def _meanings_in(lines: list[str]) -> dict[str, str]:
    parameters: dict[str, list[str]] = {}
    current: list[str] = []
    for line in lines:
        entry = re.match(r"^ {1,4}(\w+)(?: \([^)]*\))?: +(.*)$", line)
        if entry:
            current = parameters.setdefault(entry[1], [])
            current.append(entry[2])
        else:
            current.append(line)
    return {name: " ".join(_paragraphs(text)) for name, text in parameters.items()}


REQUIRED = "required"


class Parameter(NamedTuple):
    """A parameter of a model or of a part.

    Attributes:
        name: What it is called.
        default: Its default as text; "required" where it has none.
        unit: What it is measured in; empty where it has no unit.
        varies: "per link" or "per agent" where it may differ between them; empty elsewhere.
        choices: The words or the parts that it takes, where these are known.
        meaning: What it is.
    """

    name: str
    default: str
    unit: str
    varies: str
    choices: tuple[str, ...]
    meaning: str


class PartDescription(NamedTuple):
    """A part that a model can be built from."""

    name: str
    class_name: str
    summary: str
    parameters: tuple[Parameter, ...]


class ConstructorDescription(NamedTuple):
    """Another way to write a model or a part: by the words of a class method `from_...`.

    Attributes:
        subject: What it makes: the name of the model or the part.
        words: Its own words; those that the class takes anyway are left out.
    """

    subject: str
    words: tuple[Parameter, ...]


class Description(NamedTuple):
    """What there is to know about a model.

    Attributes:
        name: What the catalogue calls it.
        class_name: The name of its class.
        kind: "failure" or "noise".
        family: What its module says that it is about.
        origin: The distribution that it comes from.
        summary: Its meaning in one line.
        text: Further paragraphs, equations among them, in plain characters.
        parameters: Its parameters; those that have no default come first.
        parts: The parts that it can be built from.
        constructors: Other words by which it, or one of its parts, can be written.
        source: Where it is taken from.
        example: A model of its class; None where one can only be made from given values.
        expected: What the example knows of itself: loss, burst length and age.
    """

    name: str
    class_name: str
    kind: str
    family: str
    origin: str
    summary: str
    text: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    parts: tuple[PartDescription, ...]
    constructors: tuple[ConstructorDescription, ...]
    source: str
    example: Any
    expected: dict[str, Any]


def models() -> tuple[Description, ...]:
    """Returns what there is to know about every model, those of other packages included.

    Example:
        >>> [each.class_name for each in models() if each.name == "delay_based"]
        ['DelayBasedModel']
    """
    return tuple(_described(entry) for entry in (*built_in(), *plugins().found))


def describe(name: str, /, **parameters: Any) -> Description:
    """Returns what there is to know about one model.

    Args:
        name: What it is called, in any case, with dashes or underscores.
        parameters: What the example should have in place of its own values, as plain data.

    Raises:
        FailureApiError: No model is called so, or it refuses the parameters.

    Example:
        >>> describe("probabilistic", failure_prob=0.5).expected["age"]
        1.0
    """
    return _described(find(name), parameters)


def expected_of(model: Any) -> dict[str, Any]:
    """Returns the closed forms that a model knows; means over links where they differ."""
    found = {}
    for what in ("loss", "burst_length", "age"):
        ask = getattr(model, f"expected_{what}", None)
        value = None if ask is None else ask()
        if isinstance(value, Mapping):
            value = list(value.values())
        if value is not None and np.ndim(value) == 2:
            value = np.asarray(value)[~np.eye(len(value), dtype=bool)]
        found[what] = None if value is None or not np.size(value) else float(np.mean(value))
    return found


def _described(entry: Entry, parameters: Mapping[str, Any] | None = None) -> Description:
    value_class = entry.value_class
    sections = sections_of(value_class)
    try:
        example = example_of(entry, parameters or {})
    except FailureApiError:
        if parameters:
            raise
        example = None
    try:
        expected = expected_of(example)
    except Exception:
        # Another package's mistake must not hide what else is known.
        if entry.origin == OURS:
            raise
        expected = expected_of(None)
    module = sys.modules.get(value_class.__module__)
    first = (getattr(module, "__doc__", None) or "").split("\n")[0]
    family, colon, _ = first.partition(":")
    return Description(
        name=entry.name,
        class_name=value_class.__name__,
        kind="noise" if issubclass(value_class, NoiseModel) else "failure",
        family=family if colon else "",
        origin=entry.origin,
        summary=sections.summary,
        text=sections.text,
        parameters=_parameters(value_class),
        parts=tuple(map(_part, _part_classes(value_class))),
        constructors=tuple(
            constructor
            for each in (value_class, *_part_classes(value_class))
            for constructor in _constructors(each)
        ),
        source=sections.source,
        example=example,
        expected=expected,
    )


_VARIES: dict[type, str] = {LinkRule: "per link", AgentRule: "per agent"}


def _parameters(value_class: Any) -> tuple[Parameter, ...]:
    meanings, found = _meanings(value_class), []
    for field in fields_of(value_class):
        rule: Any = field.rule
        choices: tuple[str, ...] = rule.words if isinstance(rule, Choice) else ()
        if isinstance(rule, Instance) and field.model is None:
            choices = tuple(part_classes(*field.kinds))
        default = REQUIRED if field.default is MISSING else shown(field.default)
        varies = _VARIES.get(type(rule), "")
        unit, meaning = getattr(rule, "unit", ""), meanings.get(field.name, "")
        found.append(Parameter(field.name, default, unit, varies, choices, meaning))
    # Those of the base class come first in a dataclass, and matter least.
    return tuple(
        sorted(found, key=lambda each: (each.name == "agent_ids", each.default != REQUIRED))
    )


def _meanings(value_class: type) -> dict[str, str]:
    """Returns what the docstrings of a class and of its bases say of its parameters."""
    meanings: dict[str, str] = {}
    for base in reversed(value_class.__mro__):
        if base is not object and base.__doc__:
            meanings |= sections_of(base).parameters
    return meanings


def _part_classes(value_class: type) -> tuple[type, ...]:
    """Returns the classes of the parts that the fields of a class take, each once."""
    classes: dict[type, None] = {}
    for field in fields_of(value_class):
        if not isinstance(field.rule, Choice):
            classes |= dict.fromkeys(part_classes(*field.kinds).values())
    return tuple(classes)


def _part(part: type) -> PartDescription:
    return PartDescription(
        name_of(part), part.__name__, sections_of(part).summary, _parameters(part)
    )


def _constructors(value_class: type) -> Iterator[ConstructorDescription]:
    """Yields the constructors of a class that have words of their own."""
    usual = {field.key for field in fields_of(value_class)}
    for constructor in constructors_of(value_class):
        meanings = sections_of(constructor.function).parameters
        # A parameter with a short word, as "burst" in `from_loss_and_burst`, goes by that alone.
        short = {constructor.words[word] for word in constructor.required}
        words = [
            word
            for word, name in constructor.words.items()
            if word not in usual and (word in constructor.required or name not in short)
        ]
        words.sort(key=[*constructor.required, *words].index)
        if words:
            described = (_word(constructor, word, meanings) for word in words)
            yield ConstructorDescription(name_of(value_class), tuple(described))


def _word(constructor: Constructor, word: str, meanings: Mapping[str, str]) -> Parameter:
    name = constructor.words[word]
    default = inspect.signature(constructor.function).parameters[name].default
    is_required = default is inspect.Parameter.empty
    text = REQUIRED if is_required else shown(default)
    return Parameter(word, text, "", "", (), meanings.get(name, ""))
