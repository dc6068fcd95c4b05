"""The wrapper for Parallel environments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from pettingzoo import ParallelEnv

from failure_api.exchanges import Exchange
from failure_api.wrappers.below import check_kind
from failure_api.wrappers.parallel_rounds import ParallelRounds
from failure_api.wrappers.reports import Reports
from failure_api.wrappers.rounds import Models, NoiseModels, RoundKeeper


class CommunicationWrapperParallel(Reports, ParallelRounds):
    """Makes the links between the agents of a Parallel environment fail.

    Everything holds that `CommunicationWrapper` promises of AEC environments: with the same seed
    and the same models both deliver the same messages.

    Args:
        env: A PettingZoo Parallel environment.
        failure_models: One communication model, or several that act in order.
        noise_models: One noise model, or several that act in order, on what agents receive alone.
        exchange: What agents say to each other and how a receiver sees it; None picks by the
            environment, as in `CommunicationWrapper`.
        positions: A function of the environment that returns positions `[N, dim]`; None finds
            them where they are known.
        report: `"infos"` puts what each agent's links did into its info, as in
            `CommunicationWrapper`.

    Raises:
        WrongEnvironmentError: Not a Parallel environment, or one without `possible_agents`.
        InvalidArgumentError: A model, the exchange or the positions do not suit the environment.

    Example:
        >>> from mpe2 import simple_spread_v3
        >>> from failure_api import CommunicationWrapperParallel, ProbabilisticModel
        >>> env = CommunicationWrapperParallel(
        ...     simple_spread_v3.parallel_env(), ProbabilisticModel(failure_prob=0.5)
        ... )
        >>> observations, infos = env.reset(seed=42)
        >>> env.get_communication_state().tolist()
        [[False, False, False], [True, False, False], [True, False, False]]
    """

    def __init__(
        self,
        env: ParallelEnv,
        failure_models: Models,
        *,
        noise_models: NoiseModels = (),
        exchange: Exchange | None = None,
        positions: Callable[[Any], Any] | None = None,
        report: Literal["infos"] | None = None,
    ) -> None:
        check_kind("CommunicationWrapper", env, ParallelEnv)
        super().__init__(
            env, RoundKeeper(env, failure_models, exchange, positions, noise_models, report)
        )
