"""The paired ratio and its interval, on times whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from failure_api.overhead.paired import paired_overhead


def test_a_machine_that_slows_down_changes_nothing():
    speeds = [1.0, 1.5, 3.0, 8.0]
    overhead, interval = paired_overhead(
        [[speed] * 5 for speed in speeds], [[1.2 * speed] * 5 for speed in speeds]
    )
    assert overhead == pytest.approx(20)
    assert interval == pytest.approx((20, 20))


def test_an_interrupted_step_counts_for_no_more_than_a_step():
    overhead, _ = paired_overhead([[1, 1, 1000], [1, 1, 1]], [[0.8, 0.8, 0.8], [500, 0.8, 0.8]])
    assert overhead == pytest.approx(-20)


def test_an_interrupted_block_counts_for_no_more_than_a_block():
    overhead, _ = paired_overhead([[1]] * 5, [[1.1]] * 4 + [[90]])
    assert overhead == pytest.approx(10)


def test_the_blocks_are_paired_in_their_order():
    overhead, _ = paired_overhead([[1], [2], [4]], [[2], [4], [8]])
    assert overhead == pytest.approx(100)


def test_one_block_has_no_interval():
    assert paired_overhead([[1.0, 2.0, 3.0]], [[3.0]]) == (pytest.approx(50), None)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    random = np.random.default_rng(0)
    covered = 0
    for _ in range(60):
        wrapped = 1.1 + 0.05 * random.standard_normal((20, 1))
        overhead, interval = paired_overhead([[1.0]] * 20, wrapped.tolist())
        assert interval is not None
        assert interval[0] <= overhead <= interval[1]
        covered += interval[0] <= 10 <= interval[1]
    assert 51 <= covered <= 60
    assert interval[1] - interval[0] < 10


def test_the_same_times_give_the_same_interval():
    random = np.random.default_rng(1)
    bare, wrapped = random.random((2, 10, 5)).tolist()
    assert paired_overhead(bare, wrapped) == paired_overhead(bare, wrapped)
