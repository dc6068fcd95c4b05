"""The time to recover, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from failure_api.evaluation.statistics.curve import time_to_recover


def test_a_team_that_needs_three_steps():
    perfect = {k: np.full(20, -2.0) for k in range(5)}
    outage = {}
    for k in range(5):
        rewards = np.full(20, -2.0)
        rewards[5:13] = -6.0
        outage[k] = rewards
    assert time_to_recover(perfect, outage, ends=10, share=0.1) == (3.0, 3.0, 3.0)
    assert time_to_recover(perfect, outage, ends=13, share=0.1).value == 0.0


def test_the_share_is_of_the_mean_reward_of_a_step():
    perfect = {0: np.array([1.0, 3.0, 1.0, 3.0]), 1: np.array([2.0, 2.0, 2.0, 2.0])}
    outage = {k: rewards - np.array([0, 1.0, 0.5, 0.1]) for k, rewards in perfect.items()}
    assert time_to_recover(perfect, outage, ends=1, share=0.24).value == 2.0
    assert time_to_recover(perfect, outage, ends=1, share=0.25).value == 1.0
    assert time_to_recover(perfect, outage, ends=1, share=0.01).value == math.inf


def test_the_mean_over_episodes_counts():
    perfect = {k: np.ones(8) for k in range(2)}
    outage = {0: np.ones(8), 1: np.array([1, 1, 0, 0, 0, 1, 1, 1.0])}
    found = time_to_recover(perfect, outage, ends=2, share=0.1)
    assert found.value == 3.0
    # One that draws the second episode never has recovered at once.
    assert (found.low, found.high) == (0.0, 3.0)


def test_episodes_may_end_early_or_be_missing():
    perfect = {0: np.ones(10), 1: np.ones(10), 2: np.ones(10)}
    outage = {0: np.zeros(4), 1: np.concatenate([np.zeros(6), np.ones(4)])}
    assert time_to_recover(perfect, outage, ends=3, share=0.1).value == 3.0
    assert math.isnan(time_to_recover(perfect, outage, ends=10, share=0.1).value)
    assert math.isnan(time_to_recover({}, {}, ends=1, share=0.1).value)


def test_a_step_that_no_episode_lasts_to_is_no_recovery():
    perfect = {0: np.ones(4), 1: np.ones(6)}
    outage = {0: np.zeros(4), 1: np.zeros(6)}
    assert time_to_recover(perfect, outage, ends=3, share=0.1) == (math.inf, math.inf, math.inf)


def test_one_episode_has_no_interval():
    found = time_to_recover({0: np.ones(3)}, {0: np.ones(3)}, ends=1, share=0.1)
    assert found == pytest.approx((0.0, math.nan, math.nan), nan_ok=True)


def test_one_good_step_is_no_recovery():
    perfect = {0: np.ones(30)}
    rewards = np.zeros(30)
    rewards[[10, 14]] = 1.0
    rewards[20:] = 1.0
    assert time_to_recover(perfect, {0: rewards}, ends=10, share=0.1).value == 10.0
