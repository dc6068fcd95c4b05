"""Gymnasium environments with Tuple spaces, in front of wrappers and back."""

from __future__ import annotations

import pickle
import re

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.utils import EzPickle
from gymnasium.wrappers import TimeLimit
from pettingzoo.test import parallel_api_test, parallel_seed_test

from environments_under_test import Plain
from failure_api import (
    CommunicationWrapper,
    CommunicationWrapperParallel,
    ProbabilisticModel,
    ShareObservations,
)
from failure_api.environments import as_parallel, from_tuple, to_tuple
from failure_api.errors import (
    EnvironmentLawError,
    InvalidArgumentError,
    NotResetError,
    WrongEnvironmentError,
)
from failure_api.testing import check_wrapper
from helpers import assert_one_sentence

HALF = ProbabilisticModel(failure_prob=0.5)
BOX = spaces.Box(-10, 10, (2,))


class Foragers(gymnasium.Env):
    """Three agents that wander by themselves; what it returns is as the test has it.

    Args:
        returns: "lists" of what concerns each agent, "arrays", or "one" of it for all.
        lengths: The step after which each agent ends, in lists and arrays.
        listed: Whether spaces are lists, where they otherwise are Tuples.
    """

    metadata = {"name": "foragers", "render_modes": []}  # noqa: RUF012

    def __init__(self, returns="lists", lengths=(9, 9, 9), listed=False):
        self.returns, self.lengths = returns, lengths
        self.observation_space = spaces.Tuple([BOX] * 3)
        self.action_space = spaces.Tuple([spaces.Discrete(3, start=1)] * 3)
        if listed:
            self.observation_space = list(self.observation_space)
            self.action_space = list(self.action_space)
        self.played = []

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        self.places = self.np_random.uniform(-1, 1, (3, 2))
        return self.observed(), {"time": 0}

    def observed(self):
        return tuple(place.copy() for place in self.places)

    def step(self, action):
        assert isinstance(action, tuple)
        self.steps += 1
        self.played.append(tuple(int(choice) for choice in action))
        self.places = np.clip(self.places + self.np_random.normal(0, 0.1, (3, 2)), -9, 9)
        over = [self.steps >= length for length in self.lengths]
        rewards = [self.steps * place for place in (1.0, 2.0, 3.0)]
        info = {"time": self.steps}
        if self.returns == "one":
            return self.observed(), sum(rewards), over[0], False, info
        if self.returns == "arrays":
            rewards, over = np.array(rewards), np.array(over)
        return self.observed(), rewards, over, [False] * 3, info


@pytest.mark.sampled(3)
@pytest.mark.parametrize("returns", ["lists", "arrays", "one"])
@pytest.mark.parametrize("listed", [False, True], ids=["Tuple", "list"])
def test_a_tuple_environment_keeps_all_laws(returns, listed):
    def make():
        return from_tuple(Foragers(returns, listed=listed))

    check_wrapper(make, steps=12)
    parallel_api_test(make(), num_cycles=20)
    parallel_seed_test(make, num_cycles=20)


@pytest.mark.parametrize("returns", ["lists", "arrays"])
def test_each_agent_has_its_own_of_everything(returns):
    env = from_tuple(Foragers(returns))
    seen, infos = env.reset(seed=3)
    raw = env.unwrapped
    assert isinstance(raw, Foragers)
    assert env.possible_agents == env.agents == ["agent_0", "agent_1", "agent_2"]
    assert seen["agent_1"].dtype == np.float32
    np.testing.assert_allclose(seen["agent_1"], raw.places[1])
    assert infos == {agent: {"time": 0} for agent in env.agents}
    _, rewards, over, cut, infos = env.step({"agent_2": 3, "agent_0": 1, "agent_1": 2})
    assert raw.played == [(1, 2, 3)]
    assert rewards == {"agent_0": 1.0, "agent_1": 2.0, "agent_2": 3.0}
    assert all(type(reward) is float for reward in rewards.values())
    assert not any({**over, **cut}.values())
    assert len(over) == len(cut) == 3
    infos["agent_0"]["time"] = 77
    assert infos["agent_1"] == {"time": 1}


def test_one_reward_and_one_flag_count_for_all():
    env = from_tuple(Foragers("one", lengths=(2,)))
    env.reset(seed=0)
    for end in (False, True):
        _, rewards, over, _, _ = env.step(dict.fromkeys(env.agents, 1))
        assert len(set(rewards.values())) == 1
        assert set(over.values()) == {end}
    assert rewards["agent_2"] == 12.0
    assert env.agents == []
    with pytest.raises(NotResetError, match="call reset"):
        env.step({})


