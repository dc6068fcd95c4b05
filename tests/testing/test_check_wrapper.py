"""`check_wrapper` lets the wrappers pass and names the law that a broken one breaks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import broken_views
import broken_wrappers as broken
import pytest
from pettingzoo import AECEnv

from environments_under_test import KNIGHTS, TICTACTOE, Plain, Subject
from failure_api import DelayBasedModel, ProbabilisticModel, ShareObservations
from failure_api.errors import LawError
from failure_api.testing import check_wrapper
from failure_api.testing.verdict import LAWS

SPREAD = Subject("mpe2", "simple_spread", {"max_cycles": 10})
DICT = ShareObservations()

# The wrapper, the law that it breaks, and where that shows; SPREAD where nothing is said.
BROKEN: list[tuple[type, int, Subject, Any]] = [
    (broken_views.VanishingSenders, 1, SPREAD, DICT),
    (broken_views.DoublePrecision, 1, SPREAD, None),
    (broken_views.NewSpaces, 1, SPREAD, None),
    (broken_views.MaskedMasks, 1, TICTACTOE, None),
    (broken_views.MissingKeys, 1, SPREAD, None),
    (broken.TicksEachTurn, 2, SPREAD, None),
    (broken.TicksTwice, 2, SPREAD, None),
    (broken.NeverTicks, 2, SPREAD, None),
    (broken.PassesEverythingOn, 2, SPREAD, None),
    (broken.DrawsWhenObserved, 3, SPREAD, None),
    (broken.DrawsAtLast, 3, SPREAD, None),
    (broken.Unseeded, 4, SPREAD, None),
    (broken.RepeatsItself, 4, SPREAD, None),
    (broken.TiedToTheEnvironment, 4, SPREAD, None),
    (broken.GlobalRandomness, 4, SPREAD, None),
    (broken.Talkative, 5, SPREAD, None),
    (broken_views.MuteAgentsStandStill, 6, SPREAD, None),
    (broken_views.OwnSensesFail, 6, SPREAD, None),
    (broken_views.SameArrayEveryStep, 7, SPREAD, None),
    (broken_views.SameDictEveryStep, 7, SPREAD, DICT),
    (broken_views.SharedBetweenAgents, 7, SPREAD, DICT),
    (broken_views.HandsOutItsMemory, 7, SPREAD, DICT),
    (broken_views.LinksAreNoCopy, 7, SPREAD, None),
    (broken_views.AgeIsNoCopy, 7, SPREAD, None),
    (broken_views.StateIsNoCopy, 7, SPREAD, None),
    (broken.RemovesTheUnheard, 8, SPREAD, None),
    (broken.TerminatesTheUnheard, 8, SPREAD, None),
    (broken.DeadAgentsListen, 8, KNIGHTS, None),
    (broken.DeadAgentsSpeak, 8, KNIGHTS, None),
    (broken.LastEpisodesLinks, 9, SPREAD, None),
    (broken.CannotTravel, 10, SPREAD, None),
    (broken.FreshStreamsOnCopy, 10, SPREAD, None),
    (broken.OldStreamsOnCopy, 10, SPREAD, None),
    (broken.Trackback, 11, SPREAD, None),
    (broken.SilentlyAccepts, 11, SPREAD, None),
    (broken.Chatters, 11, SPREAD, None),
]


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    ("wrapper", "law", "subject", "exchange"), BROKEN, ids=[row[0].__name__ for row in BROKEN]
)
def test_a_broken_wrapper_is_refused_with_its_law(wrapper, law, subject, exchange):
    api = "aec" if issubclass(wrapper, AECEnv) else "parallel"
    with pytest.raises(LawError) as caught:
        check_wrapper(
            subject.maker(api), exchange=exchange, wrapper=wrapper, steps=36 if api == "aec" else 26
        )
    assert str(caught.value).startswith(f"law {law} ({LAWS[law]}) is broken: ")


def test_each_law_has_a_broken_wrapper():
    assert {law for _, law, _, _ in BROKEN} == set(LAWS)


@pytest.mark.parametrize("api", ["aec", "parallel"])
def test_the_wrappers_pass_to_the_end_of_the_episode(api):
    # In the end everyone is truncated; in AEC they leave one after another.
    check_wrapper(SPREAD.maker(api), steps=36)


def test_a_wrapper_that_forgets_what_is_under_way_is_refused():
    # An environment that EzPickle rebuilds cannot go on in mid-episode, so this one is another.
    with pytest.raises(LawError, match="law 10 "):
        check_wrapper(Plain, wrapper=broken.ForgetsOnCopy, steps=8)


def test_agents_may_die_at_different_times():
    check_wrapper(partial(Plain, lengths={"a": 2, "c": 4}), steps=8)


def test_models_can_be_one_or_several():
    one = ProbabilisticModel(failure_prob=0.3)
    check_wrapper(SPREAD.maker(), one, steps=8)
    check_wrapper(SPREAD.maker(), [one, DelayBasedModel(min_delay=1, max_delay=2)], steps=8)


def test_a_wrapper_of_the_users_own_can_be_checked():
    made: list[Any] = []

    def own(env, models, **options):
        from failure_api import CommunicationWrapper

        made.append(CommunicationWrapper(env, models, **options))
        return made[-1]

    check_wrapper(SPREAD.maker(), wrapper=own, steps=8)
    assert made


def test_an_environment_that_is_deaf_to_its_seed_is_refused():
    seeds = iter(range(1000))
    make: Callable[[], Any] = SPREAD.maker()

    def deaf():
        env = make()
        reset = env.unwrapped.reset
        env.unwrapped.reset = lambda seed=None, options=None: reset(seed=next(seeds))
        return env

    with pytest.raises(LawError):
        check_wrapper(deaf, steps=8)
