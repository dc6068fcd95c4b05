"""What all adapters have in common."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium import spaces
from test_from_dicts import Walkers
from test_from_tuple import Foragers

from failure_api.environments import as_parallel, to_tuple
from failure_api.environments.adapters.adapter import nearest_to_zero


@pytest.mark.parametrize(
    ("space", "expected"),
    [
        (spaces.Box(-1, 1, (2,)), [0, 0]),
        (spaces.Box(2, 3, (2,), np.int32), [2, 2]),
        (spaces.Box(-9, -4, (1,)), [-4]),
        (spaces.Discrete(3), 0),
        (spaces.Discrete(3, start=5), 5),
        (spaces.Discrete(3, start=-9), -7),
        (spaces.Discrete(3, start=-1), 0),
        (spaces.MultiDiscrete([2, 3], start=[1, -4]), [1, -2]),
        (spaces.MultiBinary(2), [0, 0]),
    ],
    ids=str,
)
def test_what_is_nearest_to_zero_is_an_element(space, expected):
    found = nearest_to_zero(space)
    assert found in space
    assert np.asarray(found).tolist() == expected


def test_what_is_nearest_to_zero_has_the_parts_of_its_space():
    parts = spaces.Dict({"a": spaces.Box(1, 2, (1,)), "b": spaces.Tuple([spaces.Discrete(2)])})
    found = nearest_to_zero(parts)
    assert found in parts
    assert found == {"a": 1.0, "b": (0,)}
    words = spaces.Text(5)
    assert nearest_to_zero(words) == nearest_to_zero(words)
    assert nearest_to_zero(words) in words


@pytest.mark.parametrize("kind", [Walkers, Foragers])
def test_the_environment_behind_it_is_asked(kind):
    class Shown(kind):
        render_mode = "ansi"
        closed = False

        def state(self):
            return np.arange(3)

        def render(self):
            return "a picture"

        def close(self):
            self.closed = True

    env = as_parallel(Shown())
    assert env.state().tolist() == [0, 1, 2]
    assert env.render_mode == "ansi"
    assert env.render() == to_tuple(env).render() == "a picture"
    to_tuple(env).close()
    assert env.unwrapped.closed
    assert "Shown" in repr(env) or "foragers" in repr(env)


@pytest.mark.parametrize("kind", [Walkers, Foragers])
def test_what_the_environment_lacks_is_no_mistake_until_it_is_asked_for(kind):
    env = as_parallel(kind())
    with pytest.raises(NotImplementedError, match="tells no state"):
        env.state()
    env.close()
