"""The verb `sweep`: what failing links cost a team, with the tables that it prints."""

from __future__ import annotations

import math
import shlex
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from failure_api.cli import flags
from failure_api.cli.progress import (
    LONGEST_REASON,
    number_columns,
    print_line,
    print_numbers,
    remembered_interruption,
    shown_progress,
)
from failure_api.errors import InvalidArgumentError
from failure_api.evaluation.analysis import DEFAULT_SHARE
from failure_api.evaluation.files import REPORT
from failure_api.evaluation.plan import Plan
from failure_api.evaluation.reporting.texts import printable, shortened
from failure_api.evaluation.results import curve_label, reason_of
from failure_api.evaluation.store import FILE, opened
from failure_api.evaluation.sweep import Progress, Swept, run_sweep

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
    is_short = len(found.severity) <= _LONGEST_HEADING
    severity = escape(found.severity) if is_short else "severity"
    for curve in curves:
        columns = number_columns("return", "lost %", "delivered", "age")
        title = _name(curve, keys)
        table = Table(
            Column(severity, justify="right"),
            *columns,
            title=title,
            title_justify="left",
            box=SIMPLE_HEAD,
        )
        for row in cells:
            if _belongs(row, curve, keys):
                table.add_row(*_columns(row, abs(curve["perfect"]), found.labels))
        print_numbers(screen, table)
    named = "" if is_short else f"Severity: {found.severity}. "
    text = f"{named}With 95 % intervals; lost: paired by episode; age: in rounds."
    screen.print(text, highlight=False, markup=False)
    _print_whole_curves(screen, found, keys, severity)


def _print_whole_curves(screen: Console, found: Swept, keys: list[str], severity: str) -> None:
    """Prints areas and breaking points, where any is known; scenarios have none."""
    areas = [[curve[f"area{end}"] for end in _ENDS] for curve in found.curves.to_dict("records")]
    points = [
        [curve[f"breaking_point{end}"] for end in _ENDS]
        for curve in found.curves.to_dict("records")
    ]
    columns = {
        "area": [_interval(area, ".2f") for area in areas if not _are_unknown(areas)],
        f"breaks at {severity}": [
            _interval(point, "g", found.labels) for point in points if not _are_unknown(points)
        ],
    }
    known = {heading: cells for heading, cells in columns.items() if cells}
    if known:
        table = Table(Column("curve"), *number_columns(*known), box=SIMPLE_HEAD)
        names = [_name(curve, keys) for curve in found.curves.to_dict("records")]
        for row in zip(names, *known.values(), strict=True):
            table.add_row(*row)
        print_numbers(screen, table)


def _are_unknown(estimates: Iterable[Sequence[float]]) -> bool:
    return all(math.isnan(value) for value, *_ in estimates)


def _columns(
    row: Mapping[Any, Any], perfect: float, labels: Mapping[float, str]
) -> tuple[str, ...]:
    """Returns a cell as text."""
    is_perfect = math.isnan(row["severity"])
    shares = [100 * row[f"drop{end}"] / (perfect or math.nan) for end in _ENDS]
    rounded = [share if math.isnan(share) else round(share) for share in shares]
    return (
        "perfect" if is_perfect else escape(labels.get(row["severity"], f"{row['severity']:g}")),
        _interval((row[f"mean{end}"] for end in _ENDS), "#.3g"),
        "" if is_perfect else _interval(rounded, "g"),
        f"{row['delivery_ratio']:.2f}",
        f"{row['mean_age']:.1f}" + (f"  {row['failed']} failed" if row["failed"] else ""),
    )


def _interval(
    estimate: Iterable[float], form: str, labels: Mapping[float, str] = MappingProxyType({})
) -> str:
    """Returns a value with its interval, where that says more; by its label where it has one."""
    value, low, high = (
        escape(labels[number]) if number in labels else _known(number, form) for number in estimate
    )
    return value if value == low == high else f"{value} ({low} to {high})"


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
    return escape(curve_label(curve[keys[0]], {key: curve[key] for key in keys[1:]}))


def print_failures(messages: Console, directory: Path, count: int) -> None:
    """Prints how many episodes failed, and the most frequent reasons."""
    from failure_api.evaluation.analysis import read_results

    reasons = Counter(read_results(directory).failures["error"].map(reason_of))
    subject = "1 episode" if count == 1 else f"{count:,} episodes"
    print_line(messages, f"{subject} failed:")
    for reason, times in reasons.most_common(5):
        print_line(messages, f"  {times:,} x {shortened(printable(reason), LONGEST_REASON)}")
    remedy = "The report has the tracebacks; --retry-failed plays these episodes again."
    print_line(messages, remedy)


