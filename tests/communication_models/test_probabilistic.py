"""ProbabilisticModel against its closed forms; every test has a false alarm of 1e-6."""

import numpy as np
import pytest
from scipy import stats

from failure_api.communication_models import ProbabilisticModel
from helpers import FALSE_ALARM, off_diagonal, play


def binomial(events, probability):
    events = np.asarray(events)
    return stats.binomtest(int(events.sum()), events.size, probability).pvalue


@pytest.mark.parametrize("probability", [0.05, 0.2, 0.5, 0.9])
def test_the_share_of_messages_lost(probability):
    """Losses are independent, so that their number is binomial."""
    model = ProbabilisticModel(failure_prob=probability)
    lost = ~off_diagonal(play(model, rounds=100, agents=20).arrived)
    assert model.expected_loss() == pytest.approx(probability)
    assert binomial(lost, probability) > FALSE_ALARM


def test_nothing_is_lost_at_0_and_everything_at_1():
    assert off_diagonal(play(ProbabilisticModel(failure_prob=0.0), rounds=50).arrived).all()
    assert not play(ProbabilisticModel(failure_prob=1.0), rounds=50).arrived.any()


@pytest.mark.parametrize("probability", [0.2, 0.5, 0.7])
def test_the_length_of_the_first_burst_on_each_link(probability):
    """Bursts of independent links are independent and geometric: their sum is negative binomial.

    120 rounds end within a burst with probability below 1e-15.
    """
    model = ProbabilisticModel(failure_prob=probability)
    rounds = 120
    lost = ~off_diagonal(play(model, rounds=rounds, agents=40).arrived)
    begins = lost.argmax(axis=0)
    after = np.arange(rounds)[:, None] >= begins
    lengths = (after & ~lost).argmax(axis=0) - begins
    assert (lengths > 0).all()
    further = stats.nbinom(lengths.size, 1.0 - probability)
    total = (lengths - 1).sum()
    assert min(further.cdf(total), further.sf(total - 1)) > FALSE_ALARM / 2
    expected = model.expected_burst_length()
    assert expected == pytest.approx(1 / (1 - probability))
    assert further.mean() / lengths.size + 1 == pytest.approx(expected)


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.7])
def test_the_age_on_independent_links(probability):
    """Ages follow each other in time, so one round alone is looked at, on independent links.

    An age is geometric, and the sum of independent ones negative binomial. After 120 rounds the
    start matters with probability below 1e-15.
    """
    model = ProbabilisticModel(failure_prob=probability)
    ages = off_diagonal(play(model, rounds=120, agents=20, batch=(10,)).age[-1]).ravel()
    total = stats.nbinom(ages.size, 1.0 - probability)
    assert min(total.cdf(ages.sum()), total.sf(ages.sum() - 1)) > FALSE_ALARM / 2
    assert model.expected_age() == pytest.approx(probability / (1 - probability))
    assert total.mean() / ages.size == pytest.approx(model.expected_age())
    counts = np.bincount(ages.clip(max=3), minlength=4)
    shares = (1 - probability) * probability ** np.arange(4)
    shares[3] = probability**3
    assert stats.chisquare(counts, shares * ages.size).pvalue > FALSE_ALARM


def test_links_fail_independently_of_each_other():
    """The correlation of n independent pairs is normal with variance 1 / n."""
    lost = ~off_diagonal(play(ProbabilisticModel(failure_prob=0.5), rounds=4000, agents=8).arrived)
    correlations = np.corrcoef(lost.T)[np.triu_indices(lost.shape[1], 1)]
    bound = stats.norm.isf(FALSE_ALARM / 2 / correlations.size) / np.sqrt(len(lost))
    assert np.abs(correlations).max() < bound


def test_rounds_fail_independently_of_each_other():
    lost = ~off_diagonal(play(ProbabilisticModel(failure_prob=0.3), rounds=2000, agents=8).arrived)
    lags = range(1, 6)
    for lag in lags:
        one, other = lost[:-lag].ravel(), lost[lag:].ravel()
        bound = stats.norm.isf(FALSE_ALARM / 2 / len(lags)) / np.sqrt(one.size)
        assert abs(np.corrcoef(one, other)[0, 1]) < bound


@pytest.mark.parametrize("probabilities", [(0.2, 0.2), (0.1, 0.5), (0.3, 0.3, 0.3)])
def test_several_models_lose_independently_of_each_other(probabilities):
    models = [ProbabilisticModel(failure_prob=p) for p in probabilities]
    arrived = off_diagonal(play(*models, rounds=100, agents=20).arrived)
    assert binomial(arrived, np.prod([1 - p for p in probabilities])) > FALSE_ALARM


def test_each_link_has_its_own_probability():
    table = np.random.default_rng(0).random((4, 4))
    model = ProbabilisticModel(failure_prob=table)
    lost = ~play(model, rounds=2000, agents=4).arrived
    for sender, receiver in np.argwhere(~np.eye(4, dtype=bool)):
        pvalue = binomial(lost[:, sender, receiver], table[sender, receiver])
        assert pvalue > FALSE_ALARM / 12
    assert off_diagonal(model.expected_loss()) == pytest.approx(off_diagonal(table))


def test_a_narrow_link_loses_what_it_cannot_carry_too():
    """Every second round carries a message, which is lost as in any other round."""
    model = ProbabilisticModel(failure_prob=0.2, max_bandwidth=0.5)
    played = play(model, rounds=200, agents=20)
    carried = np.arange(200)[:, None] % 2 == 1
    lost = off_diagonal(played.lost)
    np.testing.assert_array_equal(off_diagonal(played.arrived), carried & ~lost)
    assert binomial(lost, 0.2) > FALSE_ALARM
    assert model.expected_loss() == pytest.approx(0.6)
    wide = play(ProbabilisticModel(failure_prob=0.2), rounds=200, agents=20)
    np.testing.assert_array_equal(lost, off_diagonal(wide.lost))


def test_a_narrow_link_has_its_capacity_whether_or_not_it_is_down():
    played = play(ProbabilisticModel(failure_prob=0.5, max_bandwidth=0.25), rounds=50)
    assert (off_diagonal(played.capacity) == np.float32(0.25)).all()
    assert 0 < off_diagonal(played.lost).mean() < 1
    # What is nominal or more limits nothing.
    wide = play(ProbabilisticModel(failure_prob=0.5, max_bandwidth=4.0), rounds=50)
    assert (wide.capacity == np.inf).all()
    np.testing.assert_array_equal(off_diagonal(wide.arrived), ~off_diagonal(wide.lost))
