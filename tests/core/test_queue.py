"""Queues against a slow simulation that carries every message by hand."""

from dataclasses import replace
from fractions import Fraction

import array_api_strict
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from simulator import Verdict, Waiting, simulate

from failure_api.communication_models import (
    BandwidthModel,
    DelayBasedModel,
    DistanceModel,
    MatrixModel,
    ProbabilisticModel,
)
from failure_api.core import Chain, Channel, NumpyStream
from failure_api.core.queue import Queue
from failure_api.errors import InvalidArgumentError
from helpers import Scripted, assert_one_sentence, context_of, off_diagonal, play

EIGHTHS = st.sampled_from([0, 1, 2, 3, 5, 7, 8, 12, 20, 40])
SOMETIMES = st.sampled_from([True, False, False, False, False])
GOOD = Verdict(
    sender_alive=True,
    receiver_alive=True,
    up=True,
    rejected=False,
    capacity=Fraction(1),
    lost=False,
    delay=0,
    in_order=False,
    expiry=None,
    hears=True,
)


@st.composite
def histories(draw):
    """Draws capacities in eighths, which float32 adds up exactly, other troubles, and a queue."""
    verdicts = [
        GOOD._replace(
            capacity=Fraction(draw(EIGHTHS), 8),
            rejected=draw(SOMETIMES),
            up=not draw(SOMETIMES),
            sender_alive=not draw(SOMETIMES),
        )
        for _ in range(draw(st.integers(1, 40)))
    ]
    length = draw(st.integers(1, 6))
    drop = draw(st.sampled_from(["tail", "newest_first"]))
    return verdicts, Waiting(length, drop, draw(st.sampled_from([None, 0, 1, 2, 5, 9, 100])))


def always(*eighths):
    return [GOOD._replace(capacity=Fraction(eighth, 8)) for eighth in eighths]


def carried_through(verdicts, waiting):
    """Yields what waits on links, `[1, links]`, after each round, and what has left in it."""
    queue = Queue(length=waiting.length, max_wait=waiting.max_wait, drop=waiting.drop)
    state = queue.empty((1, len(verdicts)), np)
    for number, now in enumerate(zip(*verdicts, strict=True)):

        def of(name, kind, now=now):
            return np.asarray([[getattr(verdict, name) for verdict in now]], dtype=kind)

        alive, up = of("sender_alive", bool), of("up", bool)
        comes = alive & up & ~of("rejected", bool)
        state, entered = queue.enter(state.without_dead(alive, np), comes, number, np)
        assert not entered.where[~comes].any()
        taken = np.take_along_axis(state.rounds, entered.slot[None], 0)[0]
        assert (taken == number)[entered.where].all()
        capacity, ready = of("capacity", np.float32), up & (state.count > 0)
        state, served = queue.serve(state, entered, capacity, ready, number, None, np)
        yield state, served


@settings(max_examples=300, deadline=None)
@given(history=histories())
@example(history=(always(*[3] * 30), Waiting(3, "newest_first", 100)))
@example(history=(always(*[2] * 10, *[40] * 4), Waiting(6, "tail", 100)))
@example(history=(always(*[1] * 24), Waiting(2, "tail", 5)))
def test_queues_carry_what_a_simulation_message_by_message_carries(history):
    verdicts, waiting = history
    told = simulate(verdicts, waiting)
    for one, (state, served) in zip(told, carried_through([verdicts], waiting), strict=True):
        assert served.leaves[0, 0] == len(one.arrivals)
        if one.arrivals:
            assert served.made[0, 0] == max(one.arrivals)
        places = len(state.rounds)
        kept = [
            state.rounds[(state.first[0, 0] + place) % places, 0, 0]
            for place in range(state.count[0, 0])
        ]
        assert kept == one.waiting
        assert (state.carried < 1).all()
        assert (state.carried >= 0).all()
        assert places <= waiting.length


def test_links_do_not_concern_each_other():
    generator = np.random.default_rng(0)
    eighths = generator.choice([0, 1, 3, 5, 8, 20], (18, 60))
    links = [always(*row.tolist()) for row in eighths]
    for drop in ("tail", "newest_first"):
        waiting = Waiting(4, drop, 12)
        left = [
            np.where(served.leaves > 0, served.made, -1)[0]
            for _, served in carried_through(links, waiting)
        ]
        for link, verdicts in enumerate(links):
            expected = [max(one.arrivals, default=-1) for one in simulate(verdicts, waiting)]
            assert np.stack(left)[:, link].tolist() == expected


