"""States are donated to compiled functions, restored from files, and begun by keys of any kind."""

from __future__ import annotations

import io
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from batched_models import EVERY, IDS
from batched_play import CONVERT, script

from failure_api import DelayBasedModel, GilbertElliottModel, ProbabilisticModel
from failure_api.batched import BatchedChannel
from failure_api.core.arrays.trees import leaves, map_leaves
from failure_api.errors import InvalidArgumentError
from helpers import assert_one_sentence

LATE = [GilbertElliottModel(p=0.3, r=0.4), DelayBasedModel(min_delay=0, max_delay=2)]
LONG = [DelayBasedModel(min_delay=0, max_delay=40)]
NOW = tuple(jnp.asarray(array[0]) for array in script())


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    ("models", "missing"), [(LATE, "hold"), (LONG, "zero"), (EVERY["capacity"], "zero")]
)
def test_a_state_of_uncompiled_calls_can_be_donated(models, missing):
    payloads, positions, alive = NOW
    channel = BatchedChannel(failure_models=models, agent_ids=IDS, missing=missing)
    around = {"positions": positions, "alive": alive}
    key, done = jax.random.split(jax.random.key(0), 3), jnp.array([True, False, True])
    begun = channel.init(key, payloads, **around)
    stepped, seen = channel.step(channel.init(key, payloads, **around), payloads, **around)
    again = channel.reset_where(channel.init(key, payloads, **around), done, **around)
    expected = np.asarray(seen.content).copy()
    step = jax.jit(channel.step, donate_argnums=0)
    for state in (begun, stepped, again):
        arrays = [leaf for leaf in leaves(state) if isinstance(leaf, jax.Array)]
        assert len({id(array) for array in arrays}) == len(arrays)
        following, _ = step(state, payloads, **around)
        step(following, payloads, **around)
    # What the user has is still there.
    for array in (*NOW, key, done):
        assert not array.is_deleted()
    np.testing.assert_array_equal(seen.content, expected)


@pytest.mark.parametrize("library", ["torch", "jax"])
def test_a_state_that_comes_back_as_numpy_goes_on(library):
    payloads, _, alive = (CONVERT[library](np.array(array)) for array in NOW)
    channel = BatchedChannel(failure_models=LATE, agent_ids=IDS, streams="portable")
    state = channel.init(3, payloads, alive=alive)
    for _ in range(3):
        state, _ = channel.step(state, payloads, alive=alive)
    kept = map_leaves(
        lambda leaf: np.asarray(leaf) if isinstance(leaf, jax.Array | torch.Tensor) else leaf, state
    )
    restored = pickle.load(io.BytesIO(pickle.dumps(kept)))
    done = CONVERT[library](np.array([True, False, True]))
    for _ in range(4):
        state, one = channel.step(state, payloads, alive=alive)
        restored, other = channel.step(restored, payloads, alive=alive)
        np.testing.assert_array_equal(one.flags, other.flags)
        np.testing.assert_array_equal(one.content, other.content)
        assert type(other.content) is type(one.content)
    anew = [channel.reset_where(each, done, alive=alive) for each in (state, kept)]
    assert [type(each.channel.newest) for each in anew] == [type(payloads)] * 2


def test_a_generator_of_numpy_does_not_go_on_in_another_library():
    payloads = np.array(NOW[0])
    channel = BatchedChannel(failure_models=LATE, agent_ids=IDS)
    state = channel.init(0, payloads)
    with pytest.raises(InvalidArgumentError) as caught:
        channel.step(state, jnp.asarray(payloads))
    assert_one_sentence(caught.value, "state must be an array of jax", "numpy")


# Keys of another kind


def flags_of(channel, key, batch):
    payloads = jnp.zeros((*batch, 5, 1))
    state, received = channel.step(channel.init(key, payloads), payloads)
    state, received = channel.step(state, payloads)
    return np.asarray(received.flags)


@pytest.mark.sampled(1)
@pytest.mark.parametrize("kind", ["rbg", "unsafe_rbg"])
def test_keys_of_another_kind_are_keys_raw_or_typed(kind):
    channel = BatchedChannel(failure_models=ProbabilisticModel(failure_prob=0.5), agent_ids=IDS)
    typed = jax.random.split(jax.random.key(0, impl=kind), 6)
    raw = jax.random.key_data(typed)
    assert raw.shape == (6, 4)
    together = flags_of(channel, typed, (6,))
    np.testing.assert_array_equal(together, flags_of(channel, raw, (6,)))
    # An element has what it would have alone, in whatever batch, mapped or not.
    mapped = jax.vmap(lambda key: channel.init(key, jnp.zeros((5, 1))).source.first)(typed)
    for element in range(6):
        np.testing.assert_array_equal(together[element], flags_of(channel, typed[element], ()))
        np.testing.assert_array_equal(together[element], flags_of(channel, raw[element], ()))
        alone = channel.init(raw[element], jnp.zeros((5, 1))).source.first
        assert mapped[element] == alone
    assert len({row.tobytes() for row in together}) == 6
    # Of one key each element has its own.
    one = flags_of(channel, raw[0], (6,))
    assert len({row.tobytes() for row in one}) == 6
    with jax.default_prng_impl(kind):
        of_config = flags_of(channel, jax.random.PRNGKey(0), (6,))
    expected = flags_of(channel, jax.random.key(0, impl=kind), (6,))
    np.testing.assert_array_equal(of_config, expected)


def test_three_words_are_no_key():
    channel = BatchedChannel(failure_models=LATE, agent_ids=IDS)
    with pytest.raises(InvalidArgumentError) as caught:
        channel.init(jnp.zeros(3, dtype=jnp.uint32), jnp.zeros((6, 5, 1)))
    assert_one_sentence(caught.value, "random must be a seed, a JAX key")
