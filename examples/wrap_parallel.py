"""Bad links in a Parallel environment: out of range, late, and lost now and then."""

from mpe2 import simple_spread_v3

from failure_api import (
    CommunicationWrapperParallel,
    DelayBasedModel,
    DistanceModel,
    ProbabilisticModel,
)

env = CommunicationWrapperParallel(
    simple_spread_v3.parallel_env(N=3),
    failure_models=[
        DistanceModel(distance_threshold=1.0),
        DelayBasedModel(min_delay=0, max_delay=2),
        ProbabilisticModel(failure_prob={("agent_0", "agent_1"): 0.9}),
    ],
)
observations, infos = env.reset(seed=42)
observations, *_ = env.step({agent: env.action_space(agent).sample() for agent in env.agents})

print(env.get_communication_state())  # which messages arrived, [sender, receiver]
print(env.message_age)  # how old the newest one on each link is, in rounds
