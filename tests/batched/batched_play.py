"""Batches played on any array library, with what the library must not do forbidden."""

from __future__ import annotations

from typing import Any, NamedTuple

import array_api_strict
import jax
import jax.numpy as jnp
import numpy as np
import torch
from batched_models import AGENTS, IDS
from torch.utils._python_dispatch import TorchDispatchMode

from failure_api.batched import BatchedChannel

ROUNDS, BATCH = 8, 3


class Script(NamedTuple):
    """What happens in each round, as NumPy arrays `[T, B, ...]`."""

    payloads: Any
    positions: Any
    alive: Any

    def row(self, element):
        """Returns what happens to one element of the batch."""
        return Script(*(array[:, element] for array in self))


def script(seed=2, rounds=ROUNDS, batch=BATCH):
    """Returns agents that talk, move about, and are not always there."""
    generator = np.random.default_rng(seed)
    return Script(
        generator.random((rounds, batch, AGENTS, 2)).astype(np.float32),
        generator.uniform(-1, 1, (rounds, batch, AGENTS, 2)).astype(np.float32),
        generator.random((rounds, batch, AGENTS)) < 0.9,
    )


class Watched(TorchDispatchMode):
    """Refuses operations that read a value on the host, and float64."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        assert "local_scalar_dense" not in str(function), "a value is read on the host"
        result = function(*args, **(kwargs or {}))
        for each in result if isinstance(result, tuple | list) else [result]:
            assert getattr(each, "dtype", None) != torch.float64, function
        return result


class Outcome(NamedTuple):
    """What the rounds brought, as NumPy arrays `[T, ...]`."""

    content: Any
    flags: Any
    ages: Any
    sent: Any


CONVERT = {
    "numpy": lambda array: array,
    "torch": torch.tensor,
    "jax": jnp.asarray,
    "array_api_strict": array_api_strict.asarray,
}


def play_batch(library, models, seeds, happens, **options):
    """Plays all rounds with portable streams; under JAX compiled, once."""
    convert = CONVERT[library]
    channel = BatchedChannel(
        failure_models=models, agent_ids=IDS, streams="portable", **{"missing": "hold", **options}
    )
    seeds = seeds if isinstance(seeds, int) else convert(seeds)

    def begin(payloads, positions, alive):
        return channel.init(seeds, payloads, positions=positions, alive=alive)

    def step(state, payloads, positions, alive):
        return channel.step(state, payloads, positions=positions, alive=alive)

    if library == "jax":
        step = jax.jit(step)
    state, seen = None, []
    for number in range(len(happens.payloads)):
        now = tuple(convert(np.array(array[number])) for array in happens)
        state = begin(*now) if state is None else state
        if library == "torch" and number:
            with Watched():
                state, received = step(state, *now)
        else:
            state, received = step(state, *now)
        arrays = received.content, received.flags, received.ages, received.delivery.sent
        seen.append([np.asarray(array) for array in arrays])
    if library == "jax":
        assert step._cache_size() == 1, "it was compiled again"
    return Outcome(*(np.stack(arrays) for arrays in zip(*seen, strict=True)))


def assert_same_outcome(one, other):
    """Raises unless two outcomes agree: deliveries to the bit, content as far as noise allows."""
    for name in ("flags", "ages", "sent"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    # Logarithms and cosines of noise differ by a bit from library to library.
    np.testing.assert_allclose(one.content, other.content, rtol=2e-6, atol=2e-6)
