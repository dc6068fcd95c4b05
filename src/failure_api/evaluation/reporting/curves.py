"""A sweep's cells, curve by curve: where they stand, and how they are told apart."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from failure_api.evaluation.reporting.texts import exact, one_line, printable, shortened
from failure_api.evaluation.results import PERFECT, Results, curve_label

PERFECT_COLOUR = "#808080"

# The first five colours can be told apart by a colour-blind eye; all read on white and on black.
# Markers as plotly calls them, as matplotlib does, and as a text shows them.
_MARKS = (
    ("#2f7fc1", "circle", "o", "●"),
    ("#d9600a", "square", "s", "■"),
    ("#0b9269", "diamond", "D", "◆"),
    ("#b766a0", "triangle-up", "^", "▲"),
    ("#b07a00", "triangle-down", "v", "▼"),
    ("#5e6ad2", "cross", "P", "✚"),
    ("#c8465a", "star", "*", "★"),
    ("#6b7f3a", "x", "X", "✖"),
    ("#2d9ab0", "hexagon", "h", "⬢"),
    ("#8a6d5a", "pentagon", "p", "⬟"),
    ("#7d7d7d", "triangle-left", "<", "◀"),
    ("#a05fd0", "triangle-right", ">", "▶"),
)
_DASHES = ("solid", "dash", "dot", "dashdot")


class Mark(NamedTuple):
    """How a curve is drawn.

    Attributes:
        colour: "#rrggbb".
        symbol: Its marker, as plotly calls it.
        marker: Its marker, as matplotlib calls it.
        glyph: Its marker as text.
        dash: How its line is broken, as plotly calls it.
    """

    colour: str
    symbol: str
    marker: str
    glyph: str
    dash: str


def mark_of(index: int) -> Mark:
    """Returns how the curve of an index is drawn.

    Example:
        >>> mark_of(0).symbol, mark_of(12).symbol, mark_of(12).dash
        ('circle', 'circle', 'dash')
    """
    turn, entry = divmod(index, len(_MARKS))
    return Mark(*_MARKS[entry], _DASHES[turn % len(_DASHES)])


@dataclass(frozen=True, kw_only=True)
class Curve:
    """The cells of one policy in one setting.

    Attributes:
        index: Which of the curves it is.
        label: What it is called.
        policy: The policy's name.
        setting: What else was varied, as text by name.
        summary: Its row in the table of curves.
        perfect: Its cell under perfect communication.
        cells: Its cells by severity.
        severities: Every severity, from the mildest to the severest.
        severity_text: Returns a severity as text.
        is_ordered: Whether the severities have an order; without it no line leads from one to
            the next.
    """

    index: int
    label: str
    policy: str
    setting: Mapping[str, str]
    summary: Mapping[str, Any]
    perfect: Mapping[str, Any]
    cells: Mapping[float, Mapping[str, Any]]
    severities: tuple[float, ...]
    severity_text: Callable[[float], str]
    is_ordered: bool = True

    def values(self, column: str) -> list[float]:
        """Returns a column of its cells, one for each severity; NaN where there is no cell."""
        return [value_of(self.cells.get(severity, {}), column) for severity in self.severities]

    def estimates(self, column: str) -> tuple[list[float], list[float], list[float]]:
        """Returns a column of its cells, and the low and the high ends of its intervals."""
        return self.values(column), self.values(f"{column}_low"), self.values(f"{column}_high")

    def runs(self, column: str) -> Iterator[slice]:
        """Yields the longest stretches of its cells in which a column has an interval.

        Cells without an order stand alone.
        """
        runs = _runs(self.values(f"{column}_low"))
        if self.is_ordered:
            return runs
        return (slice(i, i + 1) for run in runs for i in range(run.start, run.stop))

    @property
    def breaking_point(self) -> tuple[float, float, float]:
        """The severity at which it breaks, and the low and the high end of its interval."""
        return estimate_of(self.summary, "breaking_point")

    def height(self, column: str, severity: float) -> float:
        """Returns a column's value at any severity, on the straight line between two cells."""
        pairs = zip(self.severities, self.values(column), strict=True)
        known = sorted((x, y) for x, y in pairs if math.isfinite(y)) or [(math.nan, math.nan)]
        xs, ys = zip(*known, strict=True)
        return float(np.interp(severity, xs, ys, left=math.nan, right=math.nan))

    def positions(self, curves: int) -> list[float]:
        """Returns where its points stand along the axis.

        The curves of a single severity stand beside each other, and so do those of severities
        without an order.

        Args:
            curves: How many there are.
        """
        spread = (self.index + 0.5) / curves - 0.5
        if not self.is_ordered:
            return [severity + 0.7 * spread for severity in self.severities]
        if len(self.severities) != 1:
            return list(self.severities)
        severity = self.severities[0]
        return [severity + 0.8 * spread * (abs(severity) or 1.0)]

    @property
    def mark(self) -> Mark:
        """How it is drawn."""
        return mark_of(self.index)


