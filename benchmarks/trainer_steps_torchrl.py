"""One step of simple_spread as TorchRL takes it, with a policy of its own."""

from __future__ import annotations

from collections.abc import Callable

from trainer_steps import Step, at_once, in_turns


def collecting(wrapped: bool) -> Step:
    from tensordict.nn import TensorDictModule
    from torch.distributions import Categorical
    from torchrl.collectors import Collector
    from torchrl.envs import PettingZooWrapper
    from torchrl.modules import MultiAgentMLP, ProbabilisticActor

    layers = {"centralized": False, "share_params": True, "num_cells": [64, 64]}
    actor = ProbabilisticActor(
        TensorDictModule(
            MultiAgentMLP(18, 5, 3, **layers),
            in_keys=[("agent", "observation")],
            out_keys=[("agent", "logits")],
        ),
        in_keys=[("agent", "logits")],
        out_keys=[("agent", "action")],
        distribution_class=Categorical,
    )
    env = PettingZooWrapper(at_once(wrapped))
    batches = iter(Collector(env, actor, frames_per_batch=1, total_frames=-1))
    return lambda: next(batches)


def turn_by_turn(wrapped: bool) -> Step:
    from torchrl.envs import PettingZooWrapper

    env = PettingZooWrapper(in_turns(wrapped), use_mask=True)
    now = env.reset()

    def step() -> None:
        nonlocal now
        for _ in range(3):
            _, now = env.step_and_maybe_reset(env.rand_action(now))

    return step


STEPS: dict[str, Callable[[bool], Step]] = {
    "TorchRL, collecting": collecting,
    "TorchRL, random turns": turn_by_turn,
}
PACKAGES = ("torch", "torchrl", "tensordict")
