"""The checks see what is shown, not only what is reported."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
import pytest
from gymnasium import spaces
from mpe2 import simple_spread_v3
from pettingzoo.utils.conversions import parallel_to_aec

from environments_under_test import Plain
from failure_api import (
    Chain,
    CommunicationModel,
    CommunicationWrapperParallel,
    MaskSegments,
    SendMessages,
    ShareObservations,
)
from failure_api.errors import LawError
from failure_api.exchanges import Codec, Exchange
from failure_api.testing import check_model, check_wrapper

SEGMENTS = {"a": {"b": [1]}, "c": {"a": [0]}}


class NeverMasks(CommunicationWrapperParallel):
    """Reports failures and shows everything."""

    def _views(self, observations):
        return {agent: view.copy() for agent, view in observations.items()}


class ShowsTheLatest(CommunicationWrapperParallel):
    """Shows on every link that brings something what its sender observes now."""

    def _views(self, observations):
        views = super()._views(observations)
        received = self.get_communication_state()
        for place, sender in enumerate(self.possible_agents):
            for agent, view in views.items():
                if received[place, self.possible_agents.index(agent)]:
                    view[sender] = observations[sender].copy()
        return views


class ShowsTheDead(CommunicationWrapperParallel):
    """Shows what dead agents observe, and reports that they are silent."""

    def _views(self, observations):
        views = super()._views(observations)
        for sender in observations.keys() - set(self.agents):
            for view in views.values():
                view[sender] = observations[sender].copy()
        return views


class OneDict(CommunicationWrapperParallel):
    """Returns the same outer dict in every step."""

    def _views(self, observations):
        self.views = getattr(self, "views", {})
        self.views.clear()
        self.views.update(super()._views(observations))
        return self.views


class OneRewardDict(CommunicationWrapperParallel):
    """Returns the same dict of rewards in every step."""

    def step(self, actions):
        observations, rewards, *rest = super().step(actions)
        self.paid = getattr(self, "paid", {})
        self.paid.clear()
        self.paid.update(rewards)
        return observations, self.paid, *rest


class Mishears(CommunicationWrapperParallel):
    """Shows of three words always the next one."""

    def _views(self, observations):
        views = super()._views(observations)
        for view in views.values():
            if isinstance(view, dict):
                for sender, word in view["messages"].items():
                    view["messages"][sender] = (word + 1) % 3
            else:
                view[2:5] = np.roll(view[2:5], 1)
        return views


class SpeaksForOthers(CommunicationWrapperParallel):
    """Has the first agent say what the second one says."""

    def step(self, actions):
        if {"a", "b"} <= actions.keys():
            actions = {**actions, "a": {**actions["a"], "message": actions["b"]["message"]}}
        return super().step(actions)


WORDS = spaces.Discrete(3)


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("wrapper", "law", "environment", "exchange"),
    [
        (NeverMasks, 2, simple_spread_v3.parallel_env, None),
        (ShowsTheLatest, 2, Plain, ShareObservations()),
        (ShowsTheDead, 8, lambda: Plain(lengths={"b": 3}), ShareObservations()),
        (Mishears, 2, Plain, SendMessages(WORDS)),
        (Mishears, 2, Plain, SendMessages(WORDS, form="flat")),
        (SpeaksForOthers, 2, Plain, SendMessages(WORDS)),
        (OneDict, 7, Plain, ShareObservations()),
        (OneRewardDict, 7, Plain, ShareObservations()),
    ],
)
def test_a_wrapper_that_shows_what_it_should_not_is_refused(wrapper, law, environment, exchange):
    with pytest.raises(LawError, match=rf"^law {law} "):
        check_wrapper(environment, exchange=exchange, wrapper=wrapper)


def test_masking_is_sound_where_agents_die():
    exchange = MaskSegments(segments=SEGMENTS)
    check_wrapper(lambda: Plain(lengths={"b": 3}), exchange=exchange)


def test_agents_may_have_numbers_for_names():
    box = spaces.Box(-1, 1, (2,))
    check_wrapper(lambda: parallel_to_aec(Plain(dict.fromkeys(range(3), box))))


@dataclass(frozen=True, kw_only=True)
class Global(CommunicationModel):
    """Draws from somebody else's generator, and does nothing with it."""

    numpy: bool = True

    def step(self, parameters, state, links, context, random_stream):
        np.random.random() if self.numpy else random.random()  # noqa: NPY002
        return state, links


@dataclass(frozen=True, kw_only=True)
class Census(CommunicationModel):
    """Draws once more while the second agent lives."""

    def step(self, parameters, state, links, context, random_stream):
        if context.alive[..., 1].all():
            random_stream.uniform((1,))
        return state, links


@dataclass(frozen=True, kw_only=True)
class CountsInIntegers(CommunicationModel):
    """Takes the round for a Python integer."""

    def step(self, parameters, state, links, context, random_stream):
        late = isinstance(context.round, int) and context.round > 3
        return state, links.lose(context.xp.full(context.shape, late))


@pytest.mark.parametrize(
    ("model", "law"),
    [
        (Global(), 4),
        (Global(numpy=False), 4),
        (Census(), 4),
        (Chain(models=[Census()]), 4),
        (CountsInIntegers(), 1),
    ],
)
def test_a_model_that_looks_elsewhere_is_refused(model, law):
    with pytest.raises(LawError, match=rf"^law {law} "):
        check_model(model)


def test_a_wrapper_with_a_model_that_draws_elsewhere_is_refused():
    with pytest.raises(LawError, match=r"^law 4 .*global generators"):
        check_wrapper(Plain, Global())


SAID = spaces.Box(-np.inf, np.inf, (2,), np.float32)


@dataclass(frozen=True, kw_only=True)
class TellsTwoNumbers(Exchange):
    """Agents see two numbers of each other one, one after the other, or in the wrong order."""

    swapped: bool
    missing: str = "zero"

    def bind(self, team):
        return TwoNumbers(team, dict.fromkeys(team.agent_ids, SAID), self.swapped)


class TwoNumbers(Codec):
    def __init__(self, team, message_spaces, swapped):
        super().__init__(team, message_spaces)
        self.team, self.order = team.agent_ids, -1 if swapped else 1
        size = 2 * len(self.team)
        self.spaces = dict.fromkeys(self.team, spaces.Box(-np.inf, np.inf, (size,), np.float32))

    def say(self, agent, observation, message):
        return observation[:2]

    def see(self, agent, observation, heard):
        others = [heard[other] for other in self.others(agent)]
        return np.concatenate([observation[:2], *others[:: self.order]]).astype(np.float32)

    def own(self, agent, view):
        return view[:2]

    def heard(self, agent, view):
        return dict(zip(self.others(agent), view[2:].reshape(-1, 2), strict=True))

    def others(self, agent):
        return [other for other in self.team if other != agent]


def test_senders_that_are_taken_for_each_other_are_refused():
    check_wrapper(simple_spread_v3.parallel_env, exchange=TellsTwoNumbers(swapped=False), steps=6)
    with pytest.raises(LawError, match=r"without a message|not sent"):
        check_wrapper(
            simple_spread_v3.parallel_env, exchange=TellsTwoNumbers(swapped=True), steps=6
        )