def value_of(row: Mapping[str, Any], column: str) -> float:
    """Returns a number of a table's row; NaN where there is none."""
    value = row.get(column)
    return math.nan if value is None else float(value)


def estimate_of(row: Mapping[str, Any], column: str) -> tuple[float, float, float]:
    """Returns a number of a table's row, and the low and the high end of its interval."""
    return value_of(row, column), value_of(row, f"{column}_low"), value_of(row, f"{column}_high")


def curves_of(results: Results) -> tuple[Curve, ...]:
    """Returns the curves of a sweep, in the order of its tables."""
    summaries = {_key(results, row): row for row in rows_of(results.curves)}
    cells: dict[tuple[str, ...], dict[float, Any]] = {key: {} for key in summaries}
    references = []
    for row in rows_of(results.cells):
        if is_perfect(row):
            references.append(row)
        else:
            cells.setdefault(_key(results, row), {})[float(row["severity"])] = row
    return tuple(
        Curve(
            index=index,
            label=_label(results, key),
            policy=key[0],
            setting=dict(zip(results.settings, key[1:], strict=True)),
            summary=summaries.get(key, {}),
            perfect=next((row for row in references if suits(_key(results, row), key)), {}),
            cells=by_severity,
            severities=results.severities,
            severity_text=partial(severity_text, results),
            is_ordered=results.is_ordered,
        )
        for index, (key, by_severity) in enumerate(cells.items())
    )


def rows_of(table: Any) -> list[dict[str, Any]]:
    """Returns a table's rows as dictionaries."""
    rows: list[dict[str, Any]] = table.to_dict("records")
    return rows


def is_perfect(row: Mapping[str, Any]) -> bool:
    """Whether a row tells of perfect communication."""
    return math.isnan(value_of(row, "severity"))


def _key(results: Results, row: Mapping[str, Any]) -> tuple[str, ...]:
    """Returns a row's policy and setting."""
    return (str(row["policy"]), *(_text(row[name]) for name in results.settings))


def suits(perfect: Sequence[str], key: Sequence[str]) -> bool:
    """Whether a cell of perfect communication belongs to a curve.

    Settings of what fails mean nothing under perfect communication; their text is empty there.
    """
    pairs = zip(perfect, key, strict=True)
    return all(one == other or (index > 0 and not one) for index, (one, other) in enumerate(pairs))


def label_of(results: Results, row: Mapping[str, Any]) -> str:
    """Returns what the curve of a row is called, in text that every format can hold."""
    return _label(results, _key(results, row))


def _label(results: Results, key: Sequence[str]) -> str:
    policy, *setting = key
    named = zip(results.settings, setting, strict=True)
    return one_line(curve_label(policy, {name: value for name, value in named if value}))


def severity_text(results: Results, severity: float) -> str:
    """Returns a severity as a reader sees it: its label, or the number as it was asked for."""
    labelled = dict(zip(results.severities, results.severity_labels, strict=False))
    return printable(labelled.get(severity) or exact(severity))


def at(results: Results, severity: float | None) -> str:
    """Returns what a severity is called: "failure_prob=0.3"."""
    if severity is None or math.isnan(severity):
        return PERFECT
    return f"{printable(results.severity)}={severity_text(results, severity)}"


