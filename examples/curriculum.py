"""Failures that grow severer as training goes on, and a critic that sees through them."""

from mpe2 import simple_spread_v3

from failure_api import (
    CommunicationWrapperParallel,
    MaskSegments,
    ProbabilisticModel,
    RandomizedModel,
)

env = CommunicationWrapperParallel(
    simple_spread_v3.parallel_env(N=3),
    RandomizedModel(
        model=ProbabilisticModel(failure_prob=0.0), parameters={"failure_prob": (0.0, 0.8)}
    ),
    exchange=MaskSegments(missing="hold", report_age=True),
)

for episode in range(3):
    env.set_severity(episode / 2)  # draws from (0, 0), (0, 0.4), (0, 0.8)
    observations, infos = env.reset(seed=episode)
    critic = env.clean_observations()  # what perfect communication would have shown
    everything = env.state()  # the environment's own
    while env.agents:
        env.step({agent: env.action_space(agent).sample() for agent in env.agents})

# One episode for itself: a severity, or what a drawn parameter is.
env.reset(options={"failure": {"severity": 0.25}})
env.reset(options={"failure": {"failure_prob": 0.8}})
