"""The assignment policy: good where agents hear each other, worse the less they do."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from mpe2 import simple_push_v3, simple_spread_v3, simple_tag_v3
from pettingzoo.classic import tictactoe_v3
from policies_played import masking, returns, wrapped
from scipy.optimize import linear_sum_assignment

from failure_api import CommunicationWrapper, CommunicationWrapperParallel, ShareObservations
from failure_api.errors import InvalidArgumentError
from failure_api.evaluation.policies import check_actions, make_policy
from failure_api.exchanges import MaskSegments
from helpers import assert_one_sentence

EPISODES = 100
WIDTH = 0.32
GRID = (0.0, 0.5, 1.0)


@functools.cache
def curve(missing, **options):
    found = []
    for failure_prob in GRID:
        env = wrapped(failure_prob=failure_prob, exchange=masking(missing), **options)
        found.append(returns(env, make_policy("assignment", env), EPISODES))
    return found


def clearly(differences):
    """Returns whether paired differences are positive by five standard errors."""
    return bool(differences.mean() > 5 * differences.std() / len(differences) ** 0.5)


@pytest.mark.sampled(1)
@pytest.mark.parametrize("continuous", [False, True])
@pytest.mark.parametrize("missing", ["zero", "hold"])
def test_what_is_lost_costs(missing, continuous):
    found = curve(missing, continuous_actions=continuous)
    means = [episodes.mean() for episodes in found]
    assert means == sorted(means, reverse=True)
    assert clearly(found[0] - found[-1])
    assert means[0] > -8.5
    assert means[-1] < -13
    random = wrapped(continuous_actions=continuous)
    assert clearly(found[-1] - returns(random, make_policy("random", random), EPISODES))


def test_holding_what_was_heard_helps():
    zero, hold = (curve(missing, continuous_actions=False) for missing in ("zero", "hold"))
    assert (zero[0] == hold[0]).all()
    assert (zero[-1] == hold[-1]).all()
    assert all(clearly(held - blank) for held, blank in zip(hold[1:-1], zero[1:-1], strict=True))


@pytest.mark.sampled(1)
@pytest.mark.parametrize("agents", [1, 2, 3, 5])
@pytest.mark.parametrize("continuous", [False, True])
def test_landmarks_are_covered(agents, continuous):
    env = wrapped(N=agents, continuous_actions=continuous, max_cycles=60)
    policy = make_policy("assignment", env)
    covered = 0
    for seed in range(30):
        observations, _ = env.reset(seed=seed)
        world = env.unwrapped.world
        places = np.array([landmark.state.p_pos for landmark in world.landmarks])
        apart = np.linalg.norm(places[:, None] - places, axis=-1) + 9 * np.eye(agents)
        if apart.min() < WIDTH:
            # No two agents fit in there.
            continue
        while env.agents:
            actions = policy(observations)
            check_actions(actions, env, observations)
            observations, *_ = env.step(actions)
        bodies = np.array([agent.state.p_pos for agent in world.agents])
        distances = np.linalg.norm(bodies[:, None] - places, axis=-1)
        assert distances.min(axis=0).max() < 0.15, seed
        covered += 1
    assert covered > 3


def test_agents_that_know_the_same_agree():
    """The first pushes in continuous actions point along the best assignment's ways."""
    env = wrapped(N=5, continuous_actions=True)
    policy = make_policy("assignment", env)
    for seed in range(30):
        observations, _ = env.reset(seed=seed)
        world = env.unwrapped.world
        places = np.array([landmark.state.p_pos for landmark in world.landmarks])
        bodies = np.array([agent.state.p_pos for agent in world.agents])
        _, chosen = linear_sum_assignment(((bodies[:, None] - places) ** 2).sum(-1))
        for index, action in enumerate(policy(observations).values()):
            push = np.array([action[2] - action[1], action[4] - action[3]])
            way = places[chosen[index]] - bodies[index]
            np.testing.assert_allclose(push, np.clip(way / 0.05, -1, 1), atol=1e-3)


