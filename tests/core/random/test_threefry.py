"""Threefry-2x32 and the portable streams: published vectors, JAX's own, and what draws must be."""

import array_api_strict
import numpy as np
import pytest
from scipy import stats

from failure_api.core.random.portable_stream import PortableStream
from failure_api.core.random.threefry import folded, seed_words, signed, threefry
from helpers import FALSE_ALARM

jax = pytest.importorskip("jax", reason="the oldest versions are tried without JAX and PyTorch")
array_api_compat = pytest.importorskip("array_api_compat.torch")
NAMESPACES = [np, array_api_strict, array_api_compat, jax.numpy]
every_namespace = pytest.mark.parametrize("xp", NAMESPACES, ids=lambda xp: xp.__name__)
# Known answers that come with Random123: counter, key, output.
PUBLISHED = [
    ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
    ((0xFFFFFFFF,) * 2, (0xFFFFFFFF,) * 2, (0x1CB996FC, 0xBB002BE7)),
    ((0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xC4923A9C, 0x483DF7A0)),
]


def words(pair, xp):
    return tuple(xp.asarray([signed(word)], dtype=xp.int32) for word in pair)


@every_namespace
@pytest.mark.parametrize(("counter", "key", "output"), PUBLISHED)
def test_published_vectors(counter, key, output, xp):
    found = threefry(words(key, xp), words(counter, xp))
    assert [int(word[0]) & 0xFFFFFFFF for word in found] == list(output)


def test_it_is_that_of_jax():
    from jax.extend import random

    generator = np.random.default_rng(0)
    key = generator.integers(0, 2**32, 2, dtype=np.uint32)
    counters = generator.integers(0, 2**32, 2000, dtype=np.uint32)
    expected = random.threefry_2x32(key, jax.numpy.asarray(counters))
    halves = counters.view(np.int32).reshape(2, -1)
    found = threefry(tuple(key.view(np.int32)[:, None]), tuple(halves))
    np.testing.assert_array_equal(np.concatenate(found).view(np.uint32), np.asarray(expected))


@pytest.mark.parametrize("seed", [0, 1, 2**31 + 7])
def test_keys_and_what_is_folded_into_them_are_those_of_jax(seed):
    key = jax.random.key(seed, impl="threefry2x32")
    own = seed_words(seed, np)
    assert [int(word) & 0xFFFFFFFF for word in own] == jax.random.key_data(key).tolist()
    folded_in = jax.random.key_data(jax.random.fold_in(key, 12345)).tolist()
    assert [int(word) & 0xFFFFFFFF for word in folded(own, (0, 12345))] == folded_in


def stream(xp, number=0, seed=7, batch=()):
    seeds = seed if not batch else xp.asarray(np.arange(np.prod(batch)).reshape(batch) + seed)
    return PortableStream(seed_words(seeds, xp), batch, xp, number)


@pytest.mark.sampled(3)
@every_namespace
def test_draws_are_the_same_with_every_library(xp):
    for name, draw in {
        "uniform": lambda stream: stream.uniform((3, 5)),
        "integers": lambda stream: stream.integers(-2, 9, (7,)),
        "bernoulli": lambda stream: stream.bernoulli(0.3, (4, 4)),
    }.items():
        expected, found = (draw(stream(space).child("loss", 1)) for space in (np, xp))
        np.testing.assert_array_equal(np.asarray(found), expected, err_msg=name)
    normal = np.asarray(stream(xp).normal((5, 3)))
    np.testing.assert_allclose(normal, stream(np).normal((5, 3)), rtol=1e-5, atol=1e-6)


@pytest.mark.sampled(2)
@every_namespace
def test_elements_of_a_batch_draw_as_they_do_alone(xp):
    numbers = xp.asarray(np.array([4, 0, 9], dtype=np.int32))
    together = stream(xp, numbers, batch=(3,)).child("loss")
    for draw in ("uniform", "normal"):
        both = np.asarray(getattr(together, draw)((3, 2, 5)))
        for place, number in enumerate((4, 0, 9)):
            alone = stream(xp, number, seed=7 + place).child("loss")
            if draw == "normal":
                alone.uniform((2, 5))
            np.testing.assert_array_equal(both[place], np.asarray(getattr(alone, draw)((2, 5))))


def test_streams_rounds_and_draws_differ():
    one = stream(np, 1)
    draws = [one.uniform((8,)) for _ in range(2)]
    draws += [stream(np, 2).uniform((8,)), stream(np, 1, seed=8).uniform((8,))]
    draws += [one.child("a").uniform((8,)), one.child("a", 1).uniform((8,))]
    draws += [one.child("b").uniform((8,)), one.child("a").child("a").uniform((8,))]
    assert len({draw.tobytes() for draw in draws}) == len(draws)
    assert one.child("a") is one.child("a")


def test_draws_are_uniform_and_independent():
    uniform = np.concatenate([stream(np, number).uniform((1000,)) for number in range(200)])
    assert uniform.dtype == np.float32
    assert 0.0 <= uniform.min() < uniform.max() < 1.0
    assert (uniform * 2**24 == np.round(uniform * 2**24)).all()
    assert stats.kstest(uniform, "uniform").pvalue > FALSE_ALARM
    for lag in (1, 2, 500, 1000):
        pairs = stats.pearsonr(uniform[:-lag], uniform[lag:])
        assert pairs.pvalue > FALSE_ALARM, lag
    normal = np.concatenate([stream(np, number).normal((1000,)) for number in range(100)])
    assert stats.kstest(normal, "norm").pvalue > FALSE_ALARM