def test_how_many_younger_messages_leave_is_counted():
    """All of those that leave in a round are of different ages."""
    queue, nothing = Queue(length=9), np.zeros((1, 1), dtype=bool)
    state = queue.empty((1, 1), np)
    for number in range(5):
        state, entered = queue.enter(state, ~nothing, number, np)
    three = np.full((1, 1), 3.0, dtype=np.float32)
    state, served = queue.serve(state, entered, three, ~nothing, 5, None, np)
    assert served.leaves.tolist() == [[3]]
    for since, count in ((-5, 3), (0, 3), (1, 2), (2, 1), (3, 0), (9, 0)):
        found = served.younger(np.full((1, 1), since, dtype=np.int32), np)
        assert found.tolist() == [[count]]


def test_no_more_places_are_kept_than_can_be_taken():
    assert Queue(length=10, max_wait=50).slots == 10
    assert Queue(length=10).slots == 10
    assert Queue(length=10, max_wait=3).slots == 4
    assert Queue(length=10, max_wait=50, drop="newest_first").slots == 2
    assert Queue(length=1, drop="newest_first").slots == 1


@pytest.mark.parametrize(
    ("change", "argument"),
    [
        ({"length": 3}, "queue_length"),
        ({"drop": "newest_first"}, "drop"),
        ({"max_wait": 9}, "max_wait"),
    ],
)
def test_the_capacities_of_a_chain_agree_on_the_queue_that_they_share(change, argument):
    queue = Queue(length=2, max_wait=4)
    assert queue.joined(Queue(length=2, max_wait=4)) is queue
    other = replace(queue, **change)
    value = getattr(other, next(iter(change)))
    with pytest.raises(InvalidArgumentError) as caught:
        queue.joined(other)
    assert_one_sentence(caught.value, argument, repr(value), "capacity models of a chain")
    options = {"queue_length": 2, "max_wait": 4}
    models = [
        BandwidthModel(capacity=0.5, **options),
        BandwidthModel(capacity=0.5, **{**options, argument: value}),
    ]
    with pytest.raises(InvalidArgumentError) as caught:
        Chain(models=models)
    assert_one_sentence(caught.value, argument, repr(value))
    # A single queue goes with whatever else narrows links.
    Chain(models=[models[0], ProbabilisticModel(failure_prob=0.1, max_bandwidth=0.5)])


def sent(model, rounds, **options):
    return play(*model, rounds=rounds, agents=2, **options).sent[:, 0, 1].tolist()


@pytest.mark.parametrize("xp", [np, array_api_strict])
@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize(
    ("capacity", "arrivals"),
    [
        (1.0, [0, 1, 2, 3, 4, 5, 6]),
        (2.5, [0, 1, 2, 3, 4, 5, 6]),
        (0.5, [-1, 0, -1, 1, -1, 2, -1]),
        (0.4, [-1, -1, 0, -1, 1, -1, -1, 2]),
        (0.25, [-1, -1, -1, 0, -1, -1, -1, 1]),
        (0.0, [-1] * 5),
    ],
)
def test_a_message_takes_ceil_1_over_b_rounds(capacity, arrivals, xp, read_only):
    model = BandwidthModel(capacity=capacity)
    if xp is array_api_strict and read_only:
        return
    assert sent([model], len(arrivals), xp=xp, read_only=read_only) == arrivals


def test_the_newest_goes_first():
    model = BandwidthModel(capacity=0.25, drop="newest_first")
    # Nothing of what waits has been carried when the newest comes in round 4.
    assert sent([model], 12) == [-1, -1, -1, 0, -1, -1, -1, 4, -1, -1, -1, 8]
    model = BandwidthModel(capacity=0.375, drop="newest_first")
    # An eighth of message 2 is carried in round 2 already, so that it stays where it is.
    assert sent([model], 8) == [-1, -1, 0, -1, -1, 2, -1, 5]


