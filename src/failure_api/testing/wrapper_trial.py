"""A wrapped environment under trial: how to make it, play it and compare two episodes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pettingzoo import AECEnv

from failure_api.communication_models import DelayBasedModel, ProbabilisticModel
from failure_api.core import CommunicationModel
from failure_api.core.noise import NoiseModel
from failure_api.exchanges import Exchange
from failure_api.testing.rollout import Moment, play
from failure_api.testing.verdict import demand, same
from failure_api.wrappers import CommunicationWrapper, CommunicationWrapperParallel

PERFECT: list[CommunicationModel] = [ProbabilisticModel(failure_prob=0.0)]
DOWN: list[CommunicationModel] = [ProbabilisticModel(failure_prob=1.0)]
LOSSY: list[CommunicationModel] = [
    ProbabilisticModel(failure_prob=0.5),
    DelayBasedModel(min_delay=0, max_delay=2),
]


@dataclass(frozen=True)
class Trial:
    """An environment, how to wrap it, and how long to try it.

    Attributes:
        bare: Whether it is left without its wrapper, to see what it does by itself.
    """

    make: Callable[[], Any]
    models: list[CommunicationModel]
    exchange: Exchange | None
    positions: Callable[[Any], Any] | None
    wrapper: Callable[..., Any] | None
    steps: int
    seed: int
    noise_models: tuple[NoiseModel, ...] = ()
    bare: bool = False

    def wrap(self, models: list[CommunicationModel], env: Any = None) -> Any:
        """Returns a wrapped environment, a new one unless one is given."""
        env = self.make() if env is None else env
        if self.bare:
            return env
        ours = CommunicationWrapper if isinstance(env, AECEnv) else CommunicationWrapperParallel
        # Wrappers of one's own need not know of noise.
        noise = {"noise_models": self.noise_models} if self.noise_models else {}
        wrap: Any = self.wrapper or ours
        return wrap(env, models, exchange=self.exchange, positions=self.positions, **noise)

    def play(self, env: Any, **options: Any) -> list[Moment]:
        """Plays one episode and returns all there was to see."""
        return list(play(env, **{"seed": self.seed, "steps": self.steps, **options}))


def compare(law: int, one: list[Moment], other: list[Moment], finding: str) -> None:
    """Raises unless two episodes are the same."""
    demand(law, len(one) == len(other), f"{finding}: it has another length")
    for index, (a, b) in enumerate(zip(one, other, strict=True)):
        for what in ("agents", "observations", "rewards", "terminations", "received", "age"):
            equal = same(getattr(a, what), getattr(b, what))
            demand(law, equal, f"{finding}: {what} differ at step {index}")
