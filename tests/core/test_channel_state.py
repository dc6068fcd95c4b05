"""A channel's state is all there is: it can be kept, copied, pickled and gone on from."""

import copy
import pickle
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from failure_api.communication_models import (
    DelayBasedModel,
    MatrixModel,
    ProbabilisticModel,
)
from failure_api.core import Chain, Channel, NumpyStream
from helpers import context_of, play

MODELS = (
    ProbabilisticModel(failure_prob={("agent_0", "agent_1"): 0.5}, max_bandwidth=0.75),
    ProbabilisticModel(failure_prob=0.2, agent_ids=["agent_0", "agent_2"]),
    DelayBasedModel(min_delay=0, max_delay=4, message_drop_probability=0.1),
    MatrixModel(matrix=np.random.default_rng(0).random((3, 3, 3))),
)


def begin(channel, stream):
    return channel.init(channel.prepare(context_of()), context_of(), stream)


def go_on(channel, state, stream, first, last):
    sent, parameters = [], channel.prepare(context_of())
    for number in range(first, last):
        state, delivery = channel.step(parameters, state, context_of(number=number), stream)
        sent.append(delivery.sent)
    return state, np.stack(sent)


@pytest.mark.parametrize("travel", [copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))])
def test_a_channel_its_state_and_its_stream_travel_and_go_on_identically(travel):
    channel, stream = Channel(chain=Chain(models=MODELS)), NumpyStream(5)
    state = begin(channel, stream)
    state, _ = go_on(channel, state, stream, 0, 9)
    other_channel, other_state, other_stream = travel((channel, state, stream))
    assert other_channel == channel
    _, expected = go_on(channel, state, stream, 9, 40)
    _, sent = go_on(other_channel, other_state, other_stream, 9, 40)
    np.testing.assert_array_equal(sent, expected)
    whole = play(*MODELS, rounds=40, seed=5)
    np.testing.assert_array_equal(sent, whole.sent[9:])


def test_a_step_leaves_the_state_it_started_from_as_it_was():
    channel, stream = Channel(chain=Chain(models=MODELS)), NumpyStream(5)
    state = begin(channel, stream)
    parameters = channel.prepare(context_of())
    for number in range(8):
        before = pickle.dumps(state)
        following, delivery = channel.step(parameters, state, context_of(number=number), stream)
        assert pickle.dumps(state) == before
        kept = pickle.dumps(delivery)
        context = context_of(number=number + 1)
        channel.step(parameters, following, context, copy.deepcopy(stream))
        assert pickle.dumps(delivery) == kept
        state = following


def test_a_new_episode_knows_nothing_of_the_last_one():
    channel, stream = Channel(chain=Chain(models=MODELS)), NumpyStream(5)
    state = begin(channel, stream)
    go_on(channel, state, stream, 0, 9)
    again = begin(channel, NumpyStream(5))
    _, sent = go_on(channel, again, NumpyStream(5), 0, 20)
    np.testing.assert_array_equal(sent, play(*MODELS, rounds=20, seed=5).sent)


def test_the_same_seed_delivers_the_same_and_another_one_does_not():
    one, same, other = (play(*MODELS, rounds=30, seed=seed).sent for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def test_a_channel_is_a_value():
    channel = Channel(chain=Chain(models=MODELS))
    assert channel == Channel(chain=Chain(models=list(MODELS)))
    assert hash(channel) == hash(Channel(chain=Chain(models=MODELS)))
    assert channel != Channel(chain=Chain(models=MODELS[:2]))
    with pytest.raises(FrozenInstanceError):
        channel.chain = Chain(models=())


def test_the_state_does_not_grow():
    channel, stream = Channel(chain=Chain(models=MODELS)), NumpyStream(5)
    state = begin(channel, stream)
    state, _ = go_on(channel, state, stream, 0, 20)
    size = len(pickle.dumps((state, stream)))
    state, _ = go_on(channel, state, stream, 20, 2000)
    # The few bytes are the position within the generator's own buffer of bits.
    assert abs(len(pickle.dumps((state, stream))) - size) < 50
