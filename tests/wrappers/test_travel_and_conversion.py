"""Wrapped environments pickle, copy, convert, and go under and over other wrappers."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from mpe2 import simple_spread_v3
from pettingzoo import AECEnv
from pettingzoo.utils import BaseParallelWrapper, BaseWrapper
from pettingzoo.utils.conversions import aec_to_parallel, parallel_to_aec

from environments_under_test import Plain, Subject, breaking
from failure_api import (
    CommunicationWrapper,
    CommunicationWrapperParallel,
    DelayBasedModel,
    ProbabilisticModel,
    ShareObservations,
)
from failure_api.errors import NotResetError
from failure_api.testing import check_wrapper
from failure_api.wrappers import NoiseWrapper, NoiseWrapperParallel

SPREAD = Subject("mpe2", "simple_spread", {"max_cycles": 5})
MODELS = [ProbabilisticModel(failure_prob=0.5), DelayBasedModel(min_delay=0, max_delay=2)]
FLAT = ShareObservations(form="flat", missing="hold")


def cloudpickled(env):
    return pickle.loads(pytest.importorskip("cloudpickle").dumps(env))


def pickled(env):
    return pickle.loads(pickle.dumps(env))


TRAVELS = [pickled, cloudpickled, copy.deepcopy]
KINDS = [("aec", CommunicationWrapper), ("parallel", CommunicationWrapperParallel)]
REPORTS: dict[str, Any] = {
    "get_communication_state": lambda env: env.get_communication_state(),
    "communication_report": lambda env: env.communication_report(),
    "noise_reports": lambda env: env.noise_reports(),
    "clean_observations": lambda env: env.clean_observations(),
    "links": lambda env: env.links,
    "message_age": lambda env: env.message_age,
    "state": lambda env: env.state(),
}
AEC_REPORTS: dict[str, Any] = {
    "step": lambda env: env.step(0),
    "step of the dead": lambda env: env.step(None),
    "observe": lambda env: env.observe("agent_0"),
    "last": lambda env: env.last(),
    "rewards": lambda env: env.rewards,
    "terminations": lambda env: env.terminations,
    "truncations": lambda env: env.truncations,
    "infos": lambda env: env.infos,
    "agent_selection": lambda env: env.agent_selection,
    **REPORTS,
}
PARALLEL_REPORTS: dict[str, Any] = {
    "step": lambda env: env.step({"agent_0": 0, "agent_1": 0, "agent_2": 0}),
    "step of nobody": lambda env: env.step({}),
    **REPORTS,
}
LAYERS = {
    "none": lambda env: env,
    "base wrapper": lambda env: (
        BaseWrapper(env) if isinstance(env, AECEnv) else BaseParallelWrapper(env)
    ),
    "noisy sensors": lambda env: (
        NoiseWrapper(env, []) if isinstance(env, AECEnv) else NoiseWrapperParallel(env, [])
    ),
    "another wrapper": lambda env: (
        CommunicationWrapper(env, MODELS)
        if isinstance(env, AECEnv)
        else CommunicationWrapperParallel(env, MODELS)
    ),
}


def onward(env):
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
def test_copies_go_on_in_mid_episode_as_the_original(travel, exchange):
    env = CommunicationWrapperParallel(Plain(), MODELS, exchange=exchange)
    env.reset(seed=7)
    for _ in range(3):
        env.step(dict.fromkeys(env.agents, 1))
    twin = travel(env)
    assert repr(twin).split("failure_models")[1] == repr(env).split("failure_models")[1]
    for one, other in zip(onward(env), onward(twin), strict=True):
        np.testing.assert_equal(other, one)


@pytest.mark.parametrize("travel", TRAVELS)
@pytest.mark.parametrize(("api", "kind"), KINDS)
def test_factories_travel_before_the_first_reset(travel, api, kind):
    env = kind(SPREAD.make(api), MODELS)
    twin = travel(env)
    for one in (env, twin):
        one.reset(seed=2)
    np.testing.assert_array_equal(env.get_communication_state(), twin.get_communication_state())
    np.testing.assert_array_equal(env.message_age, twin.message_age)


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("travel", TRAVELS)
@pytest.mark.parametrize(("api", "kind"), KINDS)
def test_what_ezpickle_builds_anew_says_that_it_has_to_be_reset(travel, api, kind, layer):
    env = kind(LAYERS[layer](SPREAD.make(api)), MODELS)
    env.reset(seed=2)
    env.step(1 if api == "aec" else dict.fromkeys(env.agents, 1))
    twin = travel(env)
    assert env.agents == ["agent_0", "agent_1", "agent_2"]
    assert twin.agents == []
    assert twin.num_agents == 0
    for name, report in (AEC_REPORTS if api == "aec" else PARALLEL_REPORTS).items():
        report(env) if name in REPORTS else None
        with pytest.raises(NotResetError) as caught:
            report(twin)
        assert "call reset()" in str(caught.value), name
    for one in (env, twin):
        one.reset()
    # The second episode of the same sequence, whatever became of the first.
    np.testing.assert_array_equal(env.get_communication_state(), twin.get_communication_state())
    assert twin.agents == env.agents
    twin.step(1 if api == "aec" else dict.fromkeys(twin.agents, 1))


@pytest.mark.parametrize("travel", TRAVELS)
def test_layers_around_a_copy_that_has_to_be_reset_do_not_go_on_either(travel):
    env = aec_to_parallel(CommunicationWrapper(SPREAD.make(), MODELS))
    env.reset(seed=2)
    with pytest.raises(NotResetError):
        travel(env).step(dict.fromkeys(env.agents, 1))
    with pytest.raises(NotResetError):
        travel(env).state()


@pytest.mark.parametrize("travel", TRAVELS)
@pytest.mark.parametrize(
    ("api", "kind"), [("aec", NoiseWrapper), ("parallel", NoiseWrapperParallel)]
)
def test_copies_of_sensors_say_that_they_have_to_be_reset(travel, api, kind):
    env = kind(SPREAD.make(api), [])
    env.reset(seed=2)
    twin = travel(env)
    assert twin.agents == []
    with pytest.raises(NotResetError):
        twin.noise_reports()
    with pytest.raises(NotResetError):
        twin.step(0 if api == "aec" else dict.fromkeys(env.agents, 1))


@pytest.mark.parametrize("travel", TRAVELS)
def test_aec_copies_go_on_in_mid_cycle_where_the_environment_keeps_its_state(travel):
    env = CommunicationWrapper(parallel_to_aec(Plain()), MODELS)
    env.reset(seed=7)
    for _ in range(4):
        env.step(1)
    twin = travel(env)
    while env.agents:
        assert twin.agents == env.agents
        assert twin.agent_selection == env.agent_selection
        np.testing.assert_equal(twin.last(), env.last())
        np.testing.assert_array_equal(twin.message_age, env.message_age)
        for one in (env, twin):
            one.step(None if one.truncations[one.agent_selection] else 1)
    assert twin.agents == []


def test_the_state_takes_a_reset():
    for api, kind in KINDS:
        env = kind(SPREAD.make(api), MODELS)
        with pytest.raises(NotResetError):
            env.state()
        env.reset(seed=1)
        bare = SPREAD.make(api)
        bare.reset(seed=1)
        np.testing.assert_array_equal(env.state(), bare.state())


def test_a_copy_shares_nothing():
    env = CommunicationWrapperParallel(Plain(), MODELS, exchange=ShareObservations(missing="hold"))
    env.reset(seed=7)
    twin = copy.deepcopy(env)
    list(onward(twin))
    kept = CommunicationWrapperParallel(Plain(), MODELS, exchange=ShareObservations(missing="hold"))
    kept.reset(seed=7)
    for one, other in zip(onward(env), onward(kept), strict=True):
        np.testing.assert_equal(other, one)


def test_conversion_within_and_without_is_the_same():
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


def test_a_second_wrapper_goes_over_the_first():
    env = CommunicationWrapper(SPREAD.make(), MODELS)
    twice = CommunicationWrapper(
        CommunicationWrapper(SPREAD.make(), MODELS), ProbabilisticModel(failure_prob=0.0)
    )
    for one in (env, twice):
        one.reset(seed=1)
    for agent in env.possible_agents:
        np.testing.assert_array_equal(env.observe(agent), twice.observe(agent))


def test_vectorised_by_supersuit():
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
def test_the_laws_hold_over_stacked_frames(api):
    supersuit = pytest.importorskip("supersuit")
    with breaking(10):
        check_wrapper(lambda: supersuit.frame_stack_v1(SPREAD.make(api), 2), steps=6)


@pytest.mark.parametrize("api", ["aec", "parallel"])
def test_the_laws_hold_over_a_change_of_type(api):
    supersuit = pytest.importorskip("supersuit")
    with breaking(10):
        check_wrapper(lambda: supersuit.dtype_v0(SPREAD.make(api), np.float64), steps=6)


@pytest.mark.parametrize("api", ["aec", "parallel"])
def test_the_laws_hold_over_padding(api):
    supersuit = pytest.importorskip("supersuit")
    tag = Subject("mpe2", "simple_tag", {"max_cycles": 5})
    with breaking(10):
        check_wrapper(lambda: supersuit.pad_observations_v0(tag.make(api)), steps=6)


def test_supersuit_goes_over_the_wrapper():
    supersuit = pytest.importorskip("supersuit")
    env = CommunicationWrapperParallel(SPREAD.make("parallel"), MODELS, exchange=FLAT)
    stacked = supersuit.frame_stack_v1(env, 3)
    views, _ = stacked.reset(seed=0)
    assert views["agent_0"].shape == (3 * (18 + 2 * 20),)
    views = stacked.step(dict.fromkeys(stacked.agents, 0))[0]
    assert stacked.observation_space("agent_0").contains(views["agent_0"])


def test_two_wrappers_of_the_same_model_and_seed_draw_apart():
    inner = CommunicationWrapperParallel(simple_spread_v3.parallel_env(N=3), MODELS[0])
    outer = CommunicationWrapperParallel(inner, MODELS[0])
    outer.reset(seed=3)
    arrived = [env.get_communication_state() for env in (inner, outer)]
    for _ in range(4):
        outer.step(dict.fromkeys(outer.agents, 0))
        arrived += [env.get_communication_state() for env in (inner, outer)]
    assert (np.stack(arrived[::2]) != np.stack(arrived[1::2])).any()
