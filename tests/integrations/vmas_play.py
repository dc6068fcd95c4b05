"""Plays VMAS environments, wrapped and not, and compares what came of it."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import vmas
from torch.utils._python_dispatch import TorchDispatchMode

from failure_api.integrations.vmas import CommunicationWrapper

ENVIRONMENTS = 5


class Played(NamedTuple):
    """What an environment returned from step to step, the reset first.

    Attributes:
        seen: What each agent sees, `[rounds, num_envs, F]`.
        rest: Everything else: rewards, dones and infos.
        raw: What the agents observe below the wrapper, like `seen`.
    """

    seen: list[torch.Tensor]
    rest: list[Any]
    raw: list[torch.Tensor]


def make(scenario="simple_spread", **options):
    return vmas.make_env(scenario, **{"num_envs": ENVIRONMENTS, "seed": 0, **options})


def wrapped(models=(), scenario="simple_spread", **options):
    """Returns a wrapped environment; options that the wrapper knows go to it."""
    known = ("exchange", "positions", "noise_models", "streams")
    ours = {name: options.pop(name) for name in known if name in options}
    return CommunicationWrapper(make(scenario, **options), models, **ours)


def raw_of(env):
    """Returns what the agents observe now, leaving all random numbers as they are."""
    below = getattr(env, "env", env)
    with torch.random.fork_rng():
        return [below.scenario.observation(agent).clone() for agent in below.agents]


def listed(observations):
    return list(observations.values()) if isinstance(observations, dict) else list(observations)


def play(env, steps=6, seed=3, restarts=()):
    """Plays an episode with random actions.

    Args:
        env: The environment.
        steps: How many steps.
        seed: For the reset.
        restarts: `{step: elements}` that are started anew after a step.
    """
    seen, rest, raw = [listed(env.reset(seed=seed))], [], [raw_of(env)]
    for step in range(steps):
        observations, *others = env.step([env.get_random_action(agent) for agent in env.agents])
        for index in dict(restarts).get(step, ()):
            observations = env.reset_at(index)
        seen.append(listed(observations))
        rest.append(others)
        raw.append(raw_of(env))
    stacked = [[torch.stack(rows) for rows in zip(*kept, strict=True)] for kept in (seen, raw)]
    return Played(stacked[0], rest, stacked[1])


def leaves(tree):
    """Returns the tensors within lists and mappings."""
    if isinstance(tree, torch.Tensor):
        return [tree]
    parts = tree.values() if isinstance(tree, dict) else tree
    return [leaf for part in parts for leaf in leaves(part)]


def same(one, other):
    """Returns whether two trees hold the same numbers, bit for bit."""
    pairs = list(zip(leaves(one), leaves(other), strict=True))
    return all(torch.equal(first, second) for first, second in pairs)


def assert_says(error, *words):
    """Raises unless an error is one sentence with a remedy that holds the words."""
    text = str(error)
    assert "\n" not in text
    assert ": " in text
    assert text.endswith(".")
    for word in words:
        assert word in text, text


class Watched(TorchDispatchMode):
    """Refuses what makes the host wait for a device, and numbers of double precision."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = str(function)
        assert "_local_scalar_dense" not in name, "a value was read back"
        assert "nonzero" not in name, "a shape depends on values"
        result = function(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor):
            assert result.dtype is not torch.float64, name
        return result
