"""An action and a message are one action, and come back as they were."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st

from failure_api.errors import InvalidArgumentError
from failure_api.exchanges.attached import (
    AttachedChoices,
    AttachedKeys,
    AttachedVector,
    attached_entries,
    element,
)
from failure_api.exchanges.spaces.numbers import leaves
from failure_api.testing.verdict import arrays_in, same
from helpers import assert_one_sentence
from spaces_under_test import NESTED, SPACES

MESSAGES = st.one_of(
    st.builds(spaces.Discrete, st.integers(2, 5)),
    st.builds(lambda n, start: spaces.Discrete(n, start=start), st.integers(1, 4), st.just(-3)),
    st.builds(spaces.MultiBinary, st.integers(1, 4)),
    st.builds(lambda n: spaces.MultiDiscrete([n, 3], start=[2, -1]), st.integers(1, 4)),
    st.builds(lambda n: spaces.Box(-2, 3, (n,)), st.integers(1, 3)),
    st.builds(lambda n: spaces.Box(-2, 3, (n, 2), np.int16), st.integers(1, 3)),
)


def single(value):
    """Returns a value as float32 leaves it, which is what a flat action is made of."""
    if isinstance(value, dict):
        return {key: single(held) for key, held in value.items()}
    if isinstance(value, tuple):
        return tuple(map(single, value))
    floats = isinstance(value, np.ndarray) and value.dtype == np.float64
    return value.astype(np.float32).astype(np.float64) if floats else value


@settings(max_examples=150, deadline=None)
@given(NESTED, MESSAGES, st.integers(0, 100))
def test_flat_and_back(own_space, message_space, seed):
    attached = attached_entries("a", own_space, message_space)
    for number, space in enumerate((own_space, message_space)):
        space.seed(seed + number)
    own, message = own_space.sample(), message_space.sample()
    action = attached.joined(own, message)
    assert attached.space.contains(action)
    own_again, message_again = attached.parted("a", action)
    assert own_space.contains(own_again)
    assert same(own_again, single(own))
    # A Box without axes draws a number in some types and an array in others.
    assert type(own_again) is type(own) or own_space.shape == ()
    assert same(message_again, message)
    for array in arrays_in((own_again, message_again)):
        assert not np.shares_memory(array, action)


@settings(max_examples=100, deadline=None)
@given(NESTED, MESSAGES, st.integers(0, 100))
def test_whatever_a_trainer_draws_is_an_action_and_a_message(own_space, message_space, seed):
    attached = attached_entries("a", own_space, message_space)
    attached.space.seed(seed)
    own, message = attached.parted("a", attached.space.sample())
    assert own_space.contains(own)
    assert message_space.contains(message)


@settings(max_examples=60, deadline=None)
@given(NESTED, MESSAGES)
def test_choices_alone_are_a_multi_discrete_and_all_else_is_a_box(own_space, message_space):
    attached = attached_entries("a", own_space, message_space)
    boxes = [
        isinstance(leaf, spaces.Box) for leaf in leaves(spaces.Tuple((own_space, message_space)))
    ]
    assert isinstance(attached, AttachedVector if any(boxes) else AttachedChoices)
    if any(boxes):
        assert isinstance(attached.space, spaces.Box)
        assert attached.space.dtype == np.float32
        assert len(attached.space.shape) == 1
    else:
        assert isinstance(attached.space, spaces.MultiDiscrete)
        assert not attached.space.start.any()


def test_entries_by_hand():
    own = spaces.Tuple([spaces.Discrete(3, start=2), spaces.MultiBinary(2)])
    attached = attached_entries("a", own, spaces.MultiDiscrete([2, 4], start=[0, -1]))
    assert attached.space == spaces.MultiDiscrete([3, 2, 2, 2, 4])
    action, message = attached.parted("a", np.array([2, 1, 0, 1, 0]))
    assert action[0] == 4
    assert action[1].tolist() == [1, 0]
    assert action[1].dtype == np.int8
    assert message.tolist() == [1, -1]
    mixed = attached_entries("a", spaces.Box(-1, 1, (2,), np.float64), spaces.Discrete(3, start=1))
    assert mixed.space.low.tolist() == [-1, -1, 0, 0, 0]
    action, message = mixed.parted("a", [0.5, -1, 0.1, 0.3, 0.2])
    assert action.tolist() == [0.5, -1]
    assert action.dtype == np.float64
    assert message == 2


def test_what_is_beyond_the_bounds():
    attached = attached_entries("a", spaces.Box(-1, 1, (1,)), spaces.Box(0, 1, (1,)))
    own, message = attached.parted("a", [1.5, 1.5])
    # The environment does with its own part what it always does.
    assert own.tolist() == [1.5]
    assert message.tolist() == [1.0]
    whole = attached_entries("a", spaces.Box(0, 9, (2,), np.uint8), spaces.MultiBinary(2))
    own, message = whole.parted("a", [-3.0, 4.6, 0.4, 7.0])
    assert own.tolist() == [0, 5]
    assert own.dtype == np.uint8
    assert message.tolist() == [0, 1]


def test_bounds_that_float32_does_not_have_are_kept():
    # The nearest float32 to 0.1 is greater than it.
    own_space = spaces.Box(-0.1, 0.1, (1,), np.float64)
    attached = attached_entries("a", own_space, spaces.Discrete(2))
    own, _ = attached.parted("a", attached.space.high)
    assert float(np.float32(0.1)) > 0.1
    assert own_space.contains(own)


@pytest.mark.parametrize(
    ("own", "message", "action", "words"),
    [
        (spaces.Discrete(3), spaces.Discrete(2), 1, ["'a'", "MultiDiscrete", "1"]),
        (spaces.Discrete(3), spaces.Discrete(2), [1, 2], ["[1, 2]"]),
        (spaces.Discrete(3), spaces.Discrete(2), [-1, 0], ["[-1, 0]"]),
        (spaces.Discrete(3), spaces.Discrete(2), [0.5, 0], ["[0.5, 0]"]),
        (spaces.Discrete(3), spaces.Discrete(2), [np.nan, 0], ["nan"]),
        (spaces.Discrete(3), spaces.Discrete(2), ["x", 0], ["x"]),
        (spaces.Discrete(3), spaces.Box(-1, 1, (1,)), [1, 0, 0], ["4 numbers"]),
        (spaces.Discrete(3), spaces.Box(-1, 1, (1,)), [1, 0, 0, np.nan], ["nan"]),
        (spaces.Discrete(3), spaces.Box(-1, 1, (1,)), [[1, 0, 0, 0]], ["4 numbers"]),
        (spaces.Discrete(3), spaces.Box(-1, 1, (1,)), {"action": 1}, ["{'action': 1}"]),
        (spaces.Discrete(3), spaces.Box(-1, 1, (1,)), [1, [2]], ["[1, [2]]"]),
    ],
)
def test_a_flat_action_that_is_none(own, message, action, words):
    attached = attached_entries("a", own, message)
    with pytest.raises(InvalidArgumentError) as caught:
        attached.parted("a", action)
    assert_one_sentence(caught.value, *words)


@pytest.mark.parametrize(
    "own", [spaces.Text(3), spaces.Tuple([spaces.Sequence(spaces.Discrete(2))])]
)
def test_actions_that_have_no_flat_form(own):
    with pytest.raises(InvalidArgumentError) as caught:
        attached_entries("a", own, spaces.Discrete(2))
    assert_one_sentence(caught.value, "'a'", 'form="dict"')


@pytest.mark.parametrize(
    "name", [n for n in SPACES if not isinstance(SPACES[n], spaces.Dict | spaces.Tuple)]
)
def test_elements_of_a_space_and_those_of_others(name):
    space = SPACES[name]
    sample = space.sample()
    kept = element(space, sample)
    assert same(kept, sample)
    assert type(kept) is type(sample)
    assert not any(np.shares_memory(array, sample) for array in arrays_in(kept))
    assert same(element(space, np.asarray(sample).tolist()), sample)
    for wrong in (None, "x", {}, np.zeros((7, 7)), np.nan, [[1], [1, 2]]):
        assert element(space, wrong) is None


@pytest.mark.parametrize(
    ("space", "value", "made"),
    [
        (spaces.Box(-1, 1, (2,)), np.array([0.5, 1.0]), [0.5, 1.0]),
        (spaces.Box(-1, 1, (2,)), [1, 0], [1.0, 0.0]),
        (spaces.Box(-1, 1, (2,)), [1.5, 0], None),
        (spaces.Box(-1, 1, (2,)), [1e300, 0], None),
        (spaces.Box(0, 9, (1,), np.uint8), np.array([300]), None),
        (spaces.Box(0, 9, (1,), np.uint8), np.array([7], np.int64), [7]),
        (spaces.Box(0, 9, (1,), np.uint8), [7.0], None),
        (spaces.MultiBinary(2), [True, False], [1, 0]),
        (spaces.MultiBinary(2), [2, 0], None),
        (spaces.Discrete(3), np.array(2), 2),
        (spaces.Discrete(3), 3, None),
        (spaces.Discrete(3), [1], None),
    ],
)
def test_numbers_of_another_type(space, value, made):
    found = element(space, value)
    assert (None if found is None else np.asarray(found).tolist()) == made
    assert found is None or space.contains(found)


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (1, ["'a'", '"message"', "1"]),
        ({"action": 1}, ["message"]),
        ({"message": 1}, ["action"]),
        ([1, 1], ["[1, 1]"]),
        ({"action": 1, "message": 4}, ["'a'", "Discrete(4)", "4"]),
        ({"action": 1, "message": None}, ["None"]),
    ],
)
def test_an_action_without_its_message(action, words):
    attached = AttachedKeys(spaces.Discrete(3), spaces.Discrete(4))
    with pytest.raises(InvalidArgumentError) as caught:
        attached.parted("a", action)
    assert_one_sentence(caught.value, *words)


def test_the_environments_part_of_a_dictionary_is_the_very_object():
    attached = AttachedKeys(spaces.Box(-1, 1, (2,)), spaces.Discrete(4))
    own = object()
    assert attached.parted("a", {"action": own, "message": 3}) == (own, 3)
    assert attached.joined(own, 3) == {"action": own, "message": 3}
