"""skrl's IPPO, one policy for each agent, on a team that loses messages in bursts."""

import torch
from mpe2 import simple_spread_v3
from skrl.envs.wrappers.torch import wrap_env
from skrl.memories.torch import RandomMemory
from skrl.multi_agents.torch.ippo import IPPO
from skrl.trainers.torch import SequentialTrainer
from skrl.utils import set_seed
from skrl.utils.model_instantiators.torch import categorical_model, deterministic_model

from failure_api import CommunicationWrapperParallel, GilbertElliottModel
from failure_api.integrations.skrl import OwnSpaces

STEPS, ROLLOUT = 600, 200
LAYERS = [{"name": "net", "input": "OBSERVATIONS", "layers": [64, 64], "activations": "tanh"}]

set_seed(0)
env = simple_spread_v3.parallel_env(N=3)
env = CommunicationWrapperParallel(env, failure_models=[GilbertElliottModel(p=0.2, r=0.3)])
env = wrap_env(OwnSpaces(env), verbose=False)

models = {}
for agent in env.possible_agents:
    given = {"observation_space": env.observation_space(agent), "device": env.device}
    given |= {"action_space": env.action_space(agent), "network": LAYERS}
    policy = categorical_model(**given, output="ACTIONS")
    models[agent] = {"policy": policy, "value": deterministic_model(**given, output="ONE")}

# skrl 2.1 wants to be told of every agent that none of these has arguments.
parts = "observation_preprocessor state_preprocessor value_preprocessor learning_rate_scheduler"
none = {f"{part}_kwargs": {agent: {} for agent in models} for part in parts.split()}
team = IPPO(
    possible_agents=env.possible_agents,
    models=models,
    memories={agent: RandomMemory(memory_size=ROLLOUT, device=env.device) for agent in models},
    observation_spaces=env.observation_spaces,
    state_spaces=env.state_spaces,
    action_spaces=env.action_spaces,
    device=env.device,
    cfg={
        "rollouts": ROLLOUT,
        "experiment": {"write_interval": 0, "checkpoint_interval": 0},
        **none,
    },
)
trainer = SequentialTrainer(
    env=env,
    agents=team,
    cfg={"timesteps": STEPS, "headless": True, "disable_progressbar": True},
)
for number in range(1, 4):
    trainer.train()
    rewards = [memory.get_tensor_by_name("rewards").mean() for memory in team.memories.values()]
    print(f"{number * STEPS} steps: mean reward {torch.stack(rewards).mean():.2f}")
