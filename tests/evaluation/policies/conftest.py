"""One trained model for all tests of policies."""

from __future__ import annotations

import pytest
from policies_played import wrapped


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def trained(folder):
    """Returns a PPO model, trained on failing links, and its name as a policy."""
    sb3 = pytest.importorskip("stable_baselines3")
    from policies_trained import model

    found = model(sb3.PPO, wrapped(failure_prob=0.3), n_steps=64, batch_size=64, n_epochs=2)
    found.learn(384)
    found.save(folder / "ppo.zip")
    return found, f"sb3:{folder / 'ppo.zip'}"
