"""One float32 vector for each agent, which every trainer accepts."""

from mpe2 import simple_tag_v3

from failure_api import CommunicationWrapperParallel, ProbabilisticModel, ShareObservations

env = CommunicationWrapperParallel(
    simple_tag_v3.parallel_env(),
    failure_models=ProbabilisticModel(failure_prob=0.2),
    exchange=ShareObservations(form="flat", missing="hold"),
)
print(env.observation_space("agent_0").shape)
