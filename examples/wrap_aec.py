"""Half of all messages are lost between the agents of an AEC environment."""

from mpe2 import simple_spread_v3

from failure_api import CommunicationWrapper, ProbabilisticModel

env = simple_spread_v3.env(N=3, max_cycles=25)
env = CommunicationWrapper(env, failure_models=[ProbabilisticModel(failure_prob=0.5)])

env.reset(seed=42)
for agent in env.agent_iter():
    observation, reward, termination, truncation, info = env.last()
    env.step(None if termination or truncation else env.action_space(agent).sample())
