"""The files of a sweep beside its episodes: tables, figures and the report."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Container
from pathlib import Path
from typing import TYPE_CHECKING, Any

from failure_api.evaluation.results import LINK_NUMBERS, PERFECT, Results
from failure_api.needs import needed
from failure_api.replacing import replacing

if TYPE_CHECKING:
    import pandas as pd
from failure_api.evaluation.analysis import DEFAULT_SHARE, check_share, results_of_store
from failure_api.evaluation.store import Store, no_room, opened
from failure_api.machine import version_of

MARL_EVAL = "marl_eval.json"

# marl-eval puts "mean_" before the names of its own means, so none may begin like that.
_METRICS = {name: name.removeprefix("mean_") for name in ("return", *LINK_NUMBERS)}


def write_tables(results: Results, directory: Path) -> list[Path]:
    """Writes `cells`, `curves`, `comparisons` and `episodes` as CSV and Parquet, and `marl_eval`.

    Numbers are written to their last bit. In CSV an empty field is NaN and `inf` infinite.

    Args:
        results: What a sweep found.
        directory: Where to; it must exist.

    Returns:
        The files.

    Raises:
        MissingDependencyError: PyArrow is not installed.
    """
    needed("pyarrow", "Parquet", "evaluation")
    paths = []
    for name in ("cells", "curves", "comparisons", "episodes"):
        table: pd.DataFrame = getattr(results, name)
        paths += [directory / f"{name}.csv", directory / f"{name}.parquet"]
        with replacing(paths[-2]) as file:
            table.to_csv(file, index=False, lineterminator="\n")
        with replacing(paths[-1]) as file:
            table.to_parquet(file, index=False)
    path = directory / MARL_EVAL
    with replacing(path) as file:
        file.write_text(json.dumps(marl_eval(results), indent=1, allow_nan=False) + "\n")
    return [*paths, path]


def marl_eval(results: Results) -> dict[str, Any]:
    """Returns the episodes in the layout that marl-eval reads.

    An environment's tasks are the severities, and perfect communication; its algorithms are the
    curves, each with one run for each episode, which is the same in all of them:

        {environment: {task: {algorithm: {"seed_0": {
            "step_0": {"step_count": 0, "return": [..]}, "absolute_metrics": {"return": [..]}}}}}}

    Episodes that did not finish with a finite return in every cell are left out, since marl-eval
    wants the same runs of each; all of them where a cell has not been played. So are metrics that
    are not a number in all of them. All names are in lower case, as marl-eval looks them up.

    Args:
        results: What a sweep found.

    Returns:
        Plain data without NaN.

    Source: the format of instadeepai/marl-eval, after Gorsane et al., "Towards a standardised
    performance evaluation protocol for cooperative MARL", 2022.
    """
    from failure_api.evaluation.statistics.summary import episodes_by_cell

    episodes = results.episodes.set_index("episode")
    groups = episodes_by_cell(episodes, results.settings)
    curves: dict[str, tuple[str, ...]] = {}
    rows: list[dict[Any, Any]] = results.curves.to_dict("records")
    for row in rows:
        # marl-eval leaves out algorithms with a comma in their names.
        label = results.label(row).replace(",", "").lower()
        curves[_unused(label, curves)] = tuple(row[key] for key in ("policy", *results.settings))

    def played(curve: tuple[str, ...], severity: float | None) -> pd.DataFrame:
        if severity is not None:
            return groups.get((*curve, severity), episodes.iloc[:0])
        # What varies within the models alone has no cell of its own without them.
        for (*values, found), group in groups.items():
            pairs = zip(values, curve, strict=True)
            if found is None and all(value in ("", own) for value, own in pairs):
                return group
        return episodes.iloc[:0]

    labels = dict(zip(results.severities, results.severity_labels, strict=False))
    tasks: dict[str, dict[str, pd.DataFrame]] = {}
    for severity in (None, *results.severities):
        value = "" if severity is None else labels.get(severity, f"{severity:.10g}")
        task = PERFECT if severity is None else f"{results.severity}={value}".lower()
        tasks[_unused(task, tasks)] = {
            label: played(curve, severity) for label, curve in curves.items()
        }
    tables = [table for algorithms in tasks.values() for table in algorithms.values()]
    valid = [table["error"].isna() & table["return"].abs().lt(math.inf) for table in tables]
    common = [set(table.index[rows]) for table, rows in zip(tables, valid, strict=True)]
    finished = sorted(set.intersection(*common)) if common else []
    finite = [table.loc[finished, list(_METRICS)].abs().lt(math.inf) for table in tables]
    metrics = [name for name in _METRICS if all(each[name].all() for each in finite)]
    runs = {
        task: {label: _runs(table, finished, metrics) for label, table in algorithms.items()}
        for task, algorithms in tasks.items()
    }
    return {str(results.specification["environment"]).lower(): runs}


def _unused(name: str, taken: Container[str]) -> str:
    """Returns a name that no other has; numbered where two differ only in what is not kept."""
    names = itertools.chain([name], (f"{name} {number}" for number in itertools.count(2)))
    return next(each for each in names if each not in taken)


def _runs(table: pd.DataFrame, finished: list[int], metrics: list[str]) -> dict[str, Any]:
    rows = table.loc[finished, metrics].to_numpy(dtype="float64").tolist()
    runs = {}
    for episode, values in zip(finished, rows, strict=True):
        found = {_METRICS[name]: [value] for name, value in zip(metrics, values, strict=True)}
        steps = {"step_count": 0, **found}
        runs[f"seed_{episode}"] = {"step_0": steps, "absolute_metrics": found}
    return runs


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

    directory = store.directory
    try:
        files = [*write_report(results, directory), *write_tables(results, directory)]
    except OSError as error:
        raise no_room(directory, error) from error
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