def test_who_has_ended_is_gone_and_acts_as_near_to_zero_as_can_be():
    env = from_tuple(Foragers(lengths=(1, 3, 3)))
    env.reset(seed=0)
    seen, *_ = env.step(dict.fromkeys(env.agents, 3))
    assert set(seen) == {"agent_0", "agent_1", "agent_2"}
    assert env.agents == ["agent_1", "agent_2"]
    seen, rewards, *_ = env.step({"agent_0": 2, "agent_1": 3, "agent_2": 3})
    assert set(seen) == set(rewards) == {"agent_1", "agent_2"}
    assert env.unwrapped.played[-1] == (1, 3, 3)
    env.step(dict.fromkeys(env.agents, 3))
    assert env.agents == []
    env.reset(seed=0)
    assert len(env.agents) == 3


def test_agents_may_be_named():
    env = from_tuple(Foragers(), possible_agents=["x", "y", 3])
    assert set(env.reset()[0]) == {"x", "y", 3}
    with pytest.raises(InvalidArgumentError, match="must name the 3 agents of foragers") as caught:
        from_tuple(Foragers(), possible_agents=["x"])
    assert_one_sentence(caught.value)
    with pytest.raises(InvalidArgumentError, match="list of different agents"):
        from_tuple(Foragers(), possible_agents=["x", "x", "y"])


@pytest.mark.parametrize("kind", ["wrapper", "parallel wrapper"])
def test_wrappers_take_it_as_it_is(kind):
    wrap = CommunicationWrapper if kind == "wrapper" else CommunicationWrapperParallel
    env = wrap(Foragers(), HALF)
    env.reset(seed=1)
    assert env.unwrapped.steps == 0
    assert env.get_communication_state().shape == (3, 3)
    check_wrapper(Foragers, steps=12)


class Masked(Foragers):
    """Allows one action to each agent, by a mask for each in the shared info."""

    def told(self):
        legal = [(self.steps + place) % 3 for place in range(3)]
        return {"action_mask": tuple(np.eye(3, dtype=np.int8)[choice] for choice in legal)}

    def reset(self, *, seed=None, options=None):
        seen, _ = super().reset(seed=seed)
        return seen, self.told()

    def step(self, action):
        before = self.told()["action_mask"]
        assert all(mask[choice - 1] for mask, choice in zip(before, action, strict=True)), action
        *rest, _ = super().step(action)
        return (*rest, self.told())


def test_each_agent_has_its_own_mask():
    env = from_tuple(Masked())
    _, infos = env.reset(seed=0)
    for step in range(3):
        chosen = {agent: 1 + int(np.argmax(infos[agent]["action_mask"])) for agent in env.agents}
        assert list(chosen.values()) == [1 + (step + place) % 3 for place in range(3)]
        *_, infos = env.step(chosen)
    check_wrapper(Masked, steps=12)


def with_(**methods):
    """Returns a `Foragers` with other methods."""
    return type("Odd", (Foragers,), methods)()


def steps_to(result):
    return with_(step=lambda self, action: result(self))


def resets_to(result):
    def reset(self, *, seed=None, options=None):
        Foragers.reset(self, seed=seed)
        return result(self)

    return with_(reset=reset)


@pytest.mark.parametrize(
    "env",
    [
        resets_to(lambda env: env.observed()),
        resets_to(lambda env: (env.observed()[:2], {})),
        resets_to(lambda env: (env.observed(), [{}])),
        resets_to(lambda env: (3, {})),
        steps_to(lambda env: (env.observed(), [1, 1, 1], False, {})),
        steps_to(lambda env: (env.observed(), [1, 1], False, False, {})),
        steps_to(lambda env: (env.observed(), [1.0], False, False, {})),
        steps_to(lambda env: (env.observed(), None, False, False, {})),
        steps_to(lambda env: (env.observed(), "abc", False, False, {})),
        steps_to(lambda env: (env.observed(), [1, None, 1], False, False, {})),
        steps_to(lambda env: (env.observed(), {"agent_0": 1}, False, False, {})),
        steps_to(lambda env: (env.observed(), 1, [False] * 4, False, {})),
        steps_to(lambda env: (env.observed(), 1, False, False, None)),
        steps_to(lambda env: (env.observed(), 1, False, False, {"action_mask": ([1], [1])})),
    ],
    ids=[
        "reset without info",
        "two observations",
        "too few infos",
        "no observations",
        "four results",
        "two rewards",
        "one reward in a list",
        "no reward",
        "text as reward",
        "no reward for one",
        "rewards by agent",
        "four flags",
        "no info",
        "two masks",
    ],
)
def test_what_is_no_gymnasium_is_refused_in_one_sentence(env):
    def play(env):
        env.reset(seed=0)
        env.step(dict.fromkeys(env.agents, 1))

    with pytest.raises(WrongEnvironmentError, match="as gymnasium has it") as caught:
        play(from_tuple(env))
    assert_one_sentence(caught.value)


