"""`SendMessages`: what it is, what its views look like, and what it refuses."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace
from itertools import cycle
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.spaces.utils import flatten
from hypothesis import given, settings

from environments_under_test import Plain
from failure_api import (
    CommunicationWrapperParallel,
    DelayBasedModel,
    MatrixModel,
    ProbabilisticModel,
    SendMessages,
)
from failure_api.errors import InvalidArgumentError
from failure_api.exchanges import Exchange
from failure_api.serialization.reading import part_from_dict
from failure_api.serialization.writing import part_to_dict
from failure_api.testing import check_wrapper
from helpers import assert_one_sentence
from spaces_under_test import NESTED, SPACES

LOSSY = [ProbabilisticModel(failure_prob=0.5), DelayBasedModel(min_delay=0, max_delay=2)]
MESSAGES = {
    "box": spaces.Box(-1, 1, (2,)),
    "image": spaces.Box(0, 255, (2, 3), np.uint8),
    "no-zero": spaces.Box(2, 5, (1,)),
    "discrete": spaces.Discrete(4),
    "discrete-from-two": spaces.Discrete(3, start=2),
    "multi-binary": spaces.MultiBinary(3),
    "multi-discrete": spaces.MultiDiscrete([2, 3], start=[1, -4]),
}
FORMS = [(form, missing) for form in ("dict", "flat") for missing in ("zero", "hold")]


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", MESSAGES)
@pytest.mark.parametrize(("form", "missing"), [FORMS[0], FORMS[3]])
def test_the_laws_hold_for_every_kind_of_message(name, form, missing):
    check_wrapper(
        lambda: Plain(lengths={"b": 3}, max_cycles=4),
        exchange=SendMessages(MESSAGES[name], form=form, missing=missing),
        steps=5,
    )


@pytest.mark.parametrize("speakers", ["a", "ab"])
def test_the_laws_hold_where_some_of_a_team_that_observes_alike_say_nothing(speakers):
    spoken = dict.fromkeys(speakers, spaces.Discrete(3))
    check_wrapper(lambda: Plain(max_cycles=3), exchange=SendMessages(spoken, form="flat"), steps=4)


class OneDictionary(Plain):
    """Hands out the observations of all rounds in the same dictionary."""

    shown: dict[str, Any] | None = None

    def step(self, actions):
        observations, *rest = super().step(actions)
        self.shown = observations if self.shown is None else self.shown
        self.shown.update(observations)
        return self.shown, *rest


@pytest.mark.parametrize("form", ["dict", "flat"])
def test_what_is_observed_is_that_of_the_round_whatever_holds_it(form):
    exchange = SendMessages(spaces.Discrete(2), form=form)
    env = CommunicationWrapperParallel(OneDictionary(max_cycles=9), [], exchange=exchange)
    env.reset(seed=1)
    for number in range(1, 4):
        views = env.step({agent: env.action_space(agent).sample() for agent in env.agents})[0]
        for agent, view in views.items():
            own = view["observation"] if form == "dict" else view[:2]
            np.testing.assert_array_equal(own, env.unwrapped.content(agent, number))


# In turn, since a form works on all observations alike.
@pytest.mark.sampled(2)
@pytest.mark.parametrize(("name", "form"), zip(SPACES, cycle(["dict", "flat"]), strict=False))
def test_the_laws_hold_whatever_agents_observe(name, form):
    messages = {"a": spaces.Discrete(3), "c": spaces.Box(-1, 1, (2,))}
    check_wrapper(
        lambda: Plain(dict.fromkeys("abc", SPACES[name]), max_cycles=4),
        exchange=SendMessages(messages, form=form),
        steps=5,
    )


@settings(max_examples=20, deadline=None)
@given(NESTED, NESTED)
def test_any_two_spaces_of_observations_in_either_form(one, other):
    for form, missing in FORMS:
        exchange = SendMessages(spaces.MultiBinary(2), form=form, missing=missing)
        env = CommunicationWrapperParallel(Plain({"a": one, "b": other}), LOSSY, exchange=exchange)
        views, _ = env.reset(seed=1)
        for _ in range(4):
            for agent, view in views.items():
                assert env.observation_space(agent).contains(view)
            views = env.step({agent: env.action_space(agent).sample() for agent in env.agents})[0]


TEAM = {"a": spaces.Discrete(4, start=2), "c": spaces.Box(-1, 1, (2,))}
OBSERVED = {"a": spaces.Discrete(3), "b": spaces.Box(-1, 1, (2,)), "c": spaces.MultiBinary(2)}


def said(form, actions):
    """Returns the actions of a team in which b says nothing."""
    if form == "dict":
        attached: dict[Any, Any] = {
            agent: {"action": own, "message": message} for agent, (own, message) in actions.items()
        }
    else:
        hot = np.eye(3)[actions["c"][0]]
        attached = {"a": [actions["a"][0], actions["a"][1] - 2], "c": [*hot, *actions["c"][1]]}
    return {**attached, "b": 0}


def test_the_vector_is_laid_out_as_documented():
    matrix = np.ones((4, 3, 3))
    matrix[2:, 0, 1] = 0  # From a to b, from round 2 on.
    for missing in ("zero", "hold"):
        env = CommunicationWrapperParallel(
            Plain(OBSERVED),
            MatrixModel(matrix=matrix, at_end="hold"),
            exchange=SendMessages(TEAM, form="flat", missing=missing),
        )
        assert env.action_space("a") == spaces.MultiDiscrete([3, 4])
        assert env.action_space("b") == spaces.Discrete(3)
        assert env.action_space("c") == spaces.Box(
            np.float32([0, 0, 0, -1, -1]), np.float32([1, 1, 1, 1, 1])
        )
        space: Any = env.observation_space("b")
        assert space.shape == (2 + (4 + 2) + (2 + 2),)
        assert env.observation_space("a").shape == (3 + (2 + 2),)
        assert env.observation_space("c").shape == (2 + (4 + 2),)
        assert space.low[2:8].tolist() == [0] * 6
        assert space.high[6:8].tolist() == [1, np.inf]
        views, _ = env.reset(seed=1)
        word = 2
        for number in range(4):
            own = env.unwrapped.content("b", number)
            # Nothing has been said in round 0, and from round 2 on nothing arrives.
            heard = {0: None, 1: 2}.get(number, 2 if missing == "hold" else None)
            hot = [float(heard == choice) for choice in range(2, 6)]
            flag, age = float(number < 2), max(number - 1, 0)
            point = [0, 0] if number == 0 else [0.5, -word / 10]
            np.testing.assert_array_equal(
                views["b"], np.float32([*own, *hot, flag, age, *point, 1, 0])
            )
            assert views["b"].dtype == np.float32
            word = 2 + number
            actions = said("flat", {"a": (1, word), "c": (2, (0.5, -word / 10))})
            views = env.step(actions)[0]


def test_the_dictionary_is_laid_out_as_documented():
    env = CommunicationWrapperParallel(Plain(OBSERVED), [], exchange=SendMessages(TEAM))
    assert env.action_space("a") == spaces.Dict(action=spaces.Discrete(3), message=TEAM["a"])
    assert env.action_space("b") == spaces.Discrete(3)
    assert env.observation_space("b") == spaces.Dict(
        observation=OBSERVED["b"],
        # There is room for the zero that stands for nothing.
        messages=spaces.Dict(a=spaces.Discrete(6), c=TEAM["c"]),
        received=spaces.Box(0, 1, (2,)),
        age=spaces.Box(0, np.inf, (2,)),
    )
    views, _ = env.reset(seed=1)
    assert views["b"]["messages"]["a"] == 0
    assert views["b"]["messages"]["c"].tolist() == [0, 0]
    assert views["b"]["received"].tolist() == [1, 1]
    views = env.step(said("dict", {"a": (1, 5), "c": (2, [0.5, 1])}))[0]
    assert views["b"]["messages"]["a"] == 5
    assert views["b"]["messages"]["c"].tolist() == [0.5, 1]
    assert list(views["a"]["messages"]) == ["c"]
    np.testing.assert_array_equal(views["b"]["observation"], env.unwrapped.content("b", 1))


@pytest.mark.parametrize("form", ["dict", "flat"])
def test_who_hears_nobody_sees_its_own_observation(form):
    env = CommunicationWrapperParallel(
        Plain(OBSERVED), [], exchange=SendMessages({"a": spaces.Discrete(2)}, form=form)
    )
    views, _ = env.reset(seed=1)
    own = env.unwrapped.content("a", 0)
    if form == "dict":
        assert views["a"] == {"observation": own}
    else:
        np.testing.assert_array_equal(views["a"], flatten(OBSERVED["a"], own))
    assert env.observation_space("a").contains(views["a"])


def test_it_is_a_value():
    one = SendMessages(spaces.Discrete(4), form="flat")
    assert repr(one) == "SendMessages(space=Discrete(4), form='flat', missing='zero')"
    assert one == SendMessages(space=spaces.Discrete(4), form="flat")
    assert hash(one) == hash(SendMessages(spaces.Discrete(4), form="flat"))
    assert one != SendMessages(spaces.Discrete(5), form="flat")
    assert one != SendMessages({"a": spaces.Discrete(4)}, form="flat")
    assert replace(one, missing="hold").missing == "hold"
    named = SendMessages(TEAM)
    for exchange in (one, named):
        for twin in (pickle.loads(pickle.dumps(exchange)), copy.deepcopy(exchange)):
            assert twin == exchange
            assert hash(twin) == hash(exchange)


def test_a_space_that_changes_later_changes_nothing():
    space = spaces.Box(-1, 1, (2,))
    exchange = SendMessages(space)
    space.low[:] = -7
    assert exchange.space == spaces.Box(-1, 1, (2,))
    env = CommunicationWrapperParallel(Plain(), [], exchange=exchange)
    messages = [env.action_space(agent)["message"] for agent in "ab"]
    # A generator for each agent, as with seeds of their own.
    assert messages[0] is not messages[1]


@pytest.mark.parametrize(
    ("space", "words"),
    [
        (None, ["space", "Discrete"]),
        (4, ["space", "4"]),
        (spaces.Text(3), ["Text"]),
        (spaces.Dict(a=spaces.Discrete(2)), ["Dict"]),
        (spaces.Tuple([spaces.Discrete(2)]), ["Tuple"]),
        (spaces.Discrete(1), ["Discrete(1)"]),
        (spaces.Box(-1, 1, (0,)), ["Box"]),
        ({}, ["space", "{}"]),
        ({"a": 3}, ["space['a']", "3"]),
    ],
)
def test_what_is_no_space_of_messages(space, words):
    with pytest.raises(InvalidArgumentError) as caught:
        SendMessages(space)
    assert_one_sentence(caught.value, *words)


def test_other_words_are_refused():
    with pytest.raises(InvalidArgumentError, match="form must be 'dict' or 'flat'"):
        SendMessages(spaces.Discrete(2), form="vector")
    with pytest.raises(InvalidArgumentError, match="missing must be 'zero' or 'hold'"):
        SendMessages(spaces.Discrete(2), missing="last")


class Writing(Plain):
    """An environment whose actions are words."""

    def action_space(self, agent):
        return spaces.Text(4)


def test_what_does_not_suit_the_environment_is_said_when_it_is_wrapped():
    def wrap(env, exchange):
        return CommunicationWrapperParallel(env, [], exchange=exchange)

    with pytest.raises(InvalidArgumentError) as caught:
        wrap(Plain(), SendMessages({"speaker": spaces.Discrete(2)}))
    assert_one_sentence(caught.value, "'speaker'", "a, b, c")
    with pytest.raises(InvalidArgumentError) as caught:
        wrap(Writing(), SendMessages(spaces.Discrete(2), form="flat"))
    assert_one_sentence(caught.value, "'a'", "Text", 'form="dict"')
    wrap(Writing(), SendMessages(spaces.Discrete(2)))
    told = Plain({"a": spaces.Discrete(2), "b": spaces.Sequence(spaces.Discrete(2))})
    with pytest.raises(InvalidArgumentError) as caught:
        wrap(told, SendMessages(spaces.Discrete(2), form="flat"))
    text = str(caught.value)
    assert "exchange SendMessages" in text
    assert "'b'" in text
    assert "\n" not in text
    wrap(told, SendMessages(spaces.Discrete(2)))


PLAIN = [
    ({"discrete": 4}, spaces.Discrete(4)),
    ({"multi_binary": 3}, spaces.MultiBinary(3)),
    ({"multi_binary": [2, 3]}, spaces.MultiBinary((2, 3))),
    ({"multi_discrete": [2, 5]}, spaces.MultiDiscrete([2, 5])),
    ({"box": [-1.0, 1.0, 3]}, spaces.Box(-1, 1, (3,))),
    ({"box": [0.0, 2.0, 3, 2]}, spaces.Box(0, 2, (3, 2))),
    ({"speaker_0": {"discrete": 3}}, {"speaker_0": spaces.Discrete(3)}),
    ({"agents": [[0, {"discrete": 3}]]}, {0: spaces.Discrete(3)}),
]


@pytest.mark.parametrize(("plain", "space"), PLAIN, ids=str)
def test_spaces_in_plain_data(plain, space):
    exchange = SendMessages(space, missing="hold")
    written = part_to_dict(exchange, ("exchange",), (Exchange,))
    assert written["type"] == "send_messages"
    assert written["space"] == plain
    assert part_from_dict(written, ("exchange",), (Exchange,)) == exchange
    short = {"type": "send_messages", "space": plain}
    assert part_from_dict(short, ("exchange",), (Exchange,)) == SendMessages(space)


@pytest.mark.parametrize(
    ("plain", "words"),
    [
        ({}, ["space", "discrete"]),
        ({"space": 4}, ["space", "4"]),
        ({"space": {"discrete": "four"}}, ["discrete", "four"]),
        ({"space": {"discrete": 0}}, ["discrete"]),
        ({"space": {"box": [-1, 1]}}, ["box"]),
        ({"space": {"box": 3}}, ["box"]),
        ({"space": {"agents": [0]}}, ["[agent, space]"]),
        ({"space": {"discrete": 4}, "from": "flat"}, ["from", "did you mean 'form'?"]),
        ({"space": {"discrete": 4}, "form": "vector"}, ["vector"]),
    ],
)
def test_plain_data_that_is_none(plain, words):
    with pytest.raises(InvalidArgumentError) as caught:
        part_from_dict({"type": "send_messages", **plain}, ("exchange",), (Exchange,))
    assert_one_sentence(caught.value, *words)


@pytest.mark.parametrize(
    "space", [spaces.Discrete(3, start=1), spaces.Box(0, 255, (2,), np.uint8), spaces.Box(0, 1, ())]
)
def test_a_space_that_plain_data_cannot_hold(space):
    with pytest.raises(InvalidArgumentError) as caught:
        part_to_dict(SendMessages(space), ("exchange",), (Exchange,))
    assert_one_sentence(caught.value, "space", "plain data")
