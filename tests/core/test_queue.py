"""Queues against a slow simulation that carries every message by hand."""

from fractions import Fraction
from typing import Any

import array_api_strict
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from failure_api.communication_models import (
    BandwidthModel,
    DelayBasedModel,
    DistanceModel,
    ProbabilisticModel,
)
from failure_api.core import Chain, Channel, NumpyStream
from failure_api.core.queue import Queue, carry, empty
from helpers import Scripted, context_of, off_diagonal, play


def simulate(bandwidths: list[Fraction], length: int, drop: str, max_wait: int) -> list[int]:
    """Returns the newest message that leaves one link's queue in each round, -1 for none.

    Messages are kept in a list, the one being carried apart from those that wait.
    """
    current: int | None = None
    progress = Fraction(0)
    line: list[int] = []
    departures = []
    for now, bandwidth in enumerate(bandwidths):
        if bandwidth > 0:
            if drop == "newest_first" and length > 1:
                line = [now]
                if progress == 0:
                    current = None
            elif len(line) + (current is not None) < length:
                line.append(now)
        gone = -1
        work = bandwidth
        while work > 0:
            if current is None:
                if not line:
                    break
                current, progress = line.pop(0), Fraction(0)
            used = min(work, 1 - progress)
            progress += used
            work -= used
            if progress == 1:
                gone = max(gone, current)
                current, progress = None, Fraction(0)
        line = [message for message in line if message > now - max_wait]
        if current is not None and current <= now - max_wait:
            current = line.pop(0) if line else None
        if current is None:
            progress = Fraction(0)
        departures.append(gone)
    return departures


EIGHTHS = st.sampled_from([0, 1, 2, 3, 5, 7, 8, 12, 20, 40])


@st.composite
def histories(draw: Any) -> tuple[list[int], int, str, int]:
    """Draws bandwidths in eighths, which float32 adds up exactly, and a queue."""
    eighths = draw(st.lists(EIGHTHS, min_size=1, max_size=40))
    length = draw(st.integers(1, 6))
    drop = draw(st.sampled_from(["tail", "newest_first"]))
    return eighths, length, drop, draw(st.sampled_from([0, 1, 2, 5, 9, 100]))


@settings(max_examples=300, deadline=None)
@given(history=histories())
@example(history=([3] * 30, 3, "newest_first", 100))
@example(history=([2] * 10 + [40] * 4, 6, "tail", 100))
@example(history=([1] * 24, 2, "tail", 5))
def test_queues_carry_what_a_simulation_message_by_message_carries(history):
    eighths, length, drop, max_wait = history
    widest = max(1.0, max(eighths) / 8)
    queue = Queue(length=length, max_wait=max_wait, drop=drop, widest=widest)
    state, left = empty(queue, (1, 1), np), []
    for number, eighth in enumerate(eighths):
        bandwidth = np.full((1, 1), eighth / 8, dtype=np.float32)
        state, gone = carry(queue, state, bandwidth, number, np)
        left.append(int(gone[0, 0]))
        assert (state.carried < 1).all()
        assert len(state.waiting) <= length
    exact = [Fraction(eighth, 8) for eighth in eighths]
    assert left == simulate(exact, length, drop, max_wait)


def test_links_do_not_concern_each_other():
    generator = np.random.default_rng(0)
    eighths = generator.choice([0, 1, 3, 5, 8, 20], (60, 2, 3, 3))
    for drop in ("tail", "newest_first"):
        queue = Queue(length=4, max_wait=12, drop=drop, widest=2.5)
        state, left = empty(queue, (2, 3, 3), np), []
        for number in range(60):
            bandwidth = (eighths[number] / 8).astype(np.float32)
            state, gone = carry(queue, state, bandwidth, number, np)
            left.append(gone)
        for place in np.ndindex(2, 3, 3):
            exact = [Fraction(int(eighth), 8) for eighth in eighths[(slice(None), *place)]]
            expected = simulate(exact, 4, drop, 12)
            np.testing.assert_array_equal(np.stack(left)[(slice(None), *place)], expected)


def test_a_queue_of_ten_keeps_two_where_the_newest_goes_first():
    assert Queue(length=10, max_wait=50).slots == 10
    assert Queue(length=10, max_wait=3).slots == 4
    assert Queue(length=10, max_wait=50, drop="newest_first").slots == 2


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


def test_a_message_sent_while_its_link_is_down_is_lost_and_what_waits_stays():
    script = Scripted(bandwidths=[0.5, 0, 0, 0.5, 0.5, 1, 1, 0, 1])
    model = BandwidthModel(capacity=1, max_wait=50)
    assert sent([script, model], 9) == [-1, -1, -1, 0, -1, 3, 4, -1, 5]


