"""One step of simple_spread as RLlib's environment runners take it, with a policy of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from trainer_steps import Step, at_once, in_turns

BATCH = 25


def runner(name: str, env: Any, steps: int) -> Step:
    """Returns a function that makes so many steps of an environment of RLlib's.

    They are made in batches, one of `BATCH` calls at a time, as RLlib makes them in training.
    """
    from ray.rllib.algorithms.ppo import PPOConfig
    from ray.rllib.env.multi_agent_env_runner import MultiAgentEnvRunner
    from ray.tune.registry import register_env

    register_env(name, lambda settings: env)
    config = (
        PPOConfig()
        .environment(name)
        .multi_agent(policies={"all"}, policy_mapping_fn=lambda agent, *rest, **more: "all")
        .rl_module(model_config={"fcnet_hiddens": [64, 64]})
        .debugging(seed=0)
    )
    runs = MultiAgentEnvRunner(config=config)
    owed = 0

    def step() -> None:
        nonlocal owed
        owed += steps
        if owed == BATCH * steps:
            runs.sample(num_timesteps=owed, random_actions=False)
            runs.get_metrics()
            owed = 0

    return step


def all_at_once(wrapped: bool) -> Step:
    from ray.rllib.env.wrappers.pettingzoo_env import ParallelPettingZooEnv

    return runner(f"parallel {wrapped}", ParallelPettingZooEnv(at_once(wrapped)), 1)


def turn_by_turn(wrapped: bool) -> Step:
    from ray.rllib.env.wrappers.pettingzoo_env import PettingZooEnv

    return runner(f"turns {wrapped}", PettingZooEnv(in_turns(wrapped)), 3)


STEPS: dict[str, Callable[[bool], Step]] = {
    "RLlib, sampling": all_at_once,
    "RLlib, sampling turn by turn": turn_by_turn,
}
PACKAGES = ("torch", "ray")
