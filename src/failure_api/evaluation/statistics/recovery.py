"""How long a team needs after an outage has ended."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from failure_api.evaluation.statistics.interval import Estimate, column_means, resampled_means

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
    episodes = sorted(set(perfect) & set(outage))
    pairs = [(perfect[k], outage[k]) for k in episodes]
    length = max((min(len(one), len(other)) for one, other in pairs), default=0)
    if length <= ends:
        return Estimate(math.nan, math.nan, math.nan)
    lost = np.full((len(pairs), length), np.nan)
    for row, (one, other) in zip(lost, pairs, strict=True):
        steps = min(len(one), len(other))
        row[:steps] = one[:steps] - other[:steps]
    base = np.array([one.mean() if len(one) else math.nan for one, _ in pairs])
    columns = np.column_stack([base, lost[:, ends:]])
    point = column_means(columns)[None, :]
    value = float(_first_recovered(point, share)[0])
    if len(pairs) < 2:
        return Estimate(value, math.nan, math.nan)
    resampled = _first_recovered(resampled_means(columns), share)
    low, high = np.quantile(resampled, [0.025, 0.975], method="inverted_cdf")
    return Estimate(value, float(low), float(high))


def _first_recovered(means: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """Returns for each row the first step after the outage without a drop; inf for none."""
    recovered = means[:, 1:] <= share * np.abs(means[:, :1])
    # What comes after the last step of an episode counts as recovered.
    after = np.ones((len(recovered), LASTING - 1), dtype=bool)
    windows = np.lib.stride_tricks.sliding_window_view(np.hstack([recovered, after]), LASTING, 1)
    lasts = np.asarray(windows.all(axis=2))
    return np.where(lasts.any(axis=1), lasts.argmax(axis=1).astype(np.float64), np.inf)
