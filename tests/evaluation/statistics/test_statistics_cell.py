"""The summary of a cell, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize

from failure_api.errors import FailureApiError
from failure_api.evaluation.statistics.curve import conditional_value_at_risk, summarise_cell


def test_the_worst_tenth_by_hand():
    assert conditional_value_at_risk(range(10)) == 0.0
    # Of 15 the worst one and half of the second worst.
    assert conditional_value_at_risk(range(15)) == pytest.approx((0 + 0.5 * 1) / 1.5)
    # Of 30 exactly three, though 0.1 * 30 is a little more in binary.
    assert conditional_value_at_risk(range(30)) == 1.0
    # Of 5 half of the worst one, which is that one.
    assert conditional_value_at_risk([7, 5, 9, 6, 8]) == 5.0
    assert math.isnan(conditional_value_at_risk([math.nan]))
    # All of them is the mean.
    assert conditional_value_at_risk([1, 2, 6], share=1) == 3.0


@pytest.mark.parametrize("share", [0.0, -0.1, 1.1, math.nan])
def test_no_share_is_refused(share):
    with pytest.raises(FailureApiError, match="share must lie above 0"):
        conditional_value_at_risk([1, 2], share=share)


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=40))
def test_the_worst_tenth_solves_the_problem_that_defines_it(returns):
    """Rockafellar and Uryasev: the greatest t - E[max(t - x, 0)] / share over all t."""
    given_returns = np.array(returns)

    def objective(t):
        return -(t - np.maximum(t - given_returns, 0).mean() / 0.1)

    # It is concave with corners at the returns, so one of them is best.
    best = max(-objective(t) for t in returns)
    assert conditional_value_at_risk(returns) == pytest.approx(best, abs=1e-6)
    assert optimize.minimize_scalar(objective).fun >= -best - 1e-6


def test_failed_episodes_are_counted_and_left_out():
    nan = math.nan
    summary = summarise_cell(
        [1.0, nan, 3.0], [0.5, nan, 0.7], [1.0, nan, 4.0], [0.2, nan, 0.4], [0.0, nan, 0.5]
    )
    assert (summary.episodes, summary.failed) == (2, 1)
    assert summary.mean.value == 2.0
    assert summary.delivery_ratio == pytest.approx(0.6)
    assert summary.mean_age == 2.5
    assert summary.news == pytest.approx(0.3)
    assert summary.overtaken == 0.25
    assert summary.cvar == 1.0


def test_all_failed():
    nan = math.nan
    summary = summarise_cell(*[[nan, nan]] * 5)
    assert (summary.episodes, summary.failed) == (0, 2)
    assert all(map(math.isnan, [*summary.mean, *summary.iqm, summary.cvar, summary.mean_age]))
