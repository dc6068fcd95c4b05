"""From the table of episodes to the tables of cells, curves and comparisons."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from failure_api.evaluation.results import LINK_NUMBERS, curve_label
from failure_api.evaluation.statistics.comparison import Comparison, compare_curves
from failure_api.evaluation.statistics.curve import (
    CellSummary,
    CurveSummary,
    Rewards,
    summarise_cell,
    summarise_curve,
    time_to_recover,
)
from failure_api.evaluation.statistics.interval import Estimate

if TYPE_CHECKING:
    import pandas as pd

Key = tuple[Any, ...]
"""A cell: its policy, the values of its setting, and its severity, None without failures."""

MOST_PAIRS = 45
"""Pairs of curves up to which each is compared with each."""


class _Curve(NamedTuple):
    """The cells of one policy in one setting.

    Attributes:
        key: The policy and the setting.
        reference: The same without what has no meaning under perfect communication.
        perfect: Returns `[E]` under perfect communication.
        returns: Returns `[V, E]`; NaN where an episode failed or has not been played.
    """

    key: tuple[str, ...]
    reference: tuple[str, ...]
    perfect: NDArray[np.float64]
    returns: NDArray[np.float64]


def summarise(
    episodes: pd.DataFrame,
    *,
    settings: Sequence[str],
    severities: Sequence[float],
    share: float,
    references: Sequence[str],
    rewards: Callable[[Key], Rewards] | None = None,
    outage_end: int | None = None,
    is_ordered: bool = True,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Returns the tables of cells, curves and comparisons that `Results` describes.

    Rows come policy by policy, in the order in which policies and settings first appear, and from
    the mildest severity to the severest. A cell under perfect communication comes once, before the
    first curve that is paired with it; its drop is 0.

    A sweep need not be finished. Cells and curves of which no episode has been played are left
    out. A curve that lacks a cell has neither an area nor, unless it breaks before, a breaking
    point: both are NaN, and so is what a comparison says where one of its cells is lacking. Beyond
    ten curves only those are compared that share the policy or the whole setting.

    Args:
        episodes: The table of episodes that `Results` describes.
        settings: Names of its columns that hold the setting.
        severities: The severities, from the mildest to the severest.
        share: Share of the return whose loss counts as broken.
        references: Which of the settings mean something under perfect communication; in the
            others its rows hold empty text.
        rewards: Returns the rewards of a cell; None where recovery is not asked for.
        outage_end: The first round after an outage; None where there is none that ends.
        is_ordered: Whether the severities have an order. Without one nothing lies between two of
            them and none is the severest: area, breaking point and recovery are NaN.

    Returns:
        The cells, the curves and the comparisons.
    """
    import pandas as pd

    keys = ["policy", *settings]
    groups, curves = _grouped(episodes, settings, severities, references)
    summaries = [summarise_curve(c.perfect, c.returns, severities, share) for c in curves]
    rows = []
    for curve, summary in zip(curves, summaries, strict=True):
        recovery = nothing = Estimate(math.nan, math.nan, math.nan)
        if rewards is not None and outage_end is not None and is_ordered:
            perfect, severest = (*curve.reference, None), (*curve.key, severities[-1])
            recovery = time_to_recover(rewards(perfect), rewards(severest), outage_end, share)
        whole = (summary.area, summary.breaking_point) if is_ordered else (nothing, nothing)
        rows.append((*curve.key, *_flat((summary.perfect, *whole, recovery))))
    cells = _cells(groups, list(zip(curves, summaries, strict=True)), severities)
    return (
        pd.DataFrame(cells, columns=[*keys, "severity", *_CELL_COLUMNS]),
        pd.DataFrame(rows, columns=[*keys, *_CURVE_COLUMNS]),
        _comparisons(curves, settings, severities),
    )


def compare_all(
    episodes: pd.DataFrame, *, settings: Sequence[str], severities: Sequence[float]
) -> pd.DataFrame:
    """Returns the table of comparisons alone; arguments as for `summarise`."""
    _, curves = _grouped(episodes, settings, severities, ())
    return _comparisons(curves, settings, severities)


def episodes_by_cell(episodes: pd.DataFrame, settings: Sequence[str]) -> dict[Key, pd.DataFrame]:
    """Returns the episodes of each cell; arguments as for `summarise`."""
    by_cell: Any = episodes.groupby(["policy", *settings, "severity"], dropna=False, sort=False)
    return {
        (*key, None if math.isnan(severity) else severity): group
        for (*key, severity), group in by_cell
    }


