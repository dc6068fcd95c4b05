"""Without a queue a link of capacity b < 1 carries floor(b t) of the first t messages."""

from dataclasses import dataclass
from fractions import Fraction

import array_api_strict
import numpy as np
import pytest

from failure_api.communication_models import MatrixModel, ProbabilisticModel
from failure_api.core import Chain, Channel, CommunicationModel, NumpyStream, Stage, Traits
from helpers import Scripted, context_of, off_diagonal, play

CAPACITIES = {
    0.0: Fraction(0),
    1e-6: Fraction(1, 10**6),
    0.1: Fraction(1, 10),
    0.3: Fraction(3, 10),
    1 / 3: Fraction(1, 3),
    0.5: Fraction(1, 2),
    2 / 3: Fraction(2, 3),
    0.7: Fraction(7, 10),
    0.9: Fraction(9, 10),
    0.99: Fraction(99, 100),
    1.0: Fraction(1),
    2.5: Fraction(1),
}


def carried(model, rounds, agents, **options):
    return np.cumsum(off_diagonal(play(model, rounds=rounds, agents=agents, **options).arrived), 0)


@pytest.mark.sampled(2)
@pytest.mark.parametrize(("capacity", "exact"), CAPACITIES.items())
@pytest.mark.parametrize("xp", [np, array_api_strict])
def test_floor_b_t_of_the_first_t_messages_are_carried(capacity, exact, xp):
    rounds = 300
    expected = [int(exact * t) for t in range(1, rounds + 1)]
    for model in (
        ProbabilisticModel(failure_prob=0.0, max_bandwidth=capacity),
        MatrixModel(matrix=[[0, capacity], [capacity, 0]]),
    ):
        counts = carried(model, rounds, 2, xp=xp)
        np.testing.assert_array_equal(counts, np.stack([expected] * 2, axis=-1))


def test_the_count_is_right_for_every_hundredth_over_many_rounds():
    agents, rounds = 11, 20_000
    percent = np.arange(1, agents * agents + 1).reshape(agents, agents).clip(max=100)
    model = ProbabilisticModel(failure_prob=0.0, max_bandwidth=percent / 100)
    expected = np.arange(1, rounds + 1)[:, None] * off_diagonal(percent)[None, :] // 100
    np.testing.assert_array_equal(carried(model, rounds, agents), expected)


@pytest.mark.parametrize("capacity", [1e-6, 1e-5, 1e-4])
def test_a_very_narrow_link_fills_up_at_its_own_rate(capacity):
    """A link that has carried half a message goes on as it began, but for float32's grid."""
    channel = Channel(chain=Chain(models=[MatrixModel(matrix=np.full((2, 2), capacity))]))
    stream, rounds = NumpyStream(0), 1000
    parameters = channel.prepare(context_of(2))
    state = channel.init(parameters, context_of(2), stream)
    half = np.full((2, 2), 0.5, dtype=state.credit.dtype)
    state = before = state._replace(credit=half)
    for number in range(rounds):
        state, _ = channel.step(parameters, state, context_of(2, number=number), stream)
    gained = float((state.credit - before.credit)[0, 1])
    assert gained == pytest.approx(rounds * capacity, rel=0.02)


def transmitted(rounds, **script):
    """Returns the rounds in which something is transmitted on a link, and those that bring it."""
    played = play(Scripted(**script), rounds=rounds, agents=2)
    return [np.flatnonzero(array[:, 0, 1]).tolist() for array in (played.sends, played.arrived)]


def test_credit_grows_while_messages_are_lost_and_what_is_lost_has_used_its_credit():
    # The messages of rounds 1 and 3 are transmitted, as on a link that loses none.
    assert transmitted(6, capacities=[0.5] * 6, lost=[1, 0, 1, 0, 0, 0]) == [[1, 3, 5]] * 2
    assert transmitted(6, capacities=[0.5] * 6, lost=[0, 1, 0, 0, 0, 0]) == [[1, 3, 5], [3, 5]]


def test_credit_grows_up_to_one_message_while_nothing_is_sent():
    # Credit is .7, then 1 (1.4 is cut), and 1.7, 1.4, 1.1 and .8 as each round's message comes.
    assert transmitted(7, capacities=[0.7] * 7, silent=[1, 1, 0, 0, 0, 0, 0]) == [[2, 3, 4, 6]] * 2


def test_what_is_saved_up_carries_nothing_over_a_link_without_capacity():
    # One message is saved up by round 1; it is of use again from round 4 on.
    capacities, silent = [0.5, 0.5, 0.5, 0.0, 0.5, 0.5, 0.5], [1, 1, 1, 0, 0, 0, 0]
    assert transmitted(7, capacities=capacities, silent=silent) == [[4, 5]] * 2


def test_a_matrix_s_cut_link_loses_what_it_transmits_and_goes_on_with_its_credit():
    schedule = np.zeros((4, 2, 2))
    schedule[[0, 2, 3], 0, 1] = 0.5
    played = play(MatrixModel(matrix=schedule), rounds=4, agents=2)
    # Half a message is left over of the nominal capacity of round 1, whose message is lost.
    assert played.sends[:, 0, 1].tolist() == [False, True, True, False]
    assert played.arrived[:, 0, 1].tolist() == [False, False, True, False]


def test_more_than_one_message_a_round_is_nominal_in_a_matrix():
    schedule = np.zeros((3, 2, 2))
    schedule[:, 0, 1] = (2.5, 0.5, 0.0)
    played = play(MatrixModel(matrix=schedule), rounds=3, agents=2)
    assert played.arrived[:, 0, 1].tolist() == [True, False, False]


@dataclass(frozen=True, kw_only=True)
class Generous(CommunicationModel):
    """Gives every link more than nominal, but for the last rounds."""

    traits = Traits(stages={Stage.SERVED}, narrows=True)

    def step(self, parameters, state, links, context, random):
        wide = np.float32(2.5 if context.round < 2 else 0.25)
        return state, links._replace(capacity=wide * np.ones(context.shape, dtype=np.float32))


def test_a_link_of_more_than_nominal_capacity_carries_one_message_and_saves_up_one():
    played = play(Generous(), rounds=7, agents=2)
    # One message is left over of round 1, and a quarter of it after round 2.
    assert played.arrived[:, 0, 1].tolist() == [True, True, True, False, False, True, False]


def test_the_smallest_of_two_capacities_counts():
    models = [
        ProbabilisticModel(failure_prob=0.0, max_bandwidth=capacity) for capacity in (0.5, 0.25)
    ]
    played = play(*models, rounds=12, agents=2)
    assert np.flatnonzero(played.arrived[:, 0, 1]).tolist() == [3, 7, 11]


def test_a_channel_without_narrow_links_keeps_no_account_of_them():
    stream = NumpyStream(0)
    wide = Channel(chain=Chain(models=[ProbabilisticModel(failure_prob=0.2)]))
    narrow = Channel(chain=Chain(models=[ProbabilisticModel(failure_prob=0.2, max_bandwidth=0.5)]))
    for channel, keeps in ((wide, False), (narrow, True)):
        state = channel.init(channel.prepare(context_of()), context_of(), stream)
        assert (state.credit is not None) == keeps
