"""Comparisons, against tables and worked examples."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from failure_api.errors import FailureApiError
from failure_api.evaluation.statistics.comparison import (
    EXACT,
    compare_curves,
    holm,
    paired_effect_size,
    signed_rank,
)


def test_holm_by_hand():
    # 0.005 * 4, 0.01 * 3, 0.03 * 2, and 0.04 * 1, which may not be less than the one before.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([0.01, math.nan, 0.02]) == pytest.approx([0.02, math.nan, 0.02], nan_ok=True)
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_lies_between_no_correction_and_bonferronis(p_values):
    corrected = holm(p_values)
    for before, after in zip(p_values, corrected, strict=True):
        assert before <= after <= min(1.0, before * len(p_values)) + 1e-12
    assert min(corrected) == pytest.approx(min(1.0, min(p_values) * len(p_values)))
    order = np.argsort(p_values)
    assert (np.diff(np.array(corrected)[order]) >= 0).all()


@pytest.mark.parametrize(
    ("size", "statistic", "p_value"),
    # Two-sided probabilities of the signed-rank statistic: 2^-n times twice the number of subsets
    # of the ranks 1..n with a sum of at most that.
    [(5, 0, 2 / 32), (8, 3, 10 / 256), (10, 8, 2 * 25 / 1024)],
)
def test_the_signed_rank_test_is_exact_for_small_samples(size, statistic, p_value):
    ranks = np.arange(1.0, size + 1)
    # Negative ranks that sum to the statistic.
    negative = {0: [], 3: [3], 8: [8]}[statistic]
    differences = np.where(np.isin(ranks, negative), -ranks, ranks)
    assert signed_rank(differences) == pytest.approx(p_value)


@pytest.mark.parametrize("size", [1, 2, 7, 30, EXACT])
def test_the_exact_test_is_scipys(size):
    differences = np.random.default_rng(size).normal(0.3, 1.0, size)
    expected = stats.wilcoxon(differences, method="exact").pvalue
    assert signed_rank(differences) == pytest.approx(expected)


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=9))
def test_ties_and_zeros_are_exact_by_trying_every_sign(differences):
    known = np.array([each for each in differences if each])
    ranks = stats.rankdata(np.abs(known))
    signs = np.array(list(itertools.product([0, 1], repeat=len(known)))).reshape(
        2 ** len(known), len(known)
    )
    middle = ranks.sum() / 2
    found = abs(ranks[known > 0].sum() - middle)
    expected = (np.abs(signs @ ranks - middle) >= found - 1e-9).mean()
    assert signed_rank(np.array(differences, dtype=float)) == pytest.approx(expected)


def test_of_many_differences_the_sum_of_ranks_is_normal():
    generator = np.random.default_rng(0)
    for differences in (generator.normal(0.2, 1.0, 80), generator.integers(-5, 8, 200) * 1.0):
        expected = stats.wilcoxon(differences, correction=False, method="asymptotic").pvalue
        assert signed_rank(differences) == pytest.approx(expected)


def test_the_exact_test_hands_over_to_the_normal_one():
    """Both are near one another where one follows the other."""
    differences = np.random.default_rng(3).normal(0.25, 1.0, EXACT + 1)
    expected = stats.wilcoxon(differences, method="exact").pvalue
    assert signed_rank(differences) == pytest.approx(expected, rel=0.05)
    assert signed_rank(differences) != expected


def test_no_difference_is_no_evidence():
    found = compare_curves([[1.0, 2.0, 3.0]], [[1.0, 2.0, 3.0]])[0]
    assert (found.difference.value, found.effect_size, found.p_value) == (0.0, 0.0, 1.0)


def test_nothing_played_is_unknown():
    found = compare_curves([[math.nan]], [[1.0]])[0]
    assert all(map(math.isnan, [found.difference.value, found.effect_size, found.p_value]))


def test_the_effect_size_is_students_t_over_the_root_of_n():
    differences = np.random.default_rng(0).normal(0.4, 1.0, 30)
    t = stats.ttest_1samp(differences, 0.0).statistic
    assert paired_effect_size(differences) == pytest.approx(t / math.sqrt(30))
    assert paired_effect_size(np.array([2.0, 2.0])) == math.inf
    # The same difference three times, but for rounding.
    assert paired_effect_size(np.array([0.2 - 0.3, 0.0 - 0.1, 0.3 - 0.4])) == -math.inf
    assert math.isnan(paired_effect_size(np.array([2.0])))


def test_differences_are_the_second_minus_the_first_and_paired():
    nan = math.nan
    found = compare_curves([[1, 2, nan], [0, 0, 0]], [[2, 4, 9], [0, nan, 3]])
    assert [c.difference.value for c in found] == [1.5, 1.5]


def test_curves_of_other_shapes_are_refused():
    with pytest.raises(FailureApiError, match="second must have the shape of first"):
        compare_curves([[1, 2]], [[1, 2], [1, 2]])


@pytest.mark.heavy
def test_without_a_difference_few_tests_raise_an_alarm():
    """Family-wise error of 11 severities: at most 5 %, at a false-alarm rate of 1e-6."""
    generator = np.random.default_rng(1)
    alarms = 0
    for _ in range(200):
        first, second = generator.normal(size=(2, 11, 25))
        alarms += min(c.p_corrected for c in compare_curves(first, second)) < 0.05
    assert alarms <= stats.binom.ppf(1 - 1e-6, 200, 0.05)


def test_rounding_is_no_evidence():
    first = np.random.default_rng(2).normal(size=(1, 30))
    found = compare_curves(first, first * (1 + 1e-15))[0]
    assert (found.difference.value, found.effect_size, found.p_value) == (0.0, 0.0, 1.0)
