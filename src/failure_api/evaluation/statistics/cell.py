"""What one cell's episodes say."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from failure_api.errors import invalid
from failure_api.evaluation.statistics.interval import Estimate, interquartile_mean, mean

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


def summarise_cell(
    returns: ArrayLike,
    delivery_ratios: ArrayLike,
    mean_ages: ArrayLike,
    news: ArrayLike,
    overtaken: ArrayLike,
) -> CellSummary:
    """Returns what the episodes of a cell say; each argument has a number for each of them.

    Args:
        returns: The team's returns; NaN for an episode that failed.
        delivery_ratios: Shares of messages that arrived; NaN where none were sent.
        mean_ages: Mean ages of information, in rounds.
        news: Shares of the rounds in which a link's newest message became a newer one.
        overtaken: Shares of the messages that arrived after a newer one.

    Example:
        >>> returns, ratios, nothing = [1.0, 3.0, float("nan")], [0.5, 0.7, 0.0], [0.0] * 3
        >>> summary = summarise_cell(returns, ratios, [1.0, 2.0, 0.0], ratios, nothing)
        >>> summary.mean.value, summary.failed, summary.delivery_ratio
        (2.0, 1, 0.6)
    """
    given = np.asarray(returns, dtype=np.float64)
    finished = ~np.isnan(given)
    return CellSummary(
        episodes=int(finished.sum()),
        failed=int((~finished).sum()),
        mean=mean(given),
        iqm=interquartile_mean(given),
        cvar=conditional_value_at_risk(given),
        delivery_ratio=_mean_of(delivery_ratios, finished),
        mean_age=_mean_of(mean_ages, finished),
        news=_mean_of(news, finished),
        overtaken=_mean_of(overtaken, finished),
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
    given = np.asarray(returns, dtype=np.float64)
    ordered = np.sort(given[~np.isnan(given)])
    if not ordered.size:
        return math.nan
    # Without it, 0.1 * 30 would be a little more than 3.
    count = round(share * ordered.size, 9)
    whole = int(count)
    total = float(ordered[:whole].sum())
    if whole < count:
        total += (count - whole) * float(ordered[whole])
    return total / count


def _mean_of(values: ArrayLike, finished: NDArray[np.bool_]) -> float:
    given = np.asarray(values, dtype=np.float64)[finished]
    given = given[~np.isnan(given)]
    return float(given.mean()) if given.size else math.nan
