"""What a stream draws has the distribution it says; every test has a false alarm of 1e-6."""

import numpy as np
import pytest
from scipy import stats

from failure_api.core import NumpyStream
from helpers import FALSE_ALARM

COUNT = 50_000


def test_uniform_draws_are_uniform():
    drawn = NumpyStream(1).uniform((COUNT,))
    assert drawn.min() >= 0
    assert drawn.max() < 1
    assert stats.kstest(drawn, "uniform").pvalue > FALSE_ALARM


def test_normal_draws_are_standard_normal():
    drawn = NumpyStream(2).normal((COUNT,))
    assert stats.kstest(drawn, "norm").pvalue > FALSE_ALARM


def test_normal_draws_have_mean_0_and_variance_1():
    """The sum of n of them is normal with variance n, that of their squares chi-square."""
    drawn = NumpyStream(2).normal((COUNT,)).astype(np.float64)
    assert 2 * stats.norm.sf(abs(drawn.sum()) / np.sqrt(COUNT)) > FALSE_ALARM / 2
    squares = stats.chi2(COUNT)
    total = (drawn**2).sum()
    assert 2 * min(squares.cdf(total), squares.sf(total)) > FALSE_ALARM / 2


@pytest.mark.parametrize("probability", [0.01, 0.3, 0.5, 0.97])
def test_bernoulli_draws_are_true_with_their_probability(probability):
    drawn = NumpyStream(3).bernoulli(probability, (COUNT,))
    assert stats.binomtest(int(drawn.sum()), COUNT, probability).pvalue > FALSE_ALARM


def test_bernoulli_draws_are_certain_at_0_and_1():
    stream = NumpyStream(4)
    assert not stream.bernoulli(0.0, (COUNT,)).any()
    assert stream.bernoulli(1.0, (COUNT,)).all()


def test_bernoulli_takes_one_probability_for_each_place():
    probability = np.asarray([0.0, 0.2, 1.0], dtype=np.float32)
    drawn = NumpyStream(5).bernoulli(probability, (COUNT, 3))
    assert drawn[:, 0].sum() == 0
    assert drawn[:, 2].sum() == COUNT
    assert stats.binomtest(int(drawn[:, 1].sum()), COUNT, 0.2).pvalue > FALSE_ALARM


@pytest.mark.parametrize(("low", "high"), [(0, 5), (-3, 4), (7, 8), (0, 128)])
def test_integers_are_all_equally_likely(low, high):
    drawn = NumpyStream(6).integers(low, high, (COUNT,))
    assert drawn.min() >= low
    assert drawn.max() < high
    if high - low > 1:
        counts = np.bincount(drawn - low, minlength=high - low)
        assert stats.chisquare(counts).pvalue > FALSE_ALARM


@pytest.mark.parametrize("name", ["uniform", "normal"])
def test_successive_draws_are_uncorrelated(name):
    """At lags 1 to 5 the correlation of n pairs is normal with variance 1 / n."""
    drawn = getattr(NumpyStream(7), name)((COUNT,))
    bound = stats.norm.isf(FALSE_ALARM / 2 / 5) / np.sqrt(COUNT - 5)
    for lag in range(1, 6):
        assert abs(np.corrcoef(drawn[:-lag], drawn[lag:])[0, 1]) < bound


@pytest.mark.parametrize(("lower", "higher"), [(0.0, 0.1), (0.2, 0.3), (0.5, 0.51), (0.9, 1.0)])
def test_what_is_true_at_a_probability_is_true_at_a_greater_one(lower, higher):
    rare = NumpyStream(8).bernoulli(lower, (COUNT,))
    common = NumpyStream(8).bernoulli(higher, (COUNT,))
    assert not (rare & ~common).any()
    assert (common & ~rare).any()


def test_the_amount_of_randomness_used_does_not_depend_on_the_parameters():
    def afterwards(probability, high):
        stream = NumpyStream(9)
        stream.bernoulli(probability, (5, 5))
        stream.integers(0, high, (5, 5))
        stream.normal((5, 5))
        return stream.uniform((3,)).tolist()

    assert afterwards(0.0, 1) == afterwards(0.7, 1000) == afterwards(1.0, 3)
