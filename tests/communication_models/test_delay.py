"""DelayBasedModel against its closed forms; every test has a false alarm of 1e-6."""

import math

import numpy as np
import pytest
from scipy import stats

from failure_api.communication_models import BandwidthModel, DelayBasedModel, ProbabilisticModel
from failure_api.communication_models.delay import (
    ConstantDelay,
    EmpiricalDelay,
    GeometricDelay,
    NormalDelay,
    ParetoDelay,
    UniformDelay,
)
from failure_api.errors import InvalidArgumentError
from failure_api.testing import check_model
from helpers import FALSE_ALARM, Scripted, assert_one_sentence, label, off_diagonal, play


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
    kept = ~off_diagonal(play(model, rounds=100, agents=20).lost)
    assert stats.binomtest(int((~kept).sum()), kept.size, drop).pvalue > FALSE_ALARM
    assert model.expected_loss() == pytest.approx(drop)


def test_delays_and_drops_are_independent():
    """The correlation of n independent pairs is normal with variance 1 / n."""
    played = play(model_of(0, 4, 0.5), rounds=100, agents=20)
    delays, kept = off_diagonal(played.delay).ravel(), ~off_diagonal(played.lost).ravel()
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
    np.testing.assert_array_equal(arrived, off_diagonal(played.up))
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


def squared(uniform):
    return 6 * uniform**2


DISTRIBUTIONS = [
    None,
    ConstantDelay(rounds=2.5),
    UniformDelay(low=0.5, high=4),
    NormalDelay(mean=2, standard_deviation=1.5),
    GeometricDelay(mean=1.5),
    ParetoDelay(shape=1.5, scale=0.5),
    EmpiricalDelay(delays=[0, 1, 1, 6], probabilities=[0.25, 0.25, 0.25, 0.25]),
    squared,
]


@pytest.mark.sampled(2)
@pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=label)
@pytest.mark.parametrize("options", [{}, {"delivery": "fifo"}, {"delivery": "fifo", "expiry": 3}])
def test_the_model_keeps_the_laws(distribution, options):
    check_model(
        DelayBasedModel(
            min_delay=1,
            max_delay=5,
            message_drop_probability=0.2,
            distribution=distribution,
            **options,
        )
    )


def test_the_model_keeps_the_laws_where_links_differ():
    table = [[0, 0.2, 1], [0.5, 0, 0], [0.1, 0.1, 0]]
    options = {"distribution": GeometricDelay(mean=2), "delivery": "fifo", "expiry": 4}
    check_model(DelayBasedModel(message_drop_probability=table, **options))
    drop = {("a", "b"): 0.4}
    check_model(DelayBasedModel(message_drop_probability=drop, agent_ids=("a", "b"), **options))


@pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=label)
def test_messages_are_dropped_in_the_same_rounds_under_every_distribution(distribution):
    """Also with three agents, where normal delays have one uniform number without a partner."""
    options = {"max_delay": 5, "message_drop_probability": 0.4}
    expected = play(DelayBasedModel(**options), rounds=50).lost
    assert 0.2 < off_diagonal(expected).mean() < 0.6
    model = DelayBasedModel(distribution=distribution, **options)
    np.testing.assert_array_equal(play(model, rounds=50).lost, expected)


@pytest.mark.parametrize(
    ("short", "long"),
    [
        (UniformDelay(low=0, high=3), UniformDelay(low=0, high=4)),
        (GeometricDelay(mean=1), GeometricDelay(mean=1.5)),
        (ParetoDelay(shape=2, scale=1), ParetoDelay(shape=1.5, scale=1)),
        (NormalDelay(mean=2, standard_deviation=1), NormalDelay(mean=2.5, standard_deviation=1)),
        (EmpiricalDelay(delays=[1, 4]), EmpiricalDelay(delays=[1, 2, 4, 7])),
    ],
)
def test_a_longer_distribution_delays_the_same_messages_by_more(short, long):
    less, more = (
        off_diagonal(play(DelayBasedModel(max_delay=20, distribution=given), rounds=60).delay)
        for given in (short, long)
    )
    assert (less <= more).all()
    assert (less < more).any()


def test_what_expires_at_a_longer_expiry_expires_at_a_shorter_one():
    kept = [
        play(DelayBasedModel(distribution=GeometricDelay(mean=2), expiry=expiry), rounds=80)
        for expiry in (1, 3)
    ]
    assert (kept[0].lost >= kept[1].lost).all()
    assert (kept[0].lost > kept[1].lost).any()
    assert kept[0].delay.max() == 1
    assert kept[1].delay.max() == 3


def test_an_expiry_of_nothing_keeps_what_arrives_at_once():
    model = DelayBasedModel(max_delay=3, expiry=0)
    played = play(model, rounds=300)
    assert model.traits.longest_delay == 0
    assert (off_diagonal(played.age)[off_diagonal(played.arrived)] == 0).all()
    assert model.expected_loss() == 0.75
    assert model.expected_age() == pytest.approx(3)


