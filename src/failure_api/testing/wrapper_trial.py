"""A wrapped environment under trial: how to make it, play it and compare two episodes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from pettingzoo import AECEnv

from failure_api.communication_models import DelayBasedModel, ProbabilisticModel
from failure_api.core import CommunicationModel
from failure_api.core.noise_chain import NoiseChain
from failure_api.exchanges import Exchange
from failure_api.testing.rollout import Moment, play
from failure_api.testing.verdict import demand, same
from failure_api.wrappers import CommunicationWrapper, CommunicationWrapperParallel
from failure_api.wrappers.rounds import NoiseModels

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
    noise_models: NoiseModels = ()
    bare: bool = False

    @property
    def noisy(self) -> bool:
        """Whether the content of messages is corrupted."""
        return bool(NoiseChain(models=cast("Any", self.noise_models)).parts)

    def wrap(self, models: list[CommunicationModel], env: Any = None) -> Any:
        """Returns a wrapped environment, a new one unless one is given."""
        env = self.make() if env is None else env
        if self.bare:
            return env
        kind = CommunicationWrapper if isinstance(env, AECEnv) else CommunicationWrapperParallel
        chosen = self.wrapper or kind
        options: dict[str, Any] = {"exchange": self.exchange, "positions": self.positions}
        # Wrappers of one's own need not know of noise.
        if self.noisy:
            options["noise_models"] = self.noise_models
        return chosen(env, models, **options)

    def play(self, env: Any, **options: Any) -> list[Moment]:
        """Plays one episode and returns all there was to see."""
        options = {"seed": self.seed, "steps": self.steps, **options}
        return list(play(env, **options))


def compare(law: int, one: list[Moment], other: list[Moment], finding: str) -> None:
    """Raises unless two episodes are the same."""
    demand(law, len(one) == len(other), f"{finding}: it has another length")
    for number, (a, b) in enumerate(zip(one, other, strict=True)):
        for what in ("agents", "observations", "rewards", "terminations", "received", "age"):
            demand(
                law,
                same(getattr(a, what), getattr(b, what)),
                f"{finding}: {what} differ at step {number}",
            )
