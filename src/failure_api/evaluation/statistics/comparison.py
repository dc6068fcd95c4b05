"""Two curves beside one another: how much they differ, and whether by chance."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from failure_api.errors import invalid
from failure_api.evaluation.statistics.interval import Estimate, mean

EXACT = 50
"""Differences up to which the signed-rank test counts every case."""

# A smaller spread than this share of the mean is what rounding leaves of none.
_ROUNDING = 1e-9


class Comparison(NamedTuple):
    """Two curves at one severity.

    Attributes:
        difference: Mean of the second minus the first, paired by episode.
        effect_size: Cohen's d of the pairs.
        p_value: Of the signed-rank test.
        p_corrected: The same, corrected for the number of severities.
    """

    difference: Estimate
    effect_size: float
    p_value: float
    p_corrected: float


def compare_curves(first: ArrayLike, second: ArrayLike) -> list[Comparison]:
    r"""Compares two curves at each severity.

    With $D_k$ the difference of episode $k$, the effect size is
    $d_z = \operatorname{mean}(D) / \operatorname{std}(D)$; the p-value is that of Wilcoxon's
    signed-rank test, corrected by Holm's step-down procedure.

    Args:
        first: Returns `[V, E]`; NaN for an episode that failed.
        second: The same for the other curve, in the same order.

    Returns:
        One comparison for each severity; NaN where no episode finished in both curves.

    Raises:
        InvalidArgumentError: The two differ in shape.

    Example:
        >>> found = compare_curves([[1, 2, 3, 4]], [[3, 3, 5, 6]])[0]
        >>> found.difference.value, found.p_value
        (1.75, 0.125)

    Source: Cohen, "Statistical power analysis for the behavioral sciences", 1988; Wilcoxon,
    "Individual comparisons by ranking methods", 1945; Holm, "A simple sequentially rejective
    multiple test procedure", 1979.
    """
    one, two = (np.asarray(returns, dtype=np.float64) for returns in (first, second))
    if one.shape != two.shape:
        remedy = f"pair its episodes and severities with those of the first, {one.shape}"
        raise invalid("second", "must have the shape of first", two.shape, remedy)
    with np.errstate(invalid="ignore"):
        differences = two - one
        # Episodes that differ by rounding alone are the same.
        alike = np.abs(differences) <= _ROUNDING * np.maximum(np.abs(one), np.abs(two))
    differences[alike] = 0.0
    rows = [row[~np.isnan(row)] for row in differences]
    p_values = [signed_rank(row) for row in rows]
    corrected = holm(p_values)
    return [
        Comparison(mean(row), paired_effect_size(row), p, p_holm)
        for row, p, p_holm in zip(rows, p_values, corrected, strict=True)
    ]


def paired_effect_size(differences: NDArray[np.float64]) -> float:
    r"""Returns Cohen's d of paired differences, $\operatorname{mean}(D) / \operatorname{std}(D)$.

    The standard deviation is that of a sample, with $n - 1$. 0 where there is no difference at
    all, infinite where all are the same, NaN for fewer than two.

    Args:
        differences: Finite differences `[E]`.

    Example:
        >>> paired_effect_size(np.array([1.0, 2.0, 3.0]))
        2.0
    """
    if len(differences) < 2 or not np.isfinite(differences).all():
        return math.nan
    spread = float(differences.std(ddof=1))
    centre = float(differences.mean())
    if spread <= _ROUNDING * abs(centre):
        return 0.0 if centre == 0.0 else math.copysign(math.inf, centre)
    return centre / spread


def signed_rank(differences: NDArray[np.float64]) -> float:
    r"""Returns the two-sided p-value of Wilcoxon's signed-rank test.

    With $r_k$ the rank of $|D_k|$, those of equal size sharing their mean rank, it is the
    probability that $W = \sum_{D_k > 0} r_k$ lies as far from its mean, were each sign the toss of
    a coin. Differences of zero are left out. Up to `EXACT` of the others it is exact, ties or not;
    beyond, $W$ counts as normal with mean $\sum r_k / 2$ and variance $\sum r_k^2 / 4$, without a
    correction for continuity.

    Args:
        differences: Differences `[E]`, without NaN.

    Returns:
        The p-value; 1 where all differences are zero, NaN where there are none.

    Example:
        >>> signed_rank(np.array([1.0, 2.0, 3.0, 4.0, 5.0]))
        0.0625

    Source: Wilcoxon, 1945.
    """
    if not len(differences):
        return math.nan
    known = differences[differences != 0.0]
    # SciPy's own choice of method depends on its version, and gives up on ties in larger samples.
    # Twice a mean rank is a whole number.
    ranks = np.rint(2 * stats.rankdata(np.abs(known))).astype(np.int64)
    positive, total = int(ranks[known > 0].sum()), int(ranks.sum())
    if len(known) > EXACT:
        spread = math.sqrt(float((ranks**2).sum()) / 4)
        return float(2 * stats.norm.sf(abs(positive - total / 2) / spread))
    chances = np.zeros(total + 1)
    chances[0] = 1.0
    for rank in ranks:
        chances /= 2
        added = chances[:-rank].copy()
        chances[rank:] += added
    return min(1.0, 2 * float(chances[: min(positive, total - positive) + 1].sum()))


def holm(p_values: list[float]) -> list[float]:
    r"""Returns p-values corrected for their number.

    In rising order $p_{(1)} \le \dots \le p_{(m)}$, the corrected one is
    $\max_{j \le i} \min\{1, (m - j + 1) \, p_{(j)}\}$. NaN is left out.

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]

    Source: Holm, 1979.
    """
    values = np.asarray(p_values, dtype=np.float64)
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.argsort(values[known], kind="stable")]
    factors = len(order) - np.arange(len(order))
    corrected = values.copy()
    corrected[order] = np.minimum(np.maximum.accumulate(factors * values[order]), 1.0)
    return [float(p) for p in corrected]