def _text(value: Any) -> str:
    # An empty cell of a table that was read from a file is NaN.
    return "" if value is None or value != value else str(value)


class Axis(NamedTuple):
    """The axis of the severities.

    Attributes:
        limits: Its ends, from the mildest severity to the severest.
        ticks: Where it has ticks; none where that is best left to who draws it.
        is_logarithmic: Whether that tells severities better apart.
    """

    limits: tuple[float, float]
    ticks: list[float]
    is_logarithmic: bool


def axis_of(
    severities: Sequence[float], *, labelled: bool = False, is_ordered: bool = True
) -> Axis:
    """Returns the axis of at least one severity.

    Args:
        severities: The severities.
        labelled: Whether each has a label, and so a tick.
        is_ordered: Whether they have an order; without it the axis leaves room around each.

    Example:
        >>> axis_of([0, 0.5, 1])
        Axis(limits=(-0.03, 1.03), ticks=[], is_logarithmic=False)
        >>> axis_of([10, 5]).limits
        (10.15, 4.85)
        >>> axis_of([10, 1, 0.1]).ticks, axis_of([10, 1, 0.1]).is_logarithmic
        ([10, 1, 0.1], True)
    """
    first, last = severities[0], severities[-1]
    if not is_ordered:
        return Axis((first - 0.5, last + 0.5), list(severities), False)
    if len(severities) == 1:
        room = 0.6 * (abs(first) or 1.0)
        return Axis((first - room, first + room), [first], False)
    if not labelled and _is_logarithmic(severities):
        factor = (last / first) ** 0.03
        ticks = list(severities) if len(severities) <= 8 else []
        return Axis((first / factor, last * factor), ticks, True)
    room = 0.03 * (last - first)
    return Axis((first - room, last + room), list(severities) if labelled else [], False)


def axis_in(results: Results) -> Axis:
    """Returns the axis of a sweep's severities, of which there is at least one."""
    labelled = bool(results.severity_labels)
    return axis_of(results.severities, labelled=labelled, is_ordered=results.is_ordered)


def tick_texts(results: Results) -> list[str]:
    """Returns what stands at the ticks that severities have."""
    texts = (severity_text(results, severity) for severity in results.severities)
    return [shortened(text, 24) for text in texts]


def title_of_axis(results: Results, most: int) -> str:
    """Returns what a figure says of the severity: in words, where there are any.

    Args:
        results: What was found.
        most: Letters that there is room for; a longer title is shortened in its middle.
    """
    title = one_line(results.severity_title or results.severity)
    scale = " (logarithmic)" if results.severities and axis_in(results).is_logarithmic else ""
    return f"{shortened(title, most - len(scale))}{scale}"


def _is_logarithmic(severities: Sequence[float]) -> bool:
    """Whether severities are told apart better on a logarithmic axis.

    Example:
        >>> _is_logarithmic([0.001, 0.01, 0.1, 1]), _is_logarithmic([0, 0.5, 1])
        (True, False)
    """
    if len(severities) < 3 or min(severities) <= 0:
        return False
    steps = [abs(b - a) for a, b in itertools.pairwise(severities)]
    return max(severities) >= 10 * min(severities) and max(steps) > 5 * min(steps)


def _runs(values: Sequence[float]) -> Iterator[slice]:
    """Yields the longest stretches of values without a gap.

    Example:
        >>> list(_runs([1, float("nan"), 2, 3]))
        [slice(0, 1, None), slice(2, 4, None)]
    """
    for finite, run in itertools.groupby(range(len(values)), lambda i: math.isfinite(values[i])):
        if finite:
            start, *further = run
            yield slice(start, start + len(further) + 1)


def shared_lines(curves: Sequence[Curve], column: str) -> list[tuple[float, list[Curve]]]:
    """Returns the values under perfect communication, each with the curves that have it."""
    lines: list[tuple[float, list[Curve]]] = []
    for curve in curves:
        value = value_of(curve.perfect, column)
        near = [shared for known, shared in lines if math.isclose(known, value, rel_tol=1e-6)]
        if near:
            near[0].append(curve)
        elif math.isfinite(value):
            lines.append((value, [curve]))
    return lines
