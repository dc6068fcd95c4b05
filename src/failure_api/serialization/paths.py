"""Key paths into plain data, and errors that name them."""

from __future__ import annotations

from typing import TypeAlias

from failure_api.errors import FailureApiError, InvalidArgumentError, invalid

KeyPath: TypeAlias = tuple[str | int, ...]
"""The keys and the indices that lead to a value."""

DEEPEST = 80
"""How far values may be nested: more than models may be with a chain between any two."""


class PlainDataError(InvalidArgumentError):
    """Plain data that is no model.

    Attributes:
        path: Where the mistake is.
        sentence: What is wrong there.
    """

    def __init__(self, sentence: str, path: KeyPath) -> None:
        super().__init__(sentence)
        self.path = path
        self.sentence = sentence

    def __reduce__(self) -> tuple[object, ...]:
        return PlainDataError, (self.sentence, self.path)


def text_of(path: KeyPath, otherwise: str = "models") -> str:
    """Returns a key path as a user would write it.

    Example:
        >>> text_of(("failure_models", 1, "path_loss"))
        'failure_models[1].path_loss'
    """
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text or otherwise


def refused(path: KeyPath, rule: str, value: object, remedy: str) -> PlainDataError:
    """Returns the error for a value that breaks a rule, ready to be raised."""
    return PlainDataError(str(invalid(text_of(path), rule, value, remedy)), path)


def placed(error: FailureApiError, path: KeyPath, parameters: dict[str, str]) -> PlainDataError:
    """Returns a class's own error with the path of the value that it is about.

    Args:
        error: What the class raised when it was made.
        path: Where its description stands.
        parameters: What plain data calls each of the class's parameters.
    """
    sentence = str(error)
    first = sentence.split(maxsplit=1)[0].rstrip(":") if sentence else ""
    field = first.partition("[")[0].partition(".")[0]
    if field in parameters:
        path = (*path, parameters[field])
        rest = sentence.removeprefix(field)
        return PlainDataError(f"{text_of(path)}{rest}", path)
    return PlainDataError(f"{text_of(path)}: {sentence}" if path else sentence, path)
