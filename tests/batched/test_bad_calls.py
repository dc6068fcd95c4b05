"""Every mistake in a call is one sentence that says what to do."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from batched_models import IDS, SINGLE

from failure_api.batched import BatchedChannel
from failure_api.communication_models import ProbabilisticModel, SignalBasedModel
from failure_api.core import CommunicationModel
from failure_api.errors import FailureApiError, InvalidArgumentError
from helpers import assert_one_sentence

LOSS = ProbabilisticModel(failure_prob=0.5)
CHANNEL = BatchedChannel(failure_models=LOSS, agent_ids=("a", "b", "c"))
RANGE = BatchedChannel(failure_models=SINGLE["range"], agent_ids=IDS)
PAYLOADS = np.zeros((4, 3, 2), dtype=np.float32)
STATE = CHANNEL.init(0, PAYLOADS)
PORTABLE = BatchedChannel(failure_models=LOSS, agent_ids=("a", "b", "c"), streams="portable")
CALLS = {
    "two libraries": (
        lambda: CHANNEL.step(STATE, torch.zeros((4, 3, 2))),
        ("state", "torch", "numpy"),
    ),
    "positions of another library": (
        lambda: CHANNEL.init(0, jnp.asarray(PAYLOADS), positions=np.zeros((4, 3, 2))),
        ("positions", "jax", "numpy"),
    ),
    "flags of another library": (
        lambda: CHANNEL.reset_where(STATE, torch.ones(4, dtype=torch.bool)),
        ("state", "torch", "numpy"),
    ),
    "two devices": (
        lambda: CHANNEL.init(
            0,
            torch.zeros((4, 3, 2)),
            alive=torch.ones((4, 3), dtype=torch.bool, device="meta"),
        ),
        ("alive", "cpu", "meta"),
    ),
    "another batch": (
        lambda: CHANNEL.step(STATE, PAYLOADS[:2]),
        ("payloads", "(4, 3, 2)", "(2, 3, 2)"),
    ),
    "longer payloads": (
        lambda: CHANNEL.step(STATE, np.zeros((4, 3, 5), np.float32)),
        ("payloads", "(4, 3, 2)", "(4, 3, 5)"),
    ),
    "other payloads": (
        lambda: CHANNEL.step(STATE, PAYLOADS.astype(np.float64)),
        ("payloads", "float32", "float64"),
    ),
    "whole payloads": (
        lambda: CHANNEL.init(0, PAYLOADS.astype(np.int64)),
        ("payloads", "floating-point", "int64"),
    ),
    "other agents": (
        lambda: CHANNEL.init(0, np.zeros((4, 2, 2), np.float32)),
        ("payloads", "[..., 3, D]", "(4, 2, 2)"),
    ),
    "no arrays": (lambda: CHANNEL.init(0, [[1.0]]), ("payloads", "array", "list")),
    "no positions": (
        lambda: RANGE.init(0, np.zeros((4, 5, 2), np.float32)),
        ("positions", "DistanceModel", "(4, 5, dim)"),
    ),
    "positions of others": (
        lambda: RANGE.init(
            0, np.zeros((4, 5, 2), np.float32), positions=np.zeros((4, 3, 2), np.float32)
        ),
        ("positions", "(4, 5, dim)", "(4, 3, 2)"),
    ),
    "alive in numbers": (
        lambda: CHANNEL.step(STATE, PAYLOADS, alive=np.ones((4, 3))),
        ("alive", "bool", "float64"),
    ),
    "done of others": (
        lambda: CHANNEL.reset_where(STATE, np.ones(3, dtype=bool)),
        ("done", "(4,)", "(3,)"),
    ),
    "no state": (lambda: CHANNEL.step(None, PAYLOADS), ("state", "init", "None")),
    "a state of another channel": (
        lambda: BatchedChannel(failure_models=LOSS, agent_ids=("a", "b", "c"), missing="hold").step(
            STATE, PAYLOADS
        ),
        ("state", "another channel"),
    ),
    "a state of other models": (
        lambda: BatchedChannel(failure_models=[LOSS] * 2, agent_ids=("a", "b", "c")).step(
            STATE, PAYLOADS
        ),
        ("state", "another channel"),
    ),
    "nothing": (lambda: CHANNEL.init(0, None), ("payloads", "array", "None")),
    "nothing done": (lambda: CHANNEL.reset_where(STATE, None), ("done", "array", "None")),
    "a flag for a seed": (lambda: CHANNEL.init(True, PAYLOADS), ("random", "True")),
    "keys of too many words": (
        lambda: CHANNEL.init(jnp.zeros(6, dtype=jnp.uint32), jnp.asarray(PAYLOADS)),
        ("random", "JAX key"),
    ),
    "a key of JAX for others": (
        lambda: PORTABLE.init(jax.random.key(0), PAYLOADS),
        ("random", "seed"),
    ),
    "limits in words": (
        lambda: BatchedChannel(failure_models=LOSS, agent_ids=("a", "b"), low="a"),
        ("low", "numbers", "'a'"),
    ),
    "limits out of order": (
        lambda: BatchedChannel(failure_models=LOSS, agent_ids=("a", "b"), low=2.0, high=1.0),
        ("high", "low", "1.0"),
    ),
    "no noise models": (
        lambda: BatchedChannel(failure_models=LOSS, agent_ids=("a", "b"), noise_models="loud"),
        ("noise_models", "loud"),
    ),
    "positions of no coordinates": (
        lambda: RANGE.init(
            0, np.zeros((4, 5, 2), np.float32), positions=np.zeros((4, 5, 0), np.float32)
        ),
        ("positions", "coordinates"),
    ),
    "no seed": (lambda: CHANNEL.init("seed", PAYLOADS), ("random", "'seed'")),
    "a seed below zero": (lambda: CHANNEL.init(-1, PAYLOADS), ("random", "-1")),
    "a seed for each from one generator": (
        lambda: CHANNEL.init(np.arange(4), PAYLOADS),
        ("random", "portable"),
    ),
    "seeds of another batch": (
        lambda: BatchedChannel(
            failure_models=LOSS, agent_ids=("a", "b", "c"), streams="portable"
        ).init(np.arange(3), PAYLOADS),
        ("random", "(4,)"),
    ),
    "keys of another batch": (
        lambda: CHANNEL.init(jax.random.split(jax.random.key(0), 3), jnp.asarray(PAYLOADS)),
        ("random", "(4,)"),
    ),
    "a generator for JAX": (
        lambda: CHANNEL.init(torch.Generator(), jnp.asarray(PAYLOADS)),
        ("random", "key"),
    ),
    "unknown streams": (
        lambda: BatchedChannel(failure_models=LOSS, agent_ids=("a", "b"), streams="fast"),
        ("streams", "native"),
    ),
    "no models": (
        lambda: BatchedChannel(failure_models="loss", agent_ids=("a", "b")),
        ("failure_models", "loss"),
    ),
    "an agent that is not there": (
        lambda: BatchedChannel(
            failure_models=ProbabilisticModel(failure_prob=0.5, agent_ids=["a", "z"]),
            agent_ids=("a", "b", "c"),
        ).init(0, PAYLOADS),
        ("agent_ids", "'z'"),
    ),
    "interference that nobody hears": (
        lambda: BatchedChannel(
            failure_models=list(reversed(EARS)), agent_ids=("agent_0", "agent_1")
        ),
        ("failure_models", "hears"),
    ),
}


class Unsound(CommunicationModel):
    """Draws without regard to the batch."""

    def step(self, parameters, state, links, context, random):
        draws = random.uniform(context.shape[-2:])
        return state, links.lose(draws < 0.5)


def _ears():
    from failure_api.communication_models import JammingModel
    from failure_api.communication_models.jamming import FixedJammers, RaiseInterference

    jamming = JammingModel(jammers=FixedJammers(positions=[[0.0, 0.0]]), effect=RaiseInterference())
    return jamming, SignalBasedModel()


EARS = _ears()


@pytest.mark.parametrize(("call", "words"), CALLS.values(), ids=CALLS.keys())
def test_a_mistake_is_one_sentence(call, words):
    with pytest.raises(InvalidArgumentError) as raised:
        call()
    assert_one_sentence(raised.value, *words)


def test_a_model_that_forgets_the_batch_is_told_so():
    channel = BatchedChannel(failure_models=Unsound(), agent_ids=("a", "b"), streams="portable")
    payloads = np.zeros((4, 2, 1), dtype=np.float32)
    with pytest.raises(FailureApiError, match="every element of the batch"):
        channel.step(channel.init(0, payloads), payloads)


def test_nothing_is_lost_by_a_mistake():
    for call, _ in CALLS.values():
        with pytest.raises(InvalidArgumentError):
            call()
    _, received = CHANNEL.step(STATE, PAYLOADS)
    assert received.content.shape == (4, 3, 3, 2)
