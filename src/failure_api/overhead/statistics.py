"""How much longer: the paired ratio and how sure of it the measurement is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

# One fixed resampling: the same times always give the same interval.
_RESAMPLING_SEED = 0


def paired_overhead(
    bare: Sequence[Sequence[float]], wrapped: Sequence[Sequence[float]]
) -> tuple[float, tuple[float, float] | None]:
    r"""Compares blocks of step times that were measured next to one another.

    With $b_k$ and $w_k$ the median step times of the bare and the wrapped environment in block
    $k$, the overhead is $100\,(\operatorname{median}_k (w_k / b_k) - 1)$. Both halves of a block
    meet the same state of the machine, so its drift cancels in the ratio; and medians pay no
    heed to the few steps that something else interrupted. The interval comes from drawing the
    blocks again, with percentiles: the usual correction for bias divides by zero where most
    blocks tie.

    Args:
        bare: Seconds of each step, block by block.
        wrapped: The same for the wrapped environment, in the same order.

    Returns:
        The overhead in percent, and its 95 % confidence interval; None for a single block.

    Example:
        >>> overhead, interval = paired_overhead([[2, 2], [4, 4]], [[3, 3], [6, 6]])
        >>> print(overhead, interval)
        50.0 (50.0, 50.0)
    """
    ratios = np.array(
        [np.median(after) / np.median(before) for before, after in zip(bare, wrapped, strict=True)]
    )
    overhead = float(100 * (np.median(ratios) - 1))
    if len(ratios) < 2:
        return overhead, None
    found = stats.bootstrap(
        (ratios,),
        np.median,
        confidence_level=0.95,
        method="percentile",
        random_state=np.random.default_rng(_RESAMPLING_SEED),
    ).confidence_interval
    return overhead, (float(100 * (found.low - 1)), float(100 * (found.high - 1)))
