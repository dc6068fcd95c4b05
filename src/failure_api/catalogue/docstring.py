"""What a class's docstring says, section by section."""

from __future__ import annotations

import inspect
import re
from typing import NamedTuple

from failure_api.catalogue.mathematics import plain_mathematics

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


def sections_of(value_class: type) -> Sections:
    """Returns what a class's docstring says; empty where it says nothing.

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
    return Sections(summary, tuple(text), _parameters(found.get("Args", [])), _source(found))


def _source(found: dict[str, list[str]]) -> str:
    return " ".join(_paragraphs(found.get("Source", [])))


def _paragraphs(lines: list[str]) -> list[str]:
    """Returns the paragraphs, each on one line."""
    text = plain_mathematics("\n".join(lines))
    # The entries of a list are paragraphs too.
    paragraphs = re.split(r"\n\s*\n|\n(?= *- )", text)
    return [" ".join(part.split()) for part in paragraphs if part.strip()]


def _parameters(lines: list[str]) -> dict[str, str]:
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
