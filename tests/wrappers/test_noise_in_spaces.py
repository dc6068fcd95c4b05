"""Noise in observations of every kind: they stay in their spaces; and what noise may not do."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from pettingzoo.utils.conversions import parallel_to_aec

from environments_under_test import MPE, PURSUIT, Plain
from failure_api import (
    CommunicationWrapper,
    CommunicationWrapperParallel,
    MaskSegments,
    ProbabilisticModel,
    ShareObservations,
)
from failure_api.errors import InvalidArgumentError, ModelError, NotResetError
from failure_api.exchanges import Codec, Exchange
from failure_api.testing import check_wrapper
from failure_api.testing.verdict import same
from helpers import Scripted, assert_one_sentence
from noises import Add, Attacks, Counts, Normal, Returns, Wanders

MIXED: dict[Any, spaces.Space[Any]] = {
    "image": spaces.Box(0, 255, (4, 5, 3), np.uint8),
    "choice": spaces.Discrete(5, start=-2),
    "choices": spaces.MultiDiscrete([3, 4], start=[2, -6]),
    "flags": spaces.MultiBinary((2, 2)),
    "bits": spaces.Box(0, 1, (3,), np.bool_),
    "far": spaces.Box(np.iinfo(np.int64).min, np.iinfo(np.int64).max, (2,), np.int64),
    "nested": spaces.Dict(
        place=spaces.Box(-1, 1, (2,)),
        inner=spaces.Tuple([spaces.Discrete(3, start=1), spaces.Box(0, 9, (), np.float64)]),
    ),
    "masked": spaces.Dict(
        observation=spaces.Box(0, 1, (2, 2), np.int8), action_mask=spaces.Box(0, 1, (3,), np.int8)
    ),
}
# A vector of numbers beyond 2**24 is refused by the space that float32 makes of it.
FLAT = {agent: space for agent, space in MIXED.items() if agent != "far"}
SPREAD = next(subject for subject in MPE if subject.name == "simple_spread")


@pytest.mark.sampled(1)
@pytest.mark.parametrize("missing", ["zero", "hold"])
@pytest.mark.parametrize("size", [0.4, 3.0, 1e20])
@pytest.mark.parametrize("form", ["dict", "flat"])
def test_observations_stay_in_their_spaces(form, size, missing):
    team = MIXED if form == "dict" else FLAT
    exchange = ShareObservations(form=form, missing=missing)
    check_wrapper(
        lambda: Plain(team),
        ProbabilisticModel(failure_prob=0.3),
        noise_models=Normal(size=size),
        exchange=exchange,
        steps=6,
    )


@pytest.mark.parametrize("form", ["dict", "flat"])
def test_each_kind_of_number_is_moved_as_it_says(form):
    env = CommunicationWrapperParallel(
        Plain(FLAT), [], noise_models=Add(), exchange=ShareObservations(form=form)
    )
    views, _ = env.reset(seed=3)
    body = views["image"]
    if form == "flat":
        # The one-hot of the least choice or the next one: one further, until there is none.
        start = 60
        one_hot = body[start : start + 5]
        expected = min(env.unwrapped.content("choice", 0) + 1, 2)
        assert one_hot.tolist() == [float(expected == value) for value in range(-2, 3)]
        return
    bare = {agent: env.unwrapped.content(agent, 0) for agent in FLAT}
    assert body["choice"] == min(bare["choice"] + 1, 2)
    assert body["choice"].dtype == np.int64
    assert body["choices"].tolist() == np.minimum(bare["choices"] + 1, [4, -3]).tolist()
    assert body["flags"].all()
    assert body["bits"].all()
    assert body["bits"].dtype == bool
    np.testing.assert_array_equal(
        body["nested"]["place"], np.minimum(bare["nested"]["place"] + 1, 1)
    )
    assert body["masked"].all()
    # The receiver's own.
    assert same(body["image"], bare["image"])
    assert same(views["masked"]["action_mask"], bare["masked"]["action_mask"])
    assert same(views["masked"]["observation"]["masked"], bare["masked"]["observation"])
    image = views["choice"]["image"]
    assert image.dtype == np.uint8
    # 255 stays 255, where wrapping around would make it 0.
    np.testing.assert_array_equal(image, np.minimum(bare["image"].astype(int) + 1, 255))


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float16, np.float64])
def test_segments_of_every_type(dtype):
    team = dict.fromkeys("ab", spaces.Box(0, 9, (2, 2), dtype))
    exchange = MaskSegments(segments={"a": {"b": [1, 2]}})
    env = CommunicationWrapperParallel(Plain(team), [], noise_models=Add(), exchange=exchange)
    views, _ = env.reset(seed=1)
    bare = env.unwrapped.content("a", 0)
    expected = bare.ravel().copy()
    expected[1:3] = np.minimum(expected[1:3] + dtype(1), 9)
    np.testing.assert_array_equal(views["a"], expected.reshape(2, 2), strict=True)
    np.testing.assert_array_equal(views["b"], env.unwrapped.content("b", 0), strict=True)


LENGTHS = {"a": {"b": [0, 1, 2], "c": [3]}, "b": {"a": [2]}, "c": {"b": [0]}}


def lengths(env):
    """Returns segments that might move, and do not."""
    return LENGTHS


@pytest.mark.parametrize("segments", [LENGTHS, lengths], ids=["fixed", "moving"])
def test_segments_of_several_types_and_lengths(segments):
    team = {
        "a": spaces.Box(0, 9, (4,), np.int16),
        "b": spaces.Box(-1, 1, (3,)),
        "c": spaces.Box(-5, 5, (2,), np.float64),
    }
    exchange = MaskSegments(segments=segments)
    check_wrapper(lambda: Plain(team), noise_models=Normal(size=3.0), exchange=exchange, steps=8)
    env = CommunicationWrapperParallel(Plain(team), [], noise_models=Add(), exchange=exchange)
    views, _ = env.reset(seed=1)
    bare = {agent: env.unwrapped.content(agent, 0) for agent in team}
    np.testing.assert_array_equal(views["a"], np.minimum(bare["a"] + 1, 9), strict=True)
    assert views["b"][:2].tolist() == bare["b"][:2].tolist()
    assert views["b"][2] == min(bare["b"][2] + np.float32(1), 1)


def in_and_out_of_sight(env):
    """Returns segments of which one is never the same twice."""
    if env.steps % 2:
        return {"a": {"b": [0, 1]}}
    return {"a": {"c": [1, 2]}} if env.steps % 4 else {"a": {"c": [2, 1], "b": [0, 3]}}


def in_sight(env):
    """Returns what the function above returns after the first step."""
    return {"a": {"b": [0, 1]}}


def test_segments_that_move_out_of_sight():
    team = dict.fromkeys("abc", spaces.Box(-9, 9, (4,)))
    exchange = MaskSegments(segments=in_and_out_of_sight, missing="hold")
    check_wrapper(lambda: Plain(team), noise_models=Wanders(), exchange=exchange, steps=8)
    views = []
    for segments in (in_sight, in_and_out_of_sight):
        env = CommunicationWrapperParallel(
            Plain(team), [], noise_models=Normal(), exchange=MaskSegments(segments=segments)
        )
        env.reset(seed=2)
        views.append(env.step(dict.fromkeys("abc", 0))[0]["a"])
    # What was in sight before has moved no draw.
    np.testing.assert_array_equal(*views)
    assert not np.array_equal(views[0], env.unwrapped.content("a", 1))


def test_held_content_keeps_to_where_it_came_from():
    low = np.array([10, 10, -1, -1], dtype=np.float32)
    team = dict.fromkeys("abc", spaces.Box(low, low + 1))
    exchange = MaskSegments(segments=seen_once, missing="hold")
    env = CommunicationWrapperParallel(Plain(team), [], noise_models=Add(), exchange=exchange)
    env.reset(seed=2)
    actions = dict.fromkeys("abc", 0)
    env.step(actions)
    view = env.step(actions)[0]["a"]
    assert view[:2].tolist() == [11, 11]


def seen_once(env):
    """Returns segments of one agent that is out of sight after the first step."""
    return {"a": {"c": [2]}} if env.steps == 1 else {"a": {"b": [0, 1]}}


def test_a_moment_within_a_cycle_shows_what_was_received():
    env = CommunicationWrapper(PURSUIT.make(), [], noise_models=Add(), exchange=ShareObservations())
    env.reset(seed=1)
    first, second, third = env.possible_agents
    before = env.observe(third)
    env.step(0)
    after = env.observe(third)
    assert same(before[first], after[first])
    assert same(before[second], after[second])


@pytest.mark.parametrize(
    "exchange",
    [
        ShareObservations(),
        MaskSegments(segments=in_and_out_of_sight),
        MaskSegments(segments=in_sight),
    ],
    ids=["dict", "moving", "still"],
)
@pytest.mark.parametrize("travel", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_it_travels(exchange, travel):
    team = dict.fromkeys("abc", spaces.Box(-9, 9, (4,)))
    env = CommunicationWrapperParallel(
        Plain(team), ProbabilisticModel(failure_prob=0.2), noise_models=Wanders(), exchange=exchange
    )
    env.reset(seed=1)
    actions = dict.fromkeys(env.agents, 0)
    env.step(actions)
    twin = travel(env)
    assert same(env.step(actions)[0], twin.step(actions)[0])
    assert same(env.reset()[0], twin.reset()[0])


def test_what_models_count_can_be_read():
    env = CommunicationWrapper(
        parallel_to_aec(Plain()),
        ProbabilisticModel(failure_prob=0.5),
        noise_models=[Counts(), Attacks(), Add()],
    )
    with pytest.raises(NotResetError):
        env.noise_reports()
    for seed in (1, 2):
        env.reset(seed=seed)
        arrived = env.get_communication_state().sum()
        for _ in "abc":
            env.step(0)
        arrived += env.get_communication_state().sum()
        found = env.noise_reports()
        assert found == {"Counts": {"arrived": arrived}, "Attacks": {"attack_share": 0.25}}


def test_the_wrapper_says_which_noise_models_it_has():
    assert "noise_models=[Add(agent_ids=None, amount=2)], exchange=" in repr(
        CommunicationWrapper(SPREAD.make(), [], noise_models=Add(amount=2))
    )
    assert "noise_models=[], exchange=" in repr(CommunicationWrapper(SPREAD.make(), []))


def refusal(action, kind):
    with pytest.raises(kind) as caught:
        action()
    assert_one_sentence(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("noise", [None, "noise", [0.5], ProbabilisticModel(failure_prob=0.5)])
@pytest.mark.parametrize("api", ["aec", "parallel"])
def test_what_are_no_noise_models(noise, api):
    kind = CommunicationWrapper if api == "aec" else CommunicationWrapperParallel
    env = SPREAD.make(api)
    text = refusal(lambda: kind(env, [], noise_models=noise), InvalidArgumentError)
    assert text.startswith("noise_models ")


@pytest.mark.parametrize(
    "exchange", [None, ShareObservations(), ShareObservations(form="flat")], ids=str
)
def test_unknown_agents_are_found_when_it_is_wrapped(exchange):
    noise = Add(agent_ids=["agent_7"])
    text = refusal(
        lambda: CommunicationWrapper(SPREAD.make(), [], noise_models=noise, exchange=exchange),
        InvalidArgumentError,
    )
    assert "'agent_7'" in text


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    "exchange", [None, ShareObservations(), ShareObservations(form="flat")], ids=str
)
def test_numbers_that_are_none(exchange, value):
    def result(state, content):
        rounds = (state or 0) + 1
        bad = content.copy()
        # Where nothing can arrive nobody minds.
        bad[0, 0] = np.nan
        if rounds == 3:
            bad[0, 1, 0] = value
        return rounds, bad

    env = CommunicationWrapperParallel(
        SPREAD.make("parallel"), [], noise_models=Returns(result=result), exchange=exchange
    )
    env.reset(seed=1)
    actions = dict.fromkeys(env.agents, 0)
    views = env.step(actions)[0]
    assert all(env.observation_space(agent).contains(view) for agent, view in views.items())
    text = refusal(lambda: env.step(actions), ModelError)
    assert "Returns must" in text
    assert "round 2" in text
    assert "'agent_1'" in text
    assert str(value) in text


class Deaf(Exchange):
    """Knows nothing of noise, as an exchange of one's own may."""

    def bind(self, team):
        return Words(team)


class Words(Codec):
    def __init__(self, team):
        super().__init__(team, dict.fromkeys(team.agent_ids, spaces.Text(9)))
        self.spaces = dict(team.spaces)

    def say(self, agent, observation, message):
        return str(agent)

    def see(self, agent, observation, heard):
        return copy.deepcopy(observation)

    def own(self, agent, view):
        return view

    def heard(self, agent, view):
        return {}


def test_an_exchange_that_knows_nothing_of_noise():
    bare = Plain()
    env = CommunicationWrapperParallel(bare, ProbabilisticModel(failure_prob=0.5), exchange=Deaf())
    env.reset(seed=1)
    text = refusal(
        lambda: CommunicationWrapperParallel(bare, [], noise_models=Add(), exchange=Deaf()),
        InvalidArgumentError,
    )
    assert "Text" in text
    noisy = Scripted(noises=np.ones((9, 3, 3)))
    env = CommunicationWrapperParallel(bare, noisy, exchange=Deaf())
    assert "Text" in refusal(lambda: env.reset(seed=1), InvalidArgumentError)
