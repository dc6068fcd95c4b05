"""What the tests of policies share: wrapped environments, played episodes."""

from __future__ import annotations

import numpy as np
from mpe2 import simple_reference_v3, simple_spread_v3

from failure_api import CommunicationWrapper, CommunicationWrapperParallel, ProbabilisticModel
from failure_api.exchanges import MaskSegments

MODULES = {"assignment": simple_spread_v3, "signalling": simple_reference_v3}


def wrapped(
    module=simple_spread_v3,
    failure_prob=0.0,
    *,
    exchange=None,
    api="parallel",
    **options,
):
    """Returns an environment of mpe2 whose links fail."""
    options = {"max_cycles": 25, **options}
    models = [ProbabilisticModel(failure_prob=failure_prob)]
    if api == "aec":
        return CommunicationWrapper(module.env(**options), models, exchange=exchange)
    env = module.parallel_env(**options)
    return CommunicationWrapperParallel(env, models, exchange=exchange)


def returns(env, policy, episodes):
    """Plays episodes of seeds 0, 1, ... and returns the team's mean return of each."""
    found = []
    for seed in range(episodes):
        observations, _ = env.reset(seed=seed)
        if hasattr(policy, "reset"):
            policy.reset(seed)
        total = 0.0
        while env.agents:
            observations, rewards, *_ = env.step(policy(observations))
            total += sum(rewards.values()) / len(rewards)
        found.append(total)
    return np.array(found)


def masking(missing):
    return MaskSegments(missing=missing)
