"""The teams that train_robust.py has trained, as policies for `failure-api sweep`."""

import os
from pathlib import Path

import numpy as np

NETWORKS = os.environ.get("ROBUST_NETWORKS", Path(__file__).with_name("networks.npz"))
"""The file with the layers of each network: `[training seed, ...]`, by way of training."""


class Team:
    """Agents that share a network, another one in each episode: that of the next training seed.

    Args:
        trained: How they were trained: "perfect" or "failing".
    """

    def __init__(self, trained: str) -> None:
        names = (f"{trained}_{kind}{layer}" for layer in (1, 2, 3) for kind in "wb")
        with np.load(NETWORKS) as file:
            self.layers = [file[name] for name in names]
        self.network = 0

    def reset(self, seed: int) -> None:
        """Takes the network of the episode; the episodes of a sweep have consecutive seeds."""
        self.network = seed % len(self.layers[0])

    def __call__(self, observations):
        """Returns the likeliest move of each agent."""
        w1, b1, w2, b2, w3, b3 = (layer[self.network] for layer in self.layers)
        # A team that was trained without flags and ages reads no further than what it knows.
        seen = np.stack(list(observations.values()))[:, : len(w1)]
        logits = np.tanh(np.tanh(seen @ w1 + b1) @ w2 + b2) @ w3 + b3
        return dict(zip(observations, logits.argmax(axis=-1).tolist(), strict=True))


def perfect() -> Team:
    """Returns the team that was trained with perfect communication."""
    return Team("perfect")


def failing() -> Team:
    """Returns the team that was trained over failing links."""
    return Team("failing")
