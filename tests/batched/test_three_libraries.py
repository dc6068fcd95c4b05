"""One source, three libraries: the same draws deliver the same, bit for bit."""

import re

import jax
import numpy as np
import pytest
import torch
from batched_models import EVERY, chains
from batched_play import BATCH, IDS, assert_same_outcome, play_batch, script
from hypothesis import given, settings

from failure_api.batched import BatchedChannel

SEEDS = np.arange(BATCH, dtype=np.int32) + 7
HAPPENS = script()
every_chain = pytest.mark.parametrize("models", EVERY.values(), ids=EVERY.keys())


@pytest.mark.sampled(1)
@every_chain
def test_all_libraries_deliver_the_same(models):
    expected = play_batch("numpy", models, SEEDS, HAPPENS)
    assert expected.flags.any() or models is EVERY["interference"]
    for library in ("torch", "jax"):
        assert_same_outcome(expected, play_batch(library, models, SEEDS, HAPPENS))


@every_chain
def test_an_element_is_as_it_is_alone(models):
    together = play_batch("numpy", models, SEEDS, HAPPENS)
    element = 1
    alone = play_batch("numpy", models, int(SEEDS[element]), HAPPENS.row(element))
    assert_same_outcome(type(together)(*(array[:, element] for array in together)), alone)


@pytest.mark.sampled(13)
@every_chain
def test_the_strict_namespace_suffices(models):
    expected = play_batch("numpy", models, SEEDS, HAPPENS)
    assert_same_outcome(expected, play_batch("array_api_strict", models, SEEDS, HAPPENS))


@pytest.mark.heavy
@settings(max_examples=8, deadline=None, derandomize=True)
@given(models=chains)
def test_chains_of_any_models_deliver_the_same(models):
    expected = play_batch("numpy", models, SEEDS, HAPPENS)
    for library in ("torch", "jax"):
        assert_same_outcome(expected, play_batch(library, models, SEEDS, HAPPENS))


@pytest.mark.sampled(17)
@every_chain
def test_nothing_is_of_double_precision_where_that_is_allowed(models):
    channel = BatchedChannel(failure_models=models, agent_ids=IDS, streams="portable")
    with jax.enable_x64(True):
        now = (jax.numpy.asarray(np.array(array[0])) for array in HAPPENS)
        payloads, positions, alive = now

        def two_rounds(payloads, positions, alive):
            state = channel.init(3, payloads, positions=positions, alive=alive)
            for _ in range(2):
                state, received = channel.step(state, payloads, positions=positions, alive=alive)
            return state, received

        traced = jax.make_jaxpr(two_rounds)(payloads, positions, alive)
    # Numbers that Python has, and that take the type of what they meet, are none.
    assert not re.search(r"f64\[\d", str(traced))


@pytest.mark.sampled(7)
@every_chain
def test_all_arrays_are_where_the_data_is_and_no_value_is_read(models):
    # On the device "meta" arrays have no values, and do not mix with those of any other.
    channel = BatchedChannel(
        failure_models=models, agent_ids=IDS, streams="portable", missing="hold"
    )
    now = (torch.tensor(array[0]).to("meta") for array in HAPPENS)
    payloads, positions, alive = now
    state = channel.init(3, payloads, positions=positions, alive=alive)
    state, received = channel.step(state, payloads, positions=positions, alive=alive)
    done = torch.ones(BATCH, dtype=torch.bool, device="meta")
    state = channel.reset_where(state, done, positions=positions, alive=alive)
    assert received.content.device.type == received.ages.device.type == "meta"
    assert state.round.device.type == "meta"
