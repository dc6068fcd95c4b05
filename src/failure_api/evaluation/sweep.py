"""The main job: play every cell, keep every episode, and say what failing links cost."""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from failure_api.errors import invalid, reason
from failure_api.evaluation.analysis import DEFAULT_SHARE, check_share, results_of_store
from failure_api.evaluation.check import prepare
from failure_api.evaluation.engines import check_engine, results_of
from failure_api.evaluation.engines.jobs import Backlog
from failure_api.evaluation.episode import EpisodeResult
from failure_api.evaluation.files import are_current, state_of, write_files_of
from failure_api.evaluation.identity import check_identity, describe_run, differing_versions
from failure_api.evaluation.plan import Plan
from failure_api.evaluation.results import reason_of
from failure_api.evaluation.store import FILE, Keeper, Store, opened
from failure_api.needs import needed

if TYPE_CHECKING:
    import pandas as pd

_SUMMARY = "summary"


class Progress(NamedTuple):
    """How far a sweep has come.

    Attributes:
        total: Episodes in all.
        done: Episodes that have been committed, earlier ones included.
        failed: How many of those failed.
        played: Episodes played since the sweep was started or resumed.
        seconds: How long that has taken.
        last_error: What went wrong in the last episode; None where nothing did.
    """

    total: int
    done: int
    failed: int
    played: int
    seconds: float
    last_error: str | None = None

    @property
    def rate(self) -> float:
        """Episodes a second, or 0 before the first."""
        return self.played / self.seconds if self.seconds else 0.0


def sweep(
    specification: str | Path | Mapping[str, Any],
    output: str | Path | None = None,
    *,
    engine: str | None = None,
    workers: int = 1,
    address: str | None = None,
    share: float = DEFAULT_SHARE,
    retry_failed: bool = False,
    report: Callable[[Progress], None] = lambda progress: None,
) -> pd.DataFrame:
    """Plays a sweep, or what is left of it, and returns what it found.

    Each finished episode is committed before it is told of. Whatever ends the process, the same
    call goes on where it stopped, and ends with the same table as one that was never interrupted.

    Args:
        specification: What to do: the path of a YAML file, YAML text, or a dictionary.
        output: Folder for the episodes, the tables and the report; None keeps none of them.
        engine: "serial", "processes" or "ray"; None takes "serial" for one worker and "processes"
            for more. The results are the same.
        workers: Number of processes.
        address: Address of a Ray cluster; None starts one on this machine.
        share: Share of the return under perfect communication that a drop must exceed to count
            as broken.
        retry_failed: Whether episodes that failed are played again.
        report: Told of each episode, after it has been committed.

    Returns:
        One row for each cell, as `Results.cells` describes them. An episode that raised an error
        counts in the column "failed", and a warning tells of it; `read_results(output).failures`
        has its traceback.

    Raises:
        FailureApiError: Something in the specification or an argument is wrong, or the folder
            holds another sweep or is in use; nothing has been played or written then. Or the
            folder cannot be written to any more; what was committed is kept.

    Example:
        >>> table = sweep({
        ...     "environment": "mpe2.simple_spread_v3",
        ...     "policies": "assignment",
        ...     "failure_models": {"model": "probabilistic", "failure_prob": {"grid": [0.5, 1]}},
        ...     "episodes": 2,
        ... })
        >>> table["delivery_ratio"].round(1).tolist()
        [1.0, 0.5, 0.0]
    """
    arguments = (specification, output, engine, workers, address, share, retry_failed)
    swept = run_sweep(*arguments, report=report)
    failures = int(swept.cells["failed"].sum())
    if failures:
        where = "name an output folder to keep" if output is None else "see the report for"
        warnings.warn(f"{failures} episodes failed: {where} their tracebacks.", stacklevel=2)
    return swept.cells


class Swept(NamedTuple):
    """What a sweep found, as far as it is known without reading every episode again.

    Attributes:
        cells: One row for each cell, as `Results.cells` describes them.
        curves: One row for each curve, as `Results.curves` describes them.
        severity: What the severity is.
        labels: What the severities are called that have labels.
    """

    cells: pd.DataFrame
    curves: pd.DataFrame
    severity: str
    labels: Mapping[float, str]


