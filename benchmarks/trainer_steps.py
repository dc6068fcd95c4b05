"""One step of simple_spread as each trainer takes it, with a policy of its own.

Other files `trainer_steps_*.py` hold those of trainers that need other environments. Each has
`STEPS`: by what is timed, a function of whether links fail that returns a function that makes one
step; and `PACKAGES`, whose versions matter.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from mpe2 import simple_spread_v3

from failure_api import CommunicationWrapper, CommunicationWrapperParallel, GilbertElliottModel

Step = Callable[[], Any]
BURSTS = GilbertElliottModel(p=0.1, r=0.3)


def at_once(wrapped: bool) -> Any:
    """Returns a Parallel environment."""
    env = simple_spread_v3.parallel_env(N=3)
    return CommunicationWrapperParallel(env, BURSTS) if wrapped else env


def in_turns(wrapped: bool) -> Any:
    """Returns an AEC environment."""
    env = simple_spread_v3.env(N=3)
    return CommunicationWrapper(env, BURSTS) if wrapped else env


def sb3(wrapped: bool) -> Step:
    from stable_baselines3 import PPO

    from failure_api.integrations.stable_baselines3 import make_vec_env

    vec_env = make_vec_env(at_once(wrapped))
    model = PPO("MlpPolicy", vec_env, seed=0, device="cpu")
    seen = vec_env.reset()

    def step() -> None:
        nonlocal seen
        seen, *_ = vec_env.step(model.predict(seen)[0])

    return step


def sb3_learning(wrapped: bool) -> Step:
    from stable_baselines3 import PPO

    from failure_api.integrations.stable_baselines3 import make_vec_env

    options = {"n_steps": 5, "batch_size": 15, "n_epochs": 1, "seed": 0, "device": "cpu"}
    model = PPO("MlpPolicy", make_vec_env(at_once(wrapped)), **options)
    return lambda: model.learn(15, reset_num_timesteps=False)


def tianshou(wrapped: bool) -> Step:
    from tianshou.algorithm.modelfree.dqn import DiscreteQLearningPolicy
    from tianshou.algorithm.multiagent.marl import MultiAgentPolicy
    from tianshou.data import Collector, VectorReplayBuffer
    from tianshou.env import DummyVectorEnv, PettingZooEnv
    from tianshou.utils.net.common import Net

    # It warns of every episode that there are several returns.
    logging.getLogger("tianshou.data.stats").setLevel(logging.ERROR)
    env = PettingZooEnv(in_turns(wrapped))
    shape, space = env.observation_space.shape, env.action_space
    policies = {
        agent: DiscreteQLearningPolicy(
            model=Net(state_shape=shape, action_shape=space.n, hidden_sizes=[64, 64]),
            action_space=space,
            eps_training=0.5,
        )
        for agent in env.agents
    }
    envs = DummyVectorEnv([lambda: env])
    envs.seed(0)
    buffer = VectorReplayBuffer(1000, 1)
    collector = Collector(MultiAgentPolicy(policies), envs, buffer, exploration_noise=True)
    collector.reset()
    return lambda: collector.collect(n_step=len(policies))


def skrl(wrapped: bool) -> Step:
    import torch
    from skrl.envs.wrappers.torch import wrap_env
    from skrl.utils.model_instantiators.torch import categorical_model

    from failure_api.integrations.skrl import OwnSpaces

    env = at_once(wrapped)
    env = wrap_env(OwnSpaces(env) if wrapped else env, wrapper="pettingzoo", verbose=False)
    layers = {"name": "net", "input": "OBSERVATIONS", "layers": [64, 64], "activations": "tanh"}
    policies = {
        agent: categorical_model(
            observation_space=env.observation_space(agent),
            action_space=env.action_space(agent),
            network=[layers],
            output="ACTIONS",
        )
        for agent in env.possible_agents
    }
    seen, _ = env.reset()

    @torch.no_grad()
    def step() -> None:
        nonlocal seen
        actions = {agent: policies[agent].act({"observations": seen[agent]})[0] for agent in seen}
        seen, *_ = env.step(actions)
        env.state()
        if not env.agents:
            seen, _ = env.reset()

    return step


def agilerl(wrapped: bool) -> Step:
    from agilerl.algorithms import IPPO
    from agilerl.vector.pz_async_vec_env import AsyncPettingZooVecEnv

    env = AsyncPettingZooVecEnv([lambda: at_once(wrapped)] * 2)
    agents = env.possible_agents
    team = IPPO(
        observation_spaces=[env.single_observation_space(agent) for agent in agents],
        action_spaces=[env.single_action_space(agent) for agent in agents],
        agent_ids=agents,
    )
    seen, infos = env.reset(seed=0)

    def step() -> None:
        nonlocal seen, infos
        actions, *_ = team.get_action(obs=seen, infos=infos)
        seen, _, _, _, infos = env.step(actions)

    return step


STEPS: dict[str, Callable[[bool], Step]] = {
    "Stable-Baselines3, sampling": sb3,
    "Stable-Baselines3, sampling and learning": sb3_learning,
    "tianshou, sampling": tianshou,
    "skrl, sampling": skrl,
    "AgileRL, sampling in two processes": agilerl,
}
PACKAGES = ("torch", "stable_baselines3", "supersuit", "tianshou", "skrl", "agilerl")
