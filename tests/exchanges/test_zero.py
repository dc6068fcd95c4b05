"""The zero of a space, and spaces with room for it."""

from __future__ import annotations

from typing import Any

import pytest
from gymnasium import spaces
from gymnasium.spaces.utils import flatten_space
from hypothesis import given, settings
from hypothesis import strategies as st
from spaces_under_test import NESTED, SPACES

from failure_api.exchanges.zero import with_zero, zero_of


def is_zero(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(is_zero, value.values()))
    if isinstance(value, tuple):
        return all(map(is_zero, value))
    return bool((value == 0).all())


@settings(max_examples=100, deadline=None)
@given(NESTED, st.integers(0, 1000))
def test_the_new_space_holds_zero_and_all_of_the_old(space: spaces.Space[Any], seed: int) -> None:
    roomy = with_zero(space)
    zero = zero_of(space)
    assert is_zero(zero)
    assert roomy.contains(zero)
    assert type(roomy) is type(space)
    space.seed(seed)
    for _ in range(5):
        assert roomy.contains(space.sample())


@settings(max_examples=50, deadline=None)
@given(NESTED)
def test_room_for_zero_is_made_once(space: spaces.Space[Any]) -> None:
    roomy = with_zero(space)
    assert with_zero(roomy) == roomy


@pytest.mark.parametrize("name", SPACES)
def test_samples_keep_their_shapes_and_types(name: str) -> None:
    space = SPACES[name]
    old, new = flatten_space(space), flatten_space(with_zero(space))
    assert isinstance(old, spaces.Box) == isinstance(new, spaces.Box)
    assert with_zero(space).contains(zero_of(space))
    assert type(zero_of(space)) is type(space.sample())


@pytest.mark.parametrize(
    "space",
    [
        spaces.Sequence(spaces.Discrete(2)),
        spaces.Graph(spaces.Discrete(2), None),
        spaces.Dict(a=spaces.Sequence(spaces.Discrete(3))),
        spaces.Tuple([spaces.Sequence(spaces.Discrete(2))]),
    ],
)
def test_what_has_no_fixed_shape_has_no_zero(space: spaces.Space[Any]) -> None:
    for function in (zero_of, with_zero):
        with pytest.raises(TypeError, match="has no zero of fixed shape"):
            function(space)
