"""The tables of a report, and what it takes to do the sweep again."""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from failure_api.evaluation.reporting import texts
from failure_api.evaluation.reporting.curves import (
    Curve,
    label_of,
    rows_of,
    severity_text,
    value_of,
)
from failure_api.evaluation.reporting.summary import breaking_interval, point_text
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
    return [table for table in tables if table.length and table.columns]


def _curves(results: Results, curves: Sequence[Curve]) -> Table:
    """Returns what is known of whole curves; without columns where that is nothing."""
    rows = [curve.summary for curve in curves]
    share = texts.percents([results.share])[0]
    about: list[str] = []
    columns: list[Column] = []
    if _is_known(rows, "area"):
        about.append(
            "The area is 1 less the mean share of the return that is lost over the severities: 1 "
            "where nothing is lost."
        )
        columns += _estimates(rows, "area", "area")
    if _is_known(rows, "breaking_point"):
        about.append(
            f"The breaking point is the mildest severity at which more than {share} is lost, "
            "against perfect communication with the same seeds."
        )
        points = [point_text(curve, curve.breaking_point[0]) for curve in curves]
        ends = [breaking_interval(curve) for curve in curves]
        columns += [Column("breaking point", points), Column(_INTERVAL, ends, "interval")]
    if _is_known(rows, "recovery"):
        about.append("Recovery is counted from the end of the outage.")
        columns += _estimates(rows, "recovery", "recovery (steps)")
    if columns:
        labels = Column("curve", [curve.label for curve in curves], "text")
        columns = [labels, _numbers(rows, "perfect", PERFECT), *columns]
    return Table("Curves", " ".join(about), columns, len(curves))


def _is_known(rows: Sequence[Any], column: str) -> bool:
    return any(not math.isnan(value_of(row, column)) for row in rows)


def _cells(results: Results) -> Table:
    rows = rows_of(results.cells[:MOST_ROWS])
    return Table(
        "Cells",
        "Each row is one policy in one setting at one severity. A return is the mean over the "
        "team; the mean return is that over the episodes, IQM the mean of the middle half of "
        "them, CVaR the mean of the worst tenth. News is the share of the rounds that brought a "
        "link something newer than it had; overtaken is the share of the messages that arrived "
        "after a newer one of their link. The drop is the loss against perfect communication "
        "with the same seeds.",
        [
            Column("curve", [label_of(results, row) for row in rows], "text"),
            _severities(results, rows),
            Column("episodes", [texts.number(value_of(row, "episodes"), 0) for row in rows]),
            Column("failed", [texts.number(value_of(row, "failed"), 0) for row in rows]),
            *_estimates(rows, "mean", "mean return"),
            *_estimates(rows, "iqm", "IQM"),
            _numbers(rows, "cvar", "CVaR"),
            _shares(rows, "delivery_ratio", "delivered"),
            _numbers(rows, "mean_age", "mean age (rounds)"),
            _shares(rows, "news", "news"),
            _shares(rows, "overtaken", "overtaken"),
            *_estimates(rows, "drop", "drop"),
            _shares(rows, "relative_drop", "drop, share"),
        ],
        len(results.cells),
    )


def _comparisons(results: Results) -> Table:
    rows = rows_of(results.comparisons[:MOST_ROWS])
    return Table(
        "Comparisons",
        "The difference is the second curve's return less the first's, seed by seed. The effect "
        "size is Cohen's d of these pairs; p is that of Wilcoxon's signed-rank test, and corrected "
        "(Holm) for the number of severities. Of many curves, those are compared that share the "
        "policy or the setting.",
        [
            Column("first", [texts.one_line(row["first"]) for row in rows], "text"),
            Column("second", [texts.one_line(row["second"]) for row in rows], "text"),
            _severities(results, rows),
            *_estimates(rows, "difference", "difference"),
            _numbers(rows, "effect_size", "effect size"),
            Column("p", [_probability(value_of(row, "p_value")) for row in rows]),
            Column("p, corrected", [_probability(value_of(row, "p_corrected")) for row in rows]),
        ],
        len(results.comparisons),
    )


def _severities(results: Results, rows: Sequence[Any]) -> Column:
    severities = [value_of(row, "severity") for row in rows]
    cells = [
        "perfect" if math.isnan(severity) else severity_text(results, severity)
        for severity in severities
    ]
    return Column(texts.printable(results.severity), cells)


def _numbers(rows: Sequence[Any], column: str, name: str) -> Column:
    return Column(name, texts.numbers([value_of(row, column) for row in rows], 4))


def _shares(rows: Sequence[Any], column: str, name: str) -> Column:
    return Column(name, texts.percents([value_of(row, column) for row in rows]))


def _estimates(rows: Sequence[Any], column: str, name: str) -> list[Column]:
    """Returns a column and its interval, with the same decimals."""
    ends = (column, f"{column}_low", f"{column}_high")
    cells = texts.numbers([value_of(row, end) for row in rows for end in ends], 4)
    both = [texts.interval(low, high) for low, high in zip(cells[1::3], cells[2::3], strict=True)]
    return [Column(name, cells[::3]), Column(_INTERVAL, both, "interval")]


def _probability(value: float) -> str:
    return "< 0.001" if value < 0.001 else texts.number(value, 3)


def specification_text(results: Results) -> str:
    """Returns the specification as YAML; as JSON, which is YAML too, without PyYAML."""
    text = json.dumps(results.specification, default=str, indent=2, ensure_ascii=False)
    with contextlib.suppress(ModuleNotFoundError):
        import yaml

        plain = json.loads(text)
        text = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=88).strip()
    return texts.printable(text)


def seeds_text(results: Results) -> str:
    """Returns what fixes every draw."""
    seed = results.specification.get("seed", 0)
    found = [int(episode_seed) for episode_seed in results.episodes["seed"].unique()]
    told = f"{seed}, which gives the episodes of every cell the same seeds: "
    return f"{told}{min(found)} to {max(found)}" if found else f"{seed}"


def runs_of(results: Results) -> list[dict[str, str]]:
    """Returns each start of the sweep as text by name.

    What is as it was in the start before is left out.
    """
    runs = [
        {
            "Started": texts.printable(run.get("started", "")),
            "Command": _command(run.get("command", "")),
            "Versions": _listed(run.get("versions", {})),
            "Machine": _listed(run.get("machine", {})),
        }
        for run in results.runs
    ]
    return [
        {key: text for key, text in run.items() if text and before.get(key) != text}
        for before, run in itertools.pairwise([{}, *runs])
    ]


def _command(command: Any) -> str:
    # A sweep that was started from Python has no command.
    words = command or ""
    return texts.printable(words if isinstance(words, str) else shlex.join(map(str, words)))


def _listed(pairs: Any) -> str:
    if isinstance(pairs, Mapping):
        pairs = ", ".join(f"{key} {value}" for key, value in pairs.items())
    return texts.printable(pairs or "")
