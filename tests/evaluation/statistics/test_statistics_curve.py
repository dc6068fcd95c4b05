"""Drops, areas and breaking points, by hand and against independent computation."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from failure_api.errors import FailureApiError
from failure_api.evaluation.statistics.curve import summarise_curve


def noisy_curve(drops, episodes=200, seed=0):
    generator = np.random.default_rng(seed)
    perfect = generator.normal(-20.0, 5.0, episodes)
    noise = generator.normal(0.0, 1.0, (len(drops), episodes))
    return perfect, perfect - np.array(drops)[:, None] + noise


def test_a_straight_line_by_hand():
    """A return of -10 that falls to -20 at severity 1 has lost half of 10 on the average."""
    severities = [0.0, 0.25, 0.5, 1.0]
    returns = [[-10 * (1 + s)] * 4 for s in severities]
    found = summarise_curve([-10] * 4, returns, severities, share=0.3)
    assert found.perfect == -10
    assert [drop.value for drop in found.drops] == [0, 2.5, 5, 10]
    assert found.relative_drops == [0, 0.25, 0.5, 1]
    assert found.area == (0.5, 0.5, 0.5)
    assert found.breaking_point == (0.5, 0.5, 0.5)


def test_the_severest_may_be_the_least_number():
    falling = summarise_curve([10, 10], [[10, 10], [6, 6], [2, 2]], [3, 2, 1], share=0.5)
    rising = summarise_curve([10, 10], [[10, 10], [6, 6], [2, 2]], [1, 2, 3], share=0.5)
    assert falling.area == rising.area
    assert (falling.breaking_point.value, rising.breaking_point.value) == (1, 3)


def test_severities_need_not_be_even():
    found = summarise_curve([1, 1], [[1, 1], [0, 0], [0, 0]], [0, 0.1, 1], share=0.1)
    assert found.area.value == pytest.approx(1 - (0.05 + 0.9))


def test_what_never_breaks_breaks_beyond_the_grid():
    found = summarise_curve([10, 12], [[10, 12], [10, 11.9]], [0, 1], share=0.1)
    assert found.breaking_point.value == math.inf


def test_a_gain_is_a_negative_drop_and_an_area_above_one():
    found = summarise_curve([10, 10], [[11, 11]], [1], share=0.1)
    assert found.drops[0].value == -1
    assert found.area.value == 1.1
    assert found.breaking_point.value == math.inf


def test_exactly_the_share_is_not_broken():
    found = summarise_curve([10, 10], [[9, 9], [8.99, 8.99]], [1, 2], share=0.1)
    assert found.breaking_point.value == 2


def test_the_pairing_takes_the_noise_of_episodes_out():
    perfect, returns = noisy_curve([1.0])
    drop = summarise_curve(perfect, returns, [1], share=0.1).drops[0]
    width = drop.high - drop.low
    # The noise has standard deviation 1, the episodes 5.
    assert width == pytest.approx(2 * 1.96 / math.sqrt(200), rel=0.25)
    low, high = stats.t.interval(0.95, 199, drop.value, stats.sem(perfect - returns[0]))
    assert (drop.low, drop.high) == pytest.approx((low, high), abs=0.02)


def test_intervals_of_area_and_breaking_point_cover():
    """False-alarm rate 1e-6 for 100 curves whose area and breaking point are known."""
    drops, severities = [0.0, 1.0, 2.2, 3.0], [0.0, 0.3, 0.6, 1.0]
    relative = np.array(drops) / 20
    area = 1 - np.trapezoid(relative, severities)
    inside, contained = 0, 0
    for seed in range(100):
        perfect, returns = noisy_curve(drops, episodes=60, seed=seed)
        found = summarise_curve(perfect, returns, severities, share=0.1)
        inside += found.area.low <= area <= found.area.high
        contained += found.breaking_point.low <= 0.6 <= found.breaking_point.high
    assert inside >= stats.binom.ppf(5e-7, 100, 0.90)
    assert contained >= stats.binom.ppf(5e-7, 100, 0.90)


def test_failed_episodes_are_left_out_of_their_pairs_alone():
    nan = math.nan
    found = summarise_curve([10, nan, 10, 10], [[9, 9, nan, 9], [8, 8, 8, 8]], [0, 1], share=0.15)
    assert [drop.value for drop in found.drops] == [1, 2]
    assert found.breaking_point.value == 1


def test_nothing_played_says_nothing():
    nan = math.nan
    found = summarise_curve([nan, nan], [[nan, nan]], [1], share=0.1)
    assert math.isnan(found.perfect)
    assert math.isnan(found.area.value)
    assert math.isnan(found.drops[0].value)
    assert all(map(math.isnan, found.breaking_point))


def test_what_was_not_played_may_be_where_it_breaks():
    nan, ten = math.nan, [10, 10]
    after = summarise_curve(ten, [ten, [nan, nan], [5, 5]], [1, 2, 3], share=0.1)
    assert all(map(math.isnan, [*after.breaking_point, *after.area]))
    never = summarise_curve(ten, [ten, ten, [nan, nan]], [1, 2, 3], share=0.1)
    assert math.isnan(never.breaking_point.value)
    before = summarise_curve(ten, [ten, [5, 5], [nan, nan]], [1, 2, 3], share=0.1)
    assert before.breaking_point.value == 2
    assert math.isnan(before.breaking_point.low)


def test_episodes_not_played_at_all_do_not_widen_the_interval():
    perfect, returns = noisy_curve([1.0, 2.0], episodes=20)
    padding = np.full(80, math.nan)
    padded = np.stack([np.concatenate([row, padding]) for row in returns])
    one = summarise_curve(perfect, returns, [0, 1], share=0.1)
    assert summarise_curve(np.concatenate([perfect, padding]), padded, [0, 1], share=0.1) == one


def test_no_share_of_nothing_can_be_lost():
    found = summarise_curve([1, -1, 1, -1], [[0, -2, 0, -2]], [1], share=0.1)
    assert found.drops[0].value == 1
    assert all(map(math.isnan, [*found.relative_drops, *found.area]))
    assert all(map(math.isnan, found.breaking_point))


def test_shares_of_a_return_that_may_be_nothing_are_unknown():
    perfect = np.linspace(-1.0, 1.02, 50)
    found = summarise_curve(perfect, [perfect - 1], [1], share=0.1)
    assert found.drops[0].value == pytest.approx(1)
    assert all(map(math.isnan, [*found.relative_drops, *found.area, *found.breaking_point]))


def test_the_same_episodes_are_drawn_at_all_severities():
    """Half the episodes lose 2 at the first severity, the others at the second: always 1 in all."""
    lost = np.tile([2.0, 0.0], 20)
    perfect = np.full(40, 10.0)
    found = summarise_curve(perfect, np.stack([perfect - lost, perfect - 2 + lost]), [0, 1], 0.5)
    assert found.drops[0].high - found.drops[0].low > 0.4
    assert tuple(found.area) == pytest.approx((0.9, 0.9, 0.9))


def test_infinite_returns_give_no_warning_and_no_interval():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = summarise_curve([1, math.inf, 3], [[1, math.inf, -math.inf]], [1], share=0.1)
    assert found.drops[0].value == math.inf
    assert math.isnan(found.drops[0].low)


def test_a_matrix_of_another_shape_is_refused():
    with pytest.raises(FailureApiError, match="give 2 numbers for each of the 3 severities"):
        summarise_curve([1, 1], [[1, 1]], [1, 2, 3], share=0.1)


@given(
    st.lists(st.floats(-100, 100), min_size=2, max_size=8),
    st.floats(-1e3, 1e3),
    st.permutations(range(8)),
)
def test_what_all_returns_share_costs_nothing_and_order_does_not_matter(perfect, shift, order):
    base = np.array(perfect)
    returns = np.stack([base - 1, base - np.arange(len(base))])
    chosen = [index for index in order if index < len(base)]
    one = summarise_curve(base, returns, [0, 1], share=0.1)
    two = summarise_curve((base + shift)[chosen], (returns + shift)[:, chosen], [0, 1], share=0.1)
    assert [d.value for d in one.drops] == pytest.approx([d.value for d in two.drops], abs=1e-9)


@given(
    st.lists(st.integers(1, 50), min_size=3, max_size=8),
    st.floats(0.01, 100),
    st.sampled_from([1, -1]),
)
def test_the_unit_of_the_returns_does_not_matter(perfect, scale, sign):
    base = sign * np.array(perfect, dtype=float)
    returns = np.stack([base - 1, base - np.arange(len(base)), base - 7])
    one = summarise_curve(base, returns, [0, 1, 3], share=0.123)
    two = summarise_curve(scale * base, scale * returns, [0, 1, 3], share=0.123)
    assert two.area == pytest.approx(one.area)
    assert two.relative_drops == pytest.approx(one.relative_drops)
    assert two.breaking_point.value == one.breaking_point.value
    assert two.drops[1].value == pytest.approx(scale * one.drops[1].value)
