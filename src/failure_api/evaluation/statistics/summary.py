"""From the table of episodes to the tables of cells, curves and comparisons."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from failure_api.evaluation.results import LINK_NUMBERS, curve_label
from failure_api.evaluation.statistics.comparison import compare_curves
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

RewardsOf = Callable[[str, Mapping[str, str], float | None], Rewards]
"""Returns the rewards of a cell, by its policy, its setting and its severity."""

MOST_PAIRS = 45
"""Pairs of curves up to which each is compared with each."""

_NOTHING = Estimate(0.0, 0.0, 0.0)
_UNKNOWN = Estimate(math.nan, math.nan, math.nan)


class _Curve(NamedTuple):
    """The cells of one policy in one setting.

    Attributes:
        key: The policy and the setting.
        reference: The same without what has no meaning under perfect communication.
        returns: Returns `[V, E]`; NaN where an episode failed or has not been played.
    """

    key: tuple[str, ...]
    reference: tuple[str, ...]
    returns: NDArray[np.float64]


def summarise(
    episodes: pd.DataFrame,
    *,
    settings: Sequence[str],
    severities: Sequence[float],
    share: float,
    references: Sequence[str],
    rewards: RewardsOf | None = None,
    outage_end: int | None = None,
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

    Returns:
        The cells, the curves and the comparisons.
    """
    import pandas as pd

    keys = ["policy", *settings]
    found, returns, absent = _grouped(episodes, settings)
    curves = _curves(returns, settings, references, severities, absent)
    perfects = [returns.get((*curve.reference, None), absent) for curve in curves]
    summaries = [
        summarise_curve(perfect, curve.returns, severities, share)
        for perfect, curve in zip(perfects, curves, strict=True)
    ]
    cells = list(_cells(found, list(zip(curves, summaries, strict=True)), severities))
    rows = []
    for curve, summary in zip(curves, summaries, strict=True):
        recovery = _UNKNOWN
        if rewards is not None and outage_end is not None:
            policy, *values = curve.key
            setting = dict(zip(settings, values, strict=True))
            base = dict(zip(settings, curve.reference[1:], strict=True))
            severest = rewards(policy, setting, severities[-1])
            recovery = time_to_recover(rewards(policy, base, None), severest, outage_end, share)
        rows.append((*curve.key, *_curve(summary, recovery)))
    return (
        pd.DataFrame(cells, columns=[*keys, "severity", *_CELL_COLUMNS]),
        pd.DataFrame(rows, columns=[*keys, *_CURVE_COLUMNS]),
        pd.DataFrame(_comparisons(curves, settings, severities), columns=_COMPARISON_COLUMNS),
    )


def compare_all(
    episodes: pd.DataFrame, *, settings: Sequence[str], severities: Sequence[float]
) -> pd.DataFrame:
    """Returns the table of comparisons alone; arguments as for `summarise`."""
    import pandas as pd

    _, returns, absent = _grouped(episodes, settings)
    curves = _curves(returns, settings, (), severities, absent)
    return pd.DataFrame(_comparisons(curves, settings, severities), columns=_COMPARISON_COLUMNS)


def _grouped(
    episodes: pd.DataFrame, settings: Sequence[str]
) -> tuple[
    dict[tuple[Any, ...], pd.DataFrame],
    dict[tuple[Any, ...], NDArray[np.float64]],
    NDArray[np.float64],
]:
    """Returns the rows and the returns of each cell, and the returns of one without episodes."""
    count = int(episodes["episode"].max()) + 1 if len(episodes) else 0
    groups = episodes.groupby(["policy", *settings, "severity"], dropna=False, sort=False)
    found = {_key(key): group for key, group in groups}
    returns = {key: _by_episode(group, count) for key, group in found.items()}
    return found, returns, np.full(count, np.nan)


def _three(name: str) -> list[str]:
    return [name, f"{name}_low", f"{name}_high"]


_CELL_COLUMNS = [
    "episodes", "failed", *_three("mean"), *_three("iqm"), "cvar", *LINK_NUMBERS,
    *_three("drop"), "relative_drop",
]  # fmt: skip
_CURVE_COLUMNS = ["perfect", *_three("area"), *_three("breaking_point"), *_three("recovery")]
_COMPARISON_COLUMNS = [
    "first", "second", "severity", *_three("difference"), "effect_size", "p_value", "p_corrected",
]  # fmt: skip


