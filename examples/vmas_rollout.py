"""Five hundred VMAS environments with bad links; one that ends starts anew alone."""

import vmas

from failure_api import DelayBasedModel, GilbertElliottModel
from failure_api.integrations.vmas import CommunicationWrapper

env = CommunicationWrapper(
    vmas.make_env("simple_spread", num_envs=500, n_agents=3, max_steps=25),
    failure_models=[GilbertElliottModel(p=0.1, r=0.3), DelayBasedModel(min_delay=0, max_delay=2)],
)
observations = env.reset(seed=42)
for _ in range(30):
    observations, rewards, dones, infos = env.step(env.get_random_actions())
    for index in dones.nonzero().flatten().tolist():
        env.reset_at(index, return_observations=False)
    (observations,) = env.get_from_scenario(True, False, False, False)
print(env.get_communication_state().float().mean(dim=0))  # how often each link worked
print(env.message_age.float().mean(dim=0))  # how old what it brought is, in rounds
