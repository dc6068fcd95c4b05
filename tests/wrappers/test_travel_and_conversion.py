"""Wrapped environments pickle, copy, convert, and go under and over other wrappers."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from pettingzoo.utils.conversions import aec_to_parallel, parallel_to_aec

from environments_under_test import Plain, Subject
from failure_api import (
    CommunicationWrapper,
    CommunicationWrapperParallel,
    DelayBasedModel,
    ProbabilisticModel,
    ShareObservations,
)
from failure_api.testing import check_wrapper

SPREAD = Subject("mpe2", "simple_spread", {"max_cycles": 5})
MODELS = [ProbabilisticModel(failure_prob=0.5), DelayBasedModel(min_delay=0, max_delay=2)]
FLAT = ShareObservations(form="flat", missing="hold")


def cloudpickled(env: Any) -> Any:
    return pickle.loads(pytest.importorskip("cloudpickle").dumps(env))


def pickled(env: Any) -> Any:
    return pickle.loads(pickle.dumps(env))


def onward(env: Any) -> Any:
    """Goes on with the episode, then plays another, and returns all that was heard."""
    heard = []
    for _ in range(2):
        while env.agents:
            views = env.step(dict.fromkeys(env.agents, 1))[0]
            heard.append((views, env.get_communication_state(), env.message_age))
        env.reset()
    return heard


@pytest.mark.parametrize("travel", [pickled, cloudpickled, copy.deepcopy])
@pytest.mark.parametrize("exchange", [None, FLAT], ids=repr)
def test_copies_go_on_in_mid_episode_as_the_original(travel: Any, exchange: Any) -> None:
    env = CommunicationWrapperParallel(Plain(), MODELS, exchange=exchange)
    env.reset(seed=7)
    for _ in range(3):
        env.step(dict.fromkeys(env.agents, 1))
    twin = travel(env)
    assert repr(twin).split("failure_models")[1] == repr(env).split("failure_models")[1]
    for one, other in zip(onward(env), onward(twin), strict=True):
        np.testing.assert_equal(other, one)


@pytest.mark.parametrize("travel", [pickled, cloudpickled, copy.deepcopy])
@pytest.mark.parametrize(
    ("api", "kind"), [("aec", CommunicationWrapper), ("parallel", CommunicationWrapperParallel)]
)
def test_factories_travel_before_the_first_reset(travel: Any, api: str, kind: Any) -> None:
    env = kind(SPREAD.make(api), MODELS)
    twin = travel(env)
    for one in (env, twin):
        one.reset(seed=2)
    np.testing.assert_array_equal(env.get_communication_state(), twin.get_communication_state())
    np.testing.assert_array_equal(env.message_age, twin.message_age)


def test_a_copy_shares_nothing() -> None:
    env = CommunicationWrapperParallel(Plain(), MODELS, exchange=ShareObservations(missing="hold"))
    env.reset(seed=7)
    twin = copy.deepcopy(env)
    list(onward(twin))
    kept = CommunicationWrapperParallel(Plain(), MODELS, exchange=ShareObservations(missing="hold"))
    kept.reset(seed=7)
    for one, other in zip(onward(env), onward(kept), strict=True):
        np.testing.assert_equal(other, one)


def test_conversion_within_and_without_is_the_same() -> None:
    inside = aec_to_parallel(CommunicationWrapper(SPREAD.make(), MODELS))
    outside = CommunicationWrapperParallel(aec_to_parallel(SPREAD.make()), MODELS)
    back = aec_to_parallel(
        parallel_to_aec(CommunicationWrapperParallel(SPREAD.make("parallel"), MODELS))
    )
    views = [env.reset(seed=3)[0] for env in (inside, outside, back)]
    for _ in range(5):
        np.testing.assert_equal(views[1], views[0])
        np.testing.assert_equal(views[2], views[0])
        actions = dict.fromkeys(inside.agents, 2)
        views = [env.step(actions)[0] for env in (inside, outside, back)]
    assert not inside.agents
    assert not outside.agents


def test_a_second_wrapper_goes_over_the_first() -> None:
    env = CommunicationWrapper(SPREAD.make(), MODELS)
    twice = CommunicationWrapper(
        CommunicationWrapper(SPREAD.make(), MODELS), ProbabilisticModel(failure_prob=0.0)
    )
    for one in (env, twice):
        one.reset(seed=1)
    for agent in env.possible_agents:
        np.testing.assert_array_equal(env.observe(agent), twice.observe(agent))


def test_vectorised_by_supersuit() -> None:
    supersuit = pytest.importorskip("supersuit")
    env = CommunicationWrapperParallel(SPREAD.make("parallel"), MODELS, exchange=FLAT)
    vector = supersuit.pettingzoo_env_to_vec_env_v1(env)
    many = supersuit.concat_vec_envs_v1(vector, 2, num_cpus=0, base_class="gymnasium")
    observations, _ = many.reset(seed=1)
    size = 18 + 2 * 20
    assert observations.shape == (6, size)
    for _ in range(7):
        observations, rewards, *_ = many.step(np.zeros(6, dtype=np.int64))
        assert observations.shape == (6, size)
        assert observations.dtype == np.float32
        assert np.isfinite(observations).all()
        assert rewards.shape == (6,)
    many.close()


@pytest.mark.parametrize("api", ["aec", "parallel"])
def test_the_laws_hold_over_stacked_frames(api: str) -> None:
    supersuit = pytest.importorskip("supersuit")
    check_wrapper(lambda: supersuit.frame_stack_v1(SPREAD.make(api), 2), steps=6)


@pytest.mark.parametrize("api", ["aec", "parallel"])
def test_the_laws_hold_over_a_change_of_type(api: str) -> None:
    supersuit = pytest.importorskip("supersuit")
    check_wrapper(lambda: supersuit.dtype_v0(SPREAD.make(api), np.float64), steps=6)


@pytest.mark.parametrize("api", ["aec", "parallel"])
def test_the_laws_hold_over_padding(api: str) -> None:
    supersuit = pytest.importorskip("supersuit")
    tag = Subject("mpe2", "simple_tag", {"max_cycles": 5})
    check_wrapper(lambda: supersuit.pad_observations_v0(tag.make(api)), steps=6)


def test_supersuit_goes_over_the_wrapper() -> None:
    supersuit = pytest.importorskip("supersuit")
    env = CommunicationWrapperParallel(SPREAD.make("parallel"), MODELS, exchange=FLAT)
    stacked = supersuit.frame_stack_v1(env, 3)
    views, _ = stacked.reset(seed=0)
    assert views["agent_0"].shape == (3 * (18 + 2 * 20),)
    views = stacked.step(dict.fromkeys(stacked.agents, 0))[0]
    assert stacked.observation_space("agent_0").contains(views["agent_0"])
