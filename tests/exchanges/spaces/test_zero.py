"""The zero of a space, and spaces with room for it."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.spaces.utils import flatten_space
from hypothesis import given, settings
from hypothesis import strategies as st
from pettingzoo import ParallelEnv

from failure_api import CommunicationWrapperParallel, ProbabilisticModel, ShareObservations
from failure_api.errors import InvalidArgumentError
from failure_api.exchanges.spaces.zero import with_zero, zero_of
from failure_api.testing import check_wrapper
from spaces_under_test import NESTED, SPACES


def is_zero(value):
    if isinstance(value, dict):
        return all(map(is_zero, value.values()))
    if isinstance(value, tuple):
        return all(map(is_zero, value))
    return bool((value == 0).all())


@settings(max_examples=100, deadline=None)
@given(NESTED, st.integers(0, 1000))
def test_the_new_space_holds_zero_and_all_of_the_old(space, seed):
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
def test_room_for_zero_is_made_once(space):
    roomy = with_zero(space)
    assert with_zero(roomy) == roomy


@pytest.mark.parametrize("name", SPACES)
def test_samples_keep_their_shapes_and_types(name):
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
def test_what_has_no_fixed_shape_has_no_zero(space):
    for function in (zero_of, with_zero):
        with pytest.raises(TypeError, match="has no zero of fixed shape"):
            function(space)


class Mission(np.ndarray):
    """A row of numbers with words."""

    words: str


class Missions(spaces.MultiDiscrete):
    """Holds missions and no other rows of numbers."""

    def sample(self, *_, **__):
        mission = super().sample().view(Mission)
        mission.words = f"go to {mission.tolist()}"
        return mission

    def contains(self, x):
        return isinstance(x, Mission) and super().contains(np.asarray(x))


class Words(spaces.Space):
    """Of no kind of Gymnasium's."""

    def sample(self, *_, **__):
        return "abc"[self.np_random.integers(3)]

    def contains(self, x):
        return isinstance(x, str) and x in ("a", "b", "c")


class Scaled(spaces.Box):
    """A Box with something more to tell."""

    scale = 2.0


@pytest.mark.parametrize("space", [Missions([3, 4]), Words(), Scaled(-1, 1, (2,))])
def test_a_subclass_stays_what_it_is_and_holds_its_zero(space):
    wide = with_zero(space)
    assert type(wide) is type(space)
    assert wide.contains(zero_of(space))
    assert str(zero_of(space)) == str(zero_of(space))


def test_a_subclass_without_zero_is_widened():
    wide = with_zero(Scaled(1, 2, (2,)))
    assert wide.contains(np.zeros(2, np.float32))
    assert wide.contains(np.full(2, 2, np.float32))


class Told(ParallelEnv):
    """Agents observe a picture, and a mission that is no row of numbers like others."""

    metadata = {"name": "told"}  # noqa: RUF012

    def __init__(self):
        self.possible_agents = ["a", "b"]
        self.agents = []
        self._missions = Missions([3, 4])

    def observation_space(self, agent):
        return self._space

    def action_space(self, agent):
        return spaces.Discrete(2)

    @functools.cached_property
    def _space(self):
        return spaces.Dict(picture=spaces.Box(0, 9, (2,)), mission=self._missions)

    def _seen(self):
        seen = {}
        for number, agent in enumerate(self.agents):
            mission = np.array([(self._count + number) % 3, self._count % 4]).view(Mission)
            mission.words = f"go to {mission.tolist()}"
            picture = np.full(2, (self._count + number) % 9, np.float32)
            seen[agent] = {"picture": picture, "mission": mission}
        return seen

    def reset(self, seed=None, options=None):
        self.agents, self._count = list(self.possible_agents), 1
        return self._seen(), {a: {} for a in self.agents}

    def step(self, actions):
        self._count += 1
        over, cut = (dict.fromkeys(self.agents, False) for _ in range(2))
        return self._seen(), dict.fromkeys(self.agents, 0.0), over, cut, {a: {} for a in over}


@pytest.mark.parametrize("failure_prob", [0.0, 0.5])
def test_missions_are_shared_as_they_are(failure_prob):
    env = CommunicationWrapperParallel(Told(), ProbabilisticModel(failure_prob=failure_prob))
    observations, _ = env.reset(seed=1)
    for _ in range(6):
        for agent, seen in observations.items():
            assert seen in env.observation_space(agent)
            for other in seen.values():
                assert isinstance(other["mission"], Mission)
        observations, *_ = env.step({"a": 0, "b": 1})
    check_wrapper(Told)


def test_missions_have_no_flat_form():
    with pytest.raises(InvalidArgumentError, match="ShareObservations cannot share the obs"):
        CommunicationWrapperParallel(Told(), [], exchange=ShareObservations(form="flat"))