def _key(key: Any) -> tuple[Any, ...]:
    """Returns a group's key with None for the severity of perfect communication."""
    return (*key[:-1], None if math.isnan(key[-1]) else key[-1])


def _by_episode(group: pd.DataFrame, count: int) -> NDArray[np.float64]:
    returns = np.full(count, np.nan)
    returns[group["episode"].to_numpy()] = group["return"].to_numpy()
    return returns


def _curves(
    returns: Mapping[tuple[Any, ...], NDArray[np.float64]],
    settings: Sequence[str],
    references: Sequence[str],
    severities: Sequence[float],
    absent: NDArray[np.float64],
) -> list[_Curve]:
    """Returns the curves policy by policy, in the order in which their episodes come."""
    curves = []
    for policy, *values in dict.fromkeys(key[:-1] for key in returns if key[-1] is not None):
        pairs = zip(settings, values, strict=True)
        reference = [value if name in references else "" for name, value in pairs]
        matrix = [returns.get((policy, *values, severity), absent) for severity in severities]
        curves.append(_Curve((policy, *values), (policy, *reference), np.stack(matrix)))
    policies = list(_policies(returns))
    return sorted(curves, key=lambda curve: policies.index(curve.key[0]))


def _policies(keys: Iterable[tuple[Any, ...]]) -> dict[str, None]:
    """Returns the policies in order of appearance, each once."""
    return dict.fromkeys(key[0] for key in keys)


def _cells(
    found: Mapping[tuple[Any, ...], pd.DataFrame],
    curves: Sequence[tuple[_Curve, CurveSummary]],
    severities: Sequence[float],
) -> Iterator[tuple[Any, ...]]:
    """Yields the rows of the cells."""
    waiting = dict.fromkeys(key[:-1] for key in found if key[-1] is None)

    def perfect(reference: tuple[str, ...]) -> tuple[Any, ...]:
        summary = _summary(found[*reference, None])
        return (*reference, math.nan, *_cell(summary, _NOTHING, 0.0))

    for policy in _policies(found):
        for curve, summary in curves:
            if curve.key[0] != policy:
                continue
            if curve.reference in waiting:
                del waiting[curve.reference]
                yield perfect(curve.reference)
            drops = zip(severities, summary.drops, summary.relative_drops, strict=True)
            for severity, drop, relative in drops:
                group = found.get((*curve.key, severity))
                if group is not None:
                    yield (*curve.key, severity, *_cell(_summary(group), drop, relative))
        # Of these no curve has begun: a sweep plays perfect communication first.
        yield from (perfect(reference) for reference in waiting if reference[0] == policy)


def _summary(group: pd.DataFrame) -> CellSummary:
    columns = ("return", *LINK_NUMBERS)
    return summarise_cell(*(group[name].to_numpy(dtype=np.float64) for name in columns))


def _cell(summary: CellSummary, drop: Estimate, relative: float) -> tuple[Any, ...]:
    return (
        summary.episodes, summary.failed, *summary.mean, *summary.iqm, summary.cvar,
        *(getattr(summary, name) for name in LINK_NUMBERS), *drop, relative,
    )  # fmt: skip


def _curve(summary: CurveSummary, recovery: Estimate) -> tuple[float, ...]:
    return (summary.perfect, *summary.area, *summary.breaking_point, *recovery)


def _comparisons(
    curves: Sequence[_Curve], settings: Sequence[str], severities: Sequence[float]
) -> Iterator[tuple[Any, ...]]:
    few = math.comb(len(curves), 2) <= MOST_PAIRS
    for first, second in itertools.combinations(curves, 2):
        if not (few or first.key[0] == second.key[0] or first.key[1:] == second.key[1:]):
            continue
        labels = (_label(first.key, settings), _label(second.key, settings))
        found = compare_curves(first.returns, second.returns)
        for severity, comparison in zip(severities, found, strict=True):
            difference, *rest = comparison
            yield (*labels, severity, *difference, *rest)


def _label(key: Sequence[str], settings: Sequence[str]) -> str:
    return curve_label(key[0], dict(zip(settings, key[1:], strict=True)))
