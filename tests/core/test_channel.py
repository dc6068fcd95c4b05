"""The channel against a slow simulation that moves every single message by hand."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from failure_api.communication_models import DelayBasedModel, ProbabilisticModel
from failure_api.core import Chain, Channel, CommunicationModel, Links, NumpyStream
from helpers import Scripted, context_of, off_diagonal, play


def simulate(
    bandwidths: Any, delays: Any, alive: Any
) -> tuple[list[list[list[int]]], list[list[list[int]]]]:
    """Returns what arrives and the newest so far, `[T][sender][receiver]`, one link at a time."""
    rounds, agents = len(alive), len(alive[0])
    everyone = range(agents)
    credit = {(s, r): Fraction(0) for s in everyone for r in everyone}
    flying: dict[tuple[int, int], list[tuple[int, int]]] = {link: [] for link in credit}
    delivered = dict.fromkeys(credit, -1)
    all_sent, all_newest = [], []
    for now in range(rounds):
        sent = dict.fromkeys(credit, -1)
        for link in credit:
            sender, receiver = link
            if not (alive[now][sender] and alive[now][receiver]) or sender == receiver:
                bandwidth = Fraction(0)
            else:
                bandwidth = min(Fraction(bandwidths[now][sender][receiver]), Fraction(1))
            credit[link] += bandwidth
            if credit[link] >= 1:
                credit[link] -= 1
                flying[link].append((now, now + int(delays[now][sender][receiver])))
            landing = [message for message in flying[link] if message[1] == now]
            flying[link] = [message for message in flying[link] if message[1] > now]
            if landing and alive[now][receiver]:
                newest = max(landing)[0]
                if newest > delivered[link]:
                    sent[link] = delivered[link] = newest
        all_sent.append([[sent[s, r] for r in everyone] for s in everyone])
        all_newest.append([[delivered[s, r] for r in everyone] for s in everyone])
    return all_sent, all_newest


@st.composite
def schedules(draw: Any) -> tuple[Any, Any, Any]:
    """Draws bandwidths in eighths, which float32 adds up exactly, delays and who is alive."""
    rounds = draw(st.integers(1, 12))
    batch = draw(st.sampled_from([(), (2,), (1, 2)]))
    agents = draw(st.integers(1, 4))
    shape = (rounds, *batch, agents, agents)
    eighths = draw(hnp.arrays(np.int8, shape, elements=st.sampled_from([0, 1, 3, 4, 8, 12])))
    delays = draw(hnp.arrays(np.int32, shape, elements=st.integers(0, 4)))
    alive = draw(hnp.arrays(bool, shape[:-1]))
    return eighths / 8, delays, alive


@settings(max_examples=150, deadline=None)
@given(schedule=schedules())
def test_the_channel_delivers_what_a_simulation_message_by_message_delivers(schedule):
    bandwidths, delays, alive = schedule
    rounds, *batch, agents, _ = bandwidths.shape
    model = Scripted(bandwidths=bandwidths, delays=delays)
    played = play(model, rounds=rounds, agents=agents, batch=tuple(batch), alive=alive)
    for place in np.ndindex(*batch):
        one = (slice(None), *place)
        sent, newest = simulate(bandwidths[one].tolist(), delays[one].tolist(), alive[one].tolist())
        np.testing.assert_array_equal(played.sent[one], sent)
        np.testing.assert_array_equal(played.newest[one], newest)


@settings(max_examples=50, deadline=None)
@given(schedule=schedules())
def test_without_delays_the_channel_agrees_too(schedule):
    bandwidths, delays, alive = schedule
    rounds, *batch, agents, _ = bandwidths.shape
    model = Scripted(bandwidths=bandwidths)
    played = play(model, rounds=rounds, agents=agents, batch=tuple(batch), alive=alive)
    for place in np.ndindex(*batch):
        one = (slice(None), *place)
        sent, _ = simulate(bandwidths[one].tolist(), 0 * delays[one], alive[one].tolist())
        np.testing.assert_array_equal(played.sent[one], sent)


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

    longest_delay = 2

    def step(self, state: Any, links: Links, context: Any, random: Any) -> Any:
        delay = np.full(context.shape, 2, dtype=np.int32)
        return state, links if context.round > 2 else links._replace(delay=delay)


def test_links_that_delay_nothing_deliver_at_once_whatever_is_still_in_flight():
    played = play(SometimesLate(), rounds=6, agents=2)
    assert played.sent[:, 0, 1].tolist() == [-1, -1, 0, 3, 4, 5]
    bandwidths = [1, 1, 1, 0, 0, 1]
    played = play(SometimesLate(), Scripted(bandwidths=bandwidths), rounds=6, agents=2)
    assert played.sent[:, 0, 1].tolist() == [-1, -1, 0, 1, 2, 5]


def test_the_age_grows_by_one_a_round_while_nothing_arrives():
    played = play(Scripted(bandwidths=[0, 1, 0, 0, 1, 0]), rounds=6, agents=2)
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
    """Forgets what the links were and puts every one of them up."""

    def step(self, state: Any, links: Links, context: Any, random: Any) -> Any:
        return state, Links(bandwidth=context.xp.ones(context.shape, dtype=context.xp.float32))


def test_no_model_makes_the_dead_speak_or_an_agent_hear_itself():
    alive = np.asarray([[True, True, False]] * 3)
    played = play(Reckless(), rounds=3, alive=alive)
    expected = np.zeros((3, 3), dtype=bool)
    expected[0, 1] = expected[1, 0] = True
    np.testing.assert_array_equal(played.arrived, np.stack([expected] * 3))


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
    state = channel.init(context_of(), stream)
    for number in range(3):
        state, delivery = channel.step(
            state, context_of(number=np.asarray(number, dtype=dtype)), stream
        )
        assert delivery.sent.dtype == np.int32
        assert delivery.newest.dtype == np.int32


@pytest.mark.parametrize("model", [ProbabilisticModel(failure_prob=0.3), Scripted(delays=[0] * 9)])
def test_the_newest_never_goes_back_and_is_what_arrived_last(model):
    played = play(model, rounds=9)
    np.testing.assert_array_equal(played.newest, np.maximum.accumulate(played.sent))
