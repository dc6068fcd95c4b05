"""The same random chains in every array library: what arrives is the same, bit for bit."""

from __future__ import annotations

import importlib
import itertools

import numpy as np
import pytest
from test_against_simulator import lives, random_chain

from failure_api.communication_models import JammingModel, SignalBasedModel
from failure_api.core import Chain, Channel, Context
from failure_api.core.arrays.libraries import JAX, STRICT, TORCH
from failure_api.core.random.portable_stream import BEFORE, PortableStream
from failure_api.core.random.threefry import seed_words

ROUNDS = 16
LIBRARIES = {"torch": TORCH, "jax": JAX, "array_api_strict": STRICT}
HEAVY = pytest.mark.heavy


def deliveries(models, seed, agents, batch, xp):
    """Returns what arrives in each round, with portable draws."""
    channel = Channel(chain=Chain(models=models))
    alive, shape = lives(seed, agents, batch), (*batch, agents, agents)
    walk = np.random.default_rng(seed + 2_000_000).normal(0, 0.2, (ROUNDS, *batch, agents, 2))
    positions = np.cumsum(walk, axis=0).astype(np.float32)
    root = tuple(word + xp.zeros(batch, dtype=xp.int32) for word in seed_words(seed, xp))
    found, state, parameters = [], None, None
    for number in range(ROUNDS):
        context = Context(
            number,
            xp.asarray(alive[number]),
            xp.asarray(positions[number]),
            xp,
            shape,
            tuple(range(agents)),
        )
        if number == 0:
            parameters = channel.prepare(context)
            state = channel.init(parameters, context, PortableStream(root, batch, xp, BEFORE))
        stream = PortableStream(root, batch, xp, number)
        state, delivery = channel.step(parameters, state, context, stream)
        arrays = delivery.sent, delivery.newest, delivery.arrivals, delivery.left
        pending = delivery.pending(xp)
        found.append([None if each is None else np.asarray(each) for each in (*arrays, pending)])
    return found


def rounds_alike(models):
    """Returns whether chains do without logarithms and roots, which libraries round differently."""
    rough = (SignalBasedModel, JammingModel)
    return not any(isinstance(model, rough) for model in Chain(models=models).components)


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("library", "first", "count"),
    [
        ("array_api_strict", 0, 15),
        ("torch", 0, 15),
        ("jax", 0, 3),
        pytest.param("torch", 1_000, 150, marks=HEAVY),
        pytest.param("jax", 2_000, 40, marks=HEAVY),
    ],
)
def test_random_chains_deliver_alike(library, first, count):
    pytest.importorskip(library)
    xp, played = importlib.import_module(LIBRARIES[library].namespace), 0
    for seed in itertools.count(first):
        if played == count:
            break
        models, agents, batch = random_chain(seed)
        if not rounds_alike(models):
            continue
        played += 1
        expected = deliveries(models, seed, agents, batch, np)
        got = deliveries(models, seed, agents, batch, xp)
        for number, (one, other) in enumerate(zip(expected, got, strict=True)):
            for mine, theirs in zip(one, other, strict=True):
                where = f"chain {seed}, {models}, round {number}"
                if mine is None:
                    assert theirs is None, where
                else:
                    np.testing.assert_array_equal(mine, theirs, err_msg=where)
