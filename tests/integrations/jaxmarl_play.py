"""Plays JaxMARL environments, wrapped or not, with the same keys and the same actions."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax
import jaxmarl
import numpy as np


class Played(NamedTuple):
    """What happened, NumPy arrays with the rounds as first axis.

    Attributes:
        observations: Those of the reset and of every step, by agent.
        states: The environment's states, likewise.
        rewards: Those of every step, by agent.
        dones: Likewise.
        infos: Likewise.
    """

    observations: Any
    states: Any
    rewards: Any
    dones: Any
    infos: Any

    @property
    def rounds(self):
        """Number of each entry's round in its episode."""
        ends = np.concatenate([[False], self.dones["__all__"]])
        numbers, number = [], -1
        for end in ends:
            number = 0 if end else number + 1
            numbers.append(number)
        return np.array(numbers)


@functools.cache
def made(name, **options):
    """Returns an environment of JaxMARL, always the same object for what is asked.

    What an environment compiles is kept with it, and shared by all wrappers around it.
    """
    return jaxmarl.make(name, **options)


def spread(**options):
    """Returns simple_spread with episodes of 5 steps."""
    return made("MPE_simple_spread_v3", max_steps=4, **options)


def actions_for(env, rng):
    """Returns one action for each agent."""
    spaces = [env.action_space(agent) for agent in env.agents]
    actions = [
        np.int32(rng.integers(space.n))
        if hasattr(space, "n")
        else rng.uniform(space.low, space.high, space.shape).astype(np.float32)
        for space in spaces
    ]
    return dict(zip(env.agents, actions, strict=True))


def play(env, steps=14, seed=0):
    """Plays step by step."""
    rng = np.random.default_rng(seed)
    start, *keys = np.asarray(jax.random.split(jax.random.PRNGKey(seed), steps + 1))
    observations, state = env.reset(start)
    seen, states, told = [observations], [env_state_of(state)], []
    for key in keys:
        observations, state, *more = env.step(key, state, actions_for(env, rng))
        seen.append(observations)
        states.append(env_state_of(state))
        told.append(more)
    return Played(stacked(seen), stacked(states), *stacked(told))


def stacked(trees):
    """Returns trees of the same form as one, whose leaves have a first axis more."""
    return jax.tree.map(lambda *leaves: np.stack(leaves), *trees)


def env_state_of(state):
    """Returns the environment's own state out of a wrapper's."""
    return state.env_state if hasattr(state, "channel_state") else state


def assert_same(one, other):
    """Raises an error unless two trees are the same, bit for bit."""
    assert jax.tree.structure(one) == jax.tree.structure(other)
    jax.tree.map(np.testing.assert_array_equal, one, other)