_MOST_UNASKED = 10_000
"""Cells that are played without asking."""


def sweep(
    specification: flags.Specification = None,
    output: Annotated[
        Path, typer.Option(metavar="DIR", help="Where episodes, tables and the report go.")
    ] = Path("sweep"),
    environment: flags.Environment = None,
    policy: flags.Policies = None,
    model: flags.Models = None,
    grid: flags.Grids = None,
    zipped: flags.Zips = None,
    given: flags.Given = None,
    positions: flags.Positions = None,
    segments: flags.Segments = None,
    episodes: flags.Episodes = None,
    seed: flags.Seed = None,
    workers: Annotated[int, typer.Option(help="Number of processes.")] = 1,
    engine: Annotated[
        str | None, typer.Option(metavar="serial|processes|ray", help="Who plays the episodes.")
    ] = None,
    address: Annotated[str | None, typer.Option(help="Address of a Ray cluster.")] = None,
    share: flags.Share = DEFAULT_SHARE,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Play failed episodes again.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Play huge grids without asking.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show no progress.")] = False,
) -> Any:
    """Plays a sweep, or what is left of it, prints the table, and writes the report.

    Args:
        specification: The file that says what to do.
        output: Folder of the episodes, the tables and the report.
        environment: Name of the environment, without a file; so are the next eight.
        policy: Names of policies.
        model: Names of failure models.
        grid: What varies, `name=values` each.
        zipped: What varies together, `name=values` each.
        given: What does not vary, `name=value` each.
        positions: What returns where agents are.
        segments: What returns which observed entries come from whom.
        episodes: Episodes of each cell.
        seed: Fixes every draw.
        workers: Number of processes.
        engine: "serial", "processes" or "ray".
        address: Address of a Ray cluster.
        share: Share of the return whose loss counts as broken.
        retry_failed: Whether failed episodes are played again.
        yes: Whether huge grids are played without asking.
        quiet: Whether no progress is shown.

    Returns:
        One row for each cell, as a pandas DataFrame.

    Raises:
        FailureApiError: Something is wrong with an argument; nothing has been played then.
        KeyboardInterrupt: The user pressed Ctrl-C; what was finished is kept.
        typer.Exit: Some episodes failed; the status is 1.
    """
    source = flags.specification_of(
        specification,
        environment,
        policy,
        model,
        grid,
        given,
        episodes,
        seed,
        positions,
        segments,
        zipped,
    )
    screen, messages = Console(), Console(stderr=True)
    with remembered_interruption() as stop_if_interrupted:
        try:
            with shown_progress(messages, quiet=quiet, check=stop_if_interrupted) as show:
                last: list[Progress] = []

                def follow(progress: Progress) -> None:
                    last[:] = [progress]
                    show(progress)

                arguments = (source, output, engine, workers, address, share, retry_failed)
                command = shlex.join(["failure-api", *sys.argv[1:]])
                confirm = partial(_confirm, yes=yes)
                found = run_sweep(*arguments, command=command, confirm=confirm, report=follow)
        except KeyboardInterrupt:
            print_line(messages, _interruption(output))
            raise
    print_curves(screen, found)
    print_line(screen, f"Report: {output / REPORT}")
    if last and last[0].failed:
        print_failures(messages, output, last[0].failed)
        raise typer.Exit(1)
    return found.cells


def _interruption(output: Path) -> str:
    if not (output / FILE).exists():
        return "Interrupted, and nothing written."
    with opened(output, new=False) as store:
        done, _ = store.counts()
    text = f"Interrupted: {done:,} episodes are kept in {output}/"
    return f"{text}, and the same command goes on where it stopped."


def _confirm(plan: Plan, yes: bool) -> None:
    """Asks before a huge grid is played."""
    if plan.size <= _MOST_UNASKED or yes:
        return
    size = f"{plan.size:,} cells, {plan.episodes:,} episodes"
    if not sys.stdin.isatty():
        raise InvalidArgumentError(
            f"grids must make at most {_MOST_UNASKED:,} cells unless --yes is given, but these "
            f"make {size}: widen a step, or add --yes."
        )
    typer.confirm(f"The grids make {size}. Go on?", abort=True)
