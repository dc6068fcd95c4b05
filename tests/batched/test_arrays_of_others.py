"""Arrays that are written to, empty, oddly stored, weakly typed, or not where new ones would be."""

from __future__ import annotations

import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from batched_models import AGENTS, EVERY, IDS
from batched_play import CONVERT

from failure_api.batched import BatchedChannel
from failure_api.communication_models import (
    BandwidthModel,
    DelayBasedModel,
    MatrixModel,
    ProbabilisticModel,
    SignalBasedModel,
    TraceModel,
)
from failure_api.communication_models.radio import LogNormalShadowing
from failure_api.core.arrays.trees import leaves
from failure_api.noise_models import CustomNoise
from failure_api.traces import Trace

PERFECT = ProbabilisticModel(failure_prob=0.0)
HALF = ProbabilisticModel(failure_prob=0.5)
writable = pytest.mark.parametrize("library", ["numpy", "torch"])


def channel_of(models, **options):
    return BatchedChannel(failure_models=models, agent_ids=("a", "b", "c"), **options)


@writable
def test_a_buffer_may_be_used_again(library):
    channel = channel_of(DelayBasedModel(min_delay=2, max_delay=2))
    buffer = CONVERT[library](np.zeros((3, 1), dtype=np.float32))
    state, heard = channel.init(0, buffer), []
    for number in range(5):
        buffer[...] = number + 1
        state, received = channel.step(state, buffer)
        heard.append(float(received.content[0, 1, 0]))
    assert heard == [0, 0, 1, 2, 3]


@writable
def test_who_lives_and_where_may_be_written_in_place(library):
    convert = CONVERT[library]
    channel = channel_of(PERFECT)
    payloads, alive = convert(np.zeros((3, 1), np.float32)), convert(np.ones(3, dtype=bool))
    state = channel.init(0, payloads, alive=alive)
    state, _ = channel.step(state, payloads, alive=alive)
    alive[1] = False
    _, received = channel.step(state, payloads, alive=alive)
    assert not np.asarray(received.flags)[:, 1].any()
    shadowed = SignalBasedModel(
        shadowing=LogNormalShadowing(standard_deviation=8.0, decorrelation_distance=1.0)
    )
    channel = channel_of(shadowed, streams="portable")
    fields = []
    for copies in (False, True):
        places = convert(np.zeros((3, 2), dtype=np.float32))
        state = channel.init(0, payloads, positions=places)
        if copies:
            places = convert(np.zeros((3, 2), dtype=np.float32))
        places[0] = 5.0
        state, _ = channel.step(state, payloads, positions=places)
        fields.append(np.asarray(state.channel.models[0].field))
    np.testing.assert_array_equal(*fields)


@writable
def test_what_is_handed_out_may_be_written_to(library):
    late, slow = DelayBasedModel(min_delay=0, max_delay=2), BandwidthModel(capacity=0.8)
    for models in ([], [HALF], [HALF, late], [late, slow]):
        channel = channel_of(models, missing="hold")
        outcomes = []
        for spoils in (False, True):
            payloads = CONVERT[library](np.ones((50, 3, 1), dtype=np.float32))
            state, received = channel.step(channel.init(4, payloads), payloads)
            if spoils:
                links, *brought = received.delivery
                for array in leaves((received.content, received.flags, links.sends, brought)):
                    if hasattr(array, "shape"):
                        array[...] = 77
            for _ in range(3):
                state, received = channel.step(state, payloads)
            outcomes.append((received.content, received.ages, *received.delivery[2:6]))
        for one, other in zip(*outcomes, strict=True):
            if one is not None:
                np.testing.assert_array_equal(np.asarray(one), np.asarray(other))


def test_derivatives_go_forward_too():
    channel = channel_of(PERFECT)

    def heard(payloads):
        return channel.step(channel.init(0, payloads), payloads)[1].content.sum()

    ones = torch.ones(3, 1)
    assert float(torch.func.jvp(heard, (ones,), (ones,))[1]) == 6.0
    assert float(jax.jvp(heard, (jnp.ones((3, 1)),), (jnp.ones((3, 1)),))[1]) == 6.0


def test_a_state_can_forget_where_it_came_from():
    channel = channel_of(DelayBasedModel(min_delay=1, max_delay=1), missing="hold")
    payloads = torch.ones(3, 1, requires_grad=True)
    state = channel.init(0, payloads)
    for _ in range(3):
        state, received = channel.step(channel.detached(state), payloads * 1.0)
        (received.content.sum() + payloads.sum()).backward()

    def score(payloads):
        state, _ = channel.step(channel.init(0, payloads), payloads)
        return channel.step(channel.detached(state), payloads)[1].content.sum()

    assert not jax.grad(score)(jnp.ones((3, 1))).any()


def test_seeds_have_all_of_their_bits():
    channel = channel_of(HALF, streams="portable")
    payloads = np.zeros((4, 3, 1), dtype=np.float32)

    def flags(seeds, payloads=payloads):
        return channel.step(channel.init(seeds, payloads), payloads)[1].flags

    seeds = np.array([2**32 + 5, 5, -5, 2**31 + 9])
    together = flags(seeds)
    assert len({row.tobytes() for row in together}) == 4
    for place in (0, 1, 3):
        np.testing.assert_array_equal(together[place], flags(int(seeds[place]), payloads[place]))
    in_torch = channel.step(
        channel.init(torch.tensor(seeds), torch.tensor(payloads)), torch.tensor(payloads)
    )
    np.testing.assert_array_equal(in_torch[1].flags, together)


