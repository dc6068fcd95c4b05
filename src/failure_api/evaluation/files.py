"""The files of a sweep beside its episodes: tables, figures and the report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from failure_api.evaluation.analysis import DEFAULT_SHARE, check_share, results_of_store
from failure_api.evaluation.opening import no_room, opened
from failure_api.evaluation.results import Results
from failure_api.evaluation.store import Store
from failure_api.machine import version_of

REPORT = "report.html"
_FILES = "files"


def state_of(store: Store, share: float) -> list[Any]:
    """Returns what the files depend on: while it stays the same, they need not be written anew.

    Args:
        store: The open store.
        share: Share of the return whose loss counts as broken.
    """
    return [*store.counts(), len(store.runs()), share, version_of("failure_api")]


def are_current(store: Store, state: list[Any]) -> bool:
    """Returns whether every file is there, and was written in a state."""
    written = store.read(_FILES)
    if written is None or written["of"] != state:
        return False
    return all((store.directory / name).exists() for name in written["names"])


def write_files_of(results: Results, store: Store, state: list[Any]) -> list[Path]:
    """Writes the tables, the figures and the report.

    Args:
        results: What the sweep found.
        store: Its open store, in whose folder they go.
        state: What they depend on, to be kept.

    Returns:
        The files.

    Raises:
        InvalidArgumentError: The folder cannot be written to.
        MissingDependencyError: A package that draws or writes them is not installed.
    """
    from failure_api.evaluation.reporting import write_report
    from failure_api.evaluation.tables import write_tables

    directory = store.directory
    try:
        files = [*write_report(results, directory), *write_tables(results, directory)]
    except OSError as error:
        raise no_room("output", directory, error) from error
    store.write(_FILES, {"of": state, "names": [file.name for file in files]})
    return files


def report(directory: str | Path, *, share: float = DEFAULT_SHARE) -> list[Path]:
    """Writes the files of a sweep anew, from the episodes that are finished.

    Args:
        directory: The folder of the sweep.
        share: Share of the return whose loss counts as broken.

    Returns:
        The files.

    Raises:
        InvalidArgumentError: The folder holds no sweep, is in use or cannot be written to.
    """
    check_share(share)
    with opened(Path(directory), new=False) as store:
        return write_files_of(results_of_store(store, share), store, state_of(store, share))
