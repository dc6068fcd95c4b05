"""BitFlipModel: which bits are flipped, how many, and what becomes of the numbers."""

import warnings

import numpy as np
import pytest
from noise_rounds import assert_mean, binomial, noisy, play_noise
from scipy import stats

from failure_api.core import NumpyStream
from failure_api.errors import InvalidArgumentError
from failure_api.noise_models import BitFlipModel
from failure_api.noise_models.bit_flip import finer
from failure_api.testing import check_noise_model
from helpers import FALSE_ALARM, assert_one_sentence

ALWAYS = BitFlipModel(corrupt_prob=1.0)
# No single flip, and hardly two, make a number infinite whose exponent's bits are mostly 0.
SMALL = np.full((10, 10, 500), 1.5e-30, dtype=np.float32)


def flips_of(one, other):
    """Returns which bits differ, as uint32."""
    return np.asarray(one, np.float32).view(np.uint32) ^ np.asarray(other, np.float32).view(
        np.uint32
    )


def as_bits(flips):
    return flips[..., None] >> np.arange(32, dtype=np.uint32) & 1 == 1


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    "model",
    [
        BitFlipModel(bit_error_rate=0.02),
        BitFlipModel(bit_error_rate=1e-9),
        BitFlipModel(corrupt_prob=0.5),
        BitFlipModel(bit_error_rate=0.3, corrupt_prob=1.0),
    ],
    ids=repr,
)
def test_the_laws_hold(model):
    check_noise_model(model)


def test_a_corrupted_message_differs_in_one_bit():
    """The worked value of tc-netem's corruption: the population count of the XOR is 1."""
    flips = flips_of(noisy(ALWAYS, SMALL), SMALL)
    assert (np.bitwise_count(flips).sum(-1) == 1).all()


def test_every_bit_of_a_message_is_as_likely_to_be_flipped():
    content = np.full((200, 50, 7), 1.5e-30, dtype=np.float32)
    flipped = as_bits(flips_of(noisy(ALWAYS, content), content)).reshape(-1, 7 * 32)
    assert stats.chisquare(flipped.sum(0)).pvalue > FALSE_ALARM


@pytest.mark.parametrize("probability", [0.01, 0.4])
def test_the_share_of_messages_corrupted(probability):
    content = np.full((300, 50, 3), 1.5e-30, dtype=np.float32)
    after = noisy(BitFlipModel(corrupt_prob=probability), content)
    assert binomial((after != content).any(-1), probability) > FALSE_ALARM


@pytest.mark.parametrize("rate", [1e-4, 0.01])
def test_the_number_of_bit_errors_is_binomial(rate):
    flipped = as_bits(flips_of(noisy(BitFlipModel(bit_error_rate=rate), SMALL), SMALL))
    assert binomial(flipped, rate) > FALSE_ALARM
    counts = flipped.reshape(-1, 32).sum(0)
    # Given their number, errors are spread evenly over the bits.
    assert stats.chisquare(counts).pvalue > FALSE_ALARM
    intact = ~flipped.reshape(-1, 500 * 32).any(-1)
    assert binomial(intact, (1 - rate) ** (500 * 32)) > FALSE_ALARM


def test_rates_below_the_steps_of_a_draw_are_right_in_the_mean():
    draws = NumpyStream(0).uniform((1_000_000,))
    for steps in (0.168, 2.5, 1677.3):
        found = finer(steps * 2.0**-24, draws, np).astype(np.float64) * 2.0**24
        share = steps % 1
        assert_mean(found, steps, share * (1 - share))
    assert (finer(1.0, draws, np) == 1).all()


def test_every_bit_flipped_is_every_bit_flipped():
    content = np.array([[1.5e-30, -2.0, 3.0]], dtype=np.float32)
    after = noisy(BitFlipModel(bit_error_rate=1.0), content)
    assert np.bitwise_count(flips_of(after, content)).tolist() == [[32, 32, 32]]
    counts = noisy(BitFlipModel(bit_error_rate=1.0), content * 0, low=0, high=9, whole=True)
    # Nine takes four bits; the wrapper brings 15 back to 9.
    assert counts.tolist() == [[15.0, 15.0, 15.0]]


def test_numbers_that_would_not_be_finite_are_left_as_they_were():
    """1 has the exponent 01111111 in binary: its uppermost bit makes it infinite."""
    content = np.ones((40, 50, 1), dtype=np.float32)
    after = noisy(ALWAYS, content)
    assert np.isfinite(after).all()
    flips = flips_of(after, content)
    assert set(np.unique(flips)) == {np.uint32(0)} | {
        np.uint32(2**place) for place in range(32) if place != 30
    }
    assert binomial(flips == 0, 1 / 32) > FALSE_ALARM


def test_what_is_left_as_it_was_keeps_its_precision():
    content = np.full((40, 50, 1), 1.0 + 1e-12)
    after = noisy(ALWAYS, content)
    kept = (after == content) | (flips_of(after, content) != 0)
    # The rounded number, 1, is nowhere to be seen.
    assert kept.all()
    assert (after == content).any()


