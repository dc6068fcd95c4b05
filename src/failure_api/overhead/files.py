"""The files of a measurement: a table, a record, a picture, a profile.

Each is written beside its place and moved there whole, so that an interruption leaves the file as
it was or as it should be.
"""

from __future__ import annotations

import cProfile
import csv
import importlib.util
import io
import json
import pstats
import tempfile
from pathlib import Path

from failure_api.errors import MissingDependencyError, invalid
from failure_api.overhead.result import FURTHER_COLUMNS, SEED_COLUMNS, OverheadResult
from failure_api.replacing import replacing


def prepare(directory: Path) -> None:
    """Makes sure, before anything is measured, that what will be found can be kept.

    Args:
        directory: Where the files will go; it is made if it is not there.

    Raises:
        InvalidArgumentError: The directory can be neither made nor written to.
        MissingDependencyError: What draws the picture or makes the tables is not installed.
    """
    needs = {"picture": "matplotlib", "table": "pandas", "record of the machine": "psutil"}
    for what, package in needs.items():
        if importlib.util.find_spec(package) is None:
            raise MissingDependencyError(
                f"The {what} needs {package}, which is not installed: "
                "install it with `pip install 'failure-api[cli]'`."
            )
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        rule = f"must be a directory that can be written to ({reason})"
        raise invalid("output", rule, str(directory), "name another one") from error


def write_result(result: OverheadResult, directory: Path) -> None:
    """Writes `overhead.csv`, `overhead.json` and `overhead.png`.

    Args:
        result: What was measured.
        directory: Where to; it must exist.
    """
    from failure_api.overhead.picture import draw_overhead

    rows = [row.columns() for row in result.rows]
    with replacing(directory / "overhead.csv") as path, path.open("w", newline="") as file:
        table = csv.DictWriter(file, fieldnames=[*SEED_COLUMNS, *FURTHER_COLUMNS])
        table.writeheader()
        table.writerows(rows)
    with replacing(directory / "overhead.json") as path:
        names = ("protocol", "arguments", "versions", "machine")
        record = {name: getattr(result, name) for name in names} | {"rows": rows}
        path.write_text(json.dumps(record, indent=2, allow_nan=False) + "\n")
    with replacing(directory / "overhead.png") as path:
        draw_overhead(result, path)


def write_profile(profiler: cProfile.Profile, directory: Path) -> str:
    """Writes `overhead.prof`, and the most expensive functions to `overhead_profile.txt`.

    Args:
        profiler: What watched; it may go on watching afterwards.
        directory: Where to; it must exist.

    Returns:
        The 30 functions with the largest cumulative time, as text.
    """
    with replacing(directory / "overhead.prof") as path:
        profiler.dump_stats(path)
    text = io.StringIO()
    pstats.Stats(profiler, stream=text).strip_dirs().sort_stats("cumtime").print_stats(30)
    with replacing(directory / "overhead_profile.txt") as path:
        path.write_text(text.getvalue())
    return text.getvalue()
