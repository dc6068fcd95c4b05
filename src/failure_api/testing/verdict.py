"""Errors for broken laws, and equality of values."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from failure_api.core.arrays.trees import leaves
from failure_api.errors import FailureApiError, LawError

LAWS = {
    1: "truthful spaces",
    2: "one round per environment step",
    3: "looking changes nothing",
    4: "determinism",
    5: "no failure, no change",
    6: "own senses are the agent's own",
    7: "what is handed out stays as it is",
    8: "failures are not deaths",
    9: "episodes do not leak",
    10: "it travels",
    11: "a user's mistake is one sentence",
}


_EXCUSED: ContextVar[Collection[int]] = ContextVar("excused laws", default=())


class BrokenLawError(LawError):
    """A law is broken.

    Args:
        law: Its number.
        finding: What was found.
    """

    def __init__(self, law: int, finding: str) -> None:
        super().__init__(law, finding)
        self.law = law
        self.finding = finding

    def __str__(self) -> str:
        return f"law {self.law} ({LAWS[self.law]}) is broken: {self.finding}"


def demand(law: int, holds: Any, finding: str) -> None:
    """Raises an error that names the law and what was found, unless it holds or is excused."""
    if not holds and law not in _EXCUSED.get():
        raise BrokenLawError(law, finding)


@contextmanager
def excusing(laws: Collection[int]) -> Iterator[None]:
    """Lets demands of some laws pass within a block."""
    token = _EXCUSED.set(laws)
    try:
        yield
    finally:
        _EXCUSED.reset(token)


def same(one: Any, other: Any) -> bool:
    """Returns whether two observations, infos or the like are equal to the last bit and type.

    Example:
        >>> same({"a": np.zeros(2)}, {"a": np.zeros(2)}), same(np.zeros(2), np.zeros(2, np.float32))
        (True, False)
    """
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        one, other = np.asarray(one), np.asarray(other)
        exact = one.dtype == other.dtype and one.shape == other.shape
        return exact and np.array_equal(one, other, equal_nan=one.dtype.kind in "fc")
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, tuple | list) and isinstance(other, tuple | list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other) or (one != one and other != other)


def arrays_in(value: Any) -> list[np.ndarray[Any, Any]]:
    """Returns all arrays within an observation."""
    return [leaf for leaf in leaves(value) if isinstance(leaf, np.ndarray)]


def demand_sentence(attempt: str, action: Any) -> None:
    """Raises unless an action is refused with one sentence of ours (law 11)."""
    try:
        action()
    except FailureApiError as error:
        text = str(error)
        plain = text.endswith((".", "?")) and "\n" not in text
        demand(11, plain, f"{attempt} gives an error that is not one sentence: {text!r}")
    except Exception as error:
        demand(11, False, f"{attempt} gives {type(error).__name__}: {error}")
    else:
        demand(11, False, f"{attempt} is accepted")
