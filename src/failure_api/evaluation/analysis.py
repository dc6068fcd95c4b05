"""From finished episodes to results: tables, statistics, recordings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from failure_api.catalogue.describe import meaning_of
from failure_api.errors import invalid
from failure_api.evaluation.identity import specification_in
from failure_api.evaluation.plan import Cell, Plan
from failure_api.evaluation.reading import specification_from_dict
from failure_api.evaluation.recording import Recording
from failure_api.evaluation.results import LINK_NUMBERS, Results
from failure_api.evaluation.stage import outage_end
from failure_api.evaluation.store import Store, opened
from failure_api.needs import needed

if TYPE_CHECKING:
    import pandas as pd

DEFAULT_SHARE = 0.1
"""Share of the return that must be lost for a team to count as broken."""

_COLUMNS = ("episode", "seed", "return", "length", *LINK_NUMBERS, "error")


def read_results(directory: str | Path, *, share: float = DEFAULT_SHARE) -> Results:
    """Returns what a sweep has found so far.

    Args:
        directory: The folder that the sweep writes to.
        share: Share of the return under perfect communication that a drop must exceed to count
            as broken.

    Raises:
        InvalidArgumentError: The folder holds no sweep or is in use, or the share is none.
    """
    check_share(share)
    with opened(Path(directory), new=False) as store:
        return results_of_store(store, share)


def check_share(share: float) -> None:
    """Raises an error for what is no share."""
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share < 10:
        raise invalid("share", "must lie between 0 and 10", share, "give a share such as 0.1")


def read_plan(directory: str | Path) -> Plan:
    """Returns the plan of a sweep.

    Args:
        directory: As in `read_results`.
    """
    with opened(Path(directory), new=False) as store:
        return _plan_of(store)


def read_episodes(directory: str | Path) -> tuple[Plan, pd.DataFrame]:
    """Returns the plan of a sweep, and the table of episodes that `Results` describes.

    Args:
        directory: As in `read_results`.
    """
    with opened(Path(directory), new=False) as store:
        plan = _plan_of(store)
        return plan, _episodes_of(store, plan)


def results_of_store(store: Store, share: float) -> Results:
    """Returns what is in an open store; arguments as for `read_results`."""
    from failure_api.evaluation.statistics import summarise

    plan = _plan_of(store)
    table = _episodes_of(store, plan)
    numbered = {_coordinates(plan, plan.cell(number)): number for number in store.finished()}

    cells, curves, comparisons = summarise(
        table,
        settings=plan.settings,
        severities=plan.severities,
        share=share,
        references=plan.outer_settings,
        rewards=lambda key: store.rewards(numbered[key]) if key in numbered else {},
        outage_end=outage_end(plan),
        is_ordered=is_ordered(plan),
    )
    return Results(
        specification=plan.specification.to_plain(),
        severity=plan.severity_name,
        severity_title=title_of_severity(plan),
        severities=plan.severities,
        severity_labels=plan.severity_labels,
        is_ordered=is_ordered(plan),
        settings=plan.settings,
        share=share,
        episodes=table,
        cells=cells,
        curves=curves,
        comparisons=comparisons,
        recordings=tuple(_named(plan, *recorded) for recorded in store.recordings()),
        runs=tuple(store.runs()),
    )


def is_ordered(plan: Plan) -> bool:
    """Returns whether a plan's severities are numbers, which lead from mild to severe.

    Scenarios, which labels alone tell apart, stand beside each other.

    Args:
        plan: The plan.
    """
    return plan.severity is None or plan.severity.is_numeric


def title_of_severity(plan: Plan) -> str:
    """Returns what varies along a curve, in words: what its model says of the parameter.

    A label of the user's own is taken as it is, and so is the name of what no docstring tells of.

    Args:
        plan: The plan.

    Example:
        >>> from failure_api.evaluation import read_specification
        >>> title_of_severity(Plan(read_specification({
        ...     "environment": "mpe2.simple_spread_v3",
        ...     "failure_models": {"model": "probabilistic", "failure_prob": {"grid": [0, 1]}},
        ... })))
        'probability that a link is down in a round'
    """
    axis = plan.severity
    if axis is None or axis.labels or axis.beside or plan.severity_name != axis.title:
        return plan.severity_name
    (root, *path), key = axis.path[:-1], axis.path[-1]
    model: Any = getattr(plan.specification, str(root))
    for step in path:
        model = model[step]
    return (isinstance(model, Mapping) and meaning_of(model, str(key))) or plan.severity_name


def _plan_of(store: Store) -> Plan:
    if (specification := specification_in(store)) is None:
        directory = str(store.directory)
        raise invalid("directory", "must hold a sweep", directory, "play the sweep first")
    return Plan(specification_from_dict(specification, stored=True))


def _episodes_of(store: Store, plan: Plan) -> pd.DataFrame:
    needed("pandas", "A sweep", "evaluation")
    import pandas as pd

    rows = store.episodes()
    by_cell = {number: _coordinates(plan, plan.cell(number)) for number in {r[0] for r in rows}}
    columns = ["policy", *plan.settings, "severity", *_COLUMNS]
    table = pd.DataFrame([(*by_cell[row[0]], *row[1:]) for row in rows], columns=columns)
    numbers = ["severity", "return", *LINK_NUMBERS]
    return table.astype(dict.fromkeys(numbers, "float64"))


def _coordinates(plan: Plan, cell: Cell) -> tuple[Any, ...]:
    return (cell.policy, *plan.setting_of(cell).values(), plan.severity_of(cell))


def _named(plan: Plan, number: int, recording: Recording) -> Recording:
    cell = plan.cell(number)
    recording.policy, recording.setting = cell.policy, plan.setting_of(cell)
    recording.severity = plan.severity_of(cell)
    return recording
