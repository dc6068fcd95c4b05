"""What the package knows of array libraries, each function on each of them."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from failure_api.core.arrays.libraries import (
    LIBRARIES,
    from_host,
    library_of,
    own,
    picked,
    without_gradient,
    zero_where,
)
from failure_api.core.arrays.trees import chosen, map_leaves
from failure_api.core.random.native import TorchStream
from failure_api.errors import InvalidArgumentError
from helpers import assert_one_sentence

for package in ("torch", "jax", "array_api_compat"):
    pytest.importorskip(package, reason="the oldest versions are tried without JAX and PyTorch")

every_library = pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.package)


@every_library
def test_an_array_says_whose_it_is(library):
    array = library.xp.zeros(3)
    assert library_of({"array": array, "nothing": None}) is library
    for other in LIBRARIES:
        if other is not library:
            with pytest.raises(InvalidArgumentError) as raised:
                library_of({"one": array, "other": other.xp.zeros(3)})
            assert_one_sentence(raised.value, "other", library.package, other.package)


@every_library
def test_zeros_stand_where_flags_say_whatever_was_there(library):
    xp = library.xp
    numbers = [[1.0, -2.0], [np.inf, np.nan], [-np.inf, 3.0], [4.0, 5.0]]
    flags = xp.asarray([False, True, True, False])
    for dtype in (xp.float32, xp.float64):
        array = xp.asarray(numbers, dtype=dtype)
        for width in (2, 1):
            found = zero_where(array[:, :width], flags, xp)
            expected = np.where(np.asarray(flags)[:, None], 0.0, numbers)[:, :width]
            np.testing.assert_array_equal(np.asarray(found), expected)
            assert found.dtype == array.dtype


@every_library
def test_entries_are_picked_of_the_last_axis(library):
    xp = library.xp
    array = xp.reshape(xp.arange(12), (2, 2, 3))
    found = picked(array, xp.asarray([2, 0, 2]), xp)
    np.testing.assert_array_equal(np.asarray(found), np.asarray(array)[..., [2, 0, 2]])


@every_library
def test_what_is_ones_own_stays_as_it_is(library):
    array = library.xp.ones(3)
    kept = own(array, library)
    if not library.traces:
        array[0] = 5.0
    assert [float(number) for number in kept] == [1.0, 1.0, 1.0]


@every_library
@pytest.mark.filterwarnings("error")
def test_tables_that_nobody_writes_to_are_taken(library):
    table = np.arange(3.0)
    table.flags.writeable = False
    np.testing.assert_array_equal(np.asarray(from_host(table, library.xp)), table)


@every_library
def test_no_gradient_flows_where_none_is_to(library):
    array = library.xp.ones(2)
    assert not getattr(without_gradient(array), "requires_grad", False)
    assert without_gradient("seed") == "seed"


def test_streams_of_torch_have_names_and_travel():
    stream = TorchStream(3, "cpu").child("loss", 1)
    assert (
        TorchStream(3, "cpu").child("loss", 1).uniform((4,)).tolist()
        == stream.uniform((4,)).tolist()
    )
    others = TorchStream(3, "cpu").child("loss"), TorchStream(4, "cpu").child("loss", 1)
    draws = {tuple(each.uniform((4,)).tolist()) for each in (stream, *others)}
    assert len(draws) == 3
    twin = pickle.loads(pickle.dumps(stream))
    assert twin.uniform((4,)).tolist() == stream.uniform((4,)).tolist()


def test_trees_keep_their_branches():
    tree = {"a": (1, [2, 3]), "b": ()}
    assert map_leaves(lambda leaf: leaf + 1, tree) == {"a": (2, [3, 4]), "b": ()}
    where = np.array([True, False])
    new, old = (np.ones((2, 3)), "same"), (np.zeros((2, 3)), "same")
    found = chosen(where, new, old, np)
    assert found[0].tolist() == [[1.0] * 3, [0.0] * 3]
    assert found[1] == "same"
