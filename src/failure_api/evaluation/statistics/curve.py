"""Statistics of cells and curves: loss at each severity, in all, and where it begins."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from failure_api.errors import invalid
from failure_api.evaluation.statistics.interval import (
    Estimate,
    column_means,
    interquartile_mean,
    mean,
    percentiles,
    resampled_means,
    without_nan,
)

WORST = 0.1
"""Share of the episodes that the conditional value at risk is the mean of."""


class CellSummary(NamedTuple):
    """What one cell's episodes say.

    Attributes:
        episodes: Episodes that did not fail.
        failed: Episodes that did.
        mean: Mean of the returns.
        iqm: Interquartile mean of the returns.
        cvar: Mean of the worst tenth of the returns.
        delivery_ratio: Mean over the episodes.
        mean_age: Mean over the episodes, in rounds.
        news: Mean over the episodes.
        overtaken: Mean over the episodes.
    """

    episodes: int
    failed: int
    mean: Estimate
    iqm: Estimate
    cvar: float
    delivery_ratio: float
    mean_age: float
    news: float
    overtaken: float


def summarise_cell(returns: ArrayLike, *links: ArrayLike) -> CellSummary:
    """Returns what the episodes of a cell say; each argument has a number for each of them.

    Args:
        returns: The team's returns; NaN for an episode that failed.
        links: Shares of messages that arrived, NaN where none were sent; mean ages of information,
            in rounds; shares of the rounds in which a link's newest message became a newer one;
            and shares of the messages that arrived after a newer one.

    Example:
        >>> returns, ratios, nothing = [1.0, 3.0, float("nan")], [0.5, 0.7, 0.0], [0.0] * 3
        >>> summary = summarise_cell(returns, ratios, [1.0, 2.0, 0.0], ratios, nothing)
        >>> summary.mean.value, summary.failed, summary.delivery_ratio
        (2.0, 1, 0.6)
    """
    finished = ~np.isnan(np.asarray(returns, dtype=np.float64))
    known = [without_nan(np.asarray(numbers)[finished]) for numbers in links]
    return CellSummary(
        int(finished.sum()),
        int((~finished).sum()),
        mean(returns),
        interquartile_mean(returns),
        conditional_value_at_risk(returns),
        *(float(numbers.mean()) if numbers.size else math.nan for numbers in known),
    )


def conditional_value_at_risk(returns: ArrayLike, share: float = WORST) -> float:
    r"""Returns the mean of the worst returns.

    Of $n$ returns in rising order $x_1 \le x_2 \le \dots$, the worst $m = \text{share} \cdot n$
    count, the last of them in part:

    $$\frac{1}{m} \Bigl( \sum_{i \le \lfloor m \rfloor} x_i
      + (m - \lfloor m \rfloor) \, x_{\lfloor m \rfloor + 1} \Bigr).$$

    Args:
        returns: The returns; NaN is left out.
        share: The share that counts, above 0 and at most 1.

    Raises:
        InvalidArgumentError: The share is none.

    Example:
        >>> conditional_value_at_risk(range(20))
        0.5

    Source: Rockafellar and Uryasev, "Conditional value-at-risk for general loss distributions",
    2002.
    """
    if not 0 < share <= 1:
        raise invalid("share", "must lie above 0 and at most at 1", share, "give one such as 0.1")
    ordered = np.sort(without_nan(returns))
    if not ordered.size:
        return math.nan
    # Without it, 0.1 * 30 would be a little more than 3.
    count = round(share * ordered.size, 9)
    whole = int(count)
    total = float(ordered[:whole].sum())
    if whole < count:
        total += (count - whole) * float(ordered[whole])
    return total / count


# The ends of an interval that are values of the resamples, not ones between two of them.
_TAILS = [0.025, 0.975]

LASTING = 5
"""Steps without a drop that make a recovery, so that one lucky step is none."""

Rewards = Mapping[int, NDArray[np.float64]]
"""The team's reward of each step, by episode."""