@pytest.mark.sampled(2)
@pytest.mark.parametrize("bandwidth", [1 / 3, 0.3, 0.1, 0.7, 0.01])
def test_rounding_does_not_add_up_from_message_to_message(bandwidth):
    """The link begins anew with the newest whenever a whole number of messages was carried."""
    model = BandwidthModel(capacity=bandwidth, drop="newest_first")
    exact = Fraction(bandwidth).limit_denominator(1000)
    got = np.asarray(sent([model], 6000))
    arrivals = np.flatnonzero(got >= 0)
    expected = [-(-j * exact.denominator // exact.numerator) - 1 for j in range(1, 6001)]
    expected = [each for each in expected if each < 6000]
    assert arrivals.tolist() == expected
    contents = [(j * exact.denominator) // exact.numerator for j in range(len(expected))]
    assert got[arrivals].tolist() == contents


def test_what_comes_to_a_full_queue_is_lost():
    model = BandwidthModel(capacity=0.5, queue_length=2)
    assert sent([model], 12) == [-1, 0, -1, 1, -1, 2, -1, 4, -1, 6, -1, 8]


@pytest.mark.parametrize(("capacity", "max_wait"), [(0.5, 1), (0.5, 2), (0.25, 9), (0.1, 15)])
def test_a_message_that_waits_too_long_is_lost_and_the_link_loses_no_time(capacity, max_wait):
    model = BandwidthModel(capacity=capacity, queue_length=20, max_wait=max_wait)
    received = np.asarray(sent([model], 400))
    ages = (np.arange(400) - received)[received >= 0]
    assert ages.max() <= max_wait
    assert (ages[40:] == max_wait).all()
    assert ages.size == 400 * capacity


def test_capacity_0_lets_the_queue_wait_and_loses_nothing():
    script = Scripted(capacities=[0.5, 0, 0, 0.5, 0.5, 1, 1, 0, 1])
    model = BandwidthModel(capacity=1)
    # Half of message 0 is carried in round 0, and the rest in round 3.
    assert sent([script, model], 9) == [-1, -1, -1, 0, -1, 1, 2, -1, 3]


def test_what_is_lost_on_the_air_has_been_served_and_the_next_one_goes_on():
    script = Scripted(lost=[0, 0, 0, 1, 0, 0, 0, 1, 0, 0])
    model = BandwidthModel(capacity=0.5)
    # Messages 0, 1, 2, 3 and 4 leave in rounds 1, 3, 5, 7 and 9.
    assert sent([model, script], 10) == [-1, 0, -1, -1, -1, 2, -1, -1, -1, 4]
    assert sent([script, model], 10) == [-1, 0, -1, -1, -1, 2, -1, -1, -1, 4]


def test_what_is_lost_before_the_queue_takes_no_place_in_it():
    script = Scripted(rejected=[0, 1, 1, 0, 0, 0, 0, 0])
    # Messages 0, 3, 4 and 5 enter, and each takes two rounds.
    assert sent([script, BandwidthModel(capacity=0.5)], 8) == [-1, 0, -1, -1, 3, -1, 4, -1]


def test_while_a_sender_is_mute_its_queue_waits():
    script = Scripted(silent=[0, 0, 1, 1, 0, 0, 0, 0])
    model = BandwidthModel(capacity=0.5)
    # Message 1 waits with nothing carried, 2 and 3 are never sent, and 4 comes behind 1.
    assert sent([script, model], 8) == [-1, 0, -1, -1, -1, 1, -1, 4]


def test_what_waits_for_a_dead_sender_is_dropped():
    alive = np.ones((8, 2), dtype=bool)
    alive[2:5, 0] = False
    model = BandwidthModel(capacity=0.5)
    # Message 1 is gone with its sender, whose next one is that of round 5.
    assert sent([model], 8, alive=alive) == [-1, 0, -1, -1, -1, -1, 5, -1]


def test_what_waits_for_a_dead_receiver_is_served_and_not_heard():
    alive = np.ones((9, 2), dtype=bool)
    alive[2:4, 1] = False
    model = BandwidthModel(capacity=0.5)
    # Message 1 leaves in round 3, and 4 is the next that is made for the receiver.
    assert sent([model], 9, alive=alive) == [-1, 0, -1, -1, -1, 4, -1, 5, -1]


def test_more_than_one_message_a_round_makes_up_for_waiting():
    script = Scripted(capacities=[0.25] * 4 + [9] * 4)
    wide = BandwidthModel(capacity=3)
    narrow = BandwidthModel(capacity={("agent_0", "agent_1"): 1.0, ("agent_1", "agent_0"): 0.5})
    # Messages 1, 2, 3 and 4 wait when the link becomes wide.
    assert sent([script, wide], 8) == [-1, -1, -1, 0, 3, 5, 6, 7]
    assert sent([script, narrow], 8) == [-1, -1, -1, 0, 1, 2, 3, 4]


def test_a_delay_begins_when_the_message_leaves_the_queue():
    models = [BandwidthModel(capacity=0.5), DelayBasedModel(min_delay=3, max_delay=3)]
    assert sent(models, 9) == [-1, -1, -1, -1, 0, -1, 1, -1, 2]


def test_loss_before_a_queue_takes_no_capacity_and_loss_after_it_does():
    lossy, half = ProbabilisticModel(failure_prob=0.6), BandwidthModel(capacity=0.5)
    alone = play(lossy, rounds=2000)
    beside = play(lossy, BandwidthModel(capacity=1.0), rounds=2000)
    np.testing.assert_array_equal(alone.sent, beside.sent)
    # Of what is admitted nearly all is carried; what waits at the end, no more than ten a link.
    admitted = off_diagonal(~alone.lost).sum(axis=0)
    before = play(lossy, half, rounds=2000)
    carried = off_diagonal(before.arrived).sum(axis=0)
    assert (carried <= admitted).all()
    assert (carried > 0.97 * admitted).all()
    contents = off_diagonal(before.sent)
    for link in range(contents.shape[1]):
        arrived = contents[:, link][contents[:, link] >= 0]
        assert not off_diagonal(alone.lost)[arrived, link].any()
    # After the queue every second round carries a message, which is lost where that round is.
    after = play(half, lossy, rounds=2000)
    transmitted = np.arange(2000)[:, None] % 2 == 1
    expected = transmitted & ~off_diagonal(alone.lost)
    np.testing.assert_array_equal(off_diagonal(after.arrived), expected)


def test_the_queue_serves_every_model_that_narrows_links():
    positions = [[0.0, 0.0], [0.5, 0.0]]
    near = DistanceModel(distance_threshold=1.0, falloff="linear")
    queue = BandwidthModel(capacity=1.0)
    assert sent([near], 6, positions=[positions] * 6) == [-1, 1, -1, 3, -1, 5]
    # Alone, a capacity of 1 makes nothing wait; a model that narrows links finds the queue there.
    assert sent([near, queue], 6, positions=[positions] * 6) == [-1, 0, -1, 1, -1, 2]


def test_only_a_chain_that_may_narrow_links_has_a_queue():
    queue = Queue(length=3)
    late = DelayBasedModel(min_delay=0, max_delay=4)
    narrow, wide = (BandwidthModel(capacity=c, queue_length=3) for c in (0.5, 2.0))
    assert Chain(models=[narrow, late]).queue == queue
    assert Chain(models=[wide, late]).traits.queue == queue
    assert Chain(models=[wide, late]).queue is None
    assert Chain(models=[wide, MatrixModel(matrix=[[0, 0.5], [1, 0]])]).queue == queue
    assert Chain(models=[ProbabilisticModel(failure_prob=0.2, max_bandwidth=0.5)]).queue is None


def test_only_a_chain_with_a_queue_keeps_one():
    stream = NumpyStream(0)

    def state_of(*models):
        channel = Channel(chain=Chain(models=models))
        return channel.init(channel.prepare(context_of()), context_of(), stream)

    plain = state_of(ProbabilisticModel(failure_prob=0.2, max_bandwidth=0.5))
    assert plain.queues is None
    assert plain.credit is not None
    queueing = state_of(BandwidthModel(capacity=0.5))
    assert queueing.credit is None
    assert queueing.queues.rounds.shape == (10, 3, 3)


def test_by_default_a_message_waits_as_long_as_it_takes():
    stop = Scripted(capacities=[0.5] + [0] * 300 + [1] * 3)
    for model in (BandwidthModel(capacity=0.5), BandwidthModel(capacity=0.5, per="sender")):
        found = sent([stop, model], 304)
        assert found[:301] == [-1] * 301
        assert found[301] == 0
        assert found[303] == 1


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize("drop", ["tail", "newest_first"])
def test_the_round_may_be_an_array(dtype, drop):
    chain = Chain(models=[BandwidthModel(capacity=0.4, drop=drop)])
    outcomes = []
    for convert in (int, lambda number: np.asarray(number, dtype=dtype)):
        channel, stream = Channel(chain=chain), NumpyStream(0)
        parameters = channel.prepare(context_of())
        state, deliveries = channel.init(parameters, context_of(), stream), []
        for number in range(12):
            context = context_of(number=convert(number))
            state, delivery = channel.step(parameters, state, context, stream)
            assert delivery.sent.dtype == np.int32
            deliveries.append(delivery.sent)
        outcomes.append(np.stack(deliveries))
    np.testing.assert_array_equal(*outcomes)
