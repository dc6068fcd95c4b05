"""What is a number, a flag, a list: whatever is given, and whatever it raises when it is asked."""

from __future__ import annotations

import numpy as np
import pytest

from failure_api.core.parameters.rules import (
    Choice,
    Flag,
    WholeNumber,
    as_array,
    holds_flags,
    in_order,
    is_masked,
    numbers,
)
from failure_api.core.parameters.types import SHARE, not_negative
from failure_api.errors import InvalidArgumentError
from helpers import assert_one_sentence


class Hostile:
    """Raises whatever it is asked."""

    def __array__(self, *given, **options):
        raise RuntimeError("mine")

    __iter__ = __len__ = __float__ = __index__ = __repr__ = __str__ = __array__


def kind(value):
    """Returns what a test calls a value whose text nobody can trust."""
    return type(value).__name__


MASKED = [
    np.ma.array(0.5),
    np.ma.array(3),
    np.ma.array([0.5, 0.25], mask=[False, True]),
    np.ma.masked,
    [np.ma.masked, 0.5],
    [[0.5], np.ma.array([0.5])],
]
FLAGS = [
    True,
    np.True_,
    np.array(True),
    np.zeros((3, 3), dtype=bool),
    [True, 0.5],
    [[0.5, 0.5], (0.5, np.False_)],
]
NO_NUMBERS = [
    None,
    "0.5",
    b"1",
    1j,
    {0.5},
    {},
    object(),
    Hostile(),
    [Hostile()],
    [[1], [1, 2]],
    10**400,
    np.datetime64("2020-01-01"),
    np.array(["a"]),
]


@pytest.mark.parametrize("value", [*MASKED, *FLAGS, *NO_NUMBERS], ids=kind)
def test_what_is_no_number_is_none(value):
    assert numbers(value) is None


def test_circles_are_no_numbers():
    circle: list = [0.5]
    circle.append(circle)
    assert numbers(circle) is None


@pytest.mark.parametrize("value", FLAGS, ids=kind)
def test_flags_are_numbers_where_that_is_said(value):
    assert holds_flags(value)
    found = numbers(value, flags=True)
    assert found.dtype == np.float64
    assert set(found.ravel().tolist()) <= {0.0, 0.5, 1.0}


@pytest.mark.parametrize("value", MASKED, ids=kind)
def test_masked_arrays_are_never_numbers(value):
    assert is_masked(value)
    assert numbers(value, flags=True) is None
    assert as_array(value) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, 1.0),
        (0.5, 0.5),
        (np.float32(0.5), 0.5),
        (np.int8(-3), -3.0),
        (np.array(0.5), 0.5),
        ([1, 0.5], [1.0, 0.5]),
        (((0, 1), (2, 3)), [[0.0, 1.0], [2.0, 3.0]]),
        (range(3), [0.0, 1.0, 2.0]),
        ([float("inf")], [float("inf")]),
        ([np.array([1.0, 2.0])], [[1.0, 2.0]]),
    ],
    ids=kind,
)
def test_numbers_are_float64_and_of_their_own(value, expected):
    found = numbers(value)
    assert found.dtype == np.float64
    assert found.tolist() == expected
    assert not np.shares_memory(found, np.asarray(value))
    assert not holds_flags(value)
    assert not is_masked(value)


@pytest.mark.parametrize("value", FLAGS[:3], ids=kind)
def test_a_flag_is_no_number(value):
    for rule in (SHARE, not_negative("m"), WholeNumber(0)):
        with pytest.raises(InvalidArgumentError) as caught:
            rule.normalise("share", value)
        assert_one_sentence(caught.value, "share", "True")


@pytest.mark.parametrize("value", [*MASKED, *NO_NUMBERS, np.array([1, 2]), 1.0, -1], ids=kind)
def test_what_does_not_count_is_one_sentence(value):
    with pytest.raises(InvalidArgumentError) as caught:
        WholeNumber(0, "rounds").normalise("stop", value)
    assert_one_sentence(caught.value, "stop must be a whole number of rounds")


def test_what_counts_is_an_integer():
    for value in (3, np.int64(3), np.array(3)):
        assert type(WholeNumber(0).normalise("count", value)) is int


@pytest.mark.parametrize("value", [*MASKED, *NO_NUMBERS, 1, 0.0], ids=kind)
def test_what_is_no_flag_or_word_is_one_sentence(value):
    with pytest.raises(InvalidArgumentError) as caught:
        Flag().normalise("shuffle", value)
    assert_one_sentence(caught.value, "shuffle must be True or False")
    with pytest.raises(InvalidArgumentError) as caught:
        Choice(("repeat", "hold")).normalise("at_end", value)
    assert str(caught.value).startswith("at_end must be 'repeat' or 'hold', but ")
    assert "\n" not in str(caught.value)


def test_what_has_an_order_is_a_list():
    mapping = {"b": 1, "a": 2}
    for given, expected in (
        (["b", "a"], ["b", "a"]),
        (("b",), ["b"]),
        (mapping, ["b", "a"]),
        (mapping.keys(), ["b", "a"]),
        (iter("ba"), ["b", "a"]),
        (np.array(["b", "a"]), ["b", "a"]),
        (range(2), [0, 1]),
    ):
        assert in_order("names", given, "a list of names", "give some") == expected


@pytest.mark.parametrize(
    "given", [{"a", "b"}, frozenset("ab"), {"a": 1, "b": 2}.items(), set()], ids=kind
)
def test_what_has_no_order_is_refused(given):
    with pytest.raises(InvalidArgumentError) as caught:
        in_order("names", given, "a list of names", "give some")
    assert_one_sentence(caught.value, "names must be in an order, which a set has not")


@pytest.mark.parametrize(
    "given", [None, 3, "ab", b"ab", np.array(0.5), Hostile(), object], ids=kind
)
def test_what_is_no_list_is_refused(given):
    with pytest.raises(InvalidArgumentError) as caught:
        in_order("names", given, "a list of names", "give some")
    assert_one_sentence(caught.value, "names must be a list of names")


def test_arrays_of_other_libraries_are_like_those_of_numpy():
    torch, jnp = pytest.importorskip("torch"), pytest.importorskip("jax.numpy")
    for tensor in (torch.tensor(True), torch.zeros((3, 3), dtype=torch.bool), jnp.asarray(True)):
        assert holds_flags(tensor)
        assert numbers(tensor) is None
        with pytest.raises(InvalidArgumentError):
            WholeNumber(0).normalise("count", tensor)
    # PyTorch refuses to convert what a gradient may flow through, by a RuntimeError.
    for tensor in (torch.tensor(0.5, requires_grad=True), torch.ones((3, 3), requires_grad=True)):
        assert numbers(tensor) is None
        with pytest.raises(InvalidArgumentError) as caught:
            SHARE.normalise("share", tensor)
        assert_one_sentence(caught.value, "share must lie in [0, 1]", "requires_grad")
    assert numbers(torch.tensor([0.5])).tolist() == [0.5]
    assert numbers(jnp.asarray(0.5)) == 0.5
    assert type(WholeNumber(0).normalise("count", torch.tensor(3))) is int
    with pytest.raises(InvalidArgumentError):
        in_order("names", torch.tensor(0.5), "a list of names", "give some")
