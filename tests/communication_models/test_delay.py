"""DelayBasedModel against its closed forms; every test has a false alarm of 1e-6."""

import numpy as np
import pytest
from scipy import stats

from failure_api.communication_models import DelayBasedModel
from helpers import FALSE_ALARM, off_diagonal, play


def model_of(least, greatest, drop=0.0):
    return DelayBasedModel(min_delay=least, max_delay=greatest, message_drop_probability=drop)


@pytest.mark.parametrize(("least", "greatest"), [(0, 1), (0, 4), (2, 5), (1, 13)])
def test_delays_are_whole_rounds_all_equally_likely(least, greatest):
    delays = off_diagonal(play(model_of(least, greatest), rounds=100, agents=20).delay).ravel()
    assert delays.min() == least
    assert delays.max() == greatest
    assert stats.chisquare(np.bincount(delays)[least:]).pvalue > FALSE_ALARM


@pytest.mark.parametrize(("least", "greatest"), [(0, 4), (3, 7)])
def test_how_often_a_message_overtakes_the_one_before_it(least, greatest):
    """Pairs of rounds that share none are independent, so the number of swaps is binomial."""
    delays = off_diagonal(play(model_of(least, greatest), rounds=200, agents=20).delay)
    swapped = delays[0::2] > delays[1::2] + 1
    span = greatest - least
    exact = span * (span - 1) / (2 * (span + 1) ** 2)
    assert exact == 0.24
    assert stats.binomtest(int(swapped.sum()), swapped.size, exact).pvalue > FALSE_ALARM


@pytest.mark.parametrize(
    ("least", "greatest", "drop"),
    [
        (0, 0, 0.4),
        (0, 1, 0.0),
        (0, 4, 0.0),
        (2, 5, 0.0),
        (3, 3, 0.0),
        (0, 4, 0.3),
        (2, 5, 0.6),
        (3, 3, 0.5),
    ],
)
def test_the_mean_age_on_independent_links(least, greatest, drop):
    """Ages follow each other in time, so one round alone is looked at, on independent links.

    The mean of 19,000 independent ages is normal with the variance of the sample. After 80 rounds
    the start matters with probability below 1e-15.
    """
    model = model_of(least, greatest, drop)
    ages = off_diagonal(play(model, rounds=80, agents=20, batch=(50,)).age[-1]).ravel()
    expected = model.expected_age()
    if drop == 0 and least == greatest:
        assert (ages == expected).all()
        return
    error = ages.std() / np.sqrt(ages.size)
    assert abs(ages.mean() - expected) / error < stats.norm.isf(FALSE_ALARM / 2)


@pytest.mark.parametrize(("least", "greatest", "drop"), [(0, 4, 0.0), (1, 3, 0.3)])
def test_the_distribution_of_the_age(least, greatest, drop):
    """P(A > a) is the product of the probabilities that none of the a + 1 newest has arrived."""
    played = play(model_of(least, greatest, drop), rounds=80, agents=20, batch=(20,))
    ages = off_diagonal(played.age[-1]).ravel()
    within = np.arange(12)
    arrived = ((within - least + 1) / (greatest - least + 1)).clip(0, 1)
    beyond = np.cumprod(1 - (1 - drop) * arrived)
    shares = -np.diff(beyond, prepend=1.0)
    keep = shares * ages.size > 20
    counts = np.bincount(ages, minlength=len(shares))[: len(shares)][keep]
    rest = ages.size - counts.sum(), (1 - shares[keep].sum()) * ages.size
    counts, expected = np.append(counts, rest[0]), np.append(shares[keep] * ages.size, rest[1])
    if rest[1] < 1e-6:
        assert rest[0] == 0
        counts, expected = counts[:-1], expected[:-1]
    expected *= counts.sum() / expected.sum()
    assert stats.chisquare(counts, expected).pvalue > FALSE_ALARM


@pytest.mark.parametrize("drop", [0.1, 0.5])
def test_the_share_of_messages_dropped(drop):
    """Drops are independent, so that their number is binomial."""
    model = model_of(1, 3, drop)
    kept = off_diagonal(play(model, rounds=100, agents=20).bandwidth) > 0
    assert stats.binomtest(int((~kept).sum()), kept.size, drop).pvalue > FALSE_ALARM
    assert model.expected_loss() == pytest.approx(drop)


def test_delays_and_drops_are_independent():
    """The correlation of n independent pairs is normal with variance 1 / n."""
    played = play(model_of(0, 4, 0.5), rounds=100, agents=20)
    delays, kept = off_diagonal(played.delay).ravel(), off_diagonal(played.bandwidth).ravel()
    correlation = np.corrcoef(delays, kept)[0, 1]
    assert abs(correlation) < stats.norm.isf(FALSE_ALARM / 2) / np.sqrt(delays.size)


def test_delays_of_links_and_of_rounds_are_independent():
    delays = off_diagonal(play(model_of(0, 4), rounds=3000, agents=6).delay).astype(float)
    across = np.corrcoef(delays.T)[np.triu_indices(delays.shape[1], 1)]
    bound = stats.norm.isf(FALSE_ALARM / 2 / (across.size + 1)) / np.sqrt(len(delays))
    assert np.abs(across).max() < bound
    along = np.corrcoef(delays[:-1].ravel(), delays[1:].ravel())[0, 1]
    assert abs(along) < bound


def test_a_constant_delay_of_3_brings_what_is_exactly_3_rounds_old_from_round_3_on():
    sent = off_diagonal(play(model_of(3, 3), rounds=12).sent)
    assert (sent[:3] == -1).all()
    assert (sent[3:] == np.arange(9)[:, None]).all()


@pytest.mark.parametrize("drop", [0.0, 0.5])
def test_a_delay_of_nothing_is_loss_alone(drop):
    played = play(model_of(0, 0, drop), rounds=30)
    arrived = off_diagonal(played.arrived)
    assert (off_diagonal(played.age)[arrived] == 0).all()
    np.testing.assert_array_equal(arrived, off_diagonal(played.bandwidth) > 0)
    assert arrived.all() == (drop == 0)


def test_nothing_arrives_earlier_than_the_least_or_later_than_the_greatest_delay():
    sent = off_diagonal(play(model_of(2, 5, 0.2), rounds=60).sent)
    taken = (np.arange(60)[:, None] - sent)[sent >= 0]
    assert taken.min() == 2
    assert taken.max() <= 5


def test_two_delays_add_up():
    sent = off_diagonal(play(model_of(1, 1), model_of(3, 3), rounds=12).sent)
    assert (sent[:4] == -1).all()
    assert (sent[4:] == np.arange(8)[:, None]).all()


def test_the_sum_of_two_uniform_delays_is_triangular():
    delays = off_diagonal(play(model_of(0, 2), model_of(1, 3), rounds=100, agents=20).delay)
    expected = np.asarray([1, 2, 3, 2, 1]) / 9 * delays.size
    counts = np.bincount(delays.ravel())[1:]
    assert stats.chisquare(counts, expected).pvalue > FALSE_ALARM
