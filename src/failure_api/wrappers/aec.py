"""The wrapper for AEC environments: a round each cycle, and one look at each agent in each."""

from __future__ import annotations

from typing import Any

from pettingzoo import AECEnv

from failure_api.errors import NotResetError
from failure_api.wrappers.mirror import FOLLOWED, Mirror
from failure_api.wrappers.reports import Reports
from failure_api.wrappers.rounds import RoundsWrapper
from failure_api.wrappers.unwrapping import check_agent, check_seed, not_reset


class _NotResetAttributeError(NotResetError, AttributeError):
    """An attribute that there is from the first reset on."""


class AECRounds(RoundsWrapper, Mirror):
    """Runs a round after every environment step, and shows agents what it leaves of their view.

    Args:
        env: The environment.
        rounds: What happens in a round.
    """

    _kind = AECEnv

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        """Starts an episode.

        Args:
            seed: Fixes the environment's and the models' draws; None goes on.
            options: Passed to the environment, but for `"failure"`, what a communication wrapper
                sets for the episode: `{"severity": x}`, or a value by the name of a parameter that
                a `RandomizedModel` draws.

        Raises:
            InvalidArgumentError: A seed that is none, or settings that no failure model takes.
        """
        check_seed(seed)
        options = self._rounds.settle(options)
        self._started = False
        super().reset(seed=seed, options=options)
        self._rounds.start(seed, self._observations, self.terminations)
        self.infos = self._rounds.told(self.infos)
        self._started = True

    def step(self, action: Any) -> None:
        """Takes the action of the agent whose turn it is.

        Raises:
            NotResetError: There has been no reset yet.
            InvalidArgumentError: An action that is to carry a message and does not.
        """
        if not self._started:
            raise not_reset("step was called")
        before = self._observations
        if self._actions is None:
            super().step(action)
        else:
            agent = self.agent_selection
            action, message = self._actions.parted(agent, action)
            super().step(action)
            if message is not None:
                self._rounds.say(agent, message)
        if self._observations is not before:
            # If the round fails there is nothing to go on from.
            self._started = False
            self._rounds.advance(self._observations, self.terminations)
            self._started = True
        self.infos = self._rounds.told(self.infos)

    def last(self, observe: bool = True) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Returns observation, reward, flags and info of the agent whose turn it is.

        Raises:
            NotResetError: There has been no reset yet.
        """
        if not self._started:
            raise not_reset("last was called")
        return super().last(observe)  # type: ignore[no-any-return]

    def observe(self, agent: Any) -> Any:
        """Returns what an agent sees, as an object that nobody else holds.

        Raises:
            NotResetError: There has been no reset yet.
        """
        if not self._started:
            raise not_reset("observe was called")
        if agent in self._observations and not self._moved:
            return self._view(agent)
        check_agent(agent, self.observation_spaces)
        return self._view(agent, self._source.observe(agent))

    def __getattr__(self, name: str) -> Any:
        # Layers around a copy that has to be reset would take these from an environment below.
        if name in FOLLOWED and vars(self).get("_started") is False:
            raise not_reset(f"{name} was asked for", _NotResetAttributeError)
        return super().__getattr__(name)

    def _forget(self) -> None:
        for name in FOLLOWED:
            self.__dict__.pop(name, None)
        self.agents, self._observations = [], {}

    def _newer(self) -> dict[Any, Any]:
        """Returns the observations that have changed since the round."""
        if not self._moved:
            return {}
        return {agent: self._source.observe(agent) for agent in self._observations}


class CommunicationWrapper(Reports, AECRounds):
    """Makes the links between the agents of an AEC environment fail.

    One round of messages follows every environment step, that is the last action of a cycle, or
    every turn where the environment is turn-based. `agents`, rewards, terminations, truncations
    and infos are the environment's own. `reset(seed)` fixes every draw of the models; `reset()`
    goes on with the next episode. Agents that have terminated send and receive nothing; those
    that are truncated take part a last time, so that a value can be estimated from what they
    see.

    Args:
        env: A PettingZoo AEC environment, or one of another interface, which
            `failure_api.environments.as_parallel` and then PettingZoo convert.
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
