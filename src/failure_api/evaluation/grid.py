"""Grids in plain data: which paths vary, over which values, and what they are called."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any, NamedTuple

from failure_api.serialization.paths import DEEPEST, KeyPath, PlainDataError, refused, text_of

WORDS = ("grid", "zip")
"""The keys of what varies: by itself, and together with all others of that key."""

LONGEST_GRID = 2**20
"""Most values of one grid."""

_REMEDY = "give a list, as in [0, 0.5, 1], or 'start:stop:step', as in '0:1:0.1'"


class Axis(NamedTuple):
    """What varies: one path in plain data, or several that move together.

    Attributes:
        name: What it is called: the last words of its path that tell it from the others.
        path: Where its values stand.
        values: What stands there, one after another.
        labels: What the values are called; empty where they speak for themselves.
        beside: The other paths that move with it, as axes of as many values.
    """

    name: str
    path: KeyPath
    values: tuple[Any, ...]
    labels: tuple[str, ...] = ()
    beside: tuple[Axis, ...] = ()

    @property
    def title(self) -> str:
        """The name, with those of the paths beside it."""
        return ", ".join(axis.name for axis in (self, *self.beside))

    @property
    def is_numeric(self) -> bool:
        """Whether every value is a finite number."""
        return all(_is_number(value) for value in self.values)

    @property
    def texts(self) -> tuple[str, ...]:
        """The values as a table shows them; of dictionaries what tells one from another."""
        if self.labels:
            return self.labels
        if self.beside:
            columns = [self._replace(beside=()), *self.beside]
            return tuple(map(", ".join, zip(*(column.texts for column in columns), strict=True)))
        short = _short_texts(self.values)
        return short if len(set(short)) == len(short) else tuple(map(text_of_value, self.values))

    @property
    def members(self) -> tuple[Axis, ...]:
        """Each path that moves, as the axis that it leads."""
        columns = (self._replace(beside=()), *self.beside)
        return tuple(
            column._replace(beside=tuple(other for other in columns if other is not column))
            for column in columns
        )

    def at(self, index: int) -> dict[KeyPath, Any]:
        """Returns what stands at each path for one of the values."""
        return {axis.path: axis.values[index] for axis in (self, *self.beside)}


def find_axes(plain: Any) -> tuple[Axis, ...]:
    """Returns what varies in plain data, in its order.

    A grid is a dictionary with the one key "grid". It holds a list of values, numbers as
    "start:stop:step" with the stop included, or `{label: value}`. All those with the key "zip" in
    its place move together, as one axis.

    Raises:
        PlainDataError: A grid that is empty, too long, holds a value twice, or is none of these
            forms, or grids of unlike lengths that move together.

    Example:
        >>> axis, = find_axes({"models": [{"failure_prob": {"grid": "0:0.3:0.1"}}]})
        >>> axis.name, axis.values
        ('failure_prob', (0, 0.1, 0.2, 0.3))
        >>> axis, = find_axes({"min_delay": {"zip": [0, 2]}, "max_delay": {"zip": [2, 6]}})
        >>> axis.name, axis.at(1)
        ('min_delay', {('min_delay',): 2, ('max_delay',): 6})
    """
    found = list(_grids(plain, ()))
    paths = [path for path, _, _ in found]
    axes: list[Axis] = []
    together: list[Axis] = []
    for path, word, grid in found:
        values, labels = _values(grid, (*path, word), once=word == "grid")
        axis = Axis(_name(path, paths), path, values, labels)
        if word == "grid" or not together:
            axes.append(axis)
        if word == "zip":
            together.append(axis)
    if together:
        first, *others = together
        axes[axes.index(first)] = _together(first, others)
    return tuple(axes)


def _together(first: Axis, others: list[Axis]) -> Axis:
    """Returns the axis of grids that move together."""
    for other in others:
        if len(other.values) != len(first.values):
            rule = f"must hold as many values as {text_of((*first.path, 'zip'))}"
            found = f"{len(other.values)} in place of {len(first.values)}"
            raise refused((*other.path, "zip"), rule, found, "give a value for each of its values")
    axis = first._replace(beside=tuple(others))
    rows: set[str] = set()
    for index in range(len(first.values)):
        row = text_of_value(list(axis.at(index).values()))
        if row in rows:
            raise refused((*first.path, "zip", index), "must come once", row, "leave it out")
        rows.add(row)
    labels = next((member.labels for member in (first, *others) if member.labels), ())
    return axis._replace(labels=labels)


OBJECT = "object"
"""The one key of a dictionary that stands for an object, by its name."""


def fill(
    plain: Any,
    values: Mapping[KeyPath, Any],
    path: KeyPath = (),
    *,
    objects: Mapping[str, Any] = MappingProxyType({}),
) -> Any:
    """Returns plain data with a value in the place of each grid.

    Args:
        plain: Plain data.
        values: What stands at the path of each grid.
        path: Where the data stands.
        objects: What stands for `{"object": name}`, by its name.

    Example:
        >>> fill({"failure_prob": {"grid": [0.1, 0.2]}}, {("failure_prob",): 0.2})
        {'failure_prob': 0.2}
    """

    def filled(held: Any, step: str | int) -> Any:
        return fill(held, values, (*path, step), objects=objects)

    if path in values:
        plain, values = values[path], {}
    if isinstance(plain, Mapping):
        if set(plain) == {OBJECT} and plain[OBJECT] in objects:
            return objects[plain[OBJECT]]
        return {key: filled(held, str(key)) for key, held in plain.items()}
    if isinstance(plain, list | tuple):
        return [filled(held, index) for index, held in enumerate(plain)]
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


_NAMES = ("model", "noise", "type", OBJECT)
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


def _grids(plain: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str, Any]]:
    """Yields where grids stand, the key that says how they move, and what they hold."""
    if len(path) > DEEPEST:
        rule = f"must be nested no deeper than {DEEPEST} times"
        raise PlainDataError(f"{text_of(path[:3])}... {rule}: make it flatter.", path)
    if isinstance(plain, Mapping):
        for word in WORDS:
            if word in plain:
                for other in plain:
                    if other != word:
                        remedy = f"move {other!r} out of it"
                        rule = f"must hold nothing beside its {word}"
                        raise refused(path, rule, dict(plain), remedy)
                yield path, word, plain[word]
                return
        for key, held in plain.items():
            yield from _grids(held, (*path, str(key)))
    elif isinstance(plain, list | tuple):
        for index, held in enumerate(plain):
            yield from _grids(held, (*path, index))


def _values(grid: Any, path: KeyPath, *, once: bool) -> tuple[tuple[Any, ...], tuple[str, ...]]:
    """Returns the values of a grid and their labels; `once` refuses a value that comes twice."""
    if isinstance(grid, str):
        return _range(grid, path), ()
    labels: tuple[str, ...] = ()
    if isinstance(grid, Mapping):
        labels, grid = tuple(map(str, grid)), list(grid.values())
        if len(set(labels)) < len(labels):
            raise refused(path, "must give each label once", list(labels), "choose another one")
    if not isinstance(grid, list | tuple):
        raise refused(path, "must be a grid", grid, _REMEDY)
    if not grid:
        raise refused(path, "must hold at least one value", grid, _REMEDY)
    if len(grid) > LONGEST_GRID:
        raise refused(path, f"must hold at most {LONGEST_GRID:,} values", grid, "give fewer")
    seen: set[str] = set()
    for index, value in enumerate(grid):
        where = (*path, labels[index] if labels else index)
        if next(_grids(value, ()), None) is not None:
            raise refused(where, "must hold no further grid", value, "give a value")
        text = text_of_value(value)
        if once and text in seen:
            raise refused(where, "must come once", value, "leave one of the two out")
        seen.add(text)
    return tuple(grid), labels


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
    is_alone = all(other[:-1] != path[:-1] for other in others)
    if path and isinstance(path[-1], int) and is_alone:
        # The only one that varies in a list needs no index.
        path = path[:-1]
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
