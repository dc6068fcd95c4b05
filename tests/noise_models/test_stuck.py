"""StuckModel: how often and how long links are stuck, and what they repeat."""

import numpy as np
import pytest
from noise_rounds import binomial, play_noise
from scipy import stats

from failure_api.errors import InvalidArgumentError
from failure_api.noise_models import StuckModel
from failure_api.testing import check_noise_model
from helpers import FALSE_ALARM, assert_one_sentence


def told(rounds, links=(40, 250)):
    """Returns content that says when it was sent, `[T, receiver, sender, 1]`."""
    clock = np.arange(rounds, dtype=np.float64).reshape(-1, 1, 1, 1)
    return np.broadcast_to(clock, (rounds, *links, 1))


def stuck_of(model, rounds, **options):
    """Returns in which rounds links repeat something, `[T, links]`."""
    contents = told(rounds)
    after = play_noise(model, contents, **options)[1]
    return (after != contents).reshape(rounds, -1)


@pytest.mark.parametrize(
    "model",
    [
        StuckModel(stick_prob=0.1, release_prob=0.3),
        StuckModel(stick_prob=0.1, release_prob=0.3, start="good"),
        StuckModel(stick_prob=0.0, release_prob=0.0),
        StuckModel(stick_prob=1.0, release_prob=0.0),
    ],
    ids=repr,
)
def test_the_laws_hold(model):
    check_noise_model(model)


@pytest.mark.parametrize(("p", "r"), [(0.05, 0.25), (0.5, 0.5), (0.9, 0.6)])
@pytest.mark.parametrize("number", [1, 7])
def test_the_share_of_links_that_are_stuck_is_p_of_p_plus_r(p, r, number):
    """Ten thousand links are independent; the first round has nothing that could be repeated."""
    model = StuckModel(stick_prob=p, release_prob=r)
    stuck = stuck_of(model, number + 1)[number]
    # A link that was stuck in round 0 has only told its first content since.
    assert binomial(stuck, p / (p + r)) > FALSE_ALARM
    assert model.expected_share() == pytest.approx(p / (p + r))


def test_the_worked_value_of_the_chain():
    assert StuckModel(stick_prob=0.05, release_prob=0.25).expected_share() == pytest.approx(1 / 6)
    assert StuckModel(stick_prob=0.0, release_prob=0.0).expected_share() == 0.0


@pytest.mark.parametrize(("p", "r"), [(0.05, 0.25), (0.2, 0.5)])
def test_a_link_is_stuck_for_one_over_r_rounds(p, r):
    """The first time of each link is geometric, and the sum of these negative binomial."""
    rounds = 400
    stuck = stuck_of(StuckModel(stick_prob=p, release_prob=r, start="good"), rounds)
    begins = stuck.argmax(axis=0)
    after = np.arange(rounds)[:, None] >= begins
    lengths = (after & ~stuck).argmax(axis=0) - begins
    assert (lengths > 0).all()
    further, law = (lengths - 1).sum(), stats.nbinom(lengths.size, r)
    assert min(law.cdf(further), law.sf(further - 1)) > FALSE_ALARM / 2
    # Round 0 is good for certain, so the time before is geometric too.
    law = stats.nbinom(lengths.size, p)
    before = (begins - 1).sum()
    assert min(law.cdf(before), law.sf(before - 1)) > FALSE_ALARM / 2


@pytest.mark.parametrize(("p", "r"), [(0.05, 0.25), (0.2, 0.5)])
def test_links_change_as_often_as_they_should_in_a_million_rounds(p, r):
    """What happens next is a binomial trial of what is now: the excess is a martingale."""
    stuck = stuck_of(StuckModel(stick_prob=p, release_prob=r, start="good"), 101)
    for change, share, then in ((stuck[1:-1], r, ~stuck[2:]), (~stuck[1:-1], p, stuck[2:])):
        trials, events = change.sum(), (change & then).sum()
        z = (events - share * trials) / np.sqrt(share * (1 - share) * trials)
        assert abs(z) < stats.norm.isf(FALSE_ALARM / 4)


def test_a_good_start_has_nothing_stuck():
    sticky = StuckModel(stick_prob=1.0, release_prob=0.0, start="good")
    after = play_noise(sticky, told(4))[1]
    assert [set(np.unique(values)) for values in after] == [{0.0}, {0.0}, {0.0}, {0.0}]
    assert not stuck_of(sticky, 1).any()


def test_a_stuck_link_repeats_what_arrived_last_before():
    arrived = np.random.default_rng(0).random((60, 40, 250)) < 0.6
    model = StuckModel(stick_prob=0.2, release_prob=0.3)
    after = play_noise(model, told(60), arrived=arrived)[1][..., 0]
    last = np.full(arrived.shape[1:], np.nan)
    repeated = 0
    for number, values in enumerate(after):
        now = arrived[number]
        fresh = values == number
        # What is not fresh is exactly what was last told, fresh or again.
        np.testing.assert_array_equal(values[now & ~fresh], last[now & ~fresh])
        last = np.where(now, values, last)
        repeated += (now & ~fresh).sum()
    assert repeated > 10_000


def test_a_link_that_is_stuck_from_the_start_repeats_its_first_content():
    arrived = np.ones((6, 1, 2), dtype=bool)
    arrived[:3, 0, 1] = False
    model = StuckModel(stick_prob=1.0, release_prob=0.0)
    after = play_noise(model, told(6, (1, 2)), arrived=arrived)[1][:, 0, :, 0]
    assert after[:, 0].tolist() == [0.0] * 6
    assert after[3:, 1].tolist() == [3.0] * 3


def test_what_never_sticks_changes_nothing():
    assert not stuck_of(StuckModel(stick_prob=0.0, release_prob=0.5), 20).any()


@pytest.mark.parametrize(("less", "more"), [((0.1, 0.4), (0.3, 0.4)), ((0.2, 0.7), (0.2, 0.3))])
def test_what_is_stuck_stays_so_where_links_stick_more_or_are_released_less(less, more):
    few, many = (
        stuck_of(StuckModel(stick_prob=p, release_prob=r), 30)[1:] for p, r in (less, more)
    )
    # The first content of a link that is stuck from the start has to pass.
    assert not (few & ~many).any()
    assert (many & ~few).any()


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"stick_prob": 1.5, "release_prob": 0.1}, "stick_prob"),
        ({"stick_prob": 0.5, "release_prob": None}, "release_prob"),
        ({"stick_prob": 0.5, "release_prob": 0.5, "start": "stuck"}, "start"),
    ],
)
def test_wrong_arguments_are_refused(arguments, word):
    with pytest.raises(InvalidArgumentError) as caught:
        StuckModel(**arguments)
    assert_one_sentence(caught.value, word)
