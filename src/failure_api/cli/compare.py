"""The verb `compare`: sweeps beside one another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from failure_api.cli.progress import number_columns, print_numbers
from failure_api.evaluation.analysis import read_plan
from failure_api.evaluation.compare import compare as compare_sweeps


def compare(
    directories: Annotated[
        list[Path], typer.Argument(metavar="DIR DIR ...", help="Folders of sweeps.")
    ],
) -> Any:
    """Compares the curves of several sweeps, paired by episode, and prints the table.

    Args:
        directories: Folders of two sweeps or more of the same environment and seed.

    Returns:
        One row for each pair of curves and each severity, as a pandas DataFrame.

    Raises:
        FailureApiError: A folder holds no sweep, or the sweeps cannot be paired.
    """
    found = compare_sweeps(directories)
    screen, plan = Console(), read_plan(directories[0])
    labels = dict(zip(plan.severities, plan.severity_labels, strict=False))
    for (first, second), rows in found.groupby(["first", "second"], sort=False):
        columns = number_columns("difference", "d", "p")
        title = escape(f"{second}\nminus {first}")
        table = Table(
            Column("severity", justify="right"),
            *columns,
            title=title,
            title_justify="left",
            box=SIMPLE_HEAD,
        )
        for row in rows.to_dict("records"):
            ends = (row[f"difference{end}"] for end in ("", "_low", "_high"))
            value, low, high = (f"{end:#.3g}" for end in ends)
            table.add_row(
                escape(labels.get(row["severity"], f"{row['severity']:g}")),
                f"{value} ({low} to {high})",
                f"{row['effect_size']:.2f}",
                f"{row['p_corrected']:.2g}",
            )
        print_numbers(screen, table)
    text = (
        "Paired by episode, with 95 % intervals; d: Cohen's d of the pairs; p: Wilcoxon's "
        "signed-rank test, corrected for the severities (Holm)."
    )
    screen.print(text, highlight=False)
    return found
