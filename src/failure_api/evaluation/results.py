"""A sweep's results: every episode, and its statistics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from failure_api.evaluation.recording import Recording

LINK_NUMBERS = ("delivery_ratio", "mean_age", "news", "overtaken")
"""What tables call the numbers that say what an episode's links did."""

_ENDS = ("", "_low", "_high")
COLUMNS = frozenset(
    [
        *("policy", "severity", "episode", "episodes", "seed", "length", "error", "failed"),
        *("return", "cvar", "relative_drop", "perfect"),
        *LINK_NUMBERS,
        *(f"{name}{end}" for name in ("mean", "iqm", "drop", "area", "recovery") for end in _ENDS),
        *(f"breaking_point{end}" for end in _ENDS),
    ]
)
"""Columns of the tables, which nothing that varies may be called."""

PERFECT = "perfect communication"
"""What the cells without any failure are called."""


@dataclass(frozen=True, kw_only=True)
class Results:
    """What a sweep found.

    A *cell* is one policy in one setting at one severity; a *curve* is the cells of one policy in
    one setting, from the mildest severity to the severest. Every table names the policy in the
    column "policy" and the setting in one column for each of `settings`, as text.

    Attributes:
        specification: The specification, as plain data.
        severity: What the severity is: the name of the parameter that varies along a curve.
        severity_title: The same in words, for the axis of a figure.
        severities: Its values, from the mildest to the severest; 1, 2, ... where labels tell them.
        severity_labels: What each severity is called; empty where numbers say it.
        is_ordered: Whether the severities lead from the mildest to the severest. Scenarios, which
            are told by labels alone, have no order.
        settings: Names of what else varies, such as "missing" or "N".
        share: Share of the return under perfect communication that a drop must exceed to count
            as broken.
        episodes: One row for each finished episode: policy, settings, "severity" (NaN under
            perfect communication), "episode", "seed", "return", "length", "delivery_ratio",
            "mean_age", "news", "overtaken", "error" (None where none).
        cells: One row for each cell: policy, settings, "severity", "episodes", "failed", "mean",
            "mean_low", "mean_high", "iqm", "iqm_low", "iqm_high", "cvar", "delivery_ratio",
            "mean_age", "news", "overtaken", "drop", "drop_low", "drop_high", "relative_drop".
        curves: One row for each curve: policy, settings, "perfect", "area", "area_low",
            "area_high", "breaking_point", "breaking_point_low", "breaking_point_high" (inf where
            it lies beyond the grid), "recovery", "recovery_low", "recovery_high" (NaN where there
            is no outage that ends). All but "perfect" is NaN where the severities have no order.
        comparisons: For each pair of curves and each severity: "first", "second" (the curves'
            labels), "severity", "difference", "difference_low", "difference_high",
            "effect_size", "p_value", "p_corrected".
        recordings: One recorded episode for each cell.
        runs: For each time that the sweep was started or resumed: "command", "started",
            "versions", "machine".
    """

    specification: Mapping[str, Any]
    severity: str
    severities: tuple[float, ...]
    settings: tuple[str, ...]
    share: float
    episodes: pd.DataFrame
    cells: pd.DataFrame
    curves: pd.DataFrame
    comparisons: pd.DataFrame
    recordings: Sequence[Recording] = ()
    runs: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    severity_title: str = ""
    severity_labels: tuple[str, ...] = ()
    is_ordered: bool = True

    @property
    def failures(self) -> pd.DataFrame:
        """The rows of `episodes` that ended in an error."""
        return self.episodes[self.episodes["error"].notna()]

    def label(self, row: Mapping[str, Any]) -> str:
        """Returns what the curve of a table's row is called."""
        return curve_label(row["policy"], {name: row[name] for name in self.settings})


def reason_of(error: str) -> str:
    """Returns the first line of what an episode ended in, which says what went wrong.

    Example:
        >>> reason_of("ValueError: too far" + chr(10) + "Traceback ...")
        'ValueError: too far'
    """
    return error.partition("\n")[0]


def curve_label(policy: str, setting: Mapping[str, str]) -> str:
    """Returns what a curve is called.

    Example:
        >>> curve_label("assignment", {"missing": "hold"})
        'assignment, missing=hold'
    """
    return ", ".join([policy, *(f"{name}={value}" for name, value in setting.items())])