def test_the_dead_neither_send_what_waits_nor_receive_it():
    alive = np.ones((8, 2), dtype=bool)
    alive[2:6, 0] = False
    model = BandwidthModel(capacity=0.5, max_wait=100)
    # Message 1 waits while its sender is away; what waits too long would be lost.
    assert sent([model], 8, alive=alive) == [-1, 0, -1, -1, -1, -1, -1, 1]
    short = BandwidthModel(capacity=0.5, max_wait=3)
    assert sent([short], 8, alive=alive) == [-1, 0, -1, -1, -1, -1, -1, 6]


def test_more_than_one_message_a_round_makes_up_for_waiting():
    script = Scripted(bandwidths=[0.25] * 4 + [9] * 4)
    wide = BandwidthModel(capacity=3, max_wait=100)
    narrow = BandwidthModel(capacity={("agent_0", "agent_1"): 1.0, ("agent_1", "agent_0"): 0.5})
    # Messages 1, 2, 3 and 4 wait when the link becomes wide.
    assert sent([script, wide], 8) == [-1, -1, -1, 0, 3, 5, 6, 7]
    assert sent([script, narrow], 8) == [-1, -1, -1, 0, 1, 2, 3, 4]


def test_a_delay_begins_when_the_message_leaves_the_queue():
    models = [BandwidthModel(capacity=0.5), DelayBasedModel(min_delay=3, max_delay=3)]
    assert sent(models, 9) == [-1, -1, -1, -1, 0, -1, 1, -1, 2]


def test_loss_loses_what_it_loses_without_a_queue():
    lossy = ProbabilisticModel(failure_prob=0.3)
    alone = play(lossy, rounds=400)
    beside = play(lossy, BandwidthModel(capacity=1.0), rounds=400)
    np.testing.assert_array_equal(alone.sent, beside.sent)
    half = play(lossy, BandwidthModel(capacity=0.5, max_wait=1000), rounds=4000)
    carried = off_diagonal(half.bandwidth).sum() + 6
    assert abs(off_diagonal(half.arrived).sum() - carried) <= 12
    up = off_diagonal(half.bandwidth) > 0
    contents = off_diagonal(half.sent)
    for link in range(up.shape[1]):
        arrived = contents[:, link][contents[:, link] >= 0]
        assert up[arrived, link].all()


def test_the_queue_serves_every_model_that_narrows_links():
    positions = [[0.0, 0.0], [0.5, 0.0]]
    near = DistanceModel(distance_threshold=1.0, falloff="linear")
    queue = BandwidthModel(capacity=1.0)
    assert sent([near], 6, positions=[positions] * 6) == [-1, 1, -1, 3, -1, 5]
    # Alone, a capacity of 1 makes nothing wait; a model that narrows links finds the queue there.
    assert sent([near, queue], 6, positions=[positions] * 6) == [-1, 0, -1, 1, -1, 2]


def test_a_chain_knows_how_long_a_message_may_be_on_its_way():
    late = DelayBasedModel(min_delay=0, max_delay=4)
    narrow = BandwidthModel(capacity=0.5, queue_length=3)
    assert Chain(models=[late]).longest_journey == 4
    assert Chain(models=[narrow, late]).longest_journey == 4 + 6
    assert Chain(models=[narrow, late]).longest_delay == 4
    assert Chain(models=[BandwidthModel(capacity=2.0), late]).queue is None
    assert Chain(models=[BandwidthModel(capacity=2.0), late]).longest_journey == 4


def test_no_message_is_older_than_the_longest_journey():
    models = [
        ProbabilisticModel(failure_prob=0.6, max_bandwidth=0.7),
        BandwidthModel(capacity=0.5, queue_length=5, max_wait=7),
        DelayBasedModel(min_delay=0, max_delay=3),
    ]
    played = play(*models, rounds=2000)
    ages = np.arange(2000)[:, None, None] - played.sent
    assert ages[played.arrived].max() == Chain(models=models).longest_journey == 10


def test_only_a_chain_with_a_queue_keeps_one():
    stream = NumpyStream(0)
    plain = Channel(chain=Chain(models=[ProbabilisticModel(failure_prob=0.2, max_bandwidth=0.5)]))
    queueing = Channel(chain=Chain(models=[BandwidthModel(capacity=0.5)]))
    assert plain.init(context_of(), stream).queues is None
    state = queueing.init(context_of(), stream)
    assert state.carried is None
    assert len(state.queues.waiting) == 10


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize("drop", ["tail", "newest_first"])
def test_the_round_may_be_an_array(dtype, drop):
    chain = Chain(models=[BandwidthModel(capacity=0.4, drop=drop)])
    outcomes = []
    for convert in (int, lambda number: np.asarray(number, dtype=dtype)):
        channel, stream = Channel(chain=chain), NumpyStream(0)
        state, deliveries = channel.init(context_of(), stream), []
        for number in range(12):
            state, delivery = channel.step(state, context_of(number=convert(number)), stream)
            assert delivery.sent.dtype == np.int32
            deliveries.append(delivery.sent)
        outcomes.append(np.stack(deliveries))
    np.testing.assert_array_equal(*outcomes)
