"""The verb `report`: the files of a sweep, from the episodes that are finished."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from failure_api.cli import flags
from failure_api.cli.progress import print_line
from failure_api.evaluation.analysis import DEFAULT_SHARE
from failure_api.evaluation.files import report as write_report


def report(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a sweep.")],
    share: flags.Share = DEFAULT_SHARE,
) -> list[Path]:
    """Writes the report, the figures and the tables of a sweep anew.

    Args:
        directory: Folder of a sweep, finished or not.
        share: Share of the return whose loss counts as broken.

    Returns:
        The files.

    Raises:
        FailureApiError: The folder holds no sweep, or another process works in it.
    """
    files = write_report(directory, share=share)
    screen = Console()
    for file in files:
        print_line(screen, str(file))
    return files
