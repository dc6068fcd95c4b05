"""Models of stable-baselines3 play the very actions that they predict."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from policies_played import returns, wrapped
from policies_trained import model

from environments_under_test import QUIET
from failure_api import CommunicationWrapperParallel, ShareObservations
from failure_api.evaluation.policies import check_actions, make_policy
from failure_api.exchanges import MaskSegments

sb3 = pytest.importorskip("stable_baselines3")
torch = pytest.importorskip("torch")


def assert_same_actions(env, policy, predict):
    """Plays an episode; returns how many different actions were taken."""
    observations, _ = env.reset(seed=3)
    seen = set()
    while env.agents:
        actions = policy(observations)
        check_actions(actions, env, observations)
        assert list(actions) == list(observations)
        for agent, expected in zip(actions, predict(observations), strict=True):
            np.testing.assert_array_equal(actions[agent], expected)
            seen.add(str(actions[agent]))
        observations, *_ = env.step(actions)
    return len(seen)


def test_a_trained_model_plays_as_it_predicts(trained):
    found, name = trained
    env = wrapped(failure_prob=0.3)

    def predict(observations):
        return found.predict(np.stack(list(observations.values())), deterministic=True)[0]

    assert assert_same_actions(env, make_policy(name, env), predict) > 1
    first = returns(env, make_policy(name, env), 3)
    assert (returns(env, make_policy(name, env), 3) == first).all()


@pytest.mark.parametrize(
    ("algorithm", "continuous", "options"),
    [
        ("A2C", False, {}),
        ("A2C", True, {"use_sde": True}),
        ("PPO", True, {}),
        ("DQN", False, {"buffer_size": 10}),
        ("SAC", True, {"buffer_size": 10}),
        ("SAC", True, {"buffer_size": 10, "use_sde": True}),
        ("TD3", True, {"buffer_size": 10}),
        ("DDPG", True, {"buffer_size": 10}),
    ],
)
def test_every_algorithm(folder, algorithm, continuous, options):
    env = wrapped(continuous_actions=continuous, max_cycles=8)
    found = model(getattr(sb3, algorithm), env, **options)
    found.save(folder / "any.zip")

    def predict(observations):
        return found.predict(np.stack(list(observations.values())), deterministic=True)[0]

    policy = make_policy(f"sb3:{folder / 'any.zip'}", env)
    assert assert_same_actions(env, policy, predict) > (1 if continuous else 0)


def test_in_turns_one_agent_at_a_time(trained):
    found, name = trained
    env = wrapped(failure_prob=0.3, api="aec")
    policy = make_policy(name, env)
    env.reset(seed=3)
    for _ in range(12):
        agent = env.agent_selection
        observation = env.observe(agent)
        actions = policy({agent: observation})
        assert actions == {agent: found.predict(observation, deterministic=True)[0]}
        env.step(actions[agent])
    assert policy({}) == {}


def test_shared_observations_as_a_dictionary(folder):
    env = wrapped(failure_prob=0.5, exchange=ShareObservations(form="dict"), max_cycles=5)
    found = model(sb3.A2C, env, "MultiInputPolicy")
    found.save(folder / "dict.zip")

    def predict(observations):
        batch = {key: np.stack([o[key] for o in observations.values()]) for key in env.agents}
        return found.predict(batch, deterministic=True)[0]

    policy = make_policy(f"sb3:{folder / 'dict.zip'}", env)
    assert_same_actions(env, policy, predict)


def test_images(folder):
    import supersuit
    from pettingzoo.butterfly import pistonball_v6

    with warnings.catch_warnings():
        for category in QUIET:
            warnings.simplefilter("ignore", category)
        bare = pistonball_v6.parallel_env(n_pistons=3, max_cycles=2)
        env = supersuit.resize_v1(bare, 36, 36)
        env = CommunicationWrapperParallel(env, [], exchange=MaskSegments(segments={}))
        found = model(sb3.PPO, env, "CnnPolicy", n_steps=8)
        found.save(folder / "images.zip")

        def predict(observations):
            return found.predict(np.stack(list(observations.values())), deterministic=True)[0]

        assert_same_actions(env, make_policy(f"sb3:{folder / 'images.zip'}", env), predict)


def test_random_numbers_of_torch_are_left_alone(trained):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    make_policy(trained[1], wrapped())
    assert (torch.rand(3) == expected).all()


def test_one_thread(trained):
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        make_policy(trained[1], wrapped())
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)
