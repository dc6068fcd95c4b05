"""95 % intervals of means, from drawing the episodes again."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

RESAMPLES = 2_000
"""How often the episodes are drawn again."""

LEVEL = 0.95

# One fixed resampling: the same numbers always give the same interval.
_RESAMPLING_SEED = 0
_NUMBERS_AT_ONCE = 5_000_000
_TRIMMED = 0.25


class Estimate(NamedTuple):
    """A value and its 95 % interval.

    Attributes:
        value: The value; NaN where there are no data.
        low: Lower end of the interval; NaN for fewer than two data, and where one is infinite.
        high: Upper end.
    """

    value: float
    low: float = math.nan
    high: float = math.nan


def mean(values: ArrayLike) -> Estimate:
    """Returns the mean, with the bias-corrected and accelerated bootstrap interval (BCa).

    Args:
        values: One number for each episode; NaN for those that failed, which are left out.

    Example:
        >>> found = mean([1.0, 2.0, 3.0, 4.0])
        >>> found.value, found.low < 2.5 < found.high
        (2.5, True)

    Source: Efron, "Better bootstrap confidence intervals", 1987.
    """
    return _estimate(values, np.mean, "BCa")


def interquartile_mean(values: ArrayLike) -> Estimate:
    """Returns the mean of the middle half, with the percentile bootstrap interval.

    A quarter of the values, rounded down to whole ones, is left out at either end.

    Args:
        values: As in `mean`.

    Example:
        >>> interquartile_mean([0.0, 1.0, 2.0, 1000.0]).value
        1.5

    Source: Agarwal et al., "Deep reinforcement learning at the edge of the statistical
    precipice", 2021.
    """
    trimmed_mean = partial(stats.trim_mean, proportiontocut=_TRIMMED)
    return _estimate(values, trimmed_mean, "percentile")


def without_nan(values: ArrayLike) -> NDArray[np.float64]:
    """Returns the numbers that are known."""
    array = np.asarray(values, dtype=np.float64)
    return array[~np.isnan(array)]


def column_means(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the means of columns; NaN is left out, and the mean of nothing is NaN.

    Example:
        >>> column_means(np.array([[1.0, np.nan], [2.0, np.nan]])).tolist()
        [1.5, nan]
    """
    known = ~np.isnan(columns)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(known, columns, 0.0).sum(axis=0) / known.sum(axis=0))


def resampled_means(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the means of columns when the rows are drawn again, all columns alike.

    Args:
        columns: One row for each episode, `[E, C]`; NaN is left out of its column's mean.

    Returns:
        `[RESAMPLES, C]`; NaN where no row of a column was drawn.
    """
    rows = len(columns)
    known = ~np.isnan(columns)
    filled, counted = np.where(known, columns, 0.0), known.astype(np.float64)
    generator = np.random.default_rng(_RESAMPLING_SEED)
    batch = max(1, _NUMBERS_AT_ONCE // max(1, rows))
    means = []
    for start in range(0, RESAMPLES, batch):
        size = min(batch, RESAMPLES - start)
        drawn = generator.integers(0, rows, (size, rows)) + rows * np.arange(size)[:, None]
        # How often each row was drawn: a product with it is much faster than the drawn rows.
        times = np.bincount(drawn.ravel(), minlength=size * rows).reshape(size, rows)
        weights = times.astype(np.float64)
        with np.errstate(invalid="ignore"):
            means.append((weights @ filled) / (weights @ counted))
    return np.concatenate(means)


def percentiles(resampled: NDArray[np.float64]) -> tuple[float, float]:
    """Returns the ends of the interval from resampled values; NaN where there are none."""
    finite = resampled[np.isfinite(resampled)]
    if not finite.size:
        return math.nan, math.nan
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(finite, [tail, 1 - tail])
    return float(low), float(high)


def _estimate(values: ArrayLike, statistic: Callable[..., Any], method: str) -> Estimate:
    known = without_nan(values)
    if not known.size:
        return Estimate(math.nan)
    with np.errstate(invalid="ignore"):
        value = float(statistic(known, axis=-1))
    if known.size < 2 or not np.isfinite(known).all():
        return Estimate(value)
    if np.ptp(known) == 0:
        return Estimate(value, value, value)
    interval = _interval(known, statistic, method)
    if np.isnan(interval).any():
        # Nor is there a correction for bias where all resampled values lie on one side.
        interval = _interval(known, statistic, "percentile")
    return Estimate(value, *interval)


def _interval(
    values: NDArray[np.float64], statistic: Callable[..., Any], method: str
) -> tuple[float, float]:
    # Of values that differ by no more than rounding, the correction divides zero by zero.
    with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        found = stats.bootstrap(
            (values,),
            statistic,
            n_resamples=RESAMPLES,
            batch=max(1, _NUMBERS_AT_ONCE // values.size),
            confidence_level=LEVEL,
            method=method,
            random_state=np.random.default_rng(_RESAMPLING_SEED),
        ).confidence_interval
    return float(found.low), float(found.high)
