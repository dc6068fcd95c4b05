"""A policy that learns, and a graph network that reads which links work."""

import numpy as np
from field import towards

WEIGHTS = "weights.npz"


class Trained:
    """A linear policy: how far to go for what is near, and for what is far."""

    def __init__(self):
        self.near, self.far = np.load(WEIGHTS)["weights"]

    def __call__(self, observations):
        return {agent: towards(self.goal(seen)) for agent, seen in observations.items()}

    def goal(self, seen):
        others = seen[2:].reshape(-1, 2)
        is_far = np.linalg.norm(others, axis=1, keepdims=True) > 1
        return (others * np.where(is_far, self.far, self.near)).mean(axis=0)


class Graph:
    """A layer of a graph network: each robot weighs the others by how old their news is."""

    def __init__(self, env):
        self.env = env

    def __call__(self, observations):
        works, age = self.env.get_communication_state(), self.env.message_age
        actions = {}
        for me, (agent, seen) in enumerate(observations.items()):
            edges = np.where(works[:, me], 1.0, np.exp(-age[:, me] / 5))
            edges = np.delete(edges, me)
            actions[agent] = towards(edges @ seen[2:].reshape(-1, 2) / len(edges))
        return actions
