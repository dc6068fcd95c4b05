"""Grids in plain data: which places vary, over which values, and what they are called."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from failure_api.serialization.paths import DEEPEST, KeyPath, PlainDataError, refused, text_of

LONGEST_GRID = 2**20
"""Most values of one grid."""

_REMEDY = "give a list, as in [0, 0.5, 1], or 'start:stop:step', as in '0:1:0.1'"


class Axis(NamedTuple):
    """A place that varies.

    Attributes:
        name: What it is called: the last words of its place that tell it from the others.
        path: Where it stands.
        values: What stands there, one after another.
    """

    name: str
    path: KeyPath
    values: tuple[Any, ...]

    @property
    def is_numeric(self) -> bool:
        """Whether every value is a finite number."""
        return all(_is_number(value) for value in self.values)

    @property
    def texts(self) -> tuple[str, ...]:
        """The values as a table shows them; of dictionaries what tells one from another."""
        short = _short_texts(self.values)
        return short if len(set(short)) == len(short) else tuple(map(text_of_value, self.values))


def find_axes(plain: Any) -> tuple[Axis, ...]:
    """Returns the places of plain data where a grid stands, in their order.

    A grid is a dictionary with the one key "grid". It holds a list of values, or numbers as
    "start:stop:step" with the stop included.

    Raises:
        PlainDataError: A grid that is empty, too long, holds a value twice, or is neither form.

    Example:
        >>> axis, = find_axes({"models": [{"failure_prob": {"grid": "0:0.3:0.1"}}]})
        >>> axis.name, axis.values
        ('failure_prob', (0, 0.1, 0.2, 0.3))
    """
    found = list(_grids(plain, ()))
    paths = [path for path, _ in found]
    return tuple(Axis(_name(path, paths), path, _values(grid, path)) for path, grid in found)


def fill(plain: Any, values: Mapping[KeyPath, Any], path: KeyPath = ()) -> Any:
    """Returns plain data with a value in the place of each grid.

    Args:
        plain: Plain data.
        values: What stands at the place of each grid.
        path: Where the data stands.

    Example:
        >>> fill({"failure_prob": {"grid": [0.1, 0.2]}}, {("failure_prob",): 0.2})
        {'failure_prob': 0.2}
    """
    if path in values:
        return values[path]
    if isinstance(plain, Mapping):
        return {key: fill(held, values, (*path, str(key))) for key, held in plain.items()}
    if isinstance(plain, list | tuple):
        return [fill(held, values, (*path, index)) for index, held in enumerate(plain)]
    return plain


def text_of_value(value: Any) -> str:
    """Returns a value of plain data as short text.

    Example:
        >>> text_of_value("hold"), text_of_value(0.1), text_of_value([1, 2])
        ('hold', '0.1', '[1,2]')
    """
    if isinstance(value, str) and value:
        return value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


_NAMES = ("model", "noise", "type")
"""The keys that tell the class of a dictionary, of which the value alone says enough."""


def _short_texts(values: tuple[Any, ...]) -> tuple[str, ...]:
    if not all(isinstance(value, Mapping) for value in values):
        return tuple(map(text_of_value, values))
    keys = dict.fromkeys(key for value in values for key in value)
    telling = [key for key in keys if len({text_of_value(value.get(key)) for value in values}) > 1]

    def short(key: str, held: Any) -> str:
        text = f"{held:.4g}" if isinstance(held, float) else text_of_value(held)
        return text if key in _NAMES else f"{key}={text}"

    return tuple(
        " ".join(short(key, each[key]) for key in telling if key in each) for each in values
    )


def _grids(plain: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    if len(path) > DEEPEST:
        rule = f"must be nested no deeper than {DEEPEST} times"
        raise PlainDataError(f"{text_of(path[:3])}... {rule}: make it flatter.", path)
    if isinstance(plain, Mapping):
        if "grid" in plain:
            for other in plain:
                if other != "grid":
                    remedy = f"move {other!r} out of it"
                    raise refused(path, "must hold nothing beside its grid", dict(plain), remedy)
            yield path, plain["grid"]
            return
        for key, held in plain.items():
            yield from _grids(held, (*path, str(key)))
    elif isinstance(plain, list | tuple):
        for index, held in enumerate(plain):
            yield from _grids(held, (*path, index))


def _values(grid: Any, path: KeyPath) -> tuple[Any, ...]:
    where = (*path, "grid")
    if isinstance(grid, str):
        return _range(grid, where)
    if not isinstance(grid, list | tuple):
        raise refused(where, "must be a grid", grid, _REMEDY)
    if not grid:
        raise refused(where, "must hold at least one value", grid, _REMEDY)
    if len(grid) > LONGEST_GRID:
        raise refused(where, f"must hold at most {LONGEST_GRID:,} values", grid, "give fewer")
    seen: set[str] = set()
    for index, value in enumerate(grid):
        if next(_grids(value, ()), None) is not None:
            raise refused((*where, index), "must hold no further grid", value, "give a value")
        if text_of_value(value) in seen:
            raise refused((*where, index), "must come once", value, "leave one of the two out")
        seen.add(text_of_value(value))
    return tuple(grid)


def _range(text: str, path: KeyPath) -> tuple[Any, ...]:
    """Returns the numbers of "start:stop:step", in decimal, so that 0.1 three times is 0.3."""
    try:
        start, stop, step = (Decimal(part.strip()) for part in text.split(":"))
        steps = (stop - start) / step
    except (ValueError, ArithmeticError, InvalidOperation):
        raise refused(path, "must be 'start:stop:step'", text, _REMEDY) from None
    if not steps.is_finite() or steps < 0 or steps != int(steps):
        remedy = "let whole steps lead from start to stop, as in '0:1:0.25'"
        raise refused(path, "must be 'start:stop:step'", text, remedy)
    if steps >= LONGEST_GRID:
        raise refused(path, f"must hold at most {LONGEST_GRID:,} values", text, "widen the step")
    numbers = (start + index * step for index in range(int(steps) + 1))
    values = tuple(int(n) if n == int(n) else float(n) for n in numbers)
    if not all(map(_is_number, values)):
        raise refused(path, "must hold numbers of a usual size", text, _REMEDY)
    return values


def _name(path: KeyPath, paths: list[KeyPath]) -> str:
    """Returns the shortest end of a path that tells it from the others."""
    others = [other for other in paths if other != path]
    for length in range(1, len(path)):
        end = path[-length:]
        # An index alone says nothing.
        if isinstance(end[0], str) and all(other[-length:] != end for other in others):
            return text_of(end)
    return text_of(path)


def _is_number(value: Any) -> bool:
    try:
        return not isinstance(value, bool | str) and math.isfinite(value)
    except (TypeError, OverflowError):
        return False
