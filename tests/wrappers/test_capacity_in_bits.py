"""Links whose capacity is in bits carry long messages more seldom than short ones."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium import spaces
from mpe2 import collect_treasure_v1

from environments_under_test import Plain
from failure_api import (
    BandwidthModel,
    CommunicationWrapper,
    CommunicationWrapperParallel,
    MaskSegments,
    RandomizedModel,
    ScheduledModel,
    SendMessages,
    ShareObservations,
)
from failure_api.batched import BatchedChannel
from failure_api.core import Queue
from failure_api.errors import InvalidArgumentError
from failure_api.testing import check_model, check_wrapper
from helpers import assert_one_sentence

SHORT, LONG = spaces.Discrete(16), spaces.MultiBinary(12)
MESSAGES = {"a": SHORT, "b": LONG}
"""Four bits, twelve, and from the third agent none."""


def wrapped(exchange, cycles=24, **options):
    return CommunicationWrapperParallel(
        Plain(max_cycles=cycles), BandwidthModel(unit="bits", **options), exchange=exchange
    )


def arrivals(env):
    """Returns in which rounds each link brings something, and the age of what it brought."""
    env.reset(seed=1)
    state, ages = [env.get_communication_state()], [env.message_age]
    while env.agents:
        actions = {agent: env.action_space(agent).sample() for agent in env.agents}
        env.step(actions)
        state.append(env.get_communication_state())
        ages.append(env.message_age)
    return np.array(state), np.array(ages)


def test_each_link_carries_as_many_messages_as_its_bits_allow():
    env = wrapped(SendMessages(MESSAGES), capacity=4, queue_length=1)
    state, ages = arrivals(env)
    capacity = env.links.capacity
    assert capacity[0, 1:].tolist() == [1, 1]
    assert capacity[1, ::2].tolist() == pytest.approx([1 / 3, 1 / 3])
    assert (capacity[2, :2] > 1e20).all()
    rounds = np.arange(25)
    # Four bits a round: all of a's four, and a third of b's twelve, which take three rounds.
    assert state[:, 0, 1].all()
    assert (ages[:, 0, 1] == 0).all()
    assert (state[:, 1, 0] == (rounds % 3 == 2)).all()
    assert (ages[2::3, 1, 0] == 2).all()
    # Nothing that is said takes no time.
    assert state[:, 2, :2].all()


def test_a_link_on_which_nothing_is_said_is_not_limited():
    for capacity in (0, 0.5):
        state, _ = arrivals(wrapped(SendMessages({"a": SHORT}), capacity=capacity))
        assert state[:, 1:, 0].all()
        assert np.flatnonzero(state[:, 0, 1]).tolist() == ([7, 15, 23] if capacity else [])


def test_a_message_is_carried_in_parts_that_add_up():
    env = wrapped(SendMessages(MESSAGES), capacity=5, queue_length=2, drop="newest_first")
    state, _ = arrivals(env)
    # The k-th message of 12 bits is through when 5 bits a round have come to 12 k.
    through = [-(-12 * k // 5) - 1 for k in range(1, 11)]
    assert np.flatnonzero(state[:, 1, 0]).tolist() == through


def test_a_sender_divides_its_bits_among_its_links():
    env = wrapped(SendMessages(MESSAGES), capacity=8, per="sender", queue_length=1)
    state, _ = arrivals(env)
    assert state[:, 0, 1].all()
    assert np.flatnonzero(state[:, 1, 0]).tolist() == list(range(2, 25, 3))


@pytest.mark.parametrize(
    ("exchange", "bits"),
    [
        (ShareObservations(), 64),
        (ShareObservations(form="flat", missing="hold"), 64),
        (MaskSegments(segments={"b": {"a": [0]}, "c": {"a": [1]}}), 32),
    ],
)
def test_every_exchange_that_counts(exchange, bits):
    state, _ = arrivals(wrapped(exchange, capacity=bits / 4, queue_length=1))
    assert np.flatnonzero(state[:, 0, 1]).tolist() == list(range(3, 25, 4))


def test_links_that_a_mapping_does_not_name_are_not_limited():
    env = wrapped(ShareObservations(), capacity={("a", "b"): 32}, queue_length=1)
    state, _ = arrivals(env)
    assert np.flatnonzero(state[:, 0, 1]).tolist() == list(range(1, 25, 2))
    assert state[:, 1, 0].all()


def test_models_that_run_it_tell_it_the_bits():
    whole = BandwidthModel(capacity=32, unit="bits", queue_length=1)
    drawn = RandomizedModel(model=whole, parameters={"capacity": (32.0, 32.0)})
    for model in (ScheduledModel(model=whole), drawn):
        env = CommunicationWrapperParallel(Plain(), model, exchange=ShareObservations())
        env.reset(seed=1)
        assert env.links.capacity[0, 1] == 0.5


def test_what_is_known_beforehand_holds_for_every_number_of_bits():
    model = BandwidthModel(capacity=64, unit="bits")
    assert model.traits.narrows
    assert model.traits.queue == Queue(length=10)
    brief = BandwidthModel(capacity=64, unit="bits", max_wait=3, queue_length=40, drop="tail")
    assert brief.traits.queue == Queue(length=40, max_wait=3)
    for formula in (model.expected_loss, model.expected_age, model.expected_burst_length):
        assert formula() is None
    assert BandwidthModel(capacity=0.5).expected_loss() == 0.5


def test_more_capacity_than_messages_catches_up():
    free = wrapped(SendMessages(SHORT), capacity=400)
    state, ages = arrivals(free)
    assert state[:, 0, 1].all()
    assert not ages[:, 0, 1].any()
    assert (free.links.capacity[0, 1:] == 100).all()


@pytest.mark.parametrize(
    "model",
    [
        BandwidthModel(capacity=2, unit="bits"),
        BandwidthModel(capacity={("a", "b"): 1}, unit="bits", per="sender", drop="newest_first"),
        BandwidthModel(
            capacity=[[0, 1, 2], [2, 0, 1], [1, 1, 0]], unit="bits", agent_ids=["a", "c"]
        ),
    ],
    ids=str,
)
def test_the_model_keeps_the_laws(model):
    check_model(model)


def test_the_wrapper_keeps_the_laws():
    for form in ("dict", "flat"):
        check_wrapper(
            Plain,
            BandwidthModel(capacity=3, unit="bits"),
            exchange=SendMessages(SHORT, form=form),
        )


def test_where_nobody_counts_bits_there_is_one_sentence():
    model = BandwidthModel(capacity=64, unit="bits")
    payloads = np.zeros((4, 3, 2), np.float32)
    channel = BatchedChannel(failure_models=model, agent_ids=("a", "b", "c"))
    for mistake in (
        lambda: CommunicationWrapper(collect_treasure_v1.env(), model),
        lambda: channel.init(0, payloads),
    ):
        with pytest.raises(InvalidArgumentError) as caught:
            mistake()
        assert_one_sentence(caught.value, 'unit="bits"', "in messages", "SendMessages")


def test_other_units_are_refused():
    with pytest.raises(InvalidArgumentError, match="unit must be 'messages' or 'bits'"):
        BandwidthModel(capacity=1, unit="bytes")
