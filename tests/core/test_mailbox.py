"""What a receiver has of a sender, against a mailbox that is kept message by message."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from failure_api import BandwidthModel, DelayBasedModel, ProbabilisticModel
from failure_api.batched import BatchedChannel
from failure_api.core.mailbox import MissingRule, Predict
from failure_api.errors import InvalidArgumentError, ModelError
from helpers import assert_one_sentence

AGENTS, ENTRIES, ROUNDS = 3, 2, 30
IDS = tuple("abc")
CHAINS: dict[str, Any] = {
    "loss": ProbabilisticModel(failure_prob=0.5),
    "late": [ProbabilisticModel(failure_prob=0.3), DelayBasedModel(max_delay=3)],
    "far behind": DelayBasedModel(max_delay=25),
    "queues": [BandwidthModel(capacity=0.6, queue_length=2), DelayBasedModel(max_delay=2)],
}


def fading(content, age):
    """Forgets half of what was heard with every round."""
    return content / 2.0**age


def expected(missing, heard, number):
    """Returns what stands for the newest of what was heard, `(made, content)` in order."""
    if heard and heard[-1][0] == number:
        return heard[-1][1]
    zero = np.zeros(ENTRIES)
    made, last = heard[-1] if heard else (-1, zero)
    if missing == "zero":
        return zero
    if missing == "hold":
        return last
    if missing is fading:
        return fading(last, number - made)
    horizon = 10 if missing == "predict" else missing.horizon
    if len(heard) < 2:
        return last
    before, earlier = heard[-2]
    return last + (last - earlier) * min(number - made, horizon) / (made - before)


@pytest.mark.sampled(4)
@pytest.mark.parametrize("missing", ["zero", "hold", "predict", Predict(horizon=2), fading])
@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize("library", ["numpy", "torch", "jax"])
def test_what_stands_in_is_what_was_heard_says(chain, missing, library):
    pytest.importorskip(library)
    said = np.random.default_rng(0).integers(-8, 8, (ROUNDS, AGENTS, ENTRIES)).astype(np.float32)
    channel = BatchedChannel(
        failure_models=CHAINS[chain], agent_ids=IDS, missing=missing, streams="portable"
    )
    module = __import__(library)
    convert = {"numpy": np.asarray, "torch": getattr(module, "tensor", None)}.get(library)
    convert = convert or module.numpy.asarray
    step = module.jit(channel.step) if library == "jax" else channel.step
    state = channel.init(3, convert(said[0]))
    heard: dict[tuple[int, int], list[tuple[int, Any]]] = {}
    for number in range(ROUNDS):
        state, received = step(state, convert(said[number]))
        sent, content = (np.asarray(each) for each in (received.delivery.sent, received.content))
        for sender, receiver in np.ndindex(AGENTS, AGENTS):
            mine = heard.setdefault((sender, receiver), [])
            made = int(sent[sender, receiver])
            arrived = made >= 0
            if arrived:
                mine.append((made, said[made, sender]))
            found = content[receiver, sender]
            if arrived:
                np.testing.assert_array_equal(found, said[made, sender])
            else:
                np.testing.assert_allclose(
                    found, expected(missing, mine, number), rtol=1e-5, atol=1e-4
                )
    assert any(len(mine) > 3 for mine in heard.values())


def test_predictions_keep_to_bounds_and_hold_whole_numbers():
    channel = BatchedChannel(
        failure_models=DelayBasedModel(min_delay=0, max_delay=0),
        agent_ids=("a", "b"),
        missing="predict",
        low=[0.0, 0.0],
        high=[5.0, 99.0],
        whole=[False, True],
    )
    state = channel.init(0, np.zeros((2, 2), np.float32))
    alive = np.ones(2, dtype=bool)
    for number in range(6):
        said = np.full((2, 2), number, np.float32)
        # From round 3 on the sender is gone, and nothing of it arrives.
        now = alive if number < 3 else np.array([True, False])
        state, received = channel.step(state, said, alive=now)
    # 0, 1 and 2 were heard; the line has reached its bound, and the whole number is the last one.
    assert received.content[0, 1].tolist() == [5.0, 2.0]


def test_what_is_no_missing_is_refused_in_a_sentence():
    for value in ("hodl", 3, None, Predict):
        with pytest.raises(InvalidArgumentError) as caught:
            MissingRule().normalise("missing", value)
        assert_one_sentence(caught.value)
    with pytest.raises(InvalidArgumentError) as caught:
        Predict(horizon=0)
    assert_one_sentence(caught.value)


def test_a_function_that_changes_the_shape_is_refused_in_a_sentence():
    channel = BatchedChannel(
        failure_models=(), agent_ids=("a", "b"), missing=lambda content, age: content[..., :1]
    )
    state = channel.init(0, np.zeros((2, 3), np.float32))
    with pytest.raises(ModelError) as caught:
        channel.step(state, np.zeros((2, 3), np.float32))
    assert_one_sentence(caught.value)
