"""Four robots on a field that want to meet."""

import numpy as np
from gymnasium.spaces import Box, Discrete
from pettingzoo import ParallelEnv

MOVES = 0.1 * np.array([[0, 0], [-1, 0], [1, 0], [0, -1], [0, 1]])


class Field(ParallelEnv):
    """A robot observes where it is, and relative to itself where the others are."""

    def __init__(self, robots=4, steps=30):
        self.possible_agents = [f"robot_{number}" for number in range(robots)]
        self.steps, self.random = steps, np.random.default_rng()

    def observation_space(self, agent):
        return Box(-6, 6, (2 * len(self.possible_agents),), np.float32)

    def action_space(self, agent):
        return Discrete(5)

    def reset(self, seed=None, options=None):
        self.agents, self.step_count = list(self.possible_agents), 0
        self.random = self.random if seed is None else np.random.default_rng(seed)
        self.where = self.random.uniform(-1, 1, (len(self.agents), 2))
        return self.observe(), {agent: {} for agent in self.agents}

    def observe(self):
        seen = {}
        for i, agent in enumerate(self.agents):
            others = np.delete(self.where, i, axis=0) - self.where[i]
            seen[agent] = np.float32([*self.where[i], *others.ravel()])
        return seen

    def step(self, actions):
        self.where = np.clip(self.where + MOVES[[actions[a] for a in self.agents]], -3, 3)
        self.step_count += 1
        apart = np.linalg.norm(self.where - self.where.mean(axis=0), axis=1).mean()
        agents, over = self.agents, self.step_count == self.steps
        found = (self.observe(), *(dict.fromkeys(agents, v) for v in (-apart, False, over, {})))
        self.agents = [] if over else agents
        return found


def gather(observations):
    return {a: towards(seen[2:].reshape(-1, 2).mean(axis=0)) for a, seen in observations.items()}


def towards(goal):
    axis = int(abs(goal[1]) > abs(goal[0]))
    return 0 if abs(goal[axis]) < 0.05 else 1 + 2 * axis + int(goal[axis] > 0)
