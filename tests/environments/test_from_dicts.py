"""Environments that speak in dicts by agent: like Parallel ones, and like RLlib's."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from pettingzoo import ParallelEnv
from pettingzoo.test import parallel_api_test, parallel_seed_test

from environments_under_test import Plain
from failure_api import CommunicationWrapper, CommunicationWrapperParallel, ProbabilisticModel
from failure_api.environments import as_parallel, from_dicts, from_rllib
from failure_api.errors import InvalidArgumentError, NotResetError, WrongEnvironmentError
from failure_api.testing import check_wrapper
from helpers import assert_one_sentence

HALF = ProbabilisticModel(failure_prob=0.5)
BOX, CHOICE = spaces.Box(-100, 100, (2,)), spaces.Discrete(3)


def boxes():
    return {agent: spaces.Box(-100, 100, (2,)) for agent in "abc"}


def choices():
    return {agent: spaces.Discrete(3) for agent in "abc"}


class Walkers:
    """Three agents that drift; no `ParallelEnv`, though it could be one."""

    possible_agents = ("a", "b", "c")
    last = 8

    def __init__(self):
        self.boxes, self.choices = boxes(), choices()

    def observation_space(self, agent):
        return self.boxes[agent]

    def action_space(self, agent):
        return self.choices[agent]

    def reset(self, seed=None, options=None):
        if seed is not None or not hasattr(self, "rng"):
            self.rng = np.random.default_rng(seed)
        self.steps, self.agents = 0, list(self.possible_agents)
        return self.observed(), {agent: {"time": 0} for agent in self.agents}

    def observed(self):
        row = self.rng.normal(self.steps, 1, (3, 2)).clip(-99, 99).astype(np.float32)
        return {a: row["abc".index(a)] for a in self.agents}

    def step(self, actions):
        self.took = actions
        self.steps += 1
        seen = self.observed()
        over = dict.fromkeys(seen, self.steps >= self.last)
        self.agents = [agent for agent in self.agents if not over.get(agent)]
        gained = {agent: float(actions.get(agent, 0)) for agent in seen}
        return seen, gained, over, dict.fromkeys(seen, False), {agent: {} for agent in seen}


class SpacesInDicts(Walkers):
    observation_space = action_space = None

    def __init__(self):
        self.observation_spaces, self.action_spaces = boxes(), spaces.Dict(choices())


class OneSpaceForAll(Walkers):
    def __init__(self):
        self.observation_space, self.action_space = boxes()["a"], choices()["a"]


class SpacesByName(Walkers):
    def __init__(self):
        self.observation_space = spaces.Dict(boxes())
        self.action_space = spaces.Dict(choices())


class SpacesAfterReset(Walkers):
    """Builds its world, and with it its agents and spaces, when it is reset."""

    possible_agents = ()
    observation_space = action_space = None

    observation_spaces = action_spaces = None

    def reset(self, seed=None, options=None):
        self.possible_agents = ("a", "b", "c")
        self.observation_spaces = self.observation_spaces or boxes()
        self.action_spaces = self.action_spaces or choices()
        random.random()
        np.random.random()  # noqa: NPY002
        return super().reset(seed, options)


class NoAgents(Walkers):
    """Keeps who is in play for itself, and leaves out whatever is nothing."""

    def reset(self, seed=None, options=None):
        seen, _ = super().reset(seed)
        self.own, self.agents = self.agents, None
        return seen, {}

    def step(self, actions):
        self.agents = self.own
        seen, gained, over, _, _ = super().step(actions)
        self.own, self.agents = self.agents, None
        return seen, gained, {a: True for a, ended in over.items() if ended}, {}, {}


class EveryoneListed(Walkers):
    """Lists all of its agents for ever, b though it has ended."""

    agents = ("a", "b", "c")

    def reset(self, seed=None, options=None):
        seen, infos = super().reset(seed)
        self.agents = list("abc")
        return seen, infos

    def step(self, actions):
        playing = ["a", "b", "c"] if self.steps < 3 else ["a", "c"]
        self.agents = playing
        seen, gained, over, cut, infos = super().step(actions)
        self.agents = list("abc")
        if self.steps == 3:
            over["b"] = True
        return seen, gained, over, cut, infos


class EndsTogether(Walkers):
    def step(self, actions):
        seen, gained, _, _, _ = super().step(actions)
        return seen, gained, {"__all__": self.steps >= self.last}, {"__all__": False}, {}


KINDS = [
    Walkers,
    SpacesInDicts,
    OneSpaceForAll,
    SpacesByName,
    SpacesAfterReset,
    NoAgents,
    EveryoneListed,
    EndsTogether,
]


@pytest.mark.sampled(3)
@pytest.mark.parametrize("kind", KINDS)
def test_it_keeps_all_laws(kind):
    check_wrapper(kind, steps=12)
    parallel_api_test(as_parallel(kind()), num_cycles=20)
    parallel_seed_test(lambda: as_parallel(kind()), num_cycles=20)


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_played_to_its_end(kind):
    env = as_parallel(kind())
    assert isinstance(env, ParallelEnv)
    assert type(env.unwrapped) is kind
    assert env.possible_agents == ["a", "b", "c"]
    assert env.observation_space("b") == BOX
    assert env.action_space("b") == CHOICE
    seen, infos = env.reset(seed=4)
    assert seen.keys() == infos.keys() == set("abc")
    for step in range(1, 9):
        playing = list(env.agents)
        results = env.step(dict.fromkeys(playing, 2))
        assert all(list(result) == playing for result in results)
        assert set(results[1].values()) == {2.0}
        over = {agent for agent, ended in results[2].items() if ended}
        assert over == (set(playing) if step == 8 else {"b"} & over)
        assert env.agents == [agent for agent in playing if agent not in over]
    if kind is EveryoneListed:
        assert playing == ["a", "c"]
    with pytest.raises(NotResetError, match="call reset"):
        env.step({})


def test_the_reset_that_looks_for_spaces_changes_nothing():
    random.seed(3)
    np.random.seed(3)  # noqa: NPY002
    expected = random.random(), np.random.random()  # noqa: NPY002
    random.seed(3)
    np.random.seed(3)  # noqa: NPY002
    env = as_parallel(SpacesAfterReset())
    assert (random.random(), np.random.random()) == expected  # noqa: NPY002
    seen, _ = env.reset(seed=9)
    alone, _ = SpacesAfterReset().reset(seed=9)
    np.testing.assert_array_equal(seen["b"], alone["b"])


def test_one_that_has_all_is_not_reset():
    class Counted(Walkers):
        resets = 0

        def reset(self, seed=None, options=None):
            self.resets += 1
            return super().reset(seed)

    env = as_parallel(Counted())
    assert env.unwrapped.resets == 0


@pytest.mark.parametrize("wrap", [CommunicationWrapper, CommunicationWrapperParallel])
@pytest.mark.parametrize("kind", [Walkers, SpacesAfterReset])
def test_wrappers_take_it_as_it_is(wrap, kind):
    env = wrap(kind(), HALF)
    env.reset(seed=1)
    assert type(env.unwrapped) is kind
    assert env.get_communication_state().shape == (3, 3)


class Visitors(Walkers):
    """b leaves after the first step and comes back with the fourth."""

    def observed(self):
        self.agents = list("ac") if self.steps in (2, 3) else list("abc")
        return super().observed()

    def step(self, actions):
        self.steps += 1
        seen = self.observed()
        over = dict.fromkeys(seen, self.steps == 6)
        if self.steps == 2:
            seen["b"], over["b"] = np.zeros(2, np.float32), True
        self.agents = [agent for agent in seen if not over[agent]]
        return seen, dict.fromkeys(seen, 0.0), over, dict.fromkeys(seen, False), {}


@pytest.mark.parametrize("adapt", [from_dicts, from_rllib])
def test_agents_leave_and_come_back(adapt):
    env = CommunicationWrapperParallel(adapt(Visitors()), [])
    env.reset(seed=0)
    playing, heard = [], []
    for _ in range(6):
        env.step(dict.fromkeys(env.agents, 0))
        playing.append("".join(env.agents))
        heard.append(bool(env.get_communication_state()[1, 0]))
    assert playing == ["abc", "ac", "ac", "abc", "abc", ""]
    assert heard[:5] == [True, False, False, True, True]


def test_who_is_listed_but_not_observed_takes_no_part():
    class Expected(EndsTogether):
        """Lists c all along, though it comes with the third step."""

        def observed(self):
            self.agents = list("abc")
            seen = super().observed()
            return {agent: seen[agent] for agent in ("ab" if self.steps < 3 else "abc")}

    env = as_parallel(Expected())
    env.reset(seed=0)
    playing = ["".join(env.agents)]
    while env.agents:
        env.step(dict.fromkeys(env.agents, 0))
        playing.append("".join(env.agents))
    assert playing == ["ab"] * 3 + ["abc"] * 5 + [""]


def test_agents_that_nobody_has_named_are_given():
    class Nameless(OneSpaceForAll):
        possible_agents = None

        def reset(self, seed=None, options=None):
            self.steps = 0
            return self.observed(), {}

        def observed(self):
            self.agents = list("ac") if self.steps < 3 else list("abc")
            return {agent: np.full(2, self.steps, np.float32) for agent in self.agents}

    env = as_parallel(Nameless(), possible_agents=["a", "b", "c"])
    env.reset(seed=0)
    assert env.agents == ["a", "c"]
    unnamed = as_parallel(Nameless())
    assert unnamed.possible_agents == ["a", "c"]
    unnamed.reset(seed=0)
    for one in (env, unnamed):
        one.step(dict.fromkeys(one.agents, 0))
        one.step(dict.fromkeys(one.agents, 0))
    env.step(dict.fromkeys(env.agents, 0))
    assert env.agents == ["a", "b", "c"]
    with pytest.raises(WrongEnvironmentError, match="but shows 'b'") as caught:
        unnamed.step(dict.fromkeys(unnamed.agents, 0))
    assert_one_sentence(caught.value, "possible_agents=")


def test_a_parallel_environment_comes_back_as_it_is_or_with_agents():
    bare = Plain()
    assert as_parallel(bare) is bare
    env = as_parallel(bare, possible_agents=["c", "b", "a"])
    assert env.possible_agents == ["c", "b", "a"]
    check_wrapper(lambda: as_parallel(Plain(), possible_agents=["c", "b", "a"]), steps=12)
    with pytest.raises(InvalidArgumentError, match="must be a list of different agents") as caught:
        as_parallel(bare, possible_agents="abc")
    assert_one_sentence(caught.value)


class Late(Plain):
    """A `ParallelEnv` that has spaces only after a reset."""

    def __init__(self):
        super().__init__()
        self.later, self.observation_spaces = self.observation_spaces, None

    def reset(self, seed=None, options=None):
        self.observation_spaces = self.later
        return super().reset(seed)


def test_a_parallel_environment_that_is_made_by_its_reset_is_reset_once():
    check_wrapper(lambda: as_parallel(Late()), steps=12)
    with pytest.raises(WrongEnvironmentError, match="reset the environment before"):
        CommunicationWrapperParallel(Late(), HALF)

    class Never(Late):
        def reset(self, seed=None, options=None):
            raise KeyError("level")

    with pytest.raises(WrongEnvironmentError, match="KeyError: 'level'") as caught:
        as_parallel(Never())
    assert_one_sentence(caught.value)


def test_a_set_of_agents_is_put_in_order():
    class Settled(OneSpaceForAll):
        possible_agents = None
        ids = {"c", "a", "b"}  # noqa: RUF012

        def get_agent_ids(self):
            return self.ids

    assert as_parallel(Settled()).possible_agents == ["a", "b", "c"]
    Settled.ids = {10, 9, "x"}
    assert as_parallel(Settled()).possible_agents == [9, 10, "x"]


class Seedless(Walkers):
    """Is seeded by a method of its own, as in older days."""

    def reset(self):
        return super().reset(self.__dict__.pop("sown", None))

    def seed(self, seed):
        self.sown = seed


def test_one_with_an_older_way_of_seeding_keeps_all_laws():
    check_wrapper(Seedless, steps=12)
    env = as_parallel(Seedless())
    first, again = (env.reset(seed=3)[0]["a"] for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert (env.reset(options={"x": 1})[0]["a"] != first).any()


def with_(**methods):
    """Returns `Walkers` with other methods."""
    return type("Odd", (Walkers,), methods)()


@pytest.mark.parametrize(
    "env",
    [
        with_(reset=lambda self, seed=None, options=None: Walkers.reset(self, seed)[0]),
        with_(reset=lambda self, seed=None, options=None: (1, 2)),
        with_(step=lambda self, actions: Walkers.step(self, actions)[:4]),
        with_(step=lambda self, actions: (1, 2, 3, 4, 5)),
        with_(step=lambda self, actions: ({"z": 1}, {}, {}, {}, {})),
        with_(observation_space=lambda self, agent: None),
        with_(action_space=lambda self, agent: "left or right"),
        with_(possible_agents=(), reset=lambda self, seed=None, options=None: ({}, {})),
    ],
    ids=[
        "reset without infos",
        "numbers from reset",
        "four results",
        "five numbers",
        "an unknown agent",
        "no observation space",
        "no action space",
        "no agents",
    ],
)
def test_what_does_not_keep_to_it_is_refused_in_one_sentence(env):
    def play(env):
        env = as_parallel(env)
        env.reset(seed=0)
        env.step(dict.fromkeys(env.agents, 0))

    with pytest.raises(WrongEnvironmentError) as caught:
        play(env)
    assert_one_sentence(caught.value)


@pytest.mark.parametrize("env", [None, 3, "env", Walkers, object(), dict.fromkeys("ab")])
def test_what_is_no_environment_is_refused_in_one_sentence(env):
    for take in (as_parallel, from_rllib, from_dicts):
        with pytest.raises(WrongEnvironmentError) as caught:
            take(env)
        assert_one_sentence(caught.value)
    with pytest.raises(WrongEnvironmentError, match="CommunicationWrapperParallel wraps"):
        CommunicationWrapperParallel(env, HALF)


class Turns:
    """Two agents act in turns, a third joins late; made like RLlib's `MultiAgentEnv`."""

    def __init__(self):
        self.agents = self.possible_agents = ["north", "south", "west"]
        self.acted = []
        rows = zip(self.agents, boxes().values(), choices().values(), strict=True)
        self.spaces = {agent: pair for agent, *pair in rows}

    def get_observation_space(self, agent):
        return self.spaces[agent][0]

    def get_action_space(self, agent):
        return self.spaces[agent][1]

    def reset(self, *, seed=None, options=None):
        if seed is not None or not hasattr(self, "rng"):
            self.rng = np.random.default_rng(seed)
        self.time = 0
        return {"north": self.seen()}, {"__common__": {"x": 1}}

    def seen(self):
        return self.rng.normal(self.time, 1, 2).clip(-99, 99).astype(np.float32)

    def step(self, action_dict):
        self.acted.append(dict(action_dict))
        self.time += 1
        acting = ["north", "south"][self.time % 2]
        seen: dict[str, Any] = {acting: self.seen()}
        if self.time >= 3:
            seen["west"] = self.seen()
        over = {"__all__": self.time == 7}
        if self.time == 5:
            over["west"] = True
        return seen, {acting: 1.5}, over, {"__all__": False}, {acting: {"time": self.time}}


