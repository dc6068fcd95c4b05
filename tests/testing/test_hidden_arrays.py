"""Arrays that keep their values to themselves compute what NumPy's do."""

from __future__ import annotations

import operator

import numpy as np
import pytest

from failure_api.noise_models.bit_flip import from_bits, to_bits
from failure_api.testing.hidden_arrays import HIDDEN, HiddenArray, NumpyCodeError

ONE = np.array([[1.5, -2.0], [0.25, 3.0]], dtype=np.float32)
OTHER = np.array([[2.0, 0.5], [1.0, -1.0]], dtype=np.float32)
BITS = np.array([[1, 2], [3, 4]], dtype=np.int32)
ARITHMETIC = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow")
COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")


def shown(result):
    assert isinstance(result, HiddenArray)
    return result.shown()


def assert_same(result, expected):
    np.testing.assert_array_equal(shown(result), expected, strict=True)


@pytest.mark.parametrize("name", [*ARITHMETIC, *COMPARISONS, "matmul"])
def test_two_arrays_are_computed_with(name):
    operate = getattr(operator, name)
    with np.errstate(invalid="ignore"):
        assert_same(operate(HiddenArray(ONE), HiddenArray(OTHER)), operate(ONE, OTHER))


@pytest.mark.parametrize("name", [*ARITHMETIC, *COMPARISONS])
def test_an_array_and_a_number_are_computed_with(name):
    operate = getattr(operator, name)
    with np.errstate(invalid="ignore"):
        assert_same(operate(HiddenArray(ONE), 2.0), operate(ONE, 2.0))
        assert_same(operate(2.0, HiddenArray(ONE)), operate(2.0, ONE))


@pytest.mark.parametrize("name", ["and_", "or_", "xor", "lshift", "rshift"])
def test_bits_are_computed_with(name):
    operate = getattr(operator, name)
    assert_same(operate(HiddenArray(BITS), 3), operate(BITS, 3))
    assert_same(operate(3, HiddenArray(BITS)), operate(3, BITS))


def test_what_takes_one_array_is_there():
    array = HiddenArray(ONE)
    for result, expected in (
        (-array, -ONE),
        (+array, +ONE),
        (abs(array), abs(ONE)),
        (~HiddenArray(BITS), ~BITS),
        (array.T, ONE.T),
        (array.mT, ONE.mT),
        (array[..., 0, None], ONE[..., 0, None]),
        (array[:, HiddenArray(np.array([1, 0]))], ONE[:, [1, 0]]),
        (HIDDEN.astype(array, HIDDEN.int32), ONE.astype(np.int32)),
        (HIDDEN.linalg.trace(array), np.linalg.trace(ONE)),
        (HIDDEN.concat([array, array], axis=0), np.concatenate([ONE, ONE])),
        (HIDDEN.broadcast_arrays(array, HIDDEN.zeros((3, 1, 1)))[0], np.stack([ONE] * 3)),
        (from_bits(to_bits(array, HIDDEN), HIDDEN), ONE),
    ):
        assert_same(result, expected)
    assert (array.shape, array.ndim, array.size, array.dtype) == ((2, 2), 2, 4, np.float32)
    assert array.__array_namespace__() is HIDDEN


def test_a_name_is_given_to_another_array_in_place_of_writing():
    array = HiddenArray(ONE.copy())
    before = array
    array += 1.0
    assert_same(before, ONE)
    assert_same(array, ONE + 1.0)


def test_what_is_refused_is_refused_as_a_missing_method_is():
    assert getattr(HiddenArray(ONE), "flags", None) is None
    with pytest.raises(NumpyCodeError):
        HiddenArray(ONE).view(np.int32)
    for value in (float, int, complex, bool, hash, operator.index):
        with pytest.raises(NumpyCodeError):
            value(HiddenArray(ONE))