def run_sweep(
    specification: str | Path | Mapping[str, Any],
    output: str | Path | None,
    engine: str | None,
    workers: int,
    address: str | None,
    share: float,
    retry_failed: bool,
    *,
    command: str | None = None,
    confirm: Callable[[Plan], None] = lambda plan: None,
    report: Callable[[Progress], None] = lambda progress: None,
) -> Swept:
    """Does what `sweep` does, for a caller that talks to the user.

    Args:
        specification: As in `sweep`, like all that is not named here.
        output: As in `sweep`.
        engine: As in `sweep`.
        workers: As in `sweep`.
        address: As in `sweep`.
        share: As in `sweep`.
        retry_failed: As in `sweep`.
        command: The command line, to be kept with the results.
        confirm: Told of the plan before anything is played or written; may raise an error.
        report: As in `sweep`.
    """
    needed("pandas", "A sweep", "evaluation")
    engine = check_engine(engine, workers, address)
    check_share(share)
    if not isinstance(retry_failed, bool):
        raise invalid("retry_failed", "must be True or False", retry_failed, "say which")
    with _folder(output) as folder:
        has_store = (folder / FILE).exists()

        def nothing_left(plan: Plan) -> bool:
            if not has_store:
                return False
            with opened(folder) as store:
                check_identity(store, plan)
                return _is_finished(plan, store, retry_failed)

        plan = prepare(specification, nothing_left, workers=workers)
        if not has_store:
            confirm(plan)
        with opened(folder) as store:
            check_identity(store, plan)
            if _is_finished(plan, store, retry_failed):
                report(Progress(plan.episodes, plan.episodes, store.counts()[1], 0, 0.0))
            else:
                if retry_failed:
                    store.forget_failures()
                _begin_run(store, describe_run(plan, command))
                run(plan, store, engine, workers, address, report)
            return _summary(plan, store, share, write_files=output is not None)


def run(
    plan: Plan,
    store: Store,
    engine: str,
    workers: int,
    address: str | None,
    report: Callable[[Progress], None],
) -> None:
    """Plays every episode of a plan that the store does not hold.

    Args:
        plan: The plan.
        store: Where finished episodes are, and go to.
        engine: Who plays, as `check_engine` returns it.
        workers: Number of processes.
        address: Address of a Ray cluster.
        report: Told of each episode, after it has been committed.

    Raises:
        sqlite3.Error: An episode could not be committed.
    """
    done, failures = store.counts()
    backlog = Backlog(plan, store.finished())
    progress = Progress(plan.episodes, done, failures, 0, 0.0)
    report(progress)
    began = time.perf_counter()
    keeper = Keeper(store)

    def tell(committed: list[EpisodeResult]) -> None:
        nonlocal progress
        for result in committed:
            error = reason_of(result.error) if result.error else None
            total, done, failed, played, *_ = progress
            failed, seconds = failed + (error is not None), time.perf_counter() - began
            progress = Progress(total, done + 1, failed, played + 1, seconds, error)
            report(progress)

    with closing(results_of(engine, plan, backlog, workers, address)) as results:
        try:
            for result in results:
                tell(keeper.keep(result))
        finally:
            # Whatever interrupts, what has ended is kept.
            committed = keeper.commit()
    tell(committed)


@contextmanager
def _folder(output: str | Path | None) -> Iterator[Path]:
    """Yields the folder to work in; one that is thrown away where none is named."""
    if output is not None:
        if not isinstance(output, str | Path) or not str(output):
            raise invalid("output", "must be a folder or None", output, "name one, as in 'sweep'")
        named = Path(output)
        try:
            # A name may be one that no file can have.
            (named / FILE).exists()
        except (OSError, ValueError) as error:
            rule = f"must be a folder that there can be ({reason(error)})"
            raise invalid("output", rule, output, "choose another name") from error
        yield named
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def _begin_run(store: Store, about: dict[str, Any]) -> None:
    """Keeps what is known of a run, and warns where it may not play as the last one did."""
    runs = store.runs()
    changes = differing_versions(runs[-1], about) if runs else ""
    if changes:
        text = f"the sweep goes on with other versions ({changes}): its episodes may differ."
        warnings.warn(text, stacklevel=4)
    store.add_run(about)


def _is_finished(plan: Plan, store: Store, retry_failed: bool) -> bool:
    done, failures = store.counts()
    return done == plan.episodes and not (retry_failed and failures)


def _summary(plan: Plan, store: Store, share: float, *, write_files: bool) -> Swept:
    """Returns what was found, and writes the files, unless both are as they should be."""
    import pandas as pd

    of = state_of(store, share)
    known = store.read(_SUMMARY)
    has_files = not write_files or are_current(store, of)
    if known is None or known["of"] != of or not has_files:
        results = results_of_store(store, share)
        # In the types of JSON, every number to its last bit.
        tables = {name: getattr(results, name).to_dict("list") for name in ("cells", "curves")}
        known = {"of": of, **tables}
        store.write(_SUMMARY, known)
        if write_files:
            write_files_of(results, store, of)
    cells, curves = pd.DataFrame(known["cells"]), pd.DataFrame(known["curves"])
    labels = dict(zip(plan.severities, plan.severity_labels, strict=False))
    return Swept(cells, curves, plan.severity_name, labels)
