"""Messages that come with actions, over failing links, in both APIs."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from mpe2 import simple_spread_v3
from pettingzoo.test import api_test, parallel_api_test
from pettingzoo.utils.conversions import aec_to_parallel, parallel_to_aec
from talking_agents import FORMS, NUMBER, action, heard

from environments_under_test import KNIGHTS, PURSUIT, TICTACTOE, Plain, Subject
from failure_api import (
    CommunicationWrapper,
    CommunicationWrapperParallel,
    DelayBasedModel,
    GaussianNoiseModel,
    NoiseWrapperParallel,
    ProbabilisticModel,
    SendMessages,
)
from failure_api.errors import InvalidArgumentError
from helpers import assert_one_sentence

SPREAD = Subject("mpe2", "simple_spread", {"max_cycles": 6})
LOSSY = [ProbabilisticModel(failure_prob=0.4), DelayBasedModel(min_delay=0, max_delay=2)]
WORD = spaces.Discrete(100)


@pytest.mark.parametrize(("form", "missing"), FORMS)
def test_aec_and_parallel_deliver_the_same(form, missing):
    exchange = SendMessages(spaces.MultiDiscrete([3, 4]), form=form, missing=missing)
    inside = aec_to_parallel(CommunicationWrapper(SPREAD.make(), LOSSY, exchange=exchange))
    outside = CommunicationWrapperParallel(aec_to_parallel(SPREAD.make()), LOSSY, exchange=exchange)
    back = aec_to_parallel(
        parallel_to_aec(
            CommunicationWrapperParallel(SPREAD.make("parallel"), LOSSY, exchange=exchange)
        )
    )
    envs = (inside, outside, back)
    views = [env.reset(seed=3)[0] for env in envs]
    draws = [inside.action_space(agent) for agent in inside.possible_agents]
    for space in draws:
        space.seed(4)
    while inside.agents:
        np.testing.assert_equal(views[1], views[0])
        np.testing.assert_equal(views[2], views[0])
        actions = {agent: space.sample() for agent, space in zip(inside.agents, draws, strict=True)}
        views = [env.step(actions)[0] for env in envs]
    assert not outside.agents
    for env in envs:
        for agent in env.possible_agents:
            assert env.action_space(agent) == inside.action_space(agent)
            assert env.observation_space(agent).contains(views[0][agent])


def test_a_turn_based_game_of_players_that_talk():
    env = CommunicationWrapper(TICTACTOE.make(), [], exchange=SendMessages(WORD))
    bare = TICTACTOE.make()
    env.reset(seed=0)
    bare.reset(seed=0)
    first, second = env.possible_agents
    last = {first: 0, second: 0}
    for turn, place in enumerate((4, 0, 8, 2)):
        mover, other = (first, second) if turn % 2 == 0 else (second, first)
        assert env.agent_selection == mover
        env.step({"action": place, "message": 10 + turn})
        bare.step(place)
        last[mover] = 10 + turn
        # Who has not moved since says again what it said last.
        for receiver, sender in ((mover, other), (other, mover)):
            view, plain = env.observe(receiver), bare.observe(receiver)
            assert set(view) == {"observation", "action_mask"}
            np.testing.assert_array_equal(view["action_mask"], plain["action_mask"])
            np.testing.assert_array_equal(view["observation"]["observation"], plain["observation"])
            assert view["observation"]["messages"] == {sender: last[sender]}
            assert env.observation_space(receiver).contains(view)


def test_who_is_dead_acts_with_none_and_says_nothing():
    env = CommunicationWrapper(
        parallel_to_aec(Plain(lengths={"b": 2}, max_cycles=4)), [], exchange=SendMessages(WORD)
    )
    env.reset(seed=0)
    spoken = []
    for agent in env.agent_iter():
        view, _, dead, cut, _ = env.last()
        if agent == "a":
            spoken.append(int(view["messages"]["b"]))
        env.step(None if dead or cut else {"action": 0, "message": 50})
    assert spoken == [0, 50, 0, 0, 0]


def test_in_mid_cycle_messages_are_of_the_round():
    env = CommunicationWrapper(PURSUIT.make(), [], exchange=SendMessages(WORD))
    env.reset(seed=1)
    team = list(env.possible_agents)
    for turn in range(12):
        agent = env.agent_selection
        for shown in (env.last()[0], env.observe(agent), env.clean_observations()[agent]):
            cycle = turn // len(team)
            for other, word in shown["messages"].items():
                assert word == (0 if cycle == 0 else 10 * (cycle - 1) + team.index(other))
        env.step({"action": 4, "message": 10 * (turn // len(team)) + team.index(agent)})


@pytest.mark.parametrize("travel", [lambda env: pickle.loads(pickle.dumps(env)), copy.deepcopy])
@pytest.mark.parametrize(("form", "missing"), FORMS)
def test_copies_go_on_as_the_original_and_share_nothing(travel, form, missing):
    env = CommunicationWrapperParallel(
        Plain(), LOSSY, exchange=SendMessages(NUMBER, form=form, missing=missing)
    )
    env.reset(seed=7)
    for number in range(3):
        env.step({agent: action(form, 0, number) for agent in "abc"})
    twin, idle = travel(env), travel(env)
    while env.agents:
        for one in (env, twin):
            views = one.step({agent: action(form, 0, 50) for agent in one.agents[1:]})[0]
            clean = one.clean_observations()
            if one is env:
                kept = views, clean
        np.testing.assert_equal((views, clean), kept)
    # What the others said later never came to the one that stood still.
    still = idle.step({})[0]
    assert max(heard(form, still["a"], "a").values()) <= 2


@pytest.mark.parametrize("form", ["dict", "flat"])
@pytest.mark.parametrize("api", ["aec", "parallel"])
def test_a_malformed_action_is_one_sentence_and_changes_nothing(form, api):
    exchange = SendMessages(spaces.Discrete(4), form=form)
    kind: Any = CommunicationWrapper if api == "aec" else CommunicationWrapperParallel
    env, twin = (kind(SPREAD.make(api), LOSSY, exchange=exchange) for _ in range(2))
    right: Any = {"action": 1, "message": 3} if form == "dict" else [1, 3]
    wrong: Any = {"action": 1, "message": 4} if form == "dict" else [1, 4]
    for one in (env, twin):
        one.reset(seed=1)
    for number in range(4):
        for bad in (wrong, 1, "say", {"action": 1}):
            with pytest.raises(InvalidArgumentError) as caught:
                # The first agents' actions are right, and still nobody acts.
                env.step(
                    bad if api == "aec" else {"agent_0": right, "agent_1": right, "agent_2": bad}
                )
            assert_one_sentence(
                caught.value, "agent_0" if api == "aec" and number in (0, 3) else "agent_"
            )
        for one in (env, twin):
            one.step(right if api == "aec" else dict.fromkeys(one.agents, right))
        for agent in env.agents:
            if api == "aec":
                np.testing.assert_equal(env.observe(agent), twin.observe(agent))
        assert env.unwrapped.steps == twin.unwrapped.steps


def test_spaces_are_where_wrappers_and_trainers_look_for_them():
    exchange = SendMessages({"agent_0": spaces.Discrete(4)}, form="flat")
    for api, kind in (("aec", CommunicationWrapper), ("parallel", CommunicationWrapperParallel)):
        env: Any = kind(SPREAD.make(api), [], exchange=exchange)
        assert env.action_space("agent_0") == spaces.MultiDiscrete([5, 4])
        assert env.action_space("agent_0") is env.action_space("agent_0")
        assert env.action_spaces["agent_0"] is env.action_space("agent_0")
        assert env.action_space("agent_1") is env.env.action_space("agent_1")
        plain = kind(SPREAD.make(api), [])
        assert plain.action_space("agent_0") is plain.env.action_space("agent_0")


@pytest.mark.parametrize("form", ["dict", "flat"])
def test_pettingzoos_own_tests(form):
    for space in (spaces.Discrete(3), spaces.Box(-1, 1, (2,)), spaces.MultiBinary(2)):
        exchange = SendMessages(space, form=form)
        api_test(CommunicationWrapper(KNIGHTS.make(), LOSSY, exchange=exchange), num_cycles=30)
        parallel_api_test(
            CommunicationWrapperParallel(
                SPREAD.make("parallel", continuous_actions=True), LOSSY, exchange=exchange
            ),
            num_cycles=10,
        )


def test_vectorised_by_supersuit():
    supersuit = pytest.importorskip("supersuit")
    for space, shape in ((spaces.Discrete(3), (2,)), (spaces.Box(-1, 1, (2,)), (7,))):
        env = CommunicationWrapperParallel(
            SPREAD.make("parallel"), LOSSY, exchange=SendMessages(space, form="flat")
        )
        vector = supersuit.pettingzoo_env_to_vec_env_v1(env)
        many = supersuit.concat_vec_envs_v1(vector, 2, num_cpus=0, base_class="gymnasium")
        observations, _ = many.reset(seed=1)
        assert many.action_space.shape == shape
        for _ in range(7):
            observations, *_ = many.step(np.stack([many.action_space.sample() for _ in range(6)]))
            assert observations.dtype == np.float32
            assert np.isfinite(observations).all()
        many.close()


def test_supersuit_goes_over_the_wrapper():
    supersuit = pytest.importorskip("supersuit")
    env = CommunicationWrapperParallel(
        SPREAD.make("parallel"), [], exchange=SendMessages(WORD, form="flat")
    )
    stacked = supersuit.frame_stack_v1(env, 2)
    stacked.reset(seed=0)
    views = stacked.step({agent: np.array([0, 7]) for agent in stacked.agents})[0]
    assert stacked.observation_space("agent_0").contains(views["agent_0"])


def test_faulty_sensors_below_it():
    env = CommunicationWrapperParallel(
        NoiseWrapperParallel(
            simple_spread_v3.parallel_env(), GaussianNoiseModel(standard_deviation=1.0)
        ),
        [],
        exchange=SendMessages(WORD),
    )
    env.reset(seed=1)
    views = env.step({agent: {"action": 0, "message": 42} for agent in env.agents})[0]
    assert views["agent_0"]["messages"] == {"agent_1": 42, "agent_2": 42}
