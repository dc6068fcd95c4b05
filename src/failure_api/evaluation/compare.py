"""Sweeps beside one another: the same episodes, paired."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from failure_api.catalogue.needs import needed
from failure_api.errors import InvalidArgumentError, invalid
from failure_api.evaluation.analysis import DEFAULT_SHARE, read_results
from failure_api.evaluation.results import Results

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
    from failure_api.evaluation.statistics import summarise

    needed("pandas", "A comparison", "evaluation")
    import pandas as pd

    if len(directories) < 2:
        remedy = "name the folders of two sweeps or more"
        raise invalid("directories", "must be at least two", list(map(str, directories)), remedy)
    for index, directory in enumerate(directories):
        if any(Path(directory).resolve() == Path(each).resolve() for each in directories[:index]):
            raise invalid("directories", "must each come once", str(directory), "leave one out")
    found = [read_results(directory) for directory in directories]
    for other, directory in zip(found[1:], directories[1:], strict=True):
        _check_pairing(found[0], other, directory)
    severities = tuple(
        severity
        for severity in found[0].severities
        if all(severity in results.severities for results in found)
    )
    if not severities:
        raise invalid(
            "directories",
            f"must share values of {found[0].severity}",
            [results.severities for results in found],
            "compare sweeps of the same grid",
        )
    settings = list(dict.fromkeys(name for results in found for name in results.settings))
    names = _names(directories)
    tables = [
        results.episodes.assign(**{_SWEEP: name, **_absent(settings, results)})
        for name, results in zip(names, found, strict=True)
    ]
    episodes = pd.concat(tables, ignore_index=True)
    kept = episodes["severity"].isna() | episodes["severity"].isin(severities)
    comparisons: pd.DataFrame = summarise(
        episodes[kept],
        settings=(_SWEEP, *settings),
        severities=severities,
        share=DEFAULT_SHARE,
        references=(_SWEEP, *settings),
        rewards=None,
        outage_end=None,
    )[2]
    return comparisons


def _check_pairing(first: Results, other: Results, directory: str | Path) -> None:
    """Raises an error for sweeps whose episodes are not the same."""
    for key in _MUST_AGREE:
        one, two = first.specification[key], other.specification[key]
        if one != two:
            raise InvalidArgumentError(
                f"directories must hold sweeps with the same {key}, but {directory} has {two!r} "
                f"where the first has {one!r}: compare sweeps that differ in policies, models or "
                "exchange."
            )
    if first.severity != other.severity:
        raise InvalidArgumentError(
            f"directories must hold sweeps over the same severity, but {directory} varies "
            f"{other.severity!r} where the first varies {first.severity!r}: compare sweeps of one "
            "parameter."
        )


def _absent(settings: Sequence[str], results: Results) -> dict[str, str]:
    return {name: "" for name in settings if name not in results.settings}


def _names(directories: Sequence[str | Path]) -> list[str]:
    """Returns the folders' names; their paths where names alone do not tell them apart."""
    names = [Path(directory).resolve().name for directory in directories]
    return names if len(set(names)) == len(names) else list(map(str, directories))
