"""Training over failing links, all of it compiled: IPPO with shared parameters in JaxMARL."""

from functools import partial
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import jaxmarl
import optax

from failure_api import GilbertElliottModel, MaskSegments
from failure_api.integrations.jaxmarl import CommunicationWrapper

STEPS, EPOCHS, MINIBATCHES = 26, 4, 4
GAMMA, LAMBDA, CLIP, ENTROPY, LEARNING_RATE, SCALE = 0.95, 0.95, 0.2, 0.01, 3e-3, 0.1


class ActorCritic(nn.Module):
    """Logits of the five moves, and what the observation is worth."""

    @nn.compact
    def __call__(self, observations: Any) -> Any:
        hidden = nn.tanh(nn.Dense(64)(observations))
        hidden = nn.tanh(nn.Dense(64)(hidden))
        return nn.Dense(5, kernel_init=nn.initializers.zeros)(hidden), nn.Dense(1)(hidden)[..., 0]


class Sample(NamedTuple):
    """What one agent saw, did and was worth in one step."""

    observation: Any
    action: Any
    log_prob: Any
    value: Any
    reward: Any
    done: Any


def log_probs(logits: Any, actions: Any) -> Any:
    return jnp.take_along_axis(jax.nn.log_softmax(logits), actions[..., None], axis=-1)[..., 0]


def loss(params: Any, network: Any, batch: Any) -> Any:
    sample, advantage, target = batch
    logits, value = network.apply(params, sample.observation)
    ratio = jnp.exp(log_probs(logits, sample.action) - sample.log_prob)
    advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
    clipped = jnp.clip(ratio, 1 - CLIP, 1 + CLIP)
    policy = -jnp.minimum(ratio * advantage, clipped * advantage).mean()
    entropy = -(jax.nn.softmax(logits) * jax.nn.log_softmax(logits)).sum(axis=-1).mean()
    return policy + 0.5 * jnp.square(value - target).mean() - ENTROPY * entropy


@partial(jax.jit, static_argnames=("env", "iterations", "environments"))
def train(
    env: Any, iterations: int, key: Any, environments: int = 64, severities: Any = None
) -> Any:
    """Returns the network's parameters, and the mean return of an agent in each iteration.

    Severities, one for each iteration, are those of the episodes that begin in it; other ones do
    not have it compiled again.
    """
    network = ActorCritic()
    rate = optax.linear_schedule(LEARNING_RATE, 0.0, iterations * EPOCHS * MINIBATCHES)
    optimiser = optax.chain(optax.clip_by_global_norm(0.5), optax.adam(rate))
    key, start, first = jax.random.split(key, 3)
    observations, state = jax.vmap(env.reset)(jax.random.split(start, environments))

    def together(by_agent: Any) -> Any:
        return jnp.stack([by_agent[agent] for agent in env.agents], axis=1)

    def act(carry: Any, key: Any) -> Any:
        params, state, observations = carry
        acting, stepping = jax.random.split(key)
        seen = together(observations)
        logits, value = network.apply(params, seen)
        action = jax.random.categorical(acting, logits)
        observations, state, rewards, dones, _ = jax.vmap(env.step)(
            jax.random.split(stepping, environments),
            state,
            dict(zip(env.agents, action.T, strict=True)),
        )
        told = together(rewards), together(dones)
        sample = Sample(seen, action, log_probs(logits, action), value, *told)
        return (params, state, observations), sample

    def advantages(sample: Sample, last: Any) -> Any:
        def back(carry: Any, step: Sample) -> Any:
            advantage, following = carry
            delta = SCALE * step.reward + GAMMA * following * ~step.done - step.value
            advantage = delta + GAMMA * LAMBDA * ~step.done * advantage
            return (advantage, step.value), advantage

        return jax.lax.scan(back, (jnp.zeros_like(last), last), sample, reverse=True)[1]

    def update(carry: Any, batch: Any) -> Any:
        params, moments = carry
        changes, moments = optimiser.update(jax.grad(loss)(params, network, batch), moments)
        return (optax.apply_updates(params, changes), moments), None

    def iterate(carry: Any, inputs: Any) -> Any:
        (params, moments, state, observations), (key, severity) = carry, inputs
        if severity is not None:
            state = env.set_severity(state, severity)
        acting, *mixing = jax.random.split(key, 1 + EPOCHS)
        (_, state, observations), sample = jax.lax.scan(
            act, (params, state, observations), jax.random.split(acting, STEPS)
        )
        gained = advantages(sample, network.apply(params, together(observations))[1])
        batch = (sample, gained, gained + sample.value)
        flat = jax.tree.map(lambda x: x.reshape(-1, *x.shape[3:]), batch)
        order = jnp.stack([jax.random.permutation(mix, gained.size) for mix in mixing])
        mixed = jax.tree.map(lambda x: x[order.reshape(EPOCHS * MINIBATCHES, -1)], flat)
        (params, moments), _ = jax.lax.scan(update, (params, moments), mixed)
        return (params, moments, state, observations), sample.reward.sum(axis=0).mean()

    params = network.init(first, together(observations))
    carry = (params, optimiser.init(params), state, observations)
    inputs = jax.random.split(key, iterations), severities
    carry, returns = jax.lax.scan(iterate, carry, inputs)
    return carry[0], returns


if __name__ == "__main__":
    links = GilbertElliottModel(p=0.1, r=0.4)
    env = CommunicationWrapper(
        jaxmarl.make("MPE_simple_spread_v3"), links, exchange=MaskSegments(missing="hold")
    )
    _, returns = train(env, 100, jax.random.PRNGKey(0))
    print(f"mean return: {returns[:5].mean():.1f} at first, {returns[-5:].mean():.1f} in the end")
