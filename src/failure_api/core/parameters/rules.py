"""The rules of parameters that are one value: words, flags, numbers, functions and parts."""

from __future__ import annotations

import contextlib
import math
import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, KeysView, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from failure_api.errors import invalid, nearest

LARGEST_WHOLE = 2**31 - 1
"""Rounds and what is counted by them are int32."""


class Rule(ABC):
    """What a parameter must satisfy.

    Attributes:
        unit: What the parameter is measured in, for the reader; empty where it has no unit.
    """

    unit: str = ""

    @abstractmethod
    def normalise(self, name: str, value: Any) -> Any:
        """Returns the value in its immutable form, or raises what is wrong with it."""


@dataclass(frozen=True)
class Choice(Rule):
    """A parameter that is one of a few words, as its `Literal` type says."""

    words: tuple[str, ...]

    def normalise(self, name: str, value: Any) -> str:
        """Returns the word, or raises an error that lists those accepted."""
        if isinstance(value, str) and value in self.words:
            return value
        listed = " or ".join(map(repr, self.words))
        raise invalid(name, f"must be {listed}", value, nearest(value, self.words))


class Flag(Rule):
    """A parameter that is True or False."""

    def normalise(self, name: str, value: Any) -> bool:
        """Returns the flag, or raises an error for anything that is none."""
        if isinstance(value, bool | np.bool_):
            return bool(value)
        raise invalid(name, "must be True or False", value, "give one of the two")


@dataclass(frozen=True)
class WholeNumber(Rule):
    """A parameter that counts something."""

    least: int = 0
    unit: str = ""

    def normalise(self, name: str, value: Any) -> int:
        """Returns the value as an integer, or raises what is wrong with it."""
        number = self.least - 1
        # What is foreign may raise anything.
        with contextlib.suppress(Exception):
            if not (holds_flags(value) or is_masked(value)):
                number = operator.index(value)
        of = f" of {self.unit}" if self.unit else ""
        if number < self.least:
            rule = f"must be a whole number{of}, {self.least} or more"
            raise invalid(name, rule, value, "give an integer")
        if number > LARGEST_WHOLE:
            rule = f"must be a whole number{of}, {LARGEST_WHOLE} at most"
            raise invalid(name, rule, value, "give a smaller one")
        return number


@dataclass(frozen=True)
class Number(Rule):
    """A parameter that is one finite number for all links.

    Args:
        text: What holds for every accepted value, as in "must be greater than 0".
        accepts: Whether a finite number is accepted.
        remedy: What the user can do.
        unit: What it is measured in.
    """

    text: str
    accepts: Callable[[float], bool]
    remedy: str
    unit: str = ""

    def normalise(self, name: str, value: Any) -> float:
        """Returns the value as a float, or raises what is wrong with it."""
        number = numbers(value)
        if number is not None and not number.ndim:
            single = float(number)
            if math.isfinite(single) and self.accepts(single):
                return single
        raise invalid(name, self.text, value, self.remedy)


class Function(Rule):
    """A parameter that is called."""

    def normalise(self, name: str, value: Any) -> Any:
        """Returns the function, or raises an error for anything that cannot be called."""
        if callable(value):
            return value
        raise invalid(name, "must be a function", value, "give one that can be called")


@dataclass(frozen=True)
class Instance(Rule):
    """A parameter that is a value of a class, such as a part of a model."""

    kind: type
    remedy: str = "give an instance of one of its classes"

    def normalise(self, name: str, value: Any) -> Any:
        """Returns the value, or raises an error for one of another class."""
        if isinstance(value, self.kind):
            return value
        raise invalid(name, f"must be a {self.kind.__name__}", value, self.remedy)


@dataclass(frozen=True)
class Optional(Rule):
    """A parameter that may be None, or what another rule accepts."""

    rule: Rule

    @property
    def unit(self) -> str:  # type: ignore[override]
        """What the parameter is measured in where it is not None."""
        return self.rule.unit

    def normalise(self, name: str, value: Any) -> Any:
        """Returns None, or what the other rule makes of the value."""
        return None if value is None else self.rule.normalise(name, value)


def in_order(name: str, value: Any, kind: str, remedy: str) -> list[Any]:
    """Returns what a list holds, or raises what is wrong with it.

    Args:
        name: What errors call it.
        value: What was given.
        kind: What it must be, as in "a list of agent ids".
        remedy: What the user can do.
    """
    # The keys of a mapping are a set by name, and in its order. Others change from process to
    # process.
    if isinstance(value, Set) and not isinstance(value, KeysView):
        raise invalid(name, "must be in an order, which a set has not", value, remedy)
    if not isinstance(value, str | bytes):
        # What is foreign may raise anything, while what a generator raises is its author's to see.
        with contextlib.suppress(TypeError if isinstance(value, Iterator) else Exception):
            return list(value)
    raise invalid(name, f"must be {kind}", value, remedy)


def check_entries(name: str, array: NDArray[Any], accepted: Any, text: str, remedy: str) -> None:
    """Raises an error for the first entry of an array that is not accepted.

    Args:
        name: What errors call the array.
        array: The array.
        accepted: Which entries are accepted, bool of the same shape.
        text: What holds for every accepted entry, as in "must lie in [0, 1]".
        remedy: What the user can do.
    """
    if not accepted.all():
        index = np.argwhere(~accepted)[0].tolist()
        raise invalid(f"{name}{index}", text, float(array[tuple(index)]), remedy)


def numbers(value: Any, *, flags: bool = False) -> NDArray[np.float64] | None:
    """Returns real numbers as a float64 array; None for anything else, such as text.

    What is masked is anything else: nobody says what its hidden entries are.

    Args:
        value: What was given.
        flags: Whether True and False are numbers too.
    """
    array = as_array(value)
    if array is None or array.dtype.kind not in "biuf" or (not flags and holds_flags(value)):
        return None
    return array.astype(np.float64)


def as_array(value: Any) -> NDArray[Any] | None:
    """Returns a value as a NumPy array; None for what cannot be one, and for what is masked."""
    # What is foreign may raise anything when it is converted.
    with contextlib.suppress(Exception):
        if not is_masked(value):
            return np.asarray(value)
    return None


def holds_flags(value: Any) -> bool:
    """Returns whether a value is True or False, or holds one of them.

    Example:
        >>> holds_flags([0.5, [True]]), holds_flags(np.zeros(3))
        (True, False)
    """
    if isinstance(value, list | tuple):
        return not set(map(type, value)) <= _PLAIN and any(map(holds_flags, value))
    # Of an array the type says so, in whatever library.
    dtype = str(getattr(value, "dtype", "")).rpartition(".")[2]
    return isinstance(value, bool | np.bool_) or dtype == "bool"


def is_masked(value: Any) -> bool:
    """Returns whether a value is an array with a mask, or holds one."""
    if isinstance(value, list | tuple):
        return not set(map(type, value)) <= _PLAIN and any(map(is_masked, value))
    return isinstance(value, np.ma.MaskedArray)


_PLAIN = {float, int}
"""The types of what long lists mostly hold, which need no further look."""
