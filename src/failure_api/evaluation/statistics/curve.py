"""What a curve says: how much is lost at each severity, in all, and from where on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from failure_api.errors import invalid
from failure_api.evaluation.statistics.interval import Estimate, mean, percentiles, resampled_means


class CurveSummary(NamedTuple):
    """What a curve says.

    Attributes:
        perfect: Mean return under perfect communication.
        drops: Mean paired drop at each severity.
        relative_drops: The same as shares of the absolute value of `perfect`.
        area: Normalised area under the curve: 1 where nothing is lost; NaN where a severity has
            no episode, and where `perfect` is 0.
        breaking_point: The first severity at which too much is lost; inf beyond the grid, NaN
            where one that has no episode might be it. Its interval is NaN where any has none.
    """

    perfect: float
    drops: list[Estimate]
    relative_drops: list[float]
    area: Estimate
    breaking_point: Estimate


def summarise_curve(
    perfect: ArrayLike, returns: ArrayLike, severities: Sequence[float], share: float
) -> CurveSummary:
    r"""Returns what a curve says against perfect communication, paired by episode.

    With $P_k$ the return of episode $k$ under perfect communication and $R_{vk}$ that at severity
    $s_v$, the drop is $d_v = \operatorname{mean}_k (P_k - R_{vk})$ and the relative drop
    $d_v / |\bar P|$. The normalised area is

    $$1 - \frac{1}{|s_V - s_1|} \int \frac{d(s)}{|\bar P|} \, ds$$

    by the trapezoid rule, and the breaking point the first $s_v$ with
    $d_v > \text{share} \cdot |\bar P|$. For their intervals the episodes are drawn again, the
    same ones at all severities. $\bar P$ is the mean of all that finished, paired or not; where
    its own interval holds 0, shares of it mean nothing, and are NaN.

    Args:
        perfect: Returns under perfect communication, `[E]`; NaN for an episode that failed.
        returns: Returns at each severity, `[V, E]`, in the same order of episodes.
        severities: The V severities, from the mildest to the severest.
        share: Share of the return whose loss counts as broken.

    Raises:
        InvalidArgumentError: `returns` is not of that shape.

    Example:
        >>> found = summarise_curve([10, 10], [[10, 10], [8, 8], [4, 4]], [0, 0.5, 1], share=0.3)
        >>> round(found.area.value, 3), found.breaking_point.value
        (0.75, 1.0)
    """
    base = np.asarray(perfect, dtype=np.float64)
    failing = np.asarray(returns, dtype=np.float64)
    if failing.shape != (len(severities), len(base)):
        remedy = f"give {len(base)} numbers for each of the {len(severities)} severities"
        raise invalid("returns", "must have a row for each severity", failing, remedy)
    # Without it the intervals would widen with episodes that have not been played at all.
    played = ~np.isnan(base)
    base = base[played]
    with np.errstate(invalid="ignore"):
        lost = base - failing[:, played]
    columns = np.vstack([base, lost]).T
    drops = [mean(row) for row in lost]
    with np.errstate(invalid="ignore"):
        level = float(base.mean()) if base.size else math.nan
    point = np.array([level, *(drop.value for drop in drops)])[None, :]
    resampled = resampled_means(columns) if len(base) > 1 else np.empty((0, columns.shape[1]))
    # An episode that was drawn only where it failed says nothing.
    resampled = resampled[~np.isnan(resampled).any(axis=1)]
    steps = np.asarray(severities, dtype=np.float64)
    if may_be_nothing(base):
        unknown = Estimate(math.nan, math.nan, math.nan)
        return CurveSummary(level, drops, [math.nan] * len(drops), unknown, unknown)
    area = float(_areas(point, steps)[0])
    # Around nothing there is no interval, though the episodes drawn may each give an area.
    areas = _areas(point if math.isnan(area) else resampled, steps)
    return CurveSummary(
        perfect=level,
        drops=drops,
        relative_drops=[drop.value / abs(level) for drop in drops],
        area=Estimate(area, *percentiles(areas)),
        breaking_point=_breaking_point(point, resampled, steps, share),
    )


def may_be_nothing(perfect: NDArray[np.float64]) -> bool:
    """Returns whether the interval of a mean return holds 0, of which nothing can be a share.

    Args:
        perfect: Returns under perfect communication, `[E]`.

    Example:
        >>> may_be_nothing(np.array([-1.0, 1.0, 2.0])), may_be_nothing(np.array([1.0, 2.0]))
        (True, False)
    """
    value, low, high = mean(perfect)
    return value == 0.0 or low <= 0.0 <= high


def _areas(means: NDArray[np.float64], severities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the normalised area for each row of the perfect return and the drops."""
    with np.errstate(all="ignore"):
        relative = means[:, 1:] / np.abs(means[:, :1])
    if len(severities) == 1:
        return 1.0 - relative[:, 0]
    widths = np.abs(np.diff(severities))
    between = (relative[:, :-1] + relative[:, 1:]) / 2
    return np.asarray(1.0 - (between @ widths) / widths.sum())


def _breaks(means: NDArray[np.float64], share: float) -> NDArray[np.int64]:
    """Returns for each row the index of the first severity that breaks; V beyond the grid."""
    broken = means[:, 1:] > share * np.abs(means[:, :1])
    first: NDArray[np.int64] = np.where(broken.any(axis=1), broken.argmax(axis=1), broken.shape[1])
    return first


def _breaking_point(
    point: NDArray[np.float64],
    resampled: NDArray[np.float64],
    severities: NDArray[np.float64],
    share: float,
) -> Estimate:
    places = [*severities.tolist(), math.inf]
    index = int(_breaks(point, share)[0])
    # The perfect return and the drops up to the breaking point; all of them where there is none.
    unknown = bool(np.isnan(point[0, : index + 2]).any())
    value = math.nan if unknown else places[index]
    if not len(resampled):
        return Estimate(value, math.nan, math.nan)
    # A severity of the grid, not one between two of them.
    low, high = np.quantile(_breaks(resampled, share), [0.025, 0.975], method="inverted_cdf")
    return Estimate(value, places[int(low)], places[int(high)])
