"""Every error that a user can cause: one sentence with its remedy.

Each class also derives from the built-in exception that a caller would expect, and all of them
from `FailureApiError`, so that one `except` clause catches whatever this library refuses.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

import numpy as np


class FailureApiError(Exception):
    """Anything that this library refuses."""


class InvalidArgumentError(FailureApiError, ValueError):
    """An argument breaks its rule."""


class WrongEnvironmentError(FailureApiError, TypeError):
    """An environment of the other kind, or one that lacks what is needed."""


class NotResetError(FailureApiError, RuntimeError):
    """Something was asked of an environment before its first `reset`."""


class ModelError(FailureApiError, TypeError):
    """A communication model broke its contract."""


class MissingDependencyError(FailureApiError, ImportError):
    """An optional dependency is needed and not installed."""


class LawError(FailureApiError, AssertionError):
    """A model or a wrapped environment breaks one of the laws in `failure_api.testing`."""


class EnvironmentLawError(LawError):
    """An environment breaks one of the laws by itself, whatever is wrapped around it."""


def invalid(argument: str, rule: str, value: object, remedy: str) -> InvalidArgumentError:
    """Returns the error for an argument that breaks its rule, ready to be raised.

    Args:
        argument: Name of the argument.
        rule: What holds for every accepted value, as in "must lie in [0, 1]".
        value: What was received.
        remedy: What the user can do, as an imperative.

    Returns:
        The error; its text is a single sentence.

    Example:
        >>> print(invalid("failure_prob", "must lie in [0, 1]", 1.5, "give a probability"))
        failure_prob must lie in [0, 1], but 1.5 was given: give a probability.
    """
    sentence = f"{argument} {rule}, but {describe(value)} was given: {remedy}"
    return InvalidArgumentError(sentence if sentence.endswith("?") else f"{sentence}.")


def describe(value: object) -> str:
    """Returns a short text for a value of any size.

    Example:
        >>> describe(np.zeros((100, 100)))
        'an array of shape (100, 100)'
    """
    if isinstance(value, np.ma.MaskedArray):
        return f"a masked array of shape {value.shape}"
    if isinstance(value, np.ndarray) and value.size > 9:
        return f"an array of shape {value.shape}"
    if isinstance(value, str | bytes | list | tuple) and len(value) > 100:
        # What a hostile file holds may be too long to be written out only to be cut.
        value = value[:100]
        return f"{describe(value).removesuffix('...')[:97]}..."
    try:
        text = " ".join(repr(value).split())
    except (Exception, SystemExit):
        # What is foreign may raise anything, and this is to say what is wrong with it.
        return f"an object of type {type(value).__name__}"
    return text if len(text) <= 100 else f"{text[:97]}..."


def listed(values: Iterable[object]) -> str:
    """Returns values as one text, words as they are.

    Example:
        >>> listed(["agent_0", 3])
        'agent_0, 3'
    """
    return ", ".join(value if isinstance(value, str) else describe(value) for value in values)


def nearest(word: object, known: Iterable[str]) -> str:
    """Returns a hint that names the known word closest to a mistyped one.

    Args:
        word: What was given, which may be no word.
        known: The words.

    Example:
        >>> nearest("simple_spred_v3", ["simple_spread_v3", "simple_tag_v3"])
        "did you mean 'simple_spread_v3'?"
    """
    known = sorted(known)
    word = word if isinstance(word, str) else describe(word)
    match = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"did you mean {match[0]!r}?" if match else f"known are {', '.join(known)}"


def reason(error: BaseException) -> str:
    r"""Returns an exception's type and message on one line, with what was noted of it.

    Example:
        >>> reason(ValueError("no such\nlandmark."))
        'ValueError: no such landmark'
    """
    try:
        text = f"{type(error).__name__}: {error}"
    except (Exception, SystemExit):
        # What is foreign may fail to say what it is about.
        text = type(error).__name__
    text = " ".join(text.split()).rstrip(".: ")
    text = text if len(text) <= 200 else f"{text[:197]}..."
    return "; ".join([text, *getattr(error, "__notes__", ())])
