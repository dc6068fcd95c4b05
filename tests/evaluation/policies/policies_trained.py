"""Models of stable-baselines3, made small."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")


def training(env):
    """Returns a Parallel environment as one that stable-baselines3 trains on."""
    # Not at the top: doctest cannot look into a module that holds it.
    import supersuit

    vector = supersuit.pettingzoo_env_to_vec_env_v1(env)
    return supersuit.concat_vec_envs_v1(vector, 1, num_cpus=1, base_class="stable_baselines3")


def model(algorithm, env, policy="MlpPolicy", **options):
    torch.manual_seed(1)
    small = {"net_arch": [8]}
    return algorithm(policy, training(env), policy_kwargs=small, device="cpu", **options)
