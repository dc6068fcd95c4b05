"""What the verbs of a sweep print: the table of cells, and what failed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from failure_api.cli.progress import LONGEST_REASON
from failure_api.evaluation.reporting.texts import printable, shortened
from failure_api.evaluation.results import curve_label, reason_of
from failure_api.evaluation.sweep import Swept

_ENDS = ("", "_low", "_high")
_LONGEST_HEADING = 14


def print_curves(screen: Console, found: Swept) -> None:
    """Prints a table for each curve, and what they come to.

    Args:
        screen: Where to.
        found: What a sweep found.
    """
    keys = list(found.curves.columns)[: list(found.curves.columns).index("perfect")]
    cells, curves = found.cells.to_dict("records"), found.curves.to_dict("records")
    # A longer name would leave no room for the numbers.
    severity = found.severity if len(found.severity) <= _LONGEST_HEADING else "severity"
    for curve in curves:
        table = Table(title=escape(_name(curve, keys)), title_justify="left", box=box.SIMPLE_HEAD)
        for heading in (severity, "return", "lost %", "delivered", "age"):
            table.add_column(escape(heading), justify="right", no_wrap=True)
        for row in cells:
            if _belongs(row, curve, keys):
                table.add_row(*_columns(row, abs(curve["perfect"])))
        screen.print(table)
    named = "" if severity == found.severity else f"Severity: {found.severity}. "
    text = f"{named}With 95 % intervals; lost: paired by episode; age: in rounds."
    screen.print(escape(text), highlight=False)
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("curve")
    table.add_column("area", justify="right", no_wrap=True)
    table.add_column(escape(f"breaks at {severity}"), justify="right", no_wrap=True)
    for curve in curves:
        area = _interval(*(_known(curve[f"area{end}"], ".2f") for end in _ENDS))
        breaking = _interval(*(_known(curve[f"breaking_point{end}"], "g") for end in _ENDS))
        table.add_row(escape(_name(curve, keys)), area, breaking)
    screen.print(table)


def _columns(row: Mapping[Any, Any], perfect: float) -> tuple[str, ...]:
    """Returns a cell as text."""
    is_perfect = math.isnan(row["severity"])
    shares = [100 * row[f"drop{end}"] / perfect if perfect else math.nan for end in _ENDS]
    lost = _interval(
        *(_known(share if math.isnan(share) else round(share), "g") for share in shares)
    )
    return (
        "perfect" if is_perfect else f"{row['severity']:g}",
        _interval(*(_known(row[f"mean{end}"], "#.3g") for end in _ENDS)),
        "" if is_perfect else lost,
        f"{row['delivery_ratio']:.2f}",
        f"{row['mean_age']:.1f}" + (f"  {row['failed']} failed" if row["failed"] else ""),
    )


def _known(number: float, form: str) -> str:
    """Returns a number as text; what lies beyond the grid or is not known, in words."""
    if math.isnan(number):
        return "unknown"
    # Adding 0 makes what rounds to minus zero a plain one.
    return "beyond" if math.isinf(number) else format(number + 0, form)


def _belongs(row: Mapping[Any, Any], curve: Mapping[Any, Any], keys: list[str]) -> bool:
    """Returns whether a cell is one of a curve, or the perfect communication that goes with it."""
    is_perfect = math.isnan(row["severity"])
    return all(row[key] == curve[key] or (is_perfect and row[key] == "") for key in keys)


def _name(curve: Mapping[Any, Any], keys: list[str]) -> str:
    return curve_label(curve[keys[0]], {key: curve[key] for key in keys[1:]})


def print_failures(messages: Console, directory: Path, count: int) -> None:
    """Prints how many episodes failed, and the most frequent reasons."""
    from failure_api.evaluation.analysis import read_results

    reasons = Counter(read_results(directory).failures["error"].map(reason_of))
    subject = "1 episode" if count == 1 else f"{count:,} episodes"
    messages.print(f"{subject} failed:", soft_wrap=True, highlight=False)
    for reason, times in reasons.most_common(5):
        text = f"  {times:,} x {shortened(printable(reason), LONGEST_REASON)}"
        messages.print(escape(text), soft_wrap=True, highlight=False)
    remedy = "The report has the tracebacks; --retry-failed plays these episodes again."
    messages.print(remedy, soft_wrap=True, highlight=False)


def _interval(*estimate: str) -> str:
    """Returns a value with its interval, where that says more."""
    if len(set(estimate)) <= 1:
        return "".join(estimate[:1])
    value, low, high = estimate
    return f"{value} ({low} to {high})"
