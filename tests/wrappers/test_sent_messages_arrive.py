"""When messages that come with actions arrive, and as what: patterns worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from talking_agents import FORMS, NUMBER, action, heard, played

from environments_under_test import Plain
from failure_api import (
    CommunicationWrapperParallel,
    DelayBasedModel,
    GaussianNoiseModel,
    MatrixModel,
    ProbabilisticModel,
    SendMessages,
)

LOSSY = [ProbabilisticModel(failure_prob=0.4), DelayBasedModel(min_delay=0, max_delay=2)]
DOWN = ProbabilisticModel(failure_prob=1.0)


def schedule(*rounds):
    """Returns a model in which everyone's links are up in the rounds that say 1."""
    return MatrixModel(matrix=np.array(rounds, dtype=float)[:, None, None] * np.ones((3, 3)))


@pytest.mark.parametrize(("form", "missing"), FORMS)
@pytest.mark.parametrize("api", ["aec", "parallel"])
def test_what_is_said_in_a_step_is_heard_in_the_round_after_it(form, missing, api):
    for number, views in played(form, missing, [], api):
        for receiver, view in views.items():
            for sender, message in heard(form, view, receiver).items():
                said = 10 * (number - 1) + "abc".index(sender) + 1
                assert message == (said if number else 0)


@pytest.mark.parametrize(("form", "missing"), FORMS)
@pytest.mark.parametrize("api", ["aec", "parallel"])
def test_a_delay_of_two(form, missing, api):
    late = DelayBasedModel(min_delay=2, max_delay=2)
    # Round 0, in which nothing has been said, arrives in round 2.
    patterns = {
        sender: [0, 0, 0] + [10 * t + k for t in range(6)] for k, sender in enumerate("abc", 1)
    }
    for number, views in played(form, missing, late, api):
        for receiver, view in views.items():
            for sender, message in heard(form, view, receiver).items():
                assert message == patterns[sender][number]


@pytest.mark.parametrize(("form", "missing"), FORMS)
def test_losses_by_hand(form, missing):
    up = [0, 1, 0, 0, 1, 1, 0, 0, 0]
    shown = {
        "zero": [0, 1, 0, 0, 31, 41, 0, 0, 0],
        "hold": [0, 1, 1, 1, 31, 41, 41, 41, 41],
    }[missing]
    ages = [1, 0, 1, 2, 0, 0, 1, 2, 3]
    for number, views in played(form, missing, schedule(*up)):
        view = views["b"]
        assert heard(form, view, "b")["a"] == shown[number]
        flag, age = (view["received"][0], view["age"][0]) if form == "dict" else (view[3], view[4])
        assert (flag, age) == (up[number], ages[number])


@pytest.mark.parametrize("form", ["dict", "flat"])
def test_every_link_has_its_own_flag_and_age(form):
    up = np.zeros((3, 3, 3))
    up[0] = 1
    up[1:, 0, 1] = 1  # From a to b alone.
    only = MatrixModel(matrix=up, at_end="hold")
    for number, views in played(form, "zero", only):
        expected = {
            "a": [(0, number), (0, number)],
            "b": [(1, 0), (0, number)],
            "c": [(0, number), (0, number)],
        }
        for receiver, view in views.items():
            shown = (
                list(zip(view["received"], view["age"], strict=True))
                if form == "dict"
                else [tuple(view[3:5]), tuple(view[6:8])]
            )
            assert shown == (expected[receiver] if number else [(1, 0), (1, 0)])


@pytest.mark.parametrize("form", ["dict", "flat"])
def test_who_does_not_act_says_again_what_it_said(form):
    env = CommunicationWrapperParallel(
        Plain(),
        [],
        exchange=SendMessages(NUMBER, form=form),
    )
    env.reset(seed=1)
    env.step({agent: action(form, 0, 7) for agent in "abc"})
    views = env.step({agent: action(form, 0, 8) for agent in "bc"})[0]
    assert heard(form, views["b"], "b") == {"a": 7, "c": 8}
    # The environment itself takes what it is given, and nobody has said anything anew.
    views = env.step({"b": None, "c": action(form, 0, 9)})[0]
    assert heard(form, views["a"], "a") == {"b": 8, "c": 9}


