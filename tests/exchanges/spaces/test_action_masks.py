"""The action mask stays outside of the exchange."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium import spaces

from failure_api.exchanges.spaces.actions import ActionMaskSplit, copy_value
from spaces_under_test import SPACES

MASKED = SPACES["masked"]
FURTHER = spaces.Dict(
    observation=spaces.Box(0, 1, (2,)), action_mask=spaces.MultiBinary(3), clock=spaces.Discrete(9)
)


@pytest.mark.parametrize("name", [name for name in SPACES if name != "masked"])
def test_other_observations_have_none(name):
    space = SPACES[name]
    split = ActionMaskSplit(space)
    observation = space.sample()
    assert not split.masked
    assert split.body_space is space
    assert split.body_of(observation) is observation
    assert split.with_body(observation, "body") == "body"
    assert split.enclose(FURTHER) is FURTHER


@pytest.mark.parametrize("space", [MASKED, FURTHER], ids=["mask", "mask-and-more"])
def test_it_opens_and_closes(space):
    split = ActionMaskSplit(space)
    observation = space.sample()
    assert split.masked
    assert split.body_space == space["observation"]
    assert split.body_of(observation) is observation["observation"]
    closed = split.with_body(observation, np.ones(5))
    assert list(closed) == list(observation)
    np.testing.assert_array_equal(closed["observation"], np.ones(5))
    np.testing.assert_array_equal(closed["action_mask"], observation["action_mask"])
    assert not np.shares_memory(closed["action_mask"], observation["action_mask"])
    whole = split.enclose(spaces.Box(0, 1, (5,), np.float64))
    assert whole.contains(closed)


@pytest.mark.parametrize(
    "space",
    [
        spaces.Dict(observation=spaces.Discrete(2)),
        spaces.Dict(action_mask=spaces.MultiBinary(2)),
        spaces.Dict(observations=spaces.Discrete(2), action_mask=spaces.MultiBinary(2)),
    ],
)
def test_both_keys_make_the_convention(space):
    assert not ActionMaskSplit(space).masked


@pytest.mark.parametrize("name", SPACES)
def test_copies_share_nothing(name):
    value = SPACES[name].sample()
    twin = copy_value(value)
    assert type(twin) is type(value)
    np.testing.assert_equal(twin, value)
    if isinstance(value, np.ndarray) and value.shape:
        assert not np.shares_memory(twin, value)
