"""Gradients flow through what was delivered, also late, and through nothing else."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from batched_models import AGENTS, IDS
from torch.utils.checkpoint import checkpoint

from failure_api.batched import BatchedChannel
from failure_api.communication_models import (
    DelayBasedModel,
    GilbertElliottModel,
    MatrixModel,
)
from failure_api.errors import InvalidArgumentError
from failure_api.noise_models import GaussianNoiseModel

ROUNDS = 5
CHANNEL = BatchedChannel(
    failure_models=[GilbertElliottModel(p=0.3, r=0.4), DelayBasedModel(min_delay=0, max_delay=2)],
    agent_ids=IDS,
    streams="portable",
)
WEIGHTS = np.random.default_rng(0).random((ROUNDS, AGENTS, AGENTS)).astype(np.float32)


def expected(sent):
    """Returns the gradient of the weighted sum of all that is received, `[T, sender]`."""
    gradient = np.zeros((ROUNDS, AGENTS))
    for number, receiver, sender in np.argwhere(sent >= 0):
        gradient[sent[number, receiver, sender], sender] += WEIGHTS[number, receiver, sender]
    return gradient


def run(payloads, weights):
    state, total, sent = CHANNEL.init(4, payloads[0]), 0.0, []
    for number in range(ROUNDS):
        state, received = CHANNEL.step(state, payloads[number])
        total = total + (received.content[..., 0] * weights[number]).sum()
        sent.append(received.delivery.sent.mT)
    return total, sent


def test_of_torch():
    payloads = torch.rand((ROUNDS, AGENTS, 1), requires_grad=True)
    total, sent = run(payloads, torch.tensor(WEIGHTS))
    total.backward()
    sent = np.stack([array.numpy() for array in sent])
    assert ((sent >= 0) & (sent < np.arange(ROUNDS)[:, None, None])).any(), "nothing came late"
    np.testing.assert_allclose(payloads.grad[..., 0], expected(sent), rtol=1e-5)


def test_of_jax():
    payloads = jnp.asarray(np.random.default_rng(1).random((ROUNDS, AGENTS, 1)), dtype="float32")
    gradient, sent = jax.jit(jax.grad(run, has_aux=True))(payloads, jnp.asarray(WEIGHTS))
    np.testing.assert_allclose(gradient[..., 0], expected(np.stack(sent)), rtol=1e-5)


@pytest.mark.parametrize("missing", ["zero", "hold"])
def test_what_is_lost_teaches_nothing_even_where_it_is_not_finite(missing):
    channel = BatchedChannel(
        failure_models=GilbertElliottModel(p=1.0, r=0.0), agent_ids=("a", "b"), missing=missing
    )
    payloads = torch.tensor([[1.0], [float("inf")]], requires_grad=True)
    _, received = channel.step(channel.init(0, payloads), payloads)
    received.content.sum().backward()
    assert payloads.grad.tolist() == [[0.0], [0.0]]


def test_content_that_is_held_teaches_whoever_said_it():
    channel = BatchedChannel(
        failure_models=MatrixModel(matrix=[[[0, 1], [1, 0]], [[0, 0], [0, 0]]], at_end="hold"),
        agent_ids=("a", "b"),
        missing="hold",
    )
    payloads = torch.ones((3, 2, 1), requires_grad=True)
    state = channel.init(0, payloads[0])
    for number in range(3):
        state, received = channel.step(state, payloads[number])
    received.content.sum().backward()
    assert payloads.grad[..., 0].tolist() == [[1, 1], [0, 0], [0, 0]]


@pytest.mark.parametrize(("longest", "batch"), [(2, 4), (40, 200)], ids=["short", "in place"])
def test_a_checkpointed_round_has_the_same_gradients(longest, batch):
    channel = BatchedChannel(
        failure_models=[
            GilbertElliottModel(p=0.3, r=0.4),
            DelayBasedModel(min_delay=0, max_delay=longest),
        ],
        noise_models=GaussianNoiseModel(standard_deviation=0.1),
        agent_ids=IDS,
        streams="portable",
    )
    said = torch.rand((ROUNDS, batch, AGENTS, 1), generator=torch.Generator().manual_seed(0))
    weights = torch.rand((ROUNDS, batch, AGENTS, AGENTS))

    def gradients(step):
        payloads = said.clone().requires_grad_()
        state, total = channel.init(7, payloads[0]), 0.0
        for number in range(ROUNDS):
            state, received = step(state, 2 * payloads[number])
            total = total + (received.content[..., 0] * weights[number]).square().sum()
        total.backward()
        return payloads.grad

    plain = gradients(channel.step)
    again = gradients(functools.partial(checkpoint, channel.step, use_reentrant=False))
    assert plain.abs().sum() > 0
    assert torch.equal(plain, again)


@pytest.mark.parametrize("reentrant", [False, True])
def test_a_checkpointed_round_of_native_draws_is_refused(reentrant):
    channel = BatchedChannel(failure_models=GilbertElliottModel(p=0.3, r=0.4), agent_ids=IDS)
    payloads = torch.rand((4, AGENTS, 1)).requires_grad_()
    state = channel.init(7, payloads)

    def content(payloads):
        return channel.step(state, payloads)[1].content

    found = checkpoint(content, payloads, use_reentrant=reentrant)
    with pytest.raises(InvalidArgumentError, match="streams must be 'portable'"):
        found.sum().backward()
    # What comes after it goes on.
    channel.step(state, payloads)[1].content.sum().backward()