@pytest.mark.parametrize("form", ["dict", "flat"])
def test_episodes_do_not_leak(form):
    env = CommunicationWrapperParallel(
        Plain(),
        [],
        exchange=SendMessages(NUMBER, form=form, missing="hold"),
    )
    for _ in range(2):
        views, _ = env.reset(seed=1)
        assert set(heard(form, views["a"], "a").values()) == {0}
        views = env.step({})[0]
        assert set(heard(form, views["a"], "a").values()) == {0}
        env.step({agent: action(form, 0, 7) for agent in "abc"})


class Recording(Plain):
    """Writes down the actions that it is given."""

    def step(self, actions):
        self.given = dict(actions)
        return super().step(actions)


@pytest.mark.parametrize("form", ["dict", "flat"])
def test_the_environment_gets_its_own_action(form):
    env = CommunicationWrapperParallel(
        Recording(),
        [],
        exchange=SendMessages({"a": NUMBER}, form=form),
    )
    env.reset(seed=1)
    env.step({"a": action(form, 2, 7), "b": 1, "c": 0})
    assert env.unwrapped.given == {"a": 2, "b": 1, "c": 0}
    assert env.unwrapped.action_space("a").contains(env.unwrapped.given["a"])


@pytest.mark.parametrize(("form", "missing"), FORMS)
def test_clean_observations_hold_the_messages_of_the_round(form, missing):
    """They are what the wrapper shows over perfect links, whenever somebody asks."""
    exchange = SendMessages(NUMBER, form=form, missing=missing)
    options: dict[str, Any] = {"lengths": {"b": 3}, "max_cycles": 6}
    failing = CommunicationWrapperParallel(
        Plain(**options),
        [DOWN, *LOSSY],
        noise_models=GaussianNoiseModel(standard_deviation=1.0),
        exchange=exchange,
    )
    perfect = CommunicationWrapperParallel(Plain(**options), [], exchange=exchange)
    for first in (0, 2, 4):
        views, _ = perfect.reset(seed=2)
        failing.reset(seed=2)
        for number in range(6):
            if number >= first:
                np.testing.assert_equal(failing.clean_observations(), views)
                np.testing.assert_equal(failing.clean_observations(), views)
            actions = {agent: action(form, 0, 10 * number + 1) for agent in perfect.agents}
            views = perfect.step(actions)[0]
            failing.step(actions)


@pytest.mark.parametrize("form", ["dict", "flat"])
def test_noise_reaches_messages_alone(form):
    noisy = CommunicationWrapperParallel(
        Plain(),
        [],
        noise_models=GaussianNoiseModel(standard_deviation=5.0),
        exchange=SendMessages(NUMBER, form=form),
    )
    views, _ = noisy.reset(seed=1)
    errors = []
    while noisy.agents:
        for receiver, view in views.items():
            assert noisy.observation_space(receiver).contains(view)
            own = view["observation"] if form == "dict" else view[:2]
            raw = noisy.unwrapped
            np.testing.assert_array_equal(own, raw.content(receiver, raw.steps))
            errors += [message - 500 for message in heard(form, view, receiver).values()]
        views = noisy.step({agent: action(form, 0, 500.0) for agent in noisy.agents})[0]
    later = np.array(errors[6:])
    # 42 errors of standard deviation 5: beyond 40 none comes once in a million such tests.
    assert len(later) == 42
    assert (later != 0).all()
    assert np.abs(later).max() < 40


def test_noise_makes_another_word_of_a_word():
    for form in ("dict", "flat"):
        env = CommunicationWrapperParallel(
            Plain(max_cycles=30),
            [],
            noise_models=GaussianNoiseModel(standard_deviation=3.0),
            exchange=SendMessages(spaces.Discrete(9), form=form),
        )
        env.reset(seed=1)
        words = []
        while env.agents:
            said: Any = {"action": 0, "message": 4} if form == "dict" else [0, 4]
            view = env.step(dict.fromkeys(env.agents, said))[0]["a"]
            words.append(int(view["messages"]["b"] if form == "dict" else view[2:11].argmax()))
            assert env.observation_space("a").contains(view)
            assert form == "dict" or view[2:11].sum() == 1
        assert len(set(words)) > 3
