"""Sweeps beside one another: the same episodes, paired."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from failure_api.errors import InvalidArgumentError, invalid
from failure_api.evaluation.analysis import read_episodes
from failure_api.evaluation.plan import Plan
from failure_api.needs import needed

if TYPE_CHECKING:
    import pandas as pd

_SWEEP = "sweep"
_MUST_AGREE = ("environment", "options", "seed", "team", "max_steps")


def compare(directories: Sequence[str | Path]) -> pd.DataFrame:
    """Compares the curves of several sweeps, episode by episode, at the severities they share.

    Args:
        directories: Folders of two sweeps or more, of the same environment, options, seed, team
            and severity.

    Returns:
        The table that `Results.comparisons` describes; curves are named with their folders.

    Raises:
        InvalidArgumentError: A folder holds no sweep, or the sweeps cannot be paired.
    """
    from failure_api.evaluation.statistics import compare_all

    needed("pandas", "A comparison", "evaluation")
    import pandas as pd

    if len(directories) < 2:
        remedy = "name the folders of two sweeps or more"
        raise invalid("directories", "must be at least two", list(map(str, directories)), remedy)
    for index, directory in enumerate(directories):
        if any(Path(directory).resolve() == Path(each).resolve() for each in directories[:index]):
            raise invalid("directories", "must each come once", str(directory), "leave one out")
    plans, tables = zip(*map(read_episodes, directories), strict=True)
    first = plans[0]
    for other, directory in zip(plans[1:], directories[1:], strict=True):
        _check_pairing(first, other, directory)
    severities = tuple(s for s in first.severities if all(s in plan.severities for plan in plans))
    if not severities:
        rule, found = f"must share values of {first.severity_name}", [p.severities for p in plans]
        raise invalid("directories", rule, found, "compare sweeps of the same grid")
    settings = list(dict.fromkeys(name for plan in plans for name in plan.settings))
    named = [
        table.assign(**{_SWEEP: name, **dict.fromkeys(set(settings) - set(plan.settings), "")})
        for name, plan, table in zip(_names(directories), plans, tables, strict=True)
    ]
    episodes = pd.concat(named, ignore_index=True)
    failing = episodes[episodes["severity"].isin(severities)]
    return compare_all(failing, settings=(_SWEEP, *settings), severities=severities)


def _check_pairing(first: Plan, other: Plan, directory: str | Path) -> None:
    """Raises an error for sweeps whose episodes are not the same."""
    for key in _MUST_AGREE:
        one, two = getattr(first.specification, key), getattr(other.specification, key)
        if one != two:
            raise InvalidArgumentError(
                f"directories must hold sweeps with the same {key}, but {directory} has {two!r} "
                f"where the first has {one!r}: compare sweeps that differ in policies, models or "
                "exchange."
            )
    if first.severity_name != other.severity_name:
        one, two = first.severity_name, other.severity_name
        raise InvalidArgumentError(
            f"directories must hold sweeps over the same severity, but {directory} varies {two!r} "
            f"where the first varies {one!r}: compare sweeps of one parameter."
        )
    if first.severity_labels != other.severity_labels:
        one, two = first.severity_labels, other.severity_labels
        raise InvalidArgumentError(
            f"directories must hold sweeps with the same labels in the same order, but {directory} "
            f"has {two!r} where the first has {one!r}: compare sweeps of the same scenarios."
        )


def _names(directories: Sequence[str | Path]) -> list[str]:
    """Returns the folders' names; their paths where names alone do not tell them apart."""
    names = [Path(directory).resolve().name for directory in directories]
    return names if len(set(names)) == len(names) else list(map(str, directories))
