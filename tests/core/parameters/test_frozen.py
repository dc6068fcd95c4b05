"""Frozen arrays and mappings are values: nobody can change them, and equals are alike."""

import copy
import pickle

import numpy as np
import pytest

from failure_api.core.parameters.frozen import LARGEST_SHOWN, FrozenArray, FrozenMapping


def test_a_frozen_array_is_a_copy():
    source = np.zeros((2, 2))
    frozen = FrozenArray(source)
    source[0, 1] = 1.0
    assert np.asarray(frozen)[0, 1] == 0.0


def test_a_frozen_array_cannot_be_written_to():
    with pytest.raises(ValueError, match="read-only"):
        np.asarray(FrozenArray([1.0]))[0] = 2.0


def test_a_copy_asked_for_can_be_written_to_without_changing_the_original():
    frozen = FrozenArray([1.0])
    copied = np.array(frozen)
    copied[0] = 2.0
    assert np.asarray(frozen)[0] == 1.0


def test_equal_arrays_are_equal_and_others_are_not():
    assert FrozenArray([1.0, 2.0]) == FrozenArray((1.0, 2.0))
    assert FrozenArray([1.0, 2.0]) != FrozenArray([1.0, 3.0])
    assert FrozenArray([1.0, 2.0]) != FrozenArray([[1.0, 2.0]])
    assert FrozenArray([1.0]) != 1.0


@pytest.mark.parametrize(
    ("one", "other"), [([0.5], [0.5]), ([[1, 2]], [[1.0, 2.0]]), ([0.0], [-0.0])]
)
def test_equal_arrays_have_equal_hashes(one, other):
    assert FrozenArray(one) == FrozenArray(other)
    assert hash(FrozenArray(one)) == hash(FrozenArray(other))


def test_small_arrays_show_their_entries_and_large_ones_a_digest():
    small = np.arange(LARGEST_SHOWN, dtype=np.float64)
    assert eval(repr(FrozenArray(small))) == small.tolist()
    large = np.zeros((50, 50))
    text = repr(FrozenArray(large))
    assert "(50, 50)" in text
    assert len(text) < 100
    changed = large.copy()
    changed[3, 4] = 1.0
    assert repr(FrozenArray(changed)) != text
    assert repr(FrozenArray(large)) == text


@pytest.mark.parametrize("travel", [copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))])
@pytest.mark.parametrize(
    "value", [FrozenArray([[0.25, 1.0]]), FrozenArray([1, 2], np.int32), FrozenMapping({"a": 1})]
)
def test_frozen_values_travel(travel, value):
    other = travel(value)
    assert other == value
    assert hash(other) == hash(value)
    if isinstance(value, FrozenArray):
        assert np.asarray(other).dtype == np.asarray(value).dtype
        assert not np.asarray(other).flags.writeable


def test_a_frozen_mapping_is_a_copy_that_cannot_be_written_to():
    source = {("a", "b"): 0.5}
    frozen = FrozenMapping(source)
    source["a", "b"] = 1.0
    assert frozen["a", "b"] == 0.5
    with pytest.raises(TypeError):
        frozen["a", "b"] = 1.0


def test_mappings_compare_and_hash_by_their_items_in_any_order():
    one = FrozenMapping({"a": 1, "b": 2})
    other = FrozenMapping({"b": 2, "a": 1})
    assert one == other
    assert hash(one) == hash(other)
    assert one == {"a": 1, "b": 2}
    assert one != FrozenMapping({"a": 1})
    assert eval(repr(one)) == one
