"""Which entries come from whom, as places; and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from failure_api.errors import InvalidArgumentError
from failure_api.exchanges.segments import entry_indices

TEAM, SIZES = ("a", "b", "c"), (4, 3, 2)


def test_slices_and_indices_mean_the_same():
    forms: list[Any] = [slice(1, 3), [1, 2], (1, 2), np.array([1, 2]), np.array([1, 2], np.uint8)]
    forms += [range(1, 3), slice(1, 3, 1)]
    for form in forms:
        found = entry_indices({"a": {"b": form}}, TEAM, SIZES)
        assert found.dtype == np.int64
        assert found.shape == (3, 3, 2)
        assert found[0, 1].tolist() == [1, 2]


def test_pairs_that_say_nothing_point_past_the_end():
    found = entry_indices({"a": {"b": [0], "c": [2, 3]}}, TEAM, SIZES)
    assert found[0].tolist() == [[4, 4], [0, 4], [2, 3]]
    assert (found[1] == 3).all()
    assert (found[2] == 2).all()


def test_nothing_at_all():
    assert entry_indices({}, TEAM, SIZES).shape == (3, 3, 0)
    assert entry_indices({}, TEAM, SIZES, width=2).shape == (3, 3, 2)


def test_an_open_start_and_the_whole_observation():
    found = entry_indices({"c": {"a": slice(None, 2)}}, TEAM, SIZES)
    assert found[2, 0].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("segments", "words"),
    [
        (None, "segments must be a mapping"),
        ([("a", "b")], "segments must be a mapping"),
        ({"a": [1]}, "segments['a'] must be a mapping"),
        ({"x": {"a": [0]}}, "'x' was given: choose from a, b, c"),
        ({"a": {"x": [0]}}, "'x' was given: choose from a, b, c"),
        ({"a": {"a": [0]}}, "segments['a'] must name other agents"),
        ({"a": {"b": [4]}}, "from 0 to 3"),
        ({"a": {"b": [-1]}}, "from 0 to 3"),
        ({"c": {"b": slice(0, 3)}}, "from 0 to 1"),
        ({"c": {"b": slice(-1, 2)}}, "from 0 to 1"),
        ({"c": {"b": slice(2, None)}}, "a slice that holds entries"),
        ({"c": {"b": slice(1, -1)}}, "segments['c']['b'] must be a slice or indices"),
        ({"c": {"b": slice(1, 1)}}, "segments['c']['b'] must be a slice or indices"),
        ({"a": {"b": []}}, "segments['a']['b'] must be a slice or indices"),
        ({"a": {"b": [0.5]}}, "segments['a']['b'] must be a slice or indices"),
        ({"a": {"b": [True, False, True, False]}}, "segments['a']['b'] must be"),
        ({"a": {"b": [[0, 1]]}}, "segments['a']['b'] must be a slice or indices"),
        ({"a": {"b": [[0], [1, 2]]}}, "segments['a']['b'] must be a slice or indices"),
        ({"a": {"b": 2}}, "segments['a']['b'] must be a slice or indices"),
        ({"a": {"b": "01"}}, "segments['a']['b'] must be a slice or indices"),
        ({"a": {"b": None}}, "segments['a']['b'] must be a slice or indices"),
        ({"a": {"b": slice(0.5, 2)}}, "segments['a']['b'] must be a slice or indices"),
        ({"a": {"b": slice(False, 2)}}, "segments['a']['b'] must be a slice or indices"),
        ({"a": {"b": [0, True]}}, "segments['a']['b'] must be a slice or indices"),
        ({"a": {"b": {0, 1}}}, "segments['a']['b'] must be a slice or indices"),
        ({"a": {"b": np.ma.array([0, 1])}}, "segments['a']['b'] must be a slice or indices"),
        ({"a": {"b": [0, 1], "c": [1, 2]}}, "entry 1 is given twice"),
        ({"a": {"b": [0, 0]}}, "entry 0 is given twice"),
    ],
)
def test_bad_segments_are_one_sentence(segments, words):
    with pytest.raises(InvalidArgumentError) as caught:
        entry_indices(segments, TEAM, SIZES)
    text = str(caught.value)
    assert words in text
    assert text.endswith(".")
    assert "\n" not in text
