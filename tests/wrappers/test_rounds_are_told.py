"""What wrappers tell of every round: to a function, and in each agent's info."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from mpe2 import simple_spread_v3
from pettingzoo.test import api_test, parallel_api_test

from failure_api import (
    CommunicationWrapper,
    CommunicationWrapperParallel,
    DelayBasedModel,
    ProbabilisticModel,
    ShareObservations,
)
from failure_api.errors import InvalidArgumentError
from failure_api.testing.verdict import same
from helpers import assert_one_sentence

LOSS = [ProbabilisticModel(failure_prob=0.4), DelayBasedModel(max_delay=2)]
TOLD = {"link_arrived", "link_age", "link_bits"}


def parallel(**options):
    return CommunicationWrapperParallel(simple_spread_v3.parallel_env(), LOSS, **options)


def aec(**options):
    return CommunicationWrapper(simple_spread_v3.env(), LOSS, **options)


def steps(env, count):
    for _ in range(count):
        if isinstance(env, CommunicationWrapper):
            for _ in env.agents:
                env.step(0)
        else:
            env.step(dict.fromkeys(env.agents, 0))


@pytest.mark.parametrize("make", [parallel, aec])
def test_a_function_is_told_of_every_round_until_it_is_stopped(make):
    env, told = make(), []
    stop = env.on_round(lambda context, delivery: told.append((context.round, delivery.sent)))
    env.reset(seed=1)
    steps(env, 3)
    assert [number for number, _ in told] == [0, 1, 2, 3]
    assert ((told[-1][1] >= 0) == env.get_communication_state()).all()
    stop()
    stop()
    steps(env, 1)
    assert len(told) == 4


@pytest.mark.parametrize("travel", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_a_copy_tells_nobody(travel):
    env, told = parallel(), []
    env.reset(seed=1)
    env.on_round(lambda context, delivery: told.append(context.round))
    other = travel(env)
    other.reset(seed=2)
    assert told == []
    env.reset(seed=2)
    assert told == [0]


def test_what_is_no_function_is_refused():
    with pytest.raises(InvalidArgumentError) as caught:
        parallel().on_round("me")
    assert_one_sentence(caught.value)
    with pytest.raises(InvalidArgumentError) as caught:
        parallel(report="info")
    assert_one_sentence(caught.value, "report")


@pytest.mark.parametrize("exchange", [None, ShareObservations()])
def test_infos_tell_of_an_agents_own_links(exchange):
    env, bare = parallel(report="infos", exchange=exchange), parallel(exchange=exchange)
    seen = [env.reset(seed=3), *(env.step(dict.fromkeys(env.agents, 0)) for _ in range(5))]
    plain = [bare.reset(seed=3), *(bare.step(dict.fromkeys(bare.agents, 0)) for _ in range(5))]
    assert all(same(one[0], other[0]) for one, other in zip(seen, plain, strict=True))
    infos = seen[-1][-1]
    for place, agent in enumerate(env.possible_agents):
        info = infos[agent]
        assert set(info) == TOLD
        assert all(value.dtype == np.float32 and value.shape == (3,) for value in info.values())
        assert (info["link_arrived"] == env.get_communication_state()[:, place]).all()
        assert (info["link_age"] == env.message_age[:, place]).all()
        assert (info["link_bits"] == env.message_bits[:, place]).all()
    assert all(set(info) == TOLD for info in seen[0][-1].values())
    assert plain[-1][-1] == {agent: {} for agent in bare.agents}


def test_aec_infos_are_those_of_the_parallel_wrapper():
    one, other = parallel(report="infos"), aec(report="infos")
    _, infos = one.reset(seed=4)
    other.reset(seed=4)
    assert same(dict(infos), dict(other.infos))
    for _ in range(4):
        infos = one.step(dict.fromkeys(one.agents, 0))[-1]
        steps(other, 1)
        assert same(dict(infos), dict(other.infos))
        assert other.last()[-1] is other.infos[other.agent_selection]


def test_environments_that_tell_still_conform():
    parallel_api_test(parallel(report="infos"), num_cycles=30)
    api_test(aec(report="infos"), num_cycles=30)
