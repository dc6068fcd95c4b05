"""Stable-Baselines3's PPO on a team whose links get worse as it learns."""

from mpe2 import simple_spread_v3
from stable_baselines3 import PPO
from stable_baselines3.common.evaluation import evaluate_policy

from failure_api import CommunicationWrapperParallel, GilbertElliottModel, ScheduledModel
from failure_api.integrations.stable_baselines3 import make_vec_env

links = ScheduledModel(model=GilbertElliottModel(p=0.2, r=0.3))
env = CommunicationWrapperParallel(simple_spread_v3.parallel_env(N=3), failure_models=links)

if __name__ == "__main__":
    vec_env = make_vec_env(env, num_envs=4, processes=2)
    model = PPO("MlpPolicy", vec_env, n_steps=100, batch_size=300, seed=0, device="cpu")
    for severity in (0.0, 0.5, 1.0):
        vec_env.env_method("set_severity", severity)
        model.learn(3_600)
        mean, deviation = evaluate_policy(model, vec_env, n_eval_episodes=30, warn=False)
        print(f"severity {severity}: return {mean:.1f}, deviation {deviation:.1f}")
    vec_env.close()
