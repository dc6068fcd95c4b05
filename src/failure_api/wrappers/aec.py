"""The wrapper for AEC environments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from pettingzoo import AECEnv

from failure_api.exchanges import Exchange
from failure_api.wrappers.aec_rounds import AECRounds
from failure_api.wrappers.below import check_kind
from failure_api.wrappers.reports import Reports
from failure_api.wrappers.rounds import Models, NoiseModels, RoundKeeper


class CommunicationWrapper(Reports, AECRounds):
    """Makes the links between the agents of an AEC environment fail.

    One round of messages follows every environment step, that is the last action of a cycle, or
    every turn where the environment is turn-based. `agents`, rewards, terminations, truncations
    and infos are the environment's own. `reset(seed)` fixes every draw of the models; `reset()`
    goes on with the next episode. Agents that have terminated send and receive nothing; those
    that are truncated take part a last time, so that a value can be estimated from what they
    see.

    Args:
        env: A PettingZoo AEC environment.
        failure_models: One communication model, or several that act in order.
        noise_models: One noise model, or several that act in order, on what agents receive alone:
            on the content of each message, for each receiver, in the round in which it arrives.
            What an agent knows of itself is never touched.
        exchange: What agents say to each other and how a receiver sees it. None takes
            `MaskSegments()` where it is known which parts of an observation come from whom (most
            of mpe2), `ShareObservations()` elsewhere.
        positions: A function of the environment that returns positions `[N, dim]` in the order
            of `possible_agents`, for models that need them. None finds them for mpe2 and for
            PettingZoo's sisl and butterfly environments.
        report: `"infos"` puts into each agent's info what the links that bring it messages did in
            the round: `link_arrived` (1 where a message arrived), `link_age` (rounds) and
            `link_bits` (bits of a message, 0 where nobody counts them), float32, one entry for each
            of `possible_agents`. None leaves infos as the environment has them.

    Raises:
        WrongEnvironmentError: Not an AEC environment, or one without `possible_agents`.
        InvalidArgumentError: A model, the exchange or the positions do not suit the environment.

    Example:
        >>> from mpe2 import simple_spread_v3
        >>> from failure_api import CommunicationWrapper, ProbabilisticModel
        >>> env = CommunicationWrapper(
        ...     simple_spread_v3.env(), failure_models=[ProbabilisticModel(failure_prob=0.5)]
        ... )
        >>> env.reset(seed=42)
        >>> env.get_communication_state().tolist()
        [[False, False, False], [True, False, False], [True, False, False]]
    """

    def __init__(
        self,
        env: AECEnv,
        failure_models: Models,
        *,
        noise_models: NoiseModels = (),
        exchange: Exchange | None = None,
        positions: Callable[[Any], Any] | None = None,
        report: Literal["infos"] | None = None,
    ) -> None:
        check_kind("CommunicationWrapper", env, AECEnv)
        super().__init__(
            env, RoundKeeper(env, failure_models, exchange, positions, noise_models, report)
        )
