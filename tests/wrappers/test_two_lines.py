"""Two lines wrap an environment; its text says how."""

from __future__ import annotations

import numpy as np
import pytest

import failure_api
from environments_under_test import Plain, Subject
from failure_api import (
    CommunicationWrapper,
    CommunicationWrapperParallel,
    DelayBasedModel,
    MaskSegments,
    ProbabilisticModel,
    ShareObservations,
)

SPREAD = Subject("mpe2", "simple_spread")
LINE = Subject("mpe2", "simple_line")
LOSSY = ProbabilisticModel(failure_prob=0.5)


def test_both_classes_are_where_they_are_looked_for():
    from failure_api import wrappers

    assert failure_api.CommunicationWrapper is wrappers.CommunicationWrapper
    assert failure_api.CommunicationWrapperParallel is wrappers.CommunicationWrapperParallel


def test_an_aec_environment_in_two_lines():
    env = SPREAD.make()
    env = CommunicationWrapper(env, failure_models=[LOSSY])
    env.reset(seed=42)
    lost = 0
    for agent in env.agent_iter(max_iter=12):
        observation, _, terminated, truncated, _ = env.last()
        assert env.observation_space(agent).contains(observation)
        lost += not observation[10:14].all()
        env.step(None if terminated or truncated else 1)
    assert lost
    env.close()


def test_a_parallel_environment_in_two_lines():
    env = SPREAD.make("parallel")
    env = CommunicationWrapperParallel(env, failure_models=[LOSSY])
    observations, _ = env.reset(seed=42)
    assert set(observations) == set(env.agents)
    observations, rewards, _, _, _ = env.step(dict.fromkeys(env.agents, 0))
    assert set(observations) == set(rewards) == set(env.possible_agents)
    env.close()


@pytest.mark.parametrize(
    ("api", "kind"), [("aec", CommunicationWrapper), ("parallel", CommunicationWrapperParallel)]
)
def test_a_single_model_stands_for_a_list_of_one(api, kind):
    states = []
    for models in (LOSSY, [LOSSY], (LOSSY,), iter([LOSSY]), failure_api.Chain(models=[LOSSY])):
        env = kind(SPREAD.make(api), models)
        env.reset(seed=4)
        states.append(env.get_communication_state())
    for state in states[1:]:
        np.testing.assert_array_equal(state, states[0])


@pytest.mark.parametrize(
    ("api", "kind"), [("aec", CommunicationWrapper), ("parallel", CommunicationWrapperParallel)]
)
def test_the_text_is_the_whole_configuration(api, kind):
    late = DelayBasedModel(min_delay=1, max_delay=2)
    env = kind(SPREAD.make(api), [LOSSY, late], exchange=MaskSegments(missing="hold"))
    for text in (repr(env), str(env)):
        assert text.startswith(f"{kind.__name__}(")
        for part in (LOSSY, late, "simple_spread", MaskSegments(missing="hold"), "positions="):
            assert str(part) in text
        assert "\n" not in text


def test_the_text_names_the_default_exchange():
    assert "exchange=MaskSegments(" in repr(CommunicationWrapper(SPREAD.make(), []))
    assert "exchange=ShareObservations(" in repr(CommunicationWrapper(LINE.make(), []))


def test_the_text_names_a_given_position_function():
    def lined_up(env):
        return np.zeros((3, 2))

    near = failure_api.DistanceModel(distance_threshold=1.0)
    env = CommunicationWrapperParallel(Plain(), near, positions=lined_up)
    assert "lined_up" in repr(env)


@pytest.mark.parametrize(
    ("api", "kind"), [("aec", CommunicationWrapper), ("parallel", CommunicationWrapperParallel)]
)
def test_the_environment_shows_through(api, kind):
    bare = SPREAD.make(api)
    env = kind(bare, LOSSY)
    assert env.possible_agents == bare.possible_agents
    assert env.metadata == bare.metadata
    assert env.render_mode == bare.render_mode
    assert env.max_num_agents == 3
    assert env.unwrapped is bare.unwrapped
    for agent in env.possible_agents:
        assert env.action_space(agent) is bare.action_space(agent)
        assert env.observation_space(agent) is env.observation_space(agent)
        assert env.observation_spaces[agent] is env.observation_space(agent)
    env.reset(seed=0)
    assert env.num_agents == 3
    np.testing.assert_array_equal(env.state(), bare.state())


def test_the_observation_dicts_show_the_exchanges_spaces():
    env = CommunicationWrapperParallel(
        SPREAD.make("parallel"), LOSSY, exchange=ShareObservations(form="flat")
    )
    # 18 numbers each, with flag and age for the two others.
    assert env.observation_spaces["agent_0"].shape == (18 + 2 * 20,)


def test_wrapping_changes_nothing_in_the_environments_randomness():
    crypto = Subject("mpe2", "simple_crypto", {"max_cycles": 4})
    episodes = []
    for wrapped in (False, True):
        env = crypto.make("parallel")
        if wrapped:
            env = CommunicationWrapperParallel(env, [LOSSY, LOSSY], exchange=ShareObservations())
        np.random.seed(3)  # noqa: NPY002
        seen = []
        for seed in (1, None, None):
            observations, _ = env.reset(seed=seed)
            seen += [view["eve_0"] if wrapped else view for view in [observations["eve_0"]]]
            while env.agents:
                observations, rewards, *_ = env.step(dict.fromkeys(env.agents, 2))
                seen += [observations["eve_0"]["eve_0"] if wrapped else observations["eve_0"]]
                seen += [rewards["bob_0"]]
        episodes.append((seen, np.random.get_state()[1]))  # noqa: NPY002
    for (one, state), (other, twin) in [tuple(episodes)]:
        np.testing.assert_array_equal(state, twin)
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)
