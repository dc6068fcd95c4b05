"""An example of every model, to describe it with and to draw it: its own, or a guess."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING
from typing import Any

from failure_api.core.parameters.rules import Choice, Instance
from failure_api.errors import FailureApiError, InvalidArgumentError, describe
from failure_api.serialization.components import (
    Field,
    constructors_of,
    fields_of,
    part_classes,
    tag_of,
)
from failure_api.serialization.reading import from_dict
from failure_api.serialization.registry import Entry
from failure_api.serialization.writing import is_default

AGENTS = ("agent_0", "agent_1", "agent_2", "agent_3")
"""The agents of every picture."""


_TRIED = (0.2, 2, 0.5, 1, 10, 100.0, AGENTS[:1], ((0.0, 0.0),), "")
"""Values that may suit a parameter of which no more is known than its rule."""


def example_of(entry: Entry, parameters: Mapping[str, Any]) -> Any:
    """Returns a model to show, with these parameters in place of the usual ones.

    Args:
        entry: The model.
        parameters: Plain data.

    Raises:
        FailureApiError: The model refuses the parameters, or needs some that nobody can guess.
    """
    value_class = entry.value_class
    plain = {tag_of(value_class): entry.name}
    words = {word.replace("-", "_") for word in parameters}
    if any(words.issuperset(other.required) for other in constructors_of(value_class)):
        # Beside the words of another constructor the usual ones have no place.
        return from_dict({**plain, **parameters})
    # A derived class may need more than the one that it derives from.
    own = vars(value_class).get("EXAMPLE")
    if own:
        return from_dict({**plain, **own, **parameters})
    missing = [field for field in _required(value_class) if field.key not in parameters]
    guessed = {field.key: _guess(field) for field in missing}
    try:
        return from_dict({**plain, **guessed, **parameters})
    except InvalidArgumentError as error:
        if not guessed or parameters:
            raise
        raise InvalidArgumentError(
            f"{entry.name} needs values for {', '.join(guessed)}, and guesses do not suit it: "
            f"give them (it says of them: {str(error).rstrip('.')})."
        ) from error


def _required(value_class: Any) -> list[Field]:
    return [field for field in fields_of(value_class) if field.default is MISSING]


def _guess(field: Field) -> Any:
    """Returns a value that a parameter's rule accepts; None where none is found."""
    if isinstance(field.rule, Choice):
        return field.rule.words[0]
    if isinstance(field.rule, Instance):
        parts = part_classes(*field.kinds).values()
        return next((made for made in map(_guessed_part, parts) if made is not None), None)
    return next((value for value in _TRIED if _suits(field, value)), None)


def _guessed_part(part: Any) -> Any:
    try:
        return part(**{field.name: _guess(field) for field in _required(part)})
    except FailureApiError:
        return None


def _suits(field: Field, value: Any) -> bool:
    try:
        if field.rule is not None:
            field.rule.normalise(field.name, value)
    except FailureApiError:
        return False
    return True


def short_text(model: Any) -> str:
    """Returns a model as Python text, without what has its default value.

    Example:
        >>> from failure_api import ProbabilisticModel
        >>> short_text(ProbabilisticModel(failure_prob=0.2))
        'ProbabilisticModel(failure_prob=0.2)'
    """
    fields = [field.name for field in fields_of(type(model)) if not is_default(model, field)]
    arguments = [f"{name}={shown(getattr(model, name))}" for name in fields]
    return f"{type(model).__name__}({', '.join(arguments)})"


def shown(value: Any) -> str:
    """Returns a value as Python text, short enough for a line."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(shown, value))}]"
    if hasattr(value, "__dataclass_fields__"):
        return short_text(value)
    return getattr(value, "__qualname__", None) or describe(value)
