"""An observation of any space is a row of numbers, and comes back exactly."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.spaces.utils import flatten, flatten_space
from hypothesis import given
from hypothesis import strategies as st

from failure_api.exchanges.spaces.numbers import Numbers, OneHotNumbers, leaves
from failure_api.testing.verdict import arrays_in, same
from spaces_under_test import NESTED, SPACES

FURTHEST = [
    spaces.Box(np.iinfo(kind).min, np.iinfo(kind).max, (2,), kind)
    for kind in (np.uint8, np.int32, np.int64, np.uint64)
]
KINDS = {
    **SPACES,
    **{f"furthest-{space.dtype}": space for space in FURTHEST},
    "half": spaces.Box(-1, 1, (2,), np.float16),
    "empty": spaces.Box(-1, 1, (0,)),
}


def check_round_trip(space, seed):
    space.seed(seed)
    numbers = Numbers(space)
    one, other = space.sample(), space.sample()
    before, after = numbers.row(one), numbers.row(other)
    assert before.shape == (numbers.width,) == numbers.low.shape == numbers.whole.shape
    assert before.dtype == numbers.dtype
    assert same(numbers.observation(before, before, one), one)
    changed = numbers.observation(after, before, one)
    assert space.contains(changed)
    if all(leaf.dtype.itemsize < 8 or abs(after).max() < 2**53 for leaf in leaves(space)):
        assert same(changed, other)
    lowest = numbers.observation(numbers.low.astype(numbers.dtype), before, one)
    highest = numbers.observation(numbers.high.astype(numbers.dtype), before, one)
    assert space.contains(lowest)
    assert space.contains(highest)


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_space(name):
    for seed in range(5):
        check_round_trip(KINDS[name], seed)


@given(NESTED, st.integers(0, 100))
def test_spaces_within_spaces(space, seed):
    check_round_trip(space, seed)


@given(NESTED, st.integers(0, 100))
def test_flattened_spaces_within_spaces(space, seed):
    space.seed(seed)
    numbers, plain = OneHotNumbers(space), Numbers(space)
    one, other = space.sample(), space.sample()
    vectors = [np.array(flatten(space, value), dtype=np.float32) for value in (one, other)]
    rows = [numbers.row(vector, np.float64) for vector in vectors]
    for row, value in zip(rows, (one, other), strict=True):
        np.testing.assert_allclose(row, plain.row(value, np.float64), rtol=1e-6, atol=1e-6)
    assert np.array_equal(numbers.observation(rows[1], rows[0], vectors[0]), vectors[1])
    assert np.array_equal(numbers.observation(rows[0], rows[0], vectors[0]), vectors[0])
    lowest = numbers.observation(numbers.low, rows[0], vectors[0])
    assert lowest.dtype == np.float32
    assert flatten_space(space).contains(lowest.astype(flatten_space(space).dtype))


def test_what_is_flattened_may_have_no_bounds():
    unbound = spaces.Box(-np.inf, np.inf, (2,))
    numbers = OneHotNumbers(spaces.Tuple([unbound, spaces.Discrete(3, start=1), unbound]))
    vector = np.float32([7, 8, 0, 0, 1, -9, 5])
    row = numbers.row(vector)
    assert row.tolist() == [7, 8, 3, -9, 5]
    assert numbers.observation(row - 1, row, vector).tolist() == [6, 7, 0, 1, 0, -10, 4]


@pytest.mark.parametrize(
    ("space", "dtype"),
    [
        (spaces.Box(-1, 1, (2,)), np.float32),
        (spaces.Box(-1, 1, (2,), np.float16), np.float32),
        (spaces.Box(-1, 1, (2,), np.float64), np.float64),
        (spaces.Box(0, 255, (2,), np.uint8), np.float32),
        (spaces.Box(0, 2**24, (2,), np.int64), np.float32),
        (spaces.Box(0, 2**24 + 1, (2,), np.int64), np.float64),
        (spaces.Discrete(5), np.float32),
        (spaces.Tuple([spaces.Discrete(2**25), spaces.Box(-1, 1, (2,))]), np.float64),
    ],
    ids=str,
)
def test_rows_are_as_narrow_as_can_be(space, dtype):
    assert Numbers(space).dtype == dtype


def test_integers_beyond_what_floats_hold_stay_where_nothing_changes_them():
    space = FURTHEST[2]
    numbers = Numbers(space)
    value = np.array([2**63 - 1, 2**53 + 1], dtype=np.int64)
    row = numbers.row(value)
    after = row.copy()
    after[0] = 5
    assert numbers.observation(after, row, value).tolist() == [5, 2**53 + 1]
    assert int(numbers.high[0]) <= 2**63 - 1
    assert int(numbers.high[0]) > 2**63 - 2000
    assert int(Numbers(FURTHEST[3]).high[0]) <= 2**64 - 1


def test_what_is_written_is_nobody_elses():
    space = SPACES["nested"]
    numbers, value = Numbers(space), space.sample()
    row = numbers.row(value)
    written = numbers.observation(row, row, value)
    for array in arrays_in(written):
        assert not any(np.shares_memory(array, other) for other in arrays_in(value))


@pytest.mark.parametrize(
    "space",
    [
        spaces.Text(5),
        spaces.Graph(spaces.Box(-1, 1, (2,)), None),
        spaces.Sequence(spaces.Discrete(2)),
        spaces.Tuple([spaces.Text(5)]),
    ],
    ids=str,
)
def test_what_is_no_fixed_number_of_numbers(space):
    with pytest.raises(TypeError, match="has no fixed number of numbers"):
        Numbers(space)