def test_an_rllib_environment_keeps_all_laws():
    check_wrapper(Turns, steps=12)
    parallel_seed_test(lambda: as_parallel(Turns()), num_cycles=20)


def test_who_waits_stays_and_hears():
    env = CommunicationWrapperParallel(Turns(), [])
    raw = env.unwrapped
    seen, infos = env.reset(seed=0)
    assert env.agents == ["north"]
    assert infos == {"north": {"acts": True}}
    first = seen["north"]["north"]
    seen, gained, over, cut, infos = env.step({"north": 2})
    assert env.agents == ["north", "south"]
    np.testing.assert_array_equal(seen["north"]["north"], first)
    np.testing.assert_array_equal(seen["north"]["south"], seen["south"]["south"])
    assert gained == {"north": 0.0, "south": 1.5}
    assert infos == {"north": {"acts": False}, "south": {"time": 1, "acts": True}}
    assert over == cut == {"north": False, "south": False}
    env.step({"north": 0, "south": 1})
    assert raw.acted == [{"north": 2}, {"south": 1}]
    env.step(dict.fromkeys(env.agents, 0))
    assert env.agents == ["north", "south", "west"]
    env.step(dict.fromkeys(env.agents, 0))
    _, _, over, _, _ = env.step(dict.fromkeys(env.agents, 0))
    assert over == {"north": False, "south": False, "west": True}
    assert env.agents == ["north", "south"]
    # It is observed again, and so takes part again.
    env.step(dict.fromkeys(env.agents, 0))
    assert env.agents == ["north", "south", "west"]
    seen, _, over, _, _ = env.step(dict.fromkeys(env.agents, 0))
    assert all(over.values())
    assert set(over) == set(seen) == {"north", "south", "west"}
    assert env.agents == []
    env.reset(seed=0)
    assert env.agents == ["north"]


def test_cut_off_for_all_is_cut_off_for_each():
    class Cut(Turns):
        def step(self, action_dict):
            seen, gained, *_ = super().step(action_dict)
            return seen, gained, {"__all__": False}, {"__all__": self.time == 2}, {}

    env = from_rllib(Cut())
    env.reset(seed=0)
    env.step({"north": 0})
    _, _, over, cut, _ = env.step({"north": 0, "south": 0})
    assert set(over.values()) == {False}
    assert set(cut.values()) == {True}
    assert env.agents == []