def test_an_environment_whose_unwrapped_raises_is_named_by_its_class():
    env = with_(unwrapped=property(lambda self: 1 / 0))
    assert from_tuple(env).possible_agents == ["agent_0", "agent_1", "agent_2"]
    with pytest.raises(WrongEnvironmentError) as caught:
        from_tuple(env).unwrapped.close()
    assert_one_sentence(caught.value, "unwrapped of the environment", "ZeroDivisionError")


def test_agents_may_be_named_by_a_generator():
    names = (f"robot_{number}" for number in range(3))
    env = from_tuple(Foragers(), possible_agents=names)
    assert env.possible_agents == ["robot_0", "robot_1", "robot_2"]
    with pytest.raises(InvalidArgumentError, match=re.escape("['a', 'a', 'a'] was given")):
        from_tuple(Foragers(), possible_agents=iter("aaa"))


def test_an_action_for_each_is_demanded():
    env = from_tuple(Foragers())
    env.reset(seed=0)
    with pytest.raises(InvalidArgumentError, match="'agent_1' among them"):
        env.step({"agent_0": 1, "agent_2": 1})


def test_spaces_that_a_reset_changes_are_refused():
    def reset(self, *, seed=None, options=None):
        self.observation_space = spaces.Tuple([spaces.Box(-1, 1, (5,))] * 3)
        return Foragers.reset(self, seed=seed)

    with pytest.raises(WrongEnvironmentError, match="must keep its spaces") as caught:
        from_tuple(with_(reset=reset)).reset(seed=0)
    assert_one_sentence(caught.value)


def test_what_has_no_space_for_each_is_refused():
    single = gymnasium.make("CartPole-v1")
    for refuse in (from_tuple, as_parallel):
        with pytest.raises(WrongEnvironmentError) as caught:
            refuse(single)
        assert_one_sentence(caught.value)
    env = Foragers()
    env.action_space = spaces.Tuple([spaces.Discrete(3)] * 2)
    with pytest.raises(WrongEnvironmentError, match="has 3 to observe and 2 to act"):
        from_tuple(env)


def test_rewards_of_several_objectives_stay_vectors():
    env = from_tuple(steps_to(lambda env: (env.observed(), np.ones((3, 2)), False, False, {})))
    env.reset(seed=0)
    _, rewards, *_ = env.step(dict.fromkeys(env.agents, 1))
    assert rewards["agent_2"].tolist() == [1, 1]


def mortal(**options):
    return Plain(lengths={"b": 2, "c": 4}, **options)


def test_the_way_back_pads_who_has_left_and_says_so():
    env = to_tuple(mortal())
    assert env.n_agents == 3
    assert env.observation_space == spaces.Tuple([spaces.Box(-1, 1, (2,))] * 3)
    seen, info = env.reset(seed=1)
    twin = mortal()
    now, _ = twin.reset(seed=1)
    for step in range(1, 9):
        for agent, observation in zip("abc", seen, strict=True):
            np.testing.assert_array_equal(observation, now.get(agent, np.zeros(2)))
        assert seen in env.observation_space
        assert [info[f"{agent}_alive"] for agent in "abc"] == [
            int(agent in twin.agents) for agent in "abc"
        ]
        seen, rewards, terminated, truncated, info = env.step([0, 1, 2])
        now, gained, *_ = twin.step(dict.fromkeys(twin.agents, 0))
        assert rewards == [gained.get(agent, 0.0) for agent in "abc"]
        assert (terminated, truncated) == (False, step == 8)
    assert all(isinstance(value, int | float) for value in info.values())


def test_the_way_back_leaves_out_what_the_dead_do():
    class Strict(Plain):
        def step(self, actions):
            assert list(actions) == self.agents
            return super().step(actions)

    env = to_tuple(Strict(lengths={"b": 2}))
    env.reset(seed=0)
    assert not any(env.step((0, 1, 2))[2] for _ in range(7))


def test_the_way_back_ends_as_its_agents_do():
    env = to_tuple(Plain(lengths=dict.fromkeys("abc", 3)))
    env.reset(seed=0)
    flags = [env.step((0, 0, 0))[2:4] for _ in range(3)]
    assert flags == [(False, False), (False, False), (True, False)]


