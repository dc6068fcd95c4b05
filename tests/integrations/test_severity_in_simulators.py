"""How severe failures are, set from episode to episode in JaxMARL, VMAS and TorchRL."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from jaxmarl.wrappers.baselines import LogWrapper
from jaxmarl_play import spread
from torchrl.envs import TransformedEnv, VmasEnv
from vmas_play import assert_says, wrapped

from failure_api import Chain, MaskSegments, ProbabilisticModel, RandomizedModel, ScheduledModel
from failure_api.errors import InvalidArgumentError
from failure_api.integrations.jaxmarl import CommunicationWrapper
from failure_api.integrations.torchrl import FailureTransform

ALWAYS = ScheduledModel(model=ProbabilisticModel(failure_prob=1.0))
DRAWN = RandomizedModel(
    model=ProbabilisticModel(failure_prob=0.0), parameters={"failure_prob": (0.0, 1.0)}
)
UNGRADED = ProbabilisticModel(failure_prob=0.5)
IDLE = {f"agent_{number}": jnp.int32(0) for number in range(3)}
REPORTED = MaskSegments(report_age=True)


def arrived(observations):
    """Returns which of the others each agent hears, by the flags that stand in its view."""
    return np.stack([np.asarray(row)[..., -4::2] for row in observations.values()], axis=-2)


def compiled(models):
    """Returns a function of severities that plays an episode of 5 steps with each, and the next."""
    env = CommunicationWrapper(spread(), models, exchange=REPORTED)

    @jax.jit
    def play(key, first, second):
        observations, state = env.reset(key, first)
        state = env.set_severity(state, second)

        def step(state, key):
            observations, state, *_ = env.step(key, state, IDLE)
            return state, observations

        _, seen = jax.lax.scan(step, state, jax.random.split(key, 9))
        return jax.tree.map(
            lambda one, more: jnp.concatenate([one[None], more]), observations, seen
        )

    return play


@pytest.mark.heavy
def test_one_compiled_training_has_every_severity():
    models = [ScheduledModel(model=ProbabilisticModel(failure_prob=0.8)), DRAWN]
    play, key = compiled(models), jax.random.PRNGKey(3)
    expected = {}
    for severity in (0.3, 0.7):
        fixed = Chain(models=models).with_settings({"severity": severity})
        expected[severity] = arrived(episodes(CommunicationWrapper(spread(), fixed, REPORTED), key))
    for first, second in ((0.3, 0.7), (0.7, 0.3)):
        heard = arrived(play(key, first, second))
        # The second episode begins with what the fifth step returns.
        np.testing.assert_array_equal(heard[:5], expected[first][:5])
        np.testing.assert_array_equal(heard[5:], expected[second][5:])
    assert arrived(play(key, 0.0, 0.0)).all()
    assert play._cache_size() == 1


def episodes(env, key):
    """Returns what is seen in the same ten rounds, with one severity."""

    def step(state, key):
        observations, state, *_ = env.step(key, state, IDLE)
        return state, observations

    observations, state = env.reset(key)
    _, seen = jax.lax.scan(step, state, jax.random.split(key, 9))
    return jax.tree.map(lambda one, more: jnp.concatenate([one[None], more]), observations, seen)


@pytest.mark.heavy
def test_each_of_many_environments_has_its_own():
    env = CommunicationWrapper(spread(), ALWAYS, exchange=REPORTED)
    keys = jax.random.split(jax.random.PRNGKey(0), 4)
    severities = jnp.array([0.0, 1.0, 1.0, 0.0])
    observations, state = jax.vmap(env.reset)(keys, severities)
    assert arrived(observations).all(axis=(-1, -2)).tolist() == [True, False, False, True]
    turned = env.set_severity(state, 1 - severities)
    for _ in range(5):
        actions = {agent: jnp.zeros(4, dtype=int) for agent in env.agents}
        observations, turned, *_ = jax.vmap(env.step)(keys, turned, actions)
    assert arrived(observations).all(axis=(-1, -2)).tolist() == [False, True, True, False]
    # Without a word the models are as they were given.
    assert not arrived(jax.vmap(env.reset)(keys)[0]).any()


def test_jaxmarl_says_what_is_wrong():
    env = CommunicationWrapper(spread(), ALWAYS)
    key = jax.random.PRNGKey(0)
    logged = LogWrapper(env)
    _, inside = logged.reset(key)
    calls = {
        "severity must lie in [0, 1]": lambda: env.reset(key, 1.5),
        "severity must be taken by a failure model": lambda: CommunicationWrapper(
            spread(), UNGRADED
        ).reset(key, 0.5),
        "give state.env_state": lambda: env.set_severity(inside, 0.5),
        "an array of the shape ()": lambda: env.set_severity(inside.env_state, jnp.zeros(3)),
    }
    for words, call in calls.items():
        with pytest.raises(InvalidArgumentError) as caught:
            call()
        assert_says(caught.value, words)
    lasting = inside.replace(env_state=env.set_severity(inside.env_state, 0.5))
    assert lasting.env_state.severity == 0.5


@pytest.mark.parametrize("streams", ["native", "portable"])
def test_vmas_takes_one_from_the_next_reset_of_each_element_on(streams):
    env = wrapped(ALWAYS, streams=streams)
    env.reset(seed=0)
    assert not env.get_communication_state().any()
    env.set_severity(0.0)
    env.step(env.get_random_actions())
    assert not env.get_communication_state().any()
    env.reset_at(2)
    assert env.get_communication_state().sum(dim=(1, 2)).tolist() == [0, 0, 6, 0, 0]
    env.step(env.get_random_actions())
    assert env.get_communication_state().sum(dim=(1, 2)).tolist() == [0, 0, 6, 0, 0]
    env.set_severity(torch.tensor([0.0, 1.0, 0.0, 1.0, 0.0]))
    env.reset()
    assert env.get_communication_state().sum(dim=(1, 2)).tolist() == [6, 0, 6, 0, 6]


def test_vmas_draws_what_a_fixed_severity_draws():
    for models in (ALWAYS, DRAWN):
        fixed = Chain(models=models).with_settings({"severity": 0.5})
        envs = [wrapped(models), wrapped(fixed)]
        envs[0].set_severity(0.5)
        for env in envs:
            env.reset(seed=4)
        for _ in range(6):
            actions = envs[0].get_random_actions()
            for env in envs:
                env.step(actions)
            states = [env.get_communication_state() for env in envs]
            assert torch.equal(*states)
        assert states[0].any()


def test_torchrl_takes_one_before_and_after_it_is_joined():
    transform = FailureTransform(ALWAYS, seed=0)
    transform.set_severity(0.0)
    env = TransformedEnv(VmasEnv("simple_spread", num_envs=4), transform)
    td = env.reset()
    assert env.transform.received.flags.sum() == 4 * 6
    env.transform.set_severity(torch.tensor([1.0, 0.0, 1.0, 0.0]))
    td = env.step(env.rand_action(td))["next"]
    assert env.transform.received.flags.sum() == 4 * 6
    td["_reset"] = torch.tensor([True, True, False, False])[:, None]
    env.reset(td)
    assert env.transform.received.flags.sum(dim=(1, 2)).tolist() == [0, 6, 6, 6]


@pytest.mark.parametrize("make", [wrapped, FailureTransform])
def test_pytorch_says_what_is_wrong(make):
    calls = {
        "severity must lie in [0, 1]": lambda: make(ALWAYS).set_severity(-1),
        "must lie in [0, 1], but 2.0": lambda: make(ALWAYS).set_severity(torch.tensor([0.5, 2])),
        "must be taken by a failure model": lambda: make(UNGRADED).set_severity(0.5),
    }
    for words, call in calls.items():
        with pytest.raises(InvalidArgumentError) as caught:
            call()
        assert_says(caught.value, words)
