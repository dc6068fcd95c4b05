"""What happened on every link, saved and played again."""

from mpe2 import simple_spread_v3

from failure_api import CommunicationWrapperParallel, GilbertElliottModel, TraceModel, record_trace

bursts = GilbertElliottModel.from_loss_and_burst(loss=0.2, mean_burst_length=5)
print(bursts.expected_loss(), bursts.expected_burst_length(), bursts.expected_age())

env = CommunicationWrapperParallel(simple_spread_v3.parallel_env(), bursts)
with record_trace(env) as recorder:
    env.reset(seed=42)
    while env.agents:
        env.step({agent: env.action_space(agent).sample() for agent in env.agents})
recorder.trace.save("links.npz")

replayed = TraceModel.from_file("links.npz")
env = CommunicationWrapperParallel(simple_spread_v3.parallel_env(), replayed)
