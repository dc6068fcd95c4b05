"""Plays the environments of trainers without a trainer, on the actions that one took."""

from __future__ import annotations

from pathlib import Path

import numpy as np

PAGE = Path(__file__).resolve().parent.parent.parent / "docs/trainers.md"


def seen_alone(env, actions, seed, begun=False):
    """Returns what each agent of a Parallel environment sees as it takes each of its actions.

    Args:
        env: The environment.
        actions: Of all agents, one round after the other.
        seed: Of the first reset; the following episodes go on.
        begun: Whether the trainer resets once more before it plays.
    """
    observations, _ = env.reset(seed=seed)
    if begun:
        observations, _ = env.reset()
    seen = []
    for action in actions:
        seen.append(observations)
        observations, *_ = env.step(dict(action))
        if not env.agents:
            observations, _ = env.reset()
    return seen


def seen_in_turns(env, actions, seed):
    """Returns what the agent of an AEC environment whose turn it is sees, turn by turn.

    Args:
        env: The environment.
        actions: One for each turn; the next episode begins when it is the turn of one that is out.
        seed: Of the first reset, upon which a trainer resets once more.
    """
    env.reset(seed=seed)
    env.reset()
    seen = []
    for action in actions:
        observation, _, terminated, truncated, _ = env.last()
        if terminated or truncated:
            env.reset()
            observation = env.last()[0]
        seen.append(observation)
        env.step(action)
    return seen


def agents_as_rows(seen):
    """Returns what all agents saw, `[round, agent, ...]`."""
    return np.array([list(observations.values()) for observations in seen])


def assert_quoted(error, words):
    """Raises unless an error is what the documents quote."""
    assert str(error) == words
    assert words in PAGE.read_text()
