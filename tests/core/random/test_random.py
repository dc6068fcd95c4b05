"""Streams: fixed by a seed and a path, independent of each other, and they travel."""

import copy
import pickle

import array_api_strict
import numpy as np
import pytest
from scipy import stats

from failure_api.core import NumpyStream
from failure_api.core.random.numpy_stream import EpisodeStreams
from helpers import FALSE_ALARM

SHAPE = (2, 3, 3)
DRAWS = {
    "uniform": lambda stream: stream.uniform(SHAPE),
    "bernoulli": lambda stream: stream.bernoulli(0.4, SHAPE),
    "normal": lambda stream: stream.normal(SHAPE),
    "integers": lambda stream: stream.integers(-2, 5, SHAPE),
}
every_draw = pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)


def same(one, other):
    return np.array_equal(np.asarray(one), np.asarray(other))


@every_draw
def test_the_same_seed_and_path_draw_the_same(draw):
    assert same(draw(NumpyStream(3)), draw(NumpyStream(3)))
    assert not same(draw(NumpyStream(3)), draw(NumpyStream(4)))
    assert not same(draw(NumpyStream(3)), draw(NumpyStream(3, (0,))))


@every_draw
def test_a_stream_goes_on(draw):
    stream = NumpyStream(3)
    assert not same(draw(stream), draw(stream))


@every_draw
def test_draws_do_not_depend_on_the_namespace(draw):
    strict = draw(NumpyStream(3, xp=array_api_strict))
    assert isinstance(strict, type(array_api_strict.asarray(0)))
    assert same(draw(NumpyStream(3)), strict)


@every_draw
def test_what_was_drawn_stays_as_it_is(draw):
    stream = NumpyStream(3)
    first = draw(stream)
    before = np.array(first)
    draw(stream)
    assert same(first, before)


@pytest.mark.parametrize(
    ("name", "dtype"),
    [("uniform", "float32"), ("bernoulli", "bool"), ("normal", "float32"), ("integers", "int32")],
)
def test_draws_have_their_shape_and_dtype(name, dtype):
    drawn = DRAWS[name](NumpyStream(3))
    assert drawn.shape == SHAPE
    assert drawn.dtype == dtype


def test_without_a_seed_streams_differ_and_say_what_their_seed_was():
    one, other = NumpyStream(), NumpyStream()
    assert one.seed != other.seed
    assert same(one.uniform(SHAPE), NumpyStream(one.seed).uniform(SHAPE))


def test_a_child_is_always_the_same_object_and_goes_on():
    stream = NumpyStream(3)
    child = stream.child("Model", 1)
    assert stream.child("Model", 1) is child
    assert not same(child.uniform(SHAPE), stream.child("Model", 1).uniform(SHAPE))


def test_children_do_not_depend_on_order_or_on_what_others_drew():
    one, other = NumpyStream(3), NumpyStream(3)
    first = one.child("First").uniform(SHAPE)
    second = one.child("Second").uniform(SHAPE)
    other.uniform(SHAPE)
    assert same(other.child("Second").uniform(SHAPE), second)
    assert same(other.child("First").uniform(SHAPE), first)


def test_name_occurrence_and_depth_all_make_another_child():
    stream = NumpyStream(3)
    streams = [
        stream,
        stream.child("a"),
        stream.child("a", 1),
        stream.child("b"),
        stream.child("a").child("a"),
        stream.child("a").child("b"),
    ]
    drawn = {tuple(each.uniform((4,)).tolist()) for each in streams}
    assert len(drawn) == len(streams)


def test_children_are_uncorrelated():
    """The correlation of n pairs is normal with variance 1 / n, at a false alarm of 1e-6."""
    stream, count = NumpyStream(3), 20_000
    drawn = [stream.child(name, o).uniform((count,)) for name in "ab" for o in range(3)]
    correlations = np.corrcoef(drawn)[np.triu_indices(len(drawn), 1)]
    bound = stats.norm.isf(FALSE_ALARM / 2 / len(correlations)) / np.sqrt(count)
    assert np.abs(correlations).max() < bound


@pytest.mark.parametrize("travel", [copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))])
@pytest.mark.parametrize("xp", [np, array_api_strict])
def test_a_stream_travels_in_mid_run_and_goes_on_identically(travel, xp):
    stream = NumpyStream(3, xp=xp)
    for source in (stream, stream.child("Model")):
        for draw in DRAWS.values():
            draw(source)
    other = travel(stream)
    assert other.xp is stream.xp
    for draw in DRAWS.values():
        assert same(draw(other), draw(stream))
        assert same(draw(other.child("Model")), draw(stream.child("Model")))
        assert same(draw(other.child("New")), draw(stream.child("New")))


def test_a_copy_draws_on_its_own():
    stream = NumpyStream(3)
    other = copy.deepcopy(stream)
    other.uniform(SHAPE)
    assert same(stream.uniform(SHAPE), NumpyStream(3).uniform(SHAPE))


def test_a_seed_fixes_every_episode_after_it():
    one, other = EpisodeStreams(), EpisodeStreams()
    other.start(seed=8)
    other.start()
    drawn = [
        [streams.start(seed=3).uniform(SHAPE), streams.start().uniform(SHAPE)]
        for streams in (one, other)
    ]
    assert same(drawn[0], drawn[1])


def test_episodes_differ():
    streams = EpisodeStreams()
    drawn = {tuple(streams.start().uniform((4,)).tolist()) for _ in range(5)}
    assert len(drawn) == 5
    assert not same(
        EpisodeStreams().start().uniform(SHAPE), EpisodeStreams().start(1).uniform(SHAPE)
    )


def test_an_episode_does_not_depend_on_how_long_the_last_one_was():
    short, long = EpisodeStreams(), EpisodeStreams()
    short.start(seed=3).child("Model").uniform(SHAPE)
    lasting = long.start(seed=3)
    for _ in range(10):
        lasting.child("Model").uniform(SHAPE)
    assert same(
        short.start().child("Model").uniform(SHAPE), long.start().child("Model").uniform(SHAPE)
    )


def test_episode_streams_travel():
    streams = EpisodeStreams()
    streams.start(seed=3)
    other = pickle.loads(pickle.dumps(streams))
    assert same(other.start().uniform(SHAPE), streams.start().uniform(SHAPE))


@pytest.mark.parametrize("largest", [1.0 - 2.0**-24, 0.0])
def test_a_normal_draw_is_finite_even_from_the_most_extreme_uniform_number(largest):
    class Extreme(NumpyStream):
        def uniform(self, shape):
            return np.full(shape, largest, np.float32)

    stream = Extreme(3)
    assert np.isfinite(stream.normal((2,))).all()


@pytest.mark.parametrize(
    "travel", [lambda s: s, copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))]
)
def test_drawing_ahead_gives_the_numbers_of_the_generator_in_their_order(travel):
    """Of whatever shapes draws are, and whatever else is drawn between them."""
    stream = NumpyStream(3).child("Model")
    sequence = np.random.SeedSequence(3, spawn_key=stream.path)
    plain = np.random.Generator(np.random.PCG64(sequence))
    shapes = [(3, 3)] * 40 + [(2,), (), (3, 3), (0, 3), (40, 40), (3, 3), (1,), (1,)]
    for count, shape in enumerate(shapes):
        assert same(stream.uniform(shape), plain.random(shape, np.float32))
        if count % 7 == 0:
            drawn = np.floor(plain.random((2,)) * 9)
            assert same(stream.integers(0, 9, (2,)), drawn.astype(np.int32))
        if count % 5 == 0:
            stream = travel(stream)
    assert stream.position() == plain.bit_generator.state
