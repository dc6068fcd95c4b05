"""A thousand teams at once, whose learned messages fail, with gradients through what arrives."""

import torch

from failure_api import DelayBasedModel, GilbertElliottModel
from failure_api.batched import BatchedChannel

channel = BatchedChannel(
    failure_models=[GilbertElliottModel(p=0.1, r=0.3), DelayBasedModel(min_delay=0, max_delay=2)],
    agent_ids=("scout", "lifter", "base"),
    missing="hold",
)
messages = torch.zeros(1000, 3, 8, requires_grad=True)  # [environment, sender, entry]

state = channel.init(0, messages)
for _ in range(25):
    state, received = channel.step(state, messages)
    done = torch.rand(1000) < 0.05
    state = channel.reset_where(state, done)

received.content.sum().backward()  # [environment, receiver, sender, entry]
print(received.flags.float().mean(), received.ages.float().mean(), messages.grad.norm())
