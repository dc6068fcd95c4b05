"""`check_wrapper` says what an environment breaks by itself, and accuses no wrapper of it."""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Callable
from typing import Any

import broken_views
import broken_wrappers as broken
import numpy as np
import pytest
from gymnasium import spaces
from pettingzoo import AECEnv
from pettingzoo.utils.conversions import parallel_to_aec

from environments_under_test import Plain, Subject
from failure_api import CommunicationWrapper, ProbabilisticModel, ShareObservations
from failure_api.errors import EnvironmentLawError, InvalidArgumentError, LawError
from failure_api.testing import check_wrapper
from failure_api.testing.bare_environment import Check, hold
from failure_api.testing.verdict import LAWS, demand
from failure_api.testing.wrapper_trial import Trial

_SYSTEM = random.SystemRandom()


class Chance(Plain):
    """Draws from the operating system, whatever its seed."""

    def content(self, agent, number):
        return np.array([_SYSTEM.random(), 0], dtype=np.float32)


class RareChance(Plain):
    """Is now and then not what it was."""

    def content(self, agent, number):
        content = super().content(agent, number)
        return content if _SYSTEM.random() < 0.8 else -content


class ChanceOfEnding(Plain):
    """Draws from the operating system when an episode ends."""

    def step(self, actions):
        self.max_cycles = self.steps + _SYSTEM.randint(1, 3)
        return super().step(actions)


class DeafToItsSeed(Plain):
    """Starts every episode of the process from the next seed."""

    seeds = itertools.count()

    def reset(self, seed=None, options=None):
        return super().reset(next(self.seeds), options)


class SecondEpisodeNotFixed(Plain):
    """Draws the seed of an episode from the operating system unless one is given."""

    def reset(self, seed=None, options=None):
        drawn = _SYSTEM.randint(0, 1000)
        if seed is None:
            self.lengths = {agent: _SYSTEM.randint(1, 9) for agent in self.possible_agents}
        else:
            self.lengths = {}
        return super().reset(drawn if seed is None else seed, options)


class Leaks(Plain):
    """Goes on where the last episode ended."""

    episodes = 0

    def reset(self, seed=None, options=None):
        self.episodes += 1
        return super().reset(seed, options)

    def content(self, agent, number):
        return super().content(agent, number) / np.float32(self.episodes)


class HoldsALock(Plain):
    """Opens at its reset what neither pickles nor copies."""

    def reset(self, seed=None, options=None):
        self.lock = threading.Lock()
        return super().reset(seed, options)


class HoldsAFunction(Plain):
    """Makes at its reset what copies and does not pickle."""

    def reset(self, seed=None, options=None):
        self.function = lambda: None
        return super().reset(seed, options)


class CopiesToItself(Plain):
    """Hands out itself in place of a copy."""

    def __deepcopy__(self, memo):
        return self


class CopiesWithoutItsSteps(Plain):
    """Leaves behind what it needs to go on, before a reset and after."""

    def __getstate__(self):
        return {name: value for name, value in vars(self).items() if name != "possible_agents"}


class Lists(Plain):
    """Observes lists where its space holds arrays."""

    def content(self, agent, number):
        return super().content(agent, number).tolist()


class Words(Plain):
    """Observes words where its space holds arrays."""

    def content(self, agent, number):
        return "north"


class TooLong(Plain):
    def content(self, agent, number):
        return np.zeros(3, dtype=np.float32)


class OutOfBounds(Plain):
    def content(self, agent, number):
        return super().content(agent, number) + np.float32(2)


class OtherType(Plain):
    def content(self, agent, number):
        return super().content(agent, number).astype(np.float64)


class SameInfos(Plain):
    """Writes to the infos of the last step."""

    def reset(self, seed=None, options=None):
        observations, self.told = super().reset(seed, options)
        return observations, self.told

    def step(self, actions):
        *results, _ = super().step(actions)
        for info in self.told.values():
            info["steps"] = self.steps
        return *results, {agent: self.told[agent] for agent in results[0]}


# The environment, and the law that it breaks first of all.
ODD: list[tuple[type[Plain], int]] = [
    (Chance, 4),
    (RareChance, 4),
    (ChanceOfEnding, 4),
    (DeafToItsSeed, 4),
    (SecondEpisodeNotFixed, 4),
    (Leaks, 9),
    (HoldsALock, 10),
    (HoldsAFunction, 10),
    (CopiesWithoutItsSteps, 10),
    (Words, 1),
    (TooLong, 1),
    (OutOfBounds, 1),
]
APIS: dict[str, Callable[[Any], Any]] = {"parallel": lambda env: env, "aec": parallel_to_aec}


def said_of_environment(make, **options):
    """Returns what is said of an environment that is not its wrapper's fault."""
    with pytest.raises(EnvironmentLawError) as caught:
        check_wrapper(make, **{"steps": 9, **options})
    assert isinstance(caught.value, LawError)
    text = str(caught.value)
    assert text.endswith(".")
    assert "\n" not in text
    return text


@pytest.mark.sampled(2)
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(("api", "form", "steps"), [("parallel", "flat", 9), ("aec", "dict", 15)])
@pytest.mark.parametrize(("kind", "law"), ODD, ids=lambda value: getattr(value, "__name__", ""))
def test_the_environment_is_named_and_not_its_wrapper(kind, law, api, form, steps):
    exchange = ShareObservations(form=form)
    text = said_of_environment(lambda: APIS[api](kind()), exchange=exchange, steps=steps)
    assert text.startswith(f"the bare environment breaks law {law} ({LAWS[law]}), ")