def test_an_expiry_beyond_the_longest_delay_changes_nothing():
    one, other = DelayBasedModel(max_delay=3), DelayBasedModel(max_delay=3, expiry=3)
    np.testing.assert_array_equal(play(one, rounds=50).sent, play(other, rounds=50).sent)
    assert other.expected_loss() == 0
    late = DelayBasedModel(min_delay=3, max_delay=5, expiry=2)
    assert late.expected_loss() == 1
    assert late.expected_age() == math.inf
    assert not play(late, rounds=20).arrived.any()


def test_bounds_hold_whatever_the_distribution_says():
    model = DelayBasedModel(
        min_delay=1, max_delay=3, distribution=NormalDelay(mean=2, standard_deviation=20)
    )
    delays = off_diagonal(play(model, rounds=50).delay)
    assert set(np.unique(delays)) == {1, 2, 3}
    assert (delays == 3).mean() == pytest.approx(stats.norm(2, 20).sf(2.5), abs=0.15)


def test_the_longest_delay_may_be_left_to_the_distribution():
    assert DelayBasedModel(distribution=UniformDelay(low=1, high=3.5)).traits.longest_delay == 4
    assert DelayBasedModel(distribution=EmpiricalDelay(delays=[1, 9])).traits.longest_delay == 9
    assert DelayBasedModel(distribution=GeometricDelay(mean=3), expiry=7).traits.longest_delay == 7
    assert DelayBasedModel(distribution=squared, expiry=4).traits.longest_delay == 4
    assert DelayBasedModel(distribution=squared, max_delay=4).traits.longest_delay == 4


def one_link(delays, drops=None, longest=9):
    """Returns what a link delivers of messages whose delays are given, in order."""
    rounds = len(delays)

    class Listed(EmpiricalDelay):
        """Gives the next delay of a list in each round."""

        def draw(self, uniform, table, xp):
            return xp.full_like(uniform, float(next(self.__dict__["coming"])))

    given = Listed(delays=[longest])
    given.__dict__["coming"] = iter(delays)
    models = [DelayBasedModel(distribution=given, delivery="fifo")]
    if drops is not None:
        models.insert(0, Scripted(lost=drops))
    return play(*models, rounds=rounds, agents=2).sent[:, 0, 1].tolist()


def test_no_message_arrives_before_one_that_was_sent_earlier():
    # Message 0 takes 3 rounds: 1 and 2 arrive with it, and the newest of them is delivered.
    assert one_link([3, 0, 1, 1, 0, 0]) == [-1, -1, -1, 2, 4, 5]
    # A lost message holds nothing up.
    assert one_link([3, 0, 1, 1, 0, 0], drops=[1, 0, 0, 0, 0, 0]) == [-1, 1, -1, 2, 4, 5]
    assert one_link([9, 9, 0, 0], drops=[0, 1, 0, 0]) == [-1] * 4


def test_in_order_against_the_latest_arrival_of_all_before():
    rounds, models = 400, {}
    for delivery in ("reorder", "fifo"):
        models[delivery] = DelayBasedModel(
            max_delay=9,
            distribution=GeometricDelay(mean=2),
            message_drop_probability=0.3,
            expiry=6,
            delivery=delivery,
        )
    own, late = (off_diagonal(play(model, rounds=rounds).delay) for model in models.values())
    kept = ~off_diagonal(play(models["fifo"], rounds=rounds).lost)
    arrival = np.arange(rounds)[:, None] + own
    latest = np.maximum.accumulate(np.where(kept, arrival, -1))
    assert (np.where(kept, latest - np.arange(rounds)[:, None], late) == late).all()
    assert (late[kept] > own[kept]).any()
    assert late.max() <= 6


def test_what_earlier_models_lose_holds_nothing_up():
    lossy = ProbabilisticModel(failure_prob=1.0)
    fifo = DelayBasedModel(min_delay=0, max_delay=4, delivery="fifo")
    plain = DelayBasedModel(min_delay=0, max_delay=4)
    np.testing.assert_array_equal(
        off_diagonal(play(lossy, fifo, rounds=30).delay),
        off_diagonal(play(lossy, plain, rounds=30).delay),
    )


def test_mean_delays_by_hand():
    assert DelayBasedModel(max_delay=4).expected_delay() == pytest.approx(2)
    assert DelayBasedModel(max_delay=4, expiry=2).expected_delay() == pytest.approx(1)
    # In order: a delay of 0 becomes 1 where the message before takes 1 after it was sent: never;
    # of 0 to 2 rounds, 0 is held up by a 2 before it.
    in_order = DelayBasedModel(max_delay=2, delivery="fifo")
    assert in_order.expected_delay() == pytest.approx(1 + 1 / 3 * 1 / 3)
    lossy = DelayBasedModel(max_delay=2, delivery="fifo", message_drop_probability=0.5)
    assert lossy.expected_delay() == pytest.approx(1 + 1 / 3 * 1 / 6)
    assert DelayBasedModel(distribution=squared, max_delay=4).expected_delay() is None


