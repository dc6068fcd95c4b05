"""Environments to play under TorchRL: one for workers, and one in which an agent dies."""

from __future__ import annotations

import numpy as np
from gymnasium.spaces import Box, Discrete
from pettingzoo import ParallelEnv
from torchrl.envs import TransformedEnv, VmasEnv

from failure_api import DelayBasedModel, ProbabilisticModel
from failure_api.integrations.torchrl import FailureTransform


def make_worker():
    """Returns an environment such as workers have."""
    models = [ProbabilisticModel(failure_prob=0.5), DelayBasedModel(min_delay=0, max_delay=2)]
    return TransformedEnv(VmasEnv("simple_spread", num_envs=3), FailureTransform(models))


class Mortal(ParallelEnv):
    """Three agents, of whom the second dies in the second step."""

    metadata = {"name": "mortal", "is_parallelizable": True}  # noqa: RUF012
    possible_agents = ["agent_0", "agent_1", "agent_2"]  # noqa: RUF012

    def observation_space(self, agent):
        return Box(-1, 1, (2,), np.float32)

    def action_space(self, agent):
        return Discrete(2)

    def reset(self, seed=None, options=None):
        self.agents, self.steps = list(self.possible_agents), 0
        return self._of(np.ones(2, np.float32)), self._of({})

    def step(self, actions):
        self.steps += 1
        dead = self._of(False)
        if "agent_1" in dead:
            dead["agent_1"] = self.steps == 2
        nothing, rewards = self._of(False), self._of(0.0)
        result = self._of(np.ones(2, np.float32)), rewards, dead, nothing, self._of({})
        self.agents = [agent for agent in self.agents if not dead[agent]]
        return result

    def _of(self, value):
        return {agent: value for agent in self.agents}  # noqa: C420
