"""A sweep's cells, curve by curve."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from failure_api.evaluation.reporting.marks import Mark, mark_of
from failure_api.evaluation.reporting.texts import exact, printable
from failure_api.evaluation.results import PERFECT, Results


@dataclass(frozen=True, kw_only=True)
class Curve:
    """The cells of one policy in one setting.

    Attributes:
        number: Which of the curves it is.
        label: What it is called.
        policy: The policy's name.
        setting: What else was varied, as text by name.
        summary: Its row in the table of curves.
        perfect: Its cell under perfect communication.
        cells: Its cells by severity.
        severities: Every severity, from the mildest to the severest.
    """

    number: int
    label: str
    policy: str
    setting: Mapping[str, str]
    summary: Mapping[str, Any]
    perfect: Mapping[str, Any]
    cells: Mapping[float, Mapping[str, Any]]
    severities: tuple[float, ...]

    def values(self, column: str) -> list[float]:
        """Returns a column of its cells, one for each severity; NaN where there is no cell."""
        return [value_of(self.cells.get(severity, {}), column) for severity in self.severities]

    @property
    def mark(self) -> Mark:
        """How it is drawn."""
        return mark_of(self.number)


def value_of(row: Mapping[str, Any], column: str) -> float:
    """Returns a number of a table's row; NaN where there is none."""
    value = row.get(column)
    return math.nan if value is None else float(value)


def curves_of(results: Results) -> tuple[Curve, ...]:
    """Returns the curves of a sweep, in the order of its tables."""
    cells = rows_of(results.cells)
    summaries = {key_of(results, row): row for row in rows_of(results.curves)}
    failing = [row for row in cells if not is_perfect(row)]
    keys = dict.fromkeys([*summaries, *(key_of(results, row) for row in failing)])
    by_key: dict[tuple[str, ...], dict[float, Any]] = {key: {} for key in keys}
    for row in failing:
        by_key[key_of(results, row)][float(row["severity"])] = row
    references = [row for row in cells if is_perfect(row)]
    return tuple(
        Curve(
            number=number,
            label=label_of(results, key),
            policy=key[0],
            setting=dict(zip(results.settings, key[1:], strict=True)),
            summary=summaries.get(key, {}),
            perfect=next((row for row in references if suits(key_of(results, row), key)), {}),
            cells=found,
            severities=results.severities,
        )
        for number, (key, found) in enumerate(by_key.items())
    )


def rows_of(table: Any) -> list[dict[str, Any]]:
    """Returns a table's rows as dictionaries."""
    rows: list[dict[str, Any]] = table.to_dict("records")
    return rows


def is_perfect(row: Mapping[str, Any]) -> bool:
    """Whether a row tells of perfect communication."""
    return math.isnan(value_of(row, "severity"))


def key_of(results: Results, row: Mapping[str, Any]) -> tuple[str, ...]:
    """Returns a row's policy and setting."""
    return (str(row["policy"]), *(_text(row[name]) for name in results.settings))


def suits(perfect: Sequence[str], key: Sequence[str]) -> bool:
    """Whether a cell of perfect communication belongs to a curve.

    Settings of what fails mean nothing under perfect communication; their text is empty there.
    """
    pairs = zip(perfect, key, strict=True)
    return all(one == other or (place > 0 and not one) for place, (one, other) in enumerate(pairs))


def label_of(results: Results, key: Sequence[str]) -> str:
    """Returns what the curve of a key is called, in text that every format can hold."""
    row = dict(zip(("policy", *results.settings), key, strict=True))
    if all(key):
        label = results.label(row)
    else:
        named = [f"{name}={row[name]}" for name in results.settings if row[name]]
        label = ", ".join([row["policy"], *named])
    return " ".join(printable(label).split())


def at(results: Results, severity: float | None) -> str:
    """Returns what a severity is called: "failure_prob=0.3"."""
    if severity is None or math.isnan(severity):
        return PERFECT
    return f"{printable(results.severity)}={exact(severity)}"


def is_logarithmic(severities: Sequence[float]) -> bool:
    """Whether severities are told apart better on a logarithmic axis.

    Example:
        >>> is_logarithmic([0.001, 0.01, 0.1, 1]), is_logarithmic([0, 0.5, 1])
        (True, False)
    """
    if len(severities) < 3 or min(severities) <= 0:
        return False
    steps = [abs(b - a) for a, b in itertools.pairwise(severities)]
    return max(severities) >= 10 * min(severities) and max(steps) > 5 * min(steps)


def _text(value: Any) -> str:
    # An empty cell of a table that was read from a file is NaN.
    return "" if value is None or value != value else str(value)
