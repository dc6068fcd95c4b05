"""Bits of numbers, and back."""

import types

import array_api_strict
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from failure_api.errors import ModelError
from failure_api.noise_models.bit_flip import bit_length, from_bits, to_bits

EVERY_NAMESPACE = pytest.mark.parametrize("xp", [np, array_api_strict], ids=["numpy", "strict"])


@EVERY_NAMESPACE
def test_worked_values_of_ieee_754(xp):
    values = xp.asarray([0.0, -0.0, 1.0, -2.0, 0.15625, xp.inf], dtype=xp.float32)
    words = [0, 0x80000000, 0x3F800000, 0xC0000000, 0x3E200000, 0x7F800000]
    bits = to_bits(values, xp)
    assert bits.dtype == xp.int32
    assert np.asarray(bits).view(np.uint32).tolist() == words


@given(hnp.arrays(np.float32, hnp.array_shapes(min_dims=0, max_dims=3)))
def test_from_bits_undoes_to_bits(values):
    for array in (values, values.T):
        again = from_bits(to_bits(array, np), np)
        np.testing.assert_array_equal(again.view(np.int32), array.view(np.int32), strict=True)


@given(st.integers(0, 2**31 - 1))
def test_the_bit_length_is_that_of_the_integer(number):
    for xp in (np, array_api_strict):
        length = bit_length(xp.asarray([number], dtype=xp.float64), xp)
        assert int(length[0]) == number.bit_length()


def test_an_unknown_namespace_is_refused_in_a_sentence():
    with pytest.raises(ModelError, match=r"must be one whose bits can be read, but dask was given"):
        to_bits(np.zeros(3, np.float32), types.ModuleType("dask"))