def test_a_key_of_another_kind_is_a_seed():
    channel = channel_of(HALF)
    payloads = jnp.zeros((50, 3, 1))
    draws = []
    for seed in (1, 2):
        state = channel.init(jax.random.key(seed, impl="rbg"), payloads)
        draws.append(np.asarray(channel.step(state, payloads)[1].flags))
    assert (draws[0] != draws[1]).any()
    assert 0.4 < draws[0][:, ~np.eye(3, dtype=bool)].mean() < 0.6


@pytest.mark.sampled(3)
@pytest.mark.parametrize("library", ["numpy", "torch", "jax"])
@pytest.mark.parametrize("missing", ["zero", "hold"])
@pytest.mark.parametrize("shape", [(0, 3, 2), (2, 3, 0), (2, 0, 3, 1)])
def test_batches_and_messages_may_be_empty(shape, missing, library):
    channel = channel_of([HALF, DelayBasedModel(min_delay=0, max_delay=1)], missing=missing)
    payloads = CONVERT[library](np.zeros(shape, dtype=np.float32))
    state, received = channel.step(channel.init(0, payloads), payloads)
    state, received = channel.step(state, payloads)
    assert received.content.shape == (*shape[:-2], 3, 3, shape[-1])


def test_tensors_may_begin_anywhere_in_memory():
    channel = channel_of(PERFECT, per_link=True)
    payloads = torch.arange(37.0)[1:].view(2, 3, 3, 2)
    _, received = channel.step(channel.init(0, payloads), payloads)
    assert torch.equal(received.content[0, 1, 2], payloads[0, 2, 1])


@pytest.mark.parametrize("models", [EVERY["radio"], EVERY["trace"], EVERY["TDMA"]])
def test_new_tensors_are_where_the_data_is_whatever_the_default(models):
    channel = BatchedChannel(failure_models=models, agent_ids=IDS, streams="portable")
    payloads, positions = torch.zeros(2, AGENTS, 1), torch.rand(2, AGENTS, 2)
    torch.set_default_device("meta")
    try:
        state = channel.init(0, payloads, positions=positions)
        state, received = channel.step(state, payloads, positions=positions)
        state = channel.reset_where(
            state, torch.ones(2, dtype=torch.bool, device="cpu"), positions=positions
        )
    finally:
        torch.set_default_device(None)
    assert received.ages.device.type == state.round.device.type == "cpu"


def test_weakly_typed_payloads_are_compiled_once():
    channel = channel_of(DelayBasedModel(min_delay=0, max_delay=2))
    payloads = jnp.full((3, 2), 1.0)
    assert payloads.weak_type
    step = jax.jit(channel.step)
    state = channel.init(0, payloads)
    for _ in range(3):
        state, _ = step(state, payloads)
    assert step._cache_size() == 1


def test_each_link_has_the_noise_and_the_blank_of_its_own():
    noise = np.zeros((1, 3, 3))
    noise[0, 0, 1] = 1.0
    trace = Trace(agent_ids=("a", "b", "c"), lost=np.zeros((1, 3, 3), dtype=bool), noise=noise)
    channel = channel_of(TraceModel(trace=trace))
    payloads = np.zeros((200, 3, 1), dtype=np.float32)
    _, received = channel.step(channel.init(0, payloads), payloads)
    spread = received.content.std(axis=0)[..., 0]
    assert spread[1, 0] > 0.5
    assert spread.sum() == spread[1, 0]
    blank = np.arange(9.0).reshape(3, 3, 1)
    silent = channel_of(MatrixModel(matrix=np.zeros((3, 3))), zero=blank)
    _, received = silent.step(silent.init(0, payloads), payloads)
    np.testing.assert_array_equal(received.content[0], blank)


def test_noise_sees_nothing_of_what_is_lost():
    seen = []

    def look(content, context, random):
        seen.append((np.asarray(content), np.asarray(context.arrived)))
        return content

    channel = channel_of(HALF, noise_models=CustomNoise(function=look))
    payloads = np.ones((20, 3, 1), dtype=np.float32)
    channel.step(channel.init(0, payloads), payloads)
    content, arrived = seen[-1]
    np.testing.assert_array_equal(content[..., 0] == 1.0, arrived)


ELSEWHERE = """
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from failure_api import MatrixModel
from failure_api.batched import BatchedChannel

channel = BatchedChannel(
    failure_models=MatrixModel(matrix=np.ones((2, 2))), agent_ids=("a", "b"), missing="hold"
)
second, payloads = jax.devices()[1], jnp.zeros((4, 2, 1))
mesh = NamedSharding(Mesh(np.array(jax.devices()), ("x",)), PartitionSpec("x"))
for place in (second, mesh):
    there, done = (jax.device_put(array, place) for array in (payloads, jnp.ones(4, dtype=bool)))
    state, received = channel.step(channel.init(0, there), there)
    channel.reset_where(state, done)
    assert received.content.devices() == there.devices(), place
"""


@pytest.mark.heavy
def test_arrays_of_jax_may_be_on_any_device_or_on_several():
    flags = "--xla_force_host_platform_device_count=2"
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE],
        env={**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