def time_to_recover(perfect: Rewards, outage: Rewards, ends: int, share: float) -> Estimate:
    r"""Returns how many steps after the end of an outage a team is as good as it ever was.

    With $d_t$ the mean over episodes of the reward lost in step $t$ against perfect
    communication, over those that last so long, and $\bar r$ the mean over episodes of the mean
    reward of a step there, it is

    $$\min \{ t \ge \text{ends} : d_u \le \text{share} \cdot |\bar r|
      \text{ for } t \le u < t + 5 \} - \text{ends},$$

    where fewer than five steps will do at the end of the episodes. For the interval the episodes
    are drawn again.

    Args:
        perfect: Rewards under perfect communication; entry t is that of step t, for which agents
            act on what arrived in round t.
        outage: The same with the outage.
        ends: The first round after the outage.
        share: Share of the mean reward whose loss counts as not recovered.

    Returns:
        A number of steps; inf where no episode lasts long enough to see a recovery, NaN where no
        episode lasts until the end of the outage.

    Example:
        >>> perfect, outage = np.ones(6), np.array([1.0, 0.0, 0.0, 0.5, 1.0, 1.0])
        >>> time_to_recover({0: perfect}, {0: outage}, ends=3, share=0.1).value
        1.0
    """
    pairs = [(perfect[k], outage[k]) for k in sorted(perfect.keys() & outage.keys())]
    length = max((min(len(one), len(other)) for one, other in pairs), default=0)
    if length <= ends:
        return Estimate(math.nan)
    lost = np.full((len(pairs), length), np.nan)
    for row, (one, other) in zip(lost, pairs, strict=True):
        steps = min(len(one), len(other))
        row[:steps] = one[:steps] - other[:steps]
    base = np.array([one.mean() if len(one) else math.nan for one, _ in pairs])
    columns = np.column_stack([base, lost[:, ends:]])
    value = float(_first_recovered(column_means(columns)[None, :], share)[0])
    if len(pairs) < 2:
        return Estimate(value)
    resampled = _first_recovered(resampled_means(columns), share)
    return Estimate(value, *np.quantile(resampled, _TAILS, method="inverted_cdf").tolist())


def _first_recovered(means: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """Returns for each row the first step after the outage without a drop; inf for none."""
    recovered = means[:, 1:] <= share * np.abs(means[:, :1])
    # What comes after the last step of an episode counts as recovered.
    after = np.ones((len(recovered), LASTING - 1), dtype=bool)
    windows = np.lib.stride_tricks.sliding_window_view(np.hstack([recovered, after]), LASTING, 1)
    lasts = np.asarray(windows.all(axis=2))
    return np.where(lasts.any(axis=1), lasts.argmax(axis=1).astype(np.float64), np.inf)


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
        level = float(base.mean()) if base.size else math.nan
    columns = np.vstack([base, lost]).T
    drops = [mean(row) for row in lost]
    point = np.array([level, *(drop.value for drop in drops)])[None, :]
    resampled = resampled_means(columns) if len(base) > 1 else np.empty((0, columns.shape[1]))
    # An episode that was drawn only where it failed says nothing.
    resampled = resampled[~np.isnan(resampled).any(axis=1)]
    steps = np.asarray(severities, dtype=np.float64)
    if may_be_nothing(base):
        shares = [math.nan] * len(drops)
        return CurveSummary(level, drops, shares, Estimate(math.nan), Estimate(math.nan))
    area = float(_areas(point, steps)[0])
    # Around nothing there is no interval, though the episodes drawn may each give an area.
    areas = _areas(point if math.isnan(area) else resampled, steps)
    shares = [drop.value / abs(level) for drop in drops]
    breaking_point = _breaking_point(point, resampled, steps, share)
    return CurveSummary(level, drops, shares, Estimate(area, *percentiles(areas)), breaking_point)


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
    values = [*severities.tolist(), math.inf]
    index = int(_breaks(point, share)[0])
    # The perfect return and the drops up to the breaking point; all of them where there is none.
    value = math.nan if np.isnan(point[0, : index + 2]).any() else values[index]
    if not len(resampled):
        return Estimate(value)
    low, high = np.quantile(_breaks(resampled, share), _TAILS, method="inverted_cdf")
    return Estimate(value, values[int(low)], values[int(high)])