def test_agents_that_hear_nothing_go_to_the_landmark_next_to_them():
    env = wrapped(N=4, failure_prob=1.0, continuous_actions=True, exchange=masking("zero"))
    policy = make_policy("assignment", env)
    for seed in range(30):
        observations, _ = env.reset(seed=seed)
        for agent, action in policy(observations).items():
            push = np.array([action[2] - action[1], action[4] - action[3]])
            landmarks = observations[agent][4:12].reshape(4, 2)
            way = landmarks[np.linalg.norm(landmarks, axis=1).argmin()]
            np.testing.assert_allclose(push, np.clip(way / 0.05, -1, 1), atol=1e-3)


def test_nothing_but_the_observation_is_read():
    env = wrapped(failure_prob=0.5, exchange=masking("zero"))
    policy = make_policy("assignment", env)
    first, _ = env.reset(seed=1)
    actions = policy(first)
    env.reset(seed=2)
    assert policy(first) == actions


def test_turns_bring_the_same_as_rounds():
    parallel = wrapped(failure_prob=0.5, exchange=masking("hold"))
    aec = wrapped(failure_prob=0.5, exchange=masking("hold"), api="aec")
    policy, in_turns = make_policy("assignment", parallel), make_policy("assignment", aec)
    observations, _ = parallel.reset(seed=5)
    aec.reset(seed=5)
    while parallel.agents:
        actions = policy(observations)
        for agent in parallel.agents:
            assert aec.agent_selection == agent
            action = in_turns({agent: aec.observe(agent)})
            assert action == {agent: actions[agent]}
            aec.step(action[agent])
        observations, *_ = parallel.step(actions)


@pytest.mark.parametrize(
    "exchange",
    [
        MaskSegments(report_age=True),
        ShareObservations(form="flat"),
        ShareObservations(form="dict"),
    ],
    ids=repr,
)
def test_its_own_part_of_other_observations(exchange):
    plain, other = wrapped(exchange=MaskSegments()), wrapped(exchange=exchange)
    expected = returns(plain, make_policy("assignment", plain), 5)
    assert (returns(other, make_policy("assignment", other), 5) == expected).all()


@pytest.mark.sampled(1)
@pytest.mark.parametrize("neighbors", [(1, 1), (2, 1), (1, 2), (5, 5)])
def test_only_some_in_sight(neighbors):
    agents, landmarks = neighbors
    env = wrapped(num_agent_neighbors=agents, num_landmark_neighbors=landmarks)
    found = returns(env, make_policy("assignment", env), 30)
    everyone = wrapped()
    best = returns(everyone, make_policy("assignment", everyone), 30)
    if neighbors == (5, 5):
        # More slots than there are others: all are in sight, in another order.
        np.testing.assert_allclose(found.mean(), best.mean(), rtol=0.02)
    else:
        assert found.mean() < best.mean()
        assert found.mean() > -20


@pytest.mark.parametrize(
    "env",
    [
        CommunicationWrapperParallel(simple_tag_v3.parallel_env(), []),
        CommunicationWrapperParallel(simple_push_v3.parallel_env(), []),
        CommunicationWrapper(tictactoe_v3.env(), []),
    ],
    ids=lambda env: str(env.metadata["name"]),
)
def test_another_environment(env):
    with pytest.raises(InvalidArgumentError) as caught:
        make_policy("assignment", env)
    assert_one_sentence(caught.value, "policies must", env.metadata["name"], "mpe2.simple_spread")


def test_an_exchange_that_hides_its_own_observation():
    import supersuit

    stacked = supersuit.frame_stack_v1(simple_spread_v3.parallel_env(), 3)
    env = CommunicationWrapperParallel(stacked, [], exchange=ShareObservations(form="flat"))
    with pytest.raises(InvalidArgumentError) as caught:
        make_policy("assignment", env)
    assert_one_sentence(caught.value, "exchange must leave", "18 numbers", "MaskSegments()")


def test_other_actions_than_the_environments_own():
    import supersuit

    env = supersuit.clip_actions_v0(simple_spread_v3.parallel_env(continuous_actions=True))
    env = CommunicationWrapperParallel(env, [], exchange=MaskSegments())
    make_policy("assignment", env)
    normal = simple_spread_v3.parallel_env(continuous_actions=True)
    flat = supersuit.scale_actions_v0(normal, 0.5)
    with pytest.raises(InvalidArgumentError) as caught:
        make_policy("assignment", CommunicationWrapperParallel(flat, [], exchange=MaskSegments()))
    assert_one_sentence(caught.value, "environment must take", "'assignment'")
