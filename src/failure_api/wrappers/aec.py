"""The wrapper for AEC environments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gymnasium.spaces import Space
from pettingzoo import AECEnv, ParallelEnv

from failure_api.errors import NotResetError, WrongEnvironmentError, describe, invalid
from failure_api.exchanges import Exchange
from failure_api.wrappers.mirror import Mirror
from failure_api.wrappers.reports import Reports
from failure_api.wrappers.rounds import Models, RoundKeeper, check_seed


class CommunicationWrapper(Reports, Mirror):
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
        exchange: What agents say to each other and how a receiver sees it. None takes
            `MaskSegments()` where it is known which parts of an observation come from whom (most
            of mpe2), `ShareObservations()` elsewhere.
        positions: A function of the environment that returns positions `[N, dim]` in the order
            of `possible_agents`, for models that need them. None finds them for mpe2 and for
            PettingZoo's sisl and butterfly environments.

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
        exchange: Exchange | None = None,
        positions: Callable[[Any], Any] | None = None,
    ) -> None:
        if isinstance(env, ParallelEnv):
            raise WrongEnvironmentError(
                f"CommunicationWrapper wraps AEC environments, but {env} is a Parallel one: "
                "use CommunicationWrapperParallel."
            )
        if not isinstance(env, AECEnv):
            raise WrongEnvironmentError(
                f"CommunicationWrapper wraps PettingZoo AEC environments, but {describe(env)} is "
                "none: give an instance of pettingzoo.AECEnv."
            )
        super().__init__(env)
        self._started = False
        self._rounds = RoundKeeper(env, failure_models, exchange, positions)
        self._view = self._rounds.bound.view
        self.observation_spaces: dict[Any, Space[Any]] = self._rounds.bound.spaces

    def observation_space(self, agent: Any) -> Space[Any]:
        """Returns the space of an agent's observations, as the exchange shows them."""
        return self.observation_spaces[agent]

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        """Starts an episode.

        Args:
            seed: Fixes the environment's and the models' draws; None goes on.
            options: Passed to the environment.
        """
        check_seed(seed)
        self._started = False
        super().reset(seed=seed, options=options)
        self._rounds.start(seed, self._observations, self.terminations)
        self._started = True

    def step(self, action: Any) -> None:
        """Takes the action of the agent whose turn it is.

        Raises:
            NotResetError: There has been no reset yet.
        """
        if not self._started:
            raise _not_started("step")
        before = self._observations
        super().step(action)
        if self._observations is not before:
            # If the round fails there is nothing to go on from.
            self._started = False
            self._rounds.advance(self._observations, self.terminations)
            self._started = True

    def last(self, observe: bool = True) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Returns observation, reward, flags and info of the agent whose turn it is.

        Raises:
            NotResetError: There has been no reset yet.
        """
        if not self._started:
            raise _not_started("last")
        return super().last(observe)  # type: ignore[no-any-return]

    def observe(self, agent: Any) -> Any:
        """Returns what an agent sees, as an object that nobody else holds.

        Raises:
            NotResetError: There has been no reset yet.
        """
        if not self._started:
            raise _not_started("observe")
        if agent in self._observations and not self._moved:
            return self._view(agent)
        if agent not in self.observation_spaces:
            known = ", ".join(map(str, self.observation_spaces))
            raise invalid("agent", "must be one of the environment's", agent, f"take {known}")
        return self._view(agent, self._source.observe(agent))


def _not_started(what: str) -> NotResetError:
    return NotResetError(f"{what} was called before a reset that succeeded: call reset().")
