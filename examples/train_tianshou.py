"""Tianshou's DQN, one network for each agent, on a team that loses messages in bursts."""

import logging

import torch
from mpe2 import simple_spread_v3
from tianshou.algorithm.modelfree.dqn import DQN, DiscreteQLearningPolicy
from tianshou.algorithm.multiagent.marl import MultiAgentOffPolicyAlgorithm
from tianshou.algorithm.optim import AdamOptimizerFactory
from tianshou.data import Collector, VectorReplayBuffer
from tianshou.env import DummyVectorEnv, PettingZooEnv
from tianshou.trainer import OffPolicyTrainerParams
from tianshou.utils.net.common import Net

from failure_api import CommunicationWrapper, GilbertElliottModel

# Tianshou warns of every episode that there are several returns.
logging.getLogger("tianshou.data.stats").setLevel(logging.ERROR)


def make_env():
    env = simple_spread_v3.env(N=3)
    env = CommunicationWrapper(env, failure_models=[GilbertElliottModel(p=0.2, r=0.3)])
    return PettingZooEnv(env)


def make_dqn(env):
    net = Net(
        state_shape=env.observation_space.shape,
        action_shape=env.action_space.n,
        hidden_sizes=[64, 64],
    )
    policy = DiscreteQLearningPolicy(model=net, action_space=env.action_space, eps_training=0.2)
    return DQN(policy=policy, optim=AdamOptimizerFactory(lr=1e-3), target_update_freq=100)


torch.manual_seed(0)
env = make_env()
team = MultiAgentOffPolicyAlgorithm(algorithms=[make_dqn(env) for _ in env.agents], env=env)
envs, test_envs = (DummyVectorEnv([make_env for _ in range(4)]) for _ in range(2))
envs.seed(0)
test_envs.seed(100)
collector = Collector(team, envs, VectorReplayBuffer(20_000, 4), exploration_noise=True)
collector.reset()
result = team.run_training(
    OffPolicyTrainerParams(
        training_collector=collector,
        test_collector=Collector(team, test_envs),
        test_step_num_episodes=10,
        max_epochs=2,
        epoch_num_steps=900,
        collection_step_num_env_steps=60,
        update_step_num_gradient_steps_per_sample=0.1,
        multi_agent_return_reduction=lambda returns: returns.mean(axis=1),
        verbose=False,
        show_progress=False,
    )
)
print(f"best mean return of an agent: {result.best_reward:.1f} +- {result.best_reward_std:.1f}")
