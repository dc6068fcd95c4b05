"""Intervals: as often right as they say, against independent computation, never with a warning."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from failure_api.evaluation.statistics.interval import (
    RESAMPLES,
    Estimate,
    interquartile_mean,
    mean,
    percentiles,
    resampled_means,
)

NUMBERS = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30)


def test_the_interquartile_mean_by_hand():
    # Of eight values the two least and the two greatest go.
    assert interquartile_mean([8, 1, 7, 2, 3, 4, 5, 1000]).value == (3 + 4 + 5 + 7) / 4
    # Of five, a quarter is one whole value.
    assert interquartile_mean([5, 1, 2, 3, 4]).value == 3.0


def test_the_bootstrap_interval_of_a_normal_sample_is_nearly_students():
    sample = np.random.default_rng(0).normal(3.0, 2.0, 400)
    found = mean(sample)
    low, high = stats.t.interval(0.95, 399, sample.mean(), stats.sem(sample))
    assert found.value == pytest.approx(sample.mean())
    # A quantile of 2,000 resamples is off by 0.1 standard errors at most, but for 1 in 10^4.
    assert found.low == pytest.approx(low, abs=0.1 * 2 * stats.sem(sample))
    assert found.high == pytest.approx(high, abs=0.1 * 2 * stats.sem(sample))


def test_the_interval_of_a_mean_is_corrected_for_bias_and_skewness():
    """Efron's formulas, written out, on a skewed sample."""
    sample = np.random.default_rng(5).exponential(1.0, 25)
    resampled = resampled_means(sample[:, None])[:, 0]
    bias = stats.norm.ppf((resampled < sample.mean()).mean())
    left_out = (sample.sum() - sample) / 24
    spread = left_out.mean() - left_out
    acceleration = (spread**3).sum() / (6 * (spread**2).sum() ** 1.5)
    tails = bias + stats.norm.ppf([0.025, 0.975])
    corrected = stats.norm.cdf(bias + tails / (1 - acceleration * tails))
    expected = np.quantile(resampled, corrected)
    plain = np.quantile(resampled, [0.025, 0.975])
    found = mean(sample)
    # Two resamplings of 2,000; the correction moves the ends by more than they differ.
    error = 0.15 * stats.sem(sample)
    assert (found.low, found.high) == pytest.approx(tuple(expected), abs=error)
    assert expected[1] - plain[1] > error
    assert found.high > plain[1]


@pytest.mark.parametrize("estimator", [mean, interquartile_mean])
def test_intervals_hold_the_truth_as_often_as_they_say(estimator):
    """False-alarm rate 1e-6 for a coverage from 0.90 to 0.99 in 300 samples of 40."""
    generator = np.random.default_rng(1)
    hits = 0
    for _ in range(300):
        found = estimator(generator.normal(5.0, 1.0, 40))
        hits += found.low <= 5.0 <= found.high
    assert stats.binom.ppf(5e-7, 300, 0.90) <= hits <= stats.binom.ppf(1 - 5e-7, 300, 0.99)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], (math.nan, math.nan, math.nan)),
        ([math.nan], (math.nan, math.nan, math.nan)),
        ([2.0], (2.0, math.nan, math.nan)),
        ([2.0, math.nan], (2.0, math.nan, math.nan)),
        ([2.0, 2.0, 2.0], (2.0, 2.0, 2.0)),
        # The same number but for rounding.
        ([0.3 - 0.2, 0.1, 0.4 - 0.3], (0.1, 0.1, 0.1)),
        ([1.0, 2.0, math.inf], (math.inf, math.nan, math.nan)),
    ],
)
def test_too_little_says_so(values, expected):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert mean(values) == pytest.approx(expected, nan_ok=True)
        if math.inf not in values:
            # Of three values no quarter is left out, so it is the mean as well.
            assert interquartile_mean(values) == pytest.approx(expected, nan_ok=True)


@given(NUMBERS)
def test_any_numbers_give_an_interval_around_the_value_without_warning(values):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = mean(values)
    if len(values) > 1:
        assert found.low <= found.high
        room = 1e-9 * (1 + max(map(abs, values)))
        assert min(values) - room <= found.low
        assert found.high <= max(values) + room


def test_the_same_numbers_give_the_same_interval():
    values = np.random.default_rng(2).normal(size=50)
    np.random.seed(1)  # noqa: NPY002
    assert mean(values) == mean(values.tolist())
    assert mean(values) == Estimate(*mean(values))


def test_resampled_means_draw_whole_rows():
    base = np.random.default_rng(3).normal(size=60)
    columns = np.column_stack([base, 2 * base + 1, np.where(base > 0, base, np.nan)])
    means = resampled_means(columns)
    assert means.shape == (RESAMPLES, 3)
    np.testing.assert_allclose(means[:, 1], 2 * means[:, 0] + 1)
    assert (means[:, 2] > 0).all()
    # The standard error of the mean, which 2,000 draws give to within 5 standard deviations.
    expected = base.std() / math.sqrt(60)
    assert means[:, 0].std() == pytest.approx(expected, rel=5 / math.sqrt(2 * RESAMPLES))


def test_resampling_in_batches_is_as_good(monkeypatch):
    columns = np.random.default_rng(4).normal(size=(50, 2))
    whole = percentiles(resampled_means(columns)[:, 0])
    monkeypatch.setattr("failure_api.evaluation.statistics.interval._NUMBERS_AT_ONCE", 5_000)
    assert percentiles(resampled_means(columns)[:, 0]) == pytest.approx(whole, abs=0.02)
