"""The channel against a slow simulation that moves every single message by hand."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from simulator import Verdict, Waiting, simulate

from failure_api.communication_models import DelayBasedModel, ProbabilisticModel
from failure_api.core import Chain, Channel, CommunicationModel, Links, NumpyStream, Stage, Traits
from failure_api.core.queue import Queue
from helpers import Scripted, context_of, off_diagonal, play

EIGHTHS = [0, 1, 3, 4, 8, 12, 20]


class Schedule(NamedTuple):
    """What a test decides for every link in every round."""

    script: dict[str, Any]
    rejected: Any
    alive: Any
    queue: Queue | None

    def verdicts(self, link):
        """Returns what the simulator is told of one link."""
        *element, sender, receiver = link
        found = []
        for number, alive in enumerate(self.alive):
            now = {name: array[(number, *link)].item() for name, array in self.script.items()}
            found.append(
                Verdict(
                    sender_alive=bool(alive[(*element, sender)]),
                    receiver_alive=bool(alive[(*element, receiver)]),
                    up=not now.get("silent", False),
                    rejected=bool(self.queue and self.rejected[(number, *link)]),
                    capacity=Fraction(now.get("capacities", 1.0)),
                    lost=now.get("lost", False)
                    or bool(not self.queue and self.rejected[(number, *link)]),
                    delay=now.get("delays", 0),
                    in_order=now.get("in_order", False),
                    expiry=now.get("expiries"),
                    hears=not now.get("deaf", False),
                )
            )
        return found


@st.composite
def schedules(draw):
    """Draws all that can be decided; capacities in eighths, which float32 adds up exactly."""
    rounds = draw(st.integers(1, 14))
    batch = draw(st.sampled_from([(), (2,), (1, 2)]))
    agents = draw(st.integers(2, 4))
    shape = (rounds, *batch, agents, agents)
    elements = {
        "silent": (bool, st.sampled_from([True, False, False, False])),
        "capacities": (np.int8, st.sampled_from(EIGHTHS)),
        "lost": (bool, st.sampled_from([True, False, False])),
        "delays": (np.int32, st.integers(0, 4)),
        "in_order": (bool, st.booleans()),
        "expiries": (np.int32, st.integers(0, 9)),
        "deaf": (bool, st.sampled_from([True, False, False, False])),
    }
    said = draw(st.sets(st.sampled_from(sorted(elements))))
    queue = None
    if draw(st.booleans()):
        said = {*said, "capacities"}
        queue = Queue(
            length=draw(st.integers(1, 5)),
            max_wait=draw(st.sampled_from([None, None, 0, 1, 3, 9])),
            drop=draw(st.sampled_from(["tail", "newest_first"])),
        )
    script = {
        name: draw(hnp.arrays(kind, shape, elements=e))
        for name, (kind, e) in elements.items()
        if name in said
    }
    if "capacities" in said:
        script["capacities"] = script["capacities"] / 8
    rejected = draw(hnp.arrays(bool, shape, elements=elements["lost"][1]))
    alive = np.ones(shape[:-1], dtype=bool)
    if draw(st.booleans()):
        alive = draw(
            hnp.arrays(bool, shape[:-1], elements=elements["silent"][1].map(lambda x: not x))
        )
    return Schedule(script, rejected, alive, queue)


@pytest.mark.heavy
@settings(max_examples=400)
@given(schedule=schedules())
def test_the_channel_delivers_what_a_simulation_message_by_message_delivers(schedule):
    """One model says what is lost before the queue, another one all that comes later."""
    rounds, *batch, agents, _ = schedule.rejected.shape
    models = [
        Scripted(rejected=schedule.rejected),
        Scripted(**schedule.script, queue=schedule.queue),
    ]
    channel, stream = Channel(chain=Chain(models=models)), NumpyStream(0)
    deliveries, state, parameters = [], None, None
    for number in range(rounds):
        context = context_of(
            agents, batch=tuple(batch), alive=schedule.alive[number], number=number
        )
        if state is None:
            parameters = channel.prepare(context)
            state = channel.init(parameters, context, stream)
        state, delivery = channel.step(parameters, state, context, stream)
        deliveries.append(delivery)
    waiting = schedule.queue and Waiting(
        schedule.queue.length, schedule.queue.drop, schedule.queue.max_wait
    )
    for link in np.ndindex(schedule.rejected.shape[1:]):
        if link[-1] == link[-2]:
            assert all(delivery.sent[link] == -1 for delivery in deliveries)
            continue
        known = -1
        for now, told in enumerate(simulate(schedule.verdicts(link), waiting)):
            delivery = deliveries[now]
            news = told.newest if told.newest > known else -1
            known = told.newest
            assert delivery.sent[link] == news
            assert delivery.newest[link] == known
            arrivals = delivery.arrivals
            count = int(news >= 0) if arrivals is None else arrivals[link]
            assert count == len(told.arrivals)
            assert delivery.made[link] == told.made
            pending = np.broadcast_to(delivery.pending(), delivery.sent.shape)[link]
            assert pending == len(told.waiting) + len(told.under_way)


@pytest.mark.parametrize("delay", [1, 3, 7])
def test_a_constant_delay_delivers_what_is_exactly_that_old(delay):
    played = play(DelayBasedModel(min_delay=delay, max_delay=delay), rounds=20)
    for number in range(20):
        expected = number - delay if number >= delay else -1
        assert (off_diagonal(played.sent[number]) == expected).all()
        if number >= delay:
            assert (off_diagonal(played.age[number]) == delay).all()


def test_without_failures_every_message_arrives_at_once():
    played = play(rounds=5)
    assert (off_diagonal(played.sent) == np.arange(5)[:, None]).all()
    assert (off_diagonal(played.age) == 0).all()
    assert (played.sent[:, range(3), range(3)] == -1).all()


def test_of_two_messages_arriving_together_the_newest_wins():
    played = play(Scripted(delays=[2, 1, 0, 5]), rounds=4, agents=2)
    assert played.sent[:, 0, 1].tolist() == [-1, -1, 2, -1]


def test_a_message_that_was_overtaken_is_discarded():
    played = play(Scripted(delays=[3, 0, 5, 5]), rounds=4, agents=2)
    assert played.sent[:, 0, 1].tolist() == [-1, 1, -1, -1]
    assert played.newest[:, 0, 1].tolist() == [-1, 1, 1, 1]


@dataclass(frozen=True, kw_only=True)
class SometimesLate(CommunicationModel):
    """Delays by 2 rounds up to round 2, and says nothing of delays afterwards."""

    traits = Traits(longest_delay=2)

    def step(self, parameters, state, links, context, random):
        delay = np.full(context.shape, 2, dtype=np.int32)
        return state, links if context.round > 2 else links._replace(delay=delay)


def test_links_that_delay_nothing_deliver_at_once_whatever_is_still_in_flight():
    played = play(SometimesLate(), rounds=6, agents=2)
    assert played.sent[:, 0, 1].tolist() == [-1, -1, 0, 3, 4, 5]
    lost = [0, 0, 0, 1, 1, 0]
    played = play(SometimesLate(), Scripted(lost=lost), rounds=6, agents=2)
    assert played.sent[:, 0, 1].tolist() == [-1, -1, 0, 1, 2, 5]


def test_the_age_grows_by_one_a_round_while_nothing_arrives():
    played = play(Scripted(lost=[1, 0, 1, 1, 0, 1]), rounds=6, agents=2)
    assert played.age[:, 0, 1].tolist() == [1, 0, 1, 2, 0, 1]


def test_a_dead_agent_sends_and_receives_nothing():
    alive = np.ones((6, 3), dtype=bool)
    alive[2:, 1] = False
    played = play(rounds=6, alive=alive)
    assert (played.sent[2:, 1, :] == -1).all()
    assert (played.sent[2:, :, 1] == -1).all()
    assert (played.sent[:, 0, 2] == np.arange(6)).all()


@dataclass(frozen=True, kw_only=True)
class Reckless(CommunicationModel):
    """Forgets what the links were: everyone sends, everything arrives and is heard."""

    traits = Traits(stages={Stage.SENT})

    def step(self, parameters, state, links, context, random):
        everywhere = np.ones(context.shape, dtype=bool)
        return state, Links(sends=everywhere, lost=~everywhere, hears=everywhere)


@pytest.mark.parametrize(
    "others",
    [[], [Scripted(delays=[1] * 3)], [Scripted(capacities=[0.5] * 3, queue=Queue(length=3))]],
)
def test_no_model_makes_the_dead_speak_or_an_agent_hear_itself(others):
    alive = np.asarray([[True, True, False]] * 3)
    played = play(Reckless(), *others, rounds=3, alive=alive)
    assert played.arrived[1, 0, 1]
    assert not played.arrived[:, [0, 1, 2], [0, 1, 2]].any()
    assert not played.arrived[:, 2].any()
    assert not played.arrived[:, :, 2].any()


def test_a_message_sent_before_its_sender_died_still_arrives():
    alive = np.ones((6, 2), dtype=bool)
    alive[1:, 0] = False
    played = play(Scripted(delays=[2] * 6), rounds=6, agents=2, alive=alive)
    assert played.sent[:, 0, 1].tolist() == [-1, -1, 0, -1, -1, -1]
    assert (played.sent[:, 1, 0] == -1).all()


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize("delays", [None, [1] * 4])
def test_deliveries_are_int32_even_when_the_round_is_an_array(dtype, delays):
    channel = Channel(chain=Chain(models=[Scripted(delays=delays)]))
    stream = NumpyStream(0)
    parameters = channel.prepare(context_of())
    state = channel.init(parameters, context_of(), stream)
    for number in range(3):
        context = context_of(number=np.asarray(number, dtype=dtype))
        state, delivery = channel.step(parameters, state, context, stream)
        assert delivery.sent.dtype == np.int32
        assert delivery.newest.dtype == np.int32


@pytest.mark.parametrize("model", [ProbabilisticModel(failure_prob=0.3), Scripted(delays=[0] * 9)])
def test_the_newest_never_goes_back_and_is_what_arrived_last(model):
    played = play(model, rounds=9)
    np.testing.assert_array_equal(played.newest, np.maximum.accumulate(played.sent))