def test_age_in_order_by_hand():
    """Of delays 0 and 1 nothing is ever overtaken; of 0 to 2 the product has two factors."""
    assert DelayBasedModel(max_delay=1, delivery="fifo").expected_age() == 0.5
    within = [1 / 3 * 2 / 3, 2 / 3]
    expected = sum(1 - share for share in within)
    assert DelayBasedModel(max_delay=2, delivery="fifo").expected_age() == pytest.approx(expected)
    drop = [[0, 0.3], [1.0, 0]]
    forms = DelayBasedModel(max_delay=0, delivery="fifo", message_drop_probability=drop)
    np.testing.assert_allclose(off_diagonal(forms.expected_age()), [3 / 7, np.inf])


def test_nothing_is_said_of_what_a_function_gives():
    model = DelayBasedModel(distribution=squared, max_delay=4, message_drop_probability=0.1)
    assert model.expected_age() is None
    assert model.expected_loss() == pytest.approx(0.1)
    assert DelayBasedModel(distribution=squared, max_delay=4, expiry=2).expected_loss() is None


def of_one_axis(uniform):
    return np.zeros(9)


def fails(uniform):
    return uniform.delays


def infinite(uniform):
    return uniform * math.inf


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, ["max_delay", "None"]),
        ({"expiry": 3}, ["max_delay", "None"]),
        ({"distribution": GeometricDelay(mean=1)}, ["max_delay", "None"]),
        ({"distribution": squared}, ["max_delay"]),
        ({"distribution": "normal", "max_delay": 3}, ["distribution", "normal"]),
        ({"distribution": NormalDelay, "max_delay": 3}, ["distribution", "NormalDelay(...)"]),
        ({"distribution": of_one_axis, "max_delay": 3}, ["distribution", "each uniform number"]),
        ({"distribution": infinite, "max_delay": 3}, ["distribution", "finite"]),
        ({"distribution": fails, "max_delay": 3}, ["distribution", "no attribute"]),
        ({"distribution": ConstantDelay(rounds=2), "min_delay": 3}, ["max_delay", "min_delay=3"]),
        ({"distribution": ConstantDelay(rounds=20_000)}, ["max_delay", "10000", "20000"]),
        ({"max_delay": 3, "delivery": "lifo"}, ["delivery", "fifo"]),
        ({"max_delay": 3, "expiry": -1}, ["expiry", "-1"]),
        ({"max_delay": 20_000, "expiry": 3}, ["max_delay", "10000"]),
        ({"distribution": squared, "expiry": 20_000}, ["max_delay", "10000"]),
    ],
)
def test_a_mistake_is_one_sentence(arguments, words):
    with pytest.raises(InvalidArgumentError) as caught:
        DelayBasedModel(**arguments)
    assert_one_sentence(caught.value, *words)


@pytest.mark.parametrize("drop", ["tail", "newest_first"])
def test_messages_that_wait_for_a_link_hold_nothing_up_before_they_leave(drop):
    """Beside a queue alone, with delays that are drawn for the rounds in which messages leave."""
    rounds = 3000
    slow = BandwidthModel(capacity=0.5, drop=drop, queue_length=3)
    delays = np.random.default_rng(0).integers(0, 7, (rounds, 2, 2))
    in_order = DelayBasedModel(max_delay=0, delivery="fifo")
    sent = play(slow, rounds=rounds, agents=2).sent[:, 0, 1]
    played = play(slow, Scripted(delays=delays), in_order, rounds=rounds, agents=2)
    arrivals, latest = {}, -1
    for number in np.flatnonzero(sent >= 0):
        latest = max(latest, number + delays[number, 0, 1])
        arrivals[latest] = sent[number]
    expected = [arrivals.get(number, -1) for number in range(rounds)]
    assert played.sent[:, 0, 1].tolist() == expected


def test_a_link_is_in_order_whatever_else_delays_its_messages():
    first, second = (DelayBasedModel(max_delay=4, delivery=way) for way in ("fifo", "reorder"))
    for models in ((first, second), (second, first)):
        played = play(*models, rounds=300)
        arrival = np.arange(300)[:, None] + off_diagonal(played.delay)
        assert (np.diff(arrival, axis=0) >= 0).all()
    scoped = DelayBasedModel(max_delay=4, delivery="fifo", agent_ids=["agent_0", "agent_1"])
    arrival = np.arange(300)[:, None, None] + play(scoped, second, rounds=300).delay
    overtaken = (np.diff(arrival, axis=0) < 0).any(axis=0)
    assert not overtaken[[0, 1], [1, 0]].any()
    assert off_diagonal(overtaken).sum() == 4