def test_what_did_not_arrive_may_be_no_number():
    content = np.full((3, 3, 2), np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        noisy(ALWAYS, content, arrived=False, low=0, high=9, whole=[True, False])


@pytest.mark.parametrize("bits", [1, 8, 21, 24, 31])
def test_whole_numbers_have_as_many_bits_as_their_bounds_require(bits):
    content = np.full((200, 50, 1), 7.0)
    after = noisy(ALWAYS, content, low=7.0, high=7.0 + 2.0 ** (bits - 1), whole=True)
    assert np.unique(after - 7.0).tolist() == [2.0**place for place in range(bits)]


def test_float64_keeps_its_precision_where_nothing_is_flipped():
    content = np.full((100, 50, 4), 1 / 3)
    after = noisy(ALWAYS, content)
    changed = after != content
    assert (changed.sum(-1) <= 1).all()
    assert changed.sum() > 1000
    flips = flips_of(after[changed], content[changed])
    assert (np.bitwise_count(flips) == 1).all()
    np.testing.assert_array_equal(after[changed], after[changed].astype(np.float32))
    huge = np.full((3, 3), 1e300)
    np.testing.assert_array_equal(noisy(BitFlipModel(bit_error_rate=0.0), huge), huge)


def test_whole_numbers_are_sent_as_the_distance_from_their_bound():
    content = np.full((100, 50, 1), -3.0)
    after = noisy(ALWAYS, content, low=-3, high=4, whole=True)
    # Eight values take three bits.
    assert set(np.unique(after)) == {-2.0, -1.0, 1.0}
    for value in (-2.0, -1.0, 1.0):
        assert binomial(after == value, 1 / 3) > FALSE_ALARM


def test_entries_with_fewer_bits_are_hit_less_often():
    """A message of 32 bits, of 1 bit, of none, and of a byte."""
    content = np.zeros((200, 50, 4))
    low, high = [-1.0, 0, 5, 0], [1.0, 1, 5, 255]
    content[..., 2] = 5
    after = noisy(ALWAYS, content, low=low, high=high, whole=[False, True, True, True])
    # Of the number 0, the sign is a bit like others, but no other number.
    flipped = (after != content) | np.signbit(after)
    assert (flipped.sum(-1) == 1).all()
    assert not flipped[..., 2].any()
    counts = flipped.reshape(-1, 4).sum(0)[[0, 1, 3]]
    assert stats.chisquare(counts, counts.sum() * np.array([32, 1, 8]) / 41).pvalue > FALSE_ALARM


@pytest.mark.parametrize("bounds", [(-np.inf, np.inf), (-(2.0**63), 2.0**63), (0, 2.0**31)])
def test_whole_numbers_of_wide_bounds_are_sent_in_two_s_complement(bounds):
    content = np.full((100, 50, 1), 5.0)
    low, high = bounds
    after = noisy(ALWAYS, content, low=low, high=high, whole=True)
    flips = after.astype(np.int64).astype(np.uint32) ^ np.uint32(5)
    assert (np.bitwise_count(flips) == 1).all()
    assert len(np.unique(flips)) == 32
    assert after.min() == 5.0 - 2.0**31


@pytest.mark.parametrize("argument", ["bit_error_rate", "corrupt_prob"])
def test_what_is_flipped_at_a_rate_is_flipped_at_a_greater_one(argument):
    few, many = (
        as_bits(flips_of(play_noise(BitFlipModel(**{argument: p}), [SMALL[:2]] * 3)[1], SMALL[:2]))
        for p in (0.01, 0.05)
    )
    assert not (few & ~many).any()
    assert (many & ~few).any()


def test_one_bit_in_a_message_does_not_depend_on_bit_errors():
    alone, rate = BitFlipModel(corrupt_prob=0.5), BitFlipModel(bit_error_rate=1e-3)
    both = BitFlipModel(corrupt_prob=0.5, bit_error_rate=1e-3)
    flips = [flips_of(noisy(model, SMALL), SMALL) for model in (alone, rate, both)]
    np.testing.assert_array_equal(flips[0] ^ flips[1], flips[2])


def test_a_message_without_bits_cannot_be_corrupted():
    content = np.full((3, 4), 2.0)
    after = noisy(ALWAYS, content, low=2.0, high=2.0, whole=True)
    np.testing.assert_array_equal(after, content)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({}, "bit_error_rate"),
        ({"bit_error_rate": -1e-9}, "bit_error_rate"),
        ({"bit_error_rate": float("nan")}, "bit_error_rate"),
        ({"corrupt_prob": 1.5}, "corrupt_prob"),
        ({"corrupt_prob": "1%"}, "corrupt_prob"),
    ],
)
def test_wrong_arguments_are_refused(arguments, word):
    with pytest.raises(InvalidArgumentError) as caught:
        BitFlipModel(**arguments)
    assert_one_sentence(caught.value, word)
