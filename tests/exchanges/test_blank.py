"""The zero of a space, and spaces with room for it."""

from __future__ import annotations

from typing import Any

import pytest
from gymnasium import spaces
from gymnasium.spaces.utils import flatten_space
from hypothesis import given, settings
from hypothesis import strategies as st
from spaces_under_test import NESTED, SPACES

from failure_api.exchanges.blank import blank, with_blank


def is_zero(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(is_zero, value.values()))
    if isinstance(value, tuple):
        return all(map(is_zero, value))
    return bool((value == 0).all())


@settings(max_examples=100, deadline=None)
@given(NESTED, st.integers(0, 1000))
def test_the_new_space_holds_zero_and_all_of_the_old(space: spaces.Space[Any], seed: int) -> None:
    roomy = with_blank(space)
    zero = blank(space)
    assert is_zero(zero)
    assert roomy.contains(zero)
    assert type(roomy) is type(space)
    space.seed(seed)
    for _ in range(5):
        assert roomy.contains(space.sample())


@settings(max_examples=50, deadline=None)
@given(NESTED)
def test_room_for_zero_is_made_once(space: spaces.Space[Any]) -> None:
    roomy = with_blank(space)
    assert with_blank(roomy) == roomy


@pytest.mark.parametrize("name", SPACES)
def test_samples_keep_their_shapes_and_types(name: str) -> None:
    space = SPACES[name]
    old, new = flatten_space(space), flatten_space(with_blank(space))
    assert isinstance(old, spaces.Box) == isinstance(new, spaces.Box)
    assert with_blank(space).contains(blank(space))
    assert type(blank(space)) is type(space.sample())


@pytest.mark.parametrize(
    "space",
    [
        spaces.Text(5),
        spaces.Sequence(spaces.Discrete(2)),
        spaces.Graph(spaces.Discrete(2), None),
        spaces.Dict(a=spaces.Text(3)),
        spaces.Tuple([spaces.Sequence(spaces.Discrete(2))]),
    ],
)
def test_what_has_no_fixed_shape_has_no_zero(space: spaces.Space[Any]) -> None:
    for function in (blank, with_blank):
        with pytest.raises(TypeError, match="has no zero of fixed shape"):
            function(space)
