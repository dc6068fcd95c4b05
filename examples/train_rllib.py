"""RLlib's PPO with shared parameters, on a team whose links fail more in every iteration."""

import ray
from mpe2 import simple_spread_v3
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.env.wrappers.pettingzoo_env import ParallelPettingZooEnv
from ray.tune.registry import register_env

from failure_api import CommunicationWrapperParallel, GilbertElliottModel, ScheduledModel
from failure_api.integrations.rllib import set_severity

ITERATIONS = 6


def make(settings):
    links = ScheduledModel(model=GilbertElliottModel(p=0.2, r=0.3))
    env = CommunicationWrapperParallel(simple_spread_v3.parallel_env(N=3), failure_models=links)
    return ParallelPettingZooEnv(env)


if __name__ == "__main__":
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
    register_env("failing_spread", make)
    config = (
        PPOConfig()
        .environment("failing_spread")
        .env_runners(num_env_runners=0)
        .multi_agent(policies={"all"}, policy_mapping_fn=lambda agent, *rest, **more: "all")
        .rl_module(model_config={"fcnet_hiddens": [64, 64]})
        .training(train_batch_size_per_learner=1000, minibatch_size=500, num_epochs=8)
        .training(gamma=0.9, lr=1e-3, entropy_coeff=0.01)
        .debugging(seed=0)
    )
    algorithm = config.build_algo()
    for iteration in range(ITERATIONS):
        severity = iteration / (ITERATIONS - 1)
        set_severity(algorithm, severity)
        found = algorithm.train()["env_runners"]
        print(f"severity {severity:.1f}: mean return {found['episode_return_mean'] / 3:.1f}")
    algorithm.stop()