def test_there_and_back_is_the_same():
    """Holds a wrapped environment against itself after the way to Tuples and back."""

    def wrapped():
        return CommunicationWrapperParallel(Plain(), HALF)

    one, other = wrapped(), from_tuple(to_tuple(wrapped()))
    assert one.possible_agents == other.possible_agents
    seen, again = one.reset(seed=5)[0], other.reset(seed=5)[0]
    while one.agents:
        assert one.agents == other.agents
        for agent in one.agents:
            assert seen[agent].keys() == again[agent].keys()
            for key in seen[agent]:
                np.testing.assert_array_equal(seen[agent][key], again[agent][key])
        actions = dict.fromkeys(one.agents, 1)
        seen, *told = one.step(actions)
        again, *retold = other.step(actions)
        assert told[:3] == retold[:3]
    assert other.agents == []
    check_wrapper(lambda: from_tuple(to_tuple(Plain())), steps=12)


def test_the_way_back_tells_numbers_and_masks():
    class Telling(Plain):
        def step(self, actions):
            *rest, _ = super().step(actions)
            infos = {a: {"depth": 2.5, "words": "x", "action_mask": [1, 0, 1]} for a in self.agents}
            return (*rest, infos)

    env = to_tuple(Telling(lengths={"a": 1}))
    _, info = env.reset(seed=0)
    assert "action_mask" not in info
    *_, info = env.step((0, 0, 0))
    assert info["b_depth"] == 2.5
    assert "b_words" not in info
    assert info["action_mask"] == (None, [1, 0, 1], [1, 0, 1])
    assert env.action_space.sample(mask=(None, *(np.array(m, np.int8) for m in ([1, 0, 0],) * 2)))


def test_the_way_back_is_used_as_epymarl_does():
    """EPyMARL limits the time, flattens each observation, and adds up what infos hold."""
    flat = ShareObservations(form="flat")
    env = TimeLimit(to_tuple(CommunicationWrapperParallel(mortal(), HALF, exchange=flat)), 5)
    assert env.unwrapped.n_agents == 3
    longest = max(env.observation_space, key=lambda space: space.shape)
    assert max(env.action_space, key=lambda space: space.n).n == 3
    seen, info = env.reset(seed=1)
    totals: dict[str, float] = {}
    for step in range(1, 6):
        rows = zip(env.observation_space, seen, strict=True)
        assert [spaces.flatten(*row).shape for row in rows] == [longest.shape] * 3
        seen, rewards, done, truncated, info = env.step([int(choice) for choice in "012"])
        assert isinstance(sum(rewards), float)
        assert (done, truncated) == (False, step == 5)
        totals = {key: totals.get(key, 0) + value for key, value in info.items()}
    assert totals == {"a_alive": 5, "b_alive": 1, "c_alive": 3}


@pytest.mark.parametrize("action", [3, (0, 0), None, {"a": 0}])
def test_the_way_back_wants_an_action_for_each(action):
    env = to_tuple(Plain())
    env.reset(seed=0)
    with pytest.raises(InvalidArgumentError, match="an action for each of 3 agents") as caught:
        env.step(action)
    assert_one_sentence(caught.value)


def test_to_seed_its_spaces_leaves_the_environment_alone():
    bare, twin = Plain(), Plain()
    env = to_tuple(bare)
    for one in (bare, twin):
        one.action_space("a").seed(3)
    env.action_space.seed(7)
    drawn = [[one.action_space("a").sample() for _ in range(20)] for one in (bare, twin)]
    assert drawn[0] == drawn[1]


class BuiltAnew(EzPickle, Foragers):
    """Its copies are built anew."""

    def __init__(self):
        EzPickle.__init__(self)
        Foragers.__init__(self)


def test_the_copy_of_one_that_is_built_anew_has_to_be_reset():
    env = CommunicationWrapperParallel(BuiltAnew(), HALF)
    env.reset(seed=1)
    twin = pickle.loads(pickle.dumps(env))
    with pytest.raises(NotResetError):
        twin.step(dict.fromkeys(env.possible_agents, 1))
    kept = CommunicationWrapperParallel(Foragers(), HALF)
    kept.reset(seed=1)
    twin = pickle.loads(pickle.dumps(kept))
    twin.step(dict.fromkeys(kept.agents, 1))
    assert twin.unwrapped.steps == 1


def test_an_environment_that_breaks_a_law_is_named():
    class Unseeded(Foragers):
        def observed(self):
            return tuple(np.random.default_rng().uniform(-1, 1, (3, 2)))

    with pytest.raises(EnvironmentLawError, match=r"law 4 \(determinism\)"):
        check_wrapper(Unseeded, steps=6)
