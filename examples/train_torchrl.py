"""TorchRL's PPO with shared parameters, on a team whose links fail more in every iteration."""

import torch
from mpe2 import simple_spread_v3
from tensordict.nn import TensorDictModule
from torch.distributions import Categorical
from torchrl.collectors import Collector
from torchrl.envs import PettingZooWrapper, RewardSum, TransformedEnv
from torchrl.modules import MultiAgentMLP, ProbabilisticActor
from torchrl.objectives import ClipPPOLoss

from failure_api import CommunicationWrapperParallel, GilbertElliottModel, ScheduledModel

ITERATIONS, FRAMES, EPOCHS, MINIBATCH = 8, 1000, 6, 200

links = ScheduledModel(model=GilbertElliottModel(p=0.2, r=0.3))
env = CommunicationWrapperParallel(simple_spread_v3.parallel_env(N=3), failure_models=links)

torch.manual_seed(0)
total = ("agent", "episode_reward")
env = PettingZooWrapper(env)
env = TransformedEnv(env, RewardSum(in_keys=[("agent", "reward")], out_keys=[total]))
env.set_seed(0)
env.set_severity(0.0)


def network(outputs, name):
    mlp = MultiAgentMLP(18, outputs, 3, centralized=False, share_params=True, num_cells=[64, 64])
    return TensorDictModule(mlp, in_keys=[("agent", "observation")], out_keys=[("agent", name)])


actor = ProbabilisticActor(
    network(5, "logits"),
    in_keys=[("agent", "logits")],
    out_keys=[("agent", "action")],
    distribution_class=Categorical,
    return_log_prob=True,
    log_prob_key=("agent", "log_prob"),
)
loss = ClipPPOLoss(actor, network(1, "value"), entropy_coeff=0.01, normalize_advantage=True)
names = {name: ("agent", name) for name in ("reward", "action", "done", "terminated", "value")}
loss.set_keys(**names, sample_log_prob=("agent", "log_prob"))
loss.make_value_estimator(gamma=0.9, lmbda=0.9)
optimiser = torch.optim.Adam(loss.parameters(), lr=1e-3)

collector = Collector(env, actor, frames_per_batch=FRAMES, total_frames=ITERATIONS * FRAMES)
for number, batch in enumerate(collector):
    loss.value_estimator(batch)
    for _ in range(EPOCHS):
        for rows in torch.randperm(FRAMES).split(MINIBATCH):
            terms = loss(batch[rows])
            optimiser.zero_grad()
            (terms["loss_objective"] + terms["loss_critic"] + terms["loss_entropy"]).backward()
            optimiser.step()
    ended = batch["next", "done"].squeeze(-1)
    severity = number / (ITERATIONS - 1)
    print(f"severity {severity:.1f}: mean return {batch['next', *total][ended].mean():.1f}")
    env.set_severity(min(1.0, (number + 1) / (ITERATIONS - 1)))
