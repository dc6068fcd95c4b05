"""The tables of a report, and what it takes to do the sweep again."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from failure_api.evaluation.reporting.curves import (
    Curve,
    is_perfect,
    key_of,
    label_of,
    rows_of,
    value_of,
)
from failure_api.evaluation.reporting.summary import breaking_interval
from failure_api.evaluation.reporting.texts import (
    BEYOND,
    NONE,
    exact,
    interval,
    number,
    numbers,
    percents,
    printable,
)
from failure_api.evaluation.results import PERFECT, Results

MOST_ROWS = 2_000
"""Rows that are shown of a table; more make a page slow, and nobody reads them."""

_INTERVAL = "95 % interval"


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: Its heading.
        texts: Its cells.
        kind: "text", "number" or "interval".
    """

    name: str
    texts: Sequence[str]
    kind: str = "number"


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        name: What it is called.
        about: A sentence on how it is to be read.
        columns: Its columns.
        length: How many rows there were before those too many were left out.
    """

    name: str
    about: str
    columns: Sequence[Column]
    length: int

    def rows(self) -> list[tuple[str, ...]]:
        """Returns the cells row by row."""
        return list(zip(*(column.texts for column in self.columns), strict=True))

    @property
    def note(self) -> str:
        """What is to be said of rows that were left out."""
        if self.length <= MOST_ROWS:
            return ""
        return f"The first {MOST_ROWS:,} of {self.length:,} rows."


def tables_of(results: Results, curves: Sequence[Curve]) -> list[Table]:
    """Returns the tables of a report: curves, cells and comparisons; those with rows alone.

    Args:
        results: What was found.
        curves: Its curves.
    """
    tables = [_curves(results, curves), _cells(results), _comparisons(results)]
    return [table for table in tables if table.length]


def _curves(results: Results, curves: Sequence[Curve]) -> Table:
    rows = [curve.summary for curve in curves]
    share = percents([results.share])[0]
    points = [value_of(row, "breaking_point") for row in rows]
    recovery = any(not math.isnan(value_of(row, "recovery")) for row in rows)
    return Table(
        "Curves",
        "The area is 1 less the mean share of the return that is lost over the severities: 1 where "
        "nothing is lost. The breaking point is the mildest severity at which more than "
        f"{share} is lost, against perfect communication with the same seeds."
        + (" Recovery is counted from the end of the outage." if recovery else ""),
        [
            Column("curve", [curve.label for curve in curves], "text"),
            *_numbers(rows, ("perfect", PERFECT)),
            *_estimates(rows, ("area", "area")),
            Column("breaking point", [_point(point) for point in points]),
            Column(_INTERVAL, [breaking_interval(curve) or NONE for curve in curves], "interval"),
            *(_estimates(rows, ("recovery", "recovery (steps)")) if recovery else ()),
        ],
        len(curves),
    )


def _cells(results: Results) -> Table:
    rows = rows_of(results.cells)
    length, rows = len(rows), rows[:MOST_ROWS]
    return Table(
        "Cells",
        "Each row is one policy in one setting at one severity. IQM is the mean of the middle "
        "half of the returns, CVaR the mean of the worst tenth; the drop is the loss against "
        "perfect communication with the same seeds.",
        [
            Column("curve", [label_of(results, key_of(results, row)) for row in rows], "text"),
            Column(printable(results.severity), [_severity(row) for row in rows]),
            Column("episodes", [_count(row, "episodes") for row in rows]),
            Column("failed", [_count(row, "failed") for row in rows]),
            *_estimates(rows, ("mean", "mean return")),
            *_estimates(rows, ("iqm", "IQM")),
            *_numbers(rows, ("cvar", "CVaR")),
            Column("delivered", percents([value_of(row, "delivery_ratio") for row in rows])),
            *_numbers(rows, ("mean_age", "mean age (rounds)")),
            Column("news", percents([value_of(row, "news") for row in rows])),
            Column("overtaken", percents([value_of(row, "overtaken") for row in rows])),
            *_estimates(rows, ("drop", "drop")),
            Column("drop, share", percents([value_of(row, "relative_drop") for row in rows])),
        ],
        length,
    )


def _comparisons(results: Results) -> Table:
    rows = rows_of(results.comparisons)
    length, rows = len(rows), rows[:MOST_ROWS]

    def names(column: str) -> list[str]:
        return [" ".join(printable(row[column]).split()) for row in rows]

    return Table(
        "Comparisons",
        "The difference is the second curve's return less the first's, seed by seed. The effect "
        "size is Cohen's d of these pairs; p is that of Wilcoxon's signed-rank test, and corrected "
        "(Holm) for the number of severities. Of many curves, those are compared that share the "
        "policy or the setting.",
        [
            Column("first", names("first") if rows else [], "text"),
            Column("second", names("second") if rows else [], "text"),
            Column(printable(results.severity), [_severity(row) for row in rows]),
            *_estimates(rows, ("difference", "difference")),
            *_numbers(rows, ("effect_size", "effect size")),
            Column("p", [_probability(value_of(row, "p_value")) for row in rows]),
            Column("p, corrected", [_probability(value_of(row, "p_corrected")) for row in rows]),
        ],
        length,
    )


def _numbers(rows: Sequence[Any], *pairs: tuple[str, str]) -> list[Column]:
    return [
        Column(name, numbers([value_of(row, column) for row in rows], 4)) for column, name in pairs
    ]


def _estimates(rows: Sequence[Any], pair: tuple[str, str]) -> list[Column]:
    """Returns a column and its interval, with the same decimals."""
    column, name = pair
    ends = ("", "_low", "_high")
    texts = numbers([value_of(row, column + end) for end in ends for row in rows], 4)
    count = len(rows)
    values, lows, highs = texts[:count], texts[count : 2 * count], texts[2 * count :]
    both = [interval(low, high) for low, high in zip(lows, highs, strict=True)]
    return [Column(name, values), Column(_INTERVAL, both, "interval")]


def _severity(row: Any) -> str:
    return "perfect" if is_perfect(row) else exact(value_of(row, "severity"))


def _point(severity: float) -> str:
    if math.isnan(severity):
        return NONE
    return BEYOND if math.isinf(severity) else exact(severity)


def _count(row: Any, column: str) -> str:
    return number(value_of(row, column), 0)


def _probability(value: float) -> str:
    return "< 0.001" if value < 0.001 else number(value, 3)


def specification_text(results: Results) -> str:
    """Returns the specification as YAML; as JSON, which is YAML too, without PyYAML."""
    plain = json.loads(json.dumps(results.specification, default=str))
    try:
        import yaml
    except ModuleNotFoundError:
        return printable(json.dumps(plain, indent=2, ensure_ascii=False))
    return printable(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=88)).strip()


def seeds_text(results: Results) -> str:
    """Returns what fixes every draw."""
    seed = results.specification.get("seed", 0)
    found = [int(episode_seed) for episode_seed in results.episodes["seed"].unique()]
    if not found:
        return f"{seed}"
    return (
        f"{seed}, which gives the episodes of every cell the same seeds: "
        f"{min(found)} to {max(found)}"
    )


def runs_of(results: Results) -> list[dict[str, str]]:
    """Returns each start of the sweep as text by name.

    What is as it was in the start before is left out.
    """
    told: list[dict[str, str]] = []
    known: dict[str, str] = {}
    for run in results.runs:
        texts = {
            "Started": printable(run.get("started", "")),
            "Command": _command(run.get("command", "")),
            "Versions": _listed(run.get("versions", {})),
            "Machine": _listed(run.get("machine", {})),
        }
        told.append({key: text for key, text in texts.items() if text and known.get(key) != text})
        known = texts
    return told


def _command(command: Any) -> str:
    # A sweep that was started from Python has no command.
    words = command or ""
    return printable(words if isinstance(words, str) else shlex.join(map(str, words)))


def _listed(pairs: Any) -> str:
    if not isinstance(pairs, Mapping):
        return printable(pairs or "")
    return printable(", ".join(f"{key} {held}" for key, held in pairs.items()))
