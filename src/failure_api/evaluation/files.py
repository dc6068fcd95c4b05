"""The files of a sweep beside its episodes: tables, figures and the report."""

from __future__ import annotations

from pathlib import Path

from failure_api.evaluation.analysis import DEFAULT_SHARE, read_results
from failure_api.evaluation.results import Results

REPORT = "report.html"


def write_files_of(results: Results, directory: Path) -> list[Path]:
    """Writes the tables, the figures and the report.

    Args:
        results: What the sweep found.
        directory: Where to; it must exist.

    Returns:
        The files.

    Raises:
        MissingDependencyError: A package that draws or writes them is not installed.
    """
    from failure_api.evaluation.reporting import write_report
    from failure_api.evaluation.tables import write_tables

    return [*write_report(results, directory), *write_tables(results, directory)]


def report(directory: str | Path, *, share: float = DEFAULT_SHARE) -> list[Path]:
    """Writes the files of a sweep anew, from the episodes that are finished.

    Args:
        directory: The folder of the sweep.
        share: Share of the return whose loss counts as broken.

    Returns:
        The files.

    Raises:
        InvalidArgumentError: The folder holds no sweep or is in use.
    """
    return write_files_of(read_results(directory, share=share), Path(directory))