@pytest.mark.sampled(2)
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("kind", [Lists, OtherType, CopiesToItself])
def test_a_wrapper_that_makes_up_for_its_environment_passes(kind):
    check_wrapper(kind, exchange=ShareObservations(form="flat"), steps=9)


@pytest.mark.parametrize(("law", "held"), [(5, False), (9, False), (1, True), (10, True)])
def test_what_a_seed_does_not_fix_is_not_held_against_the_wrapper(law, held):
    """Bare episodes may be alike every time that they are asked, while wrapped ones differ."""
    trial = Trial(Chance, [], None, None, None, 5, 0, ())
    chance = Check(4, lambda trial: demand(4, False, "it differs"))
    unlucky = Check(law, lambda trial: demand(law, trial.bare, "it differs"))
    with pytest.raises(LawError, match=f"^law {law} "):
        hold(trial, [unlucky], lambda trial: None)
    with pytest.raises(LawError) as caught:
        hold(trial, [chance, unlucky], lambda trial: None)
    assert isinstance(caught.value, EnvironmentLawError) is not held
    assert held or f"law {law} " not in str(caught.value)


def test_infos_that_the_environment_writes_to_are_its_own_fault():
    assert "breaks law 7 " in said_of_environment(SameInfos)


@pytest.mark.sampled(5)
@pytest.mark.parametrize(
    ("wrapper", "law"),
    [
        (broken.NeverTicks, 2),
        (broken.SilentlyAccepts, 11),
        (broken_views.VanishingSenders, 1),
        (broken.RemovesTheUnheard, 8),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
@pytest.mark.parametrize("kind", [Chance, Leaks, HoldsALock, SecondEpisodeNotFixed])
def test_a_broken_wrapper_is_accused_of_all_that_its_environment_keeps(kind, wrapper, law):
    api = "aec" if issubclass(wrapper, AECEnv) else "parallel"
    with pytest.raises(LawError, match=f"^law {law} ") as caught:
        check_wrapper(lambda: APIS[api](kind()), wrapper=wrapper, steps=9)
    assert not isinstance(caught.value, EnvironmentLawError)


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    "wrapper", [broken.FreshStreamsOnCopy, broken.OldStreamsOnCopy, broken.CannotTravel]
)
def test_a_wrapper_that_forgets_is_accused_where_ezpickle_builds_the_environment_anew(
    wrapper,
):
    spread = Subject("mpe2", "simple_spread", {"max_cycles": 10})
    with pytest.raises(LawError, match=r"^law 10 "):
        check_wrapper(spread.make, wrapper=wrapper, steps=36)


class MixesTwoStates(CommunicationWrapper):
    """Goes on with an environment that is no longer in play."""

    def __setstate__(self, state):
        self.__dict__.update(state)


def test_a_wrapper_that_mixes_two_states_is_accused():
    spread = Subject("mpe2", "simple_spread", {"max_cycles": 10})
    with pytest.raises(LawError, match=r"^law 10 .*NotResetError"):
        check_wrapper(spread.make, wrapper=MixesTwoStates, steps=12)


def test_several_broken_laws_are_named():
    class Both(Leaks, HoldsALock):
        pass

    text = said_of_environment(Both)
    assert f"breaks law 9 ({LAWS[9]})" in text
    assert f"nor does it keep law 10 ({LAWS[10]})" in text


def test_knights_leak_from_episode_to_episode():
    knights = Subject("pettingzoo.butterfly", "knights_archers_zombies")
    text = said_of_environment(knights.maker("parallel"), steps=8)
    # Here that shows in the episodes that are compared after it was pickled.
    assert f"breaks law 10 ({LAWS[10]})" in text


def test_models_that_do_not_fit_are_refused_on_odd_environments_as_on_others():
    for kind in (Plain, Leaks, Chance):
        with pytest.raises(InvalidArgumentError, match="agent_ids"):
            check_wrapper(kind, ProbabilisticModel(failure_prob=0.5, agent_ids=("nobody",)))


class ComeAndGo(Plain):
    """Agents join in mid-episode, leave, and come back."""

    there = ("ab", "ab", "abc", "ac", "ac", "abc", "bc", "abc", "ab", "abc")

    def reset(self, seed=None, options=None):
        super().reset(seed, options)
        self.agents = list(self.there[0])
        return self._observations(), {agent: {} for agent in self.agents}

    def step(self, actions):
        self.steps += 1
        before, self.agents = self.agents, list(self.there[self.steps])
        told = list(dict.fromkeys([*before, *self.agents]))
        observations = {agent: self.content(agent, self.steps) for agent in told}
        left = {agent: agent not in self.agents for agent in told}
        cut = dict.fromkeys(told, self.steps >= 8)
        if self.steps >= 8:
            self.agents = []
        return observations, dict.fromkeys(told, 0.0), left, cut, {agent: {} for agent in told}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("missing", ["zero", "hold"])
@pytest.mark.parametrize("form", ["dict", "flat"])
def test_agents_may_join_leave_and_come_back(form, missing):
    check_wrapper(ComeAndGo, exchange=ShareObservations(form=form, missing=missing), steps=9)


def test_spaces_of_numbers_that_are_no_arrays_are_no_fault():
    check_wrapper(lambda: Plain(dict.fromkeys("ab", spaces.Discrete(3))), steps=9)