def _grouped(
    episodes: pd.DataFrame,
    settings: Sequence[str],
    severities: Sequence[float],
    references: Sequence[str],
) -> tuple[dict[Key, pd.DataFrame], list[_Curve]]:
    """Returns the episodes of each cell, and the curves; both of them policy by policy."""
    count = int(episodes["episode"].max()) + 1 if len(episodes) else 0
    found = episodes_by_cell(episodes, settings)
    policies = list(dict.fromkeys(key[0] for key in found))
    groups = {key: found[key] for key in sorted(found, key=lambda key: policies.index(key[0]))}

    def returns(*key: Any) -> NDArray[np.float64]:
        by_episode = np.full(count, np.nan)
        if key in groups:
            by_episode[groups[key]["episode"].to_numpy()] = groups[key]["return"].to_numpy()
        return by_episode

    curves = []
    for policy, *values in dict.fromkeys(key[:-1] for key in groups if key[-1] is not None):
        pairs = zip(settings, values, strict=True)
        reference = (policy, *(value if name in references else "" for name, value in pairs))
        matrix = np.stack([returns(policy, *values, severity) for severity in severities])
        curves.append(_Curve((policy, *values), reference, returns(*reference, None), matrix))
    return groups, curves


def _columns(fields: Sequence[str], estimates: Sequence[str]) -> list[str]:
    """Returns names of columns, three for what has an interval."""
    ends = {name: ["", "_low", "_high"] for name in estimates}
    return [f"{name}{end}" for name in fields for end in ends.get(name, [""])]


_CELL_COLUMNS = _columns([*CellSummary._fields, "drop", "relative_drop"], ["mean", "iqm", "drop"])
_CURVE_COLUMNS = _columns(
    ["perfect", "area", "breaking_point", "recovery"], ["area", "breaking_point", "recovery"]
)
_COMPARISON_COLUMNS = _columns(["first", "second", "severity", *Comparison._fields], ["difference"])


def _flat(values: Sequence[Any]) -> Iterator[Any]:
    """Yields the values of a row; an estimate as its three numbers."""
    for value in values:
        yield from value if isinstance(value, Estimate) else (value,)


def _cells(
    groups: Mapping[Key, pd.DataFrame],
    curves: Sequence[tuple[_Curve, CurveSummary]],
    severities: Sequence[float],
) -> list[Key]:
    """Returns the rows of the cells, policy by policy."""

    def row(key: Key, drop: Estimate, relative: float) -> Key:
        columns = [groups[key][name].to_numpy("float64") for name in ("return", *LINK_NUMBERS)]
        severity = math.nan if key[-1] is None else key[-1]
        return (*key[:-1], severity, *_flat((*summarise_cell(*columns), drop, relative)))

    drops: dict[Key, tuple[Estimate, float]] = {}
    no_drop = (Estimate(0.0, 0.0, 0.0), 0.0)
    for curve, summary in curves:
        drops.setdefault((*curve.reference, None), no_drop)
        pairs = zip(summary.drops, summary.relative_drops, strict=True)
        drops |= {(*curve.key, s): pair for s, pair in zip(severities, pairs, strict=True)}
    # With some of these no curve has begun: a sweep plays perfect communication first.
    drops |= {key: no_drop for key in groups if key[-1] is None}
    policies = list(dict.fromkeys(key[0] for key in groups))
    ordered = sorted(drops, key=lambda key: policies.index(key[0]))
    return [row(key, *drops[key]) for key in ordered if key in groups]


def _comparisons(
    curves: Sequence[_Curve], settings: Sequence[str], severities: Sequence[float]
) -> pd.DataFrame:
    import pandas as pd

    rows = []
    few = math.comb(len(curves), 2) <= MOST_PAIRS
    for first, second in itertools.combinations(curves, 2):
        if not (few or first.key[0] == second.key[0] or first.key[1:] == second.key[1:]):
            continue
        labels = [
            curve_label(curve.key[0], dict(zip(settings, curve.key[1:], strict=True)))
            for curve in (first, second)
        ]
        found = compare_curves(first.returns, second.returns)
        rows += [(*labels, s, *_flat(each)) for s, each in zip(severities, found, strict=True)]
    return pd.DataFrame(rows, columns=_COMPARISON_COLUMNS)
