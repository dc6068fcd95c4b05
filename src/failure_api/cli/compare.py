"""The verb `compare`: sweeps beside one another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

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
    table = Table(
        caption="difference: second minus first, with 95 % interval; d: Cohen's d of the pairs; "
        "p: Wilcoxon, corrected for the severities (Holm)"
    )
    for heading in ("first", "second"):
        table.add_column(heading)
    for heading in ("severity", "difference", "d", "p"):
        table.add_column(heading, justify="right", no_wrap=True)
    previous = None
    for row in found.to_dict("records"):
        pair = (row["first"], row["second"])
        if previous is not None and pair != previous:
            table.add_section()
        previous = pair
        table.add_row(
            *map(escape, pair),
            f"{row['severity']:g}",
            f"{row['difference']:+.2f} ({row['difference_low']:+.2f} to "
            f"{row['difference_high']:+.2f})",
            f"{row['effect_size']:+.2f}",
            f"{row['p_corrected']:.2g}",
        )
    Console().print(table)
    return found
