"""The wrapper for Parallel environments: a round after every step."""

from __future__ import annotations

from typing import Any

from pettingzoo import ParallelEnv
from pettingzoo.utils import BaseParallelWrapper
from pettingzoo.utils.conversions import aec_to_parallel_wrapper

from failure_api.errors import invalid
from failure_api.wrappers.mirror import Mirror, moves_once_a_cycle
from failure_api.wrappers.reports import Reports
from failure_api.wrappers.rounds import Rounds, RoundsWrapper
from failure_api.wrappers.unwrapping import check_seed, not_reset


class ParallelRounds(RoundsWrapper, BaseParallelWrapper):
    """Runs a round after every environment step, and shows agents what it leaves of their view.

    Args:
        env: The environment.
        rounds: What happens in a round.

    Attributes:
        infos: What the last reset or step told of each agent, which may hold action masks.
    """

    _kind = ParallelEnv

    def __init__(self, env: ParallelEnv, rounds: Rounds) -> None:
        super().__init__(env, rounds)
        self._inner = _quick(env)
        self._converted = isinstance(env, aec_to_parallel_wrapper)
        self.infos: dict[Any, Any] = {}
        # Vector environments ask for it in every step, and would ask through every layer.
        self.possible_agents = env.possible_agents

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[Any, Any], dict[Any, Any]]:
        """Starts an episode.

        Args:
            seed: Fixes the environment's and the models' draws; None goes on.
            options: Passed to the environment, but for `"failure"`, what a communication wrapper
                sets for the episode: `{"severity": x}`, or a value by the name of a parameter that
                a `RandomizedModel` draws.

        Returns:
            Observations and infos of all agents.

        Raises:
            InvalidArgumentError: A seed that is none, or settings that no failure model takes.
        """
        check_seed(seed)
        options = self._rounds.settle(options)
        self._started = False
        observations, infos = self._inner.reset(seed=seed, options=options)
        self._follow(self._inner.agents)
        self._rounds.start(seed, observations, {})
        self._started = True
        self.infos = dict(self._rounds.told(infos))
        return self._views(observations), dict(self.infos)

    def step(
        self, actions: dict[Any, Any]
    ) -> tuple[dict[Any, Any], dict[Any, float], dict[Any, bool], dict[Any, bool], dict[Any, Any]]:
        """Takes the actions of all agents.

        Args:
            actions: An action for each agent in `agents`.

        Returns:
            Observations, rewards, terminations, truncations and infos, by agent.

        Raises:
            NotResetError: There has been no reset yet.
            InvalidArgumentError: An action for an agent that the environment does not have, or one
                that is to carry a message and does not.
        """
        if not self._started:
            raise not_reset("step was called")
        self._check_agents(actions)
        messages: dict[Any, Any] = {}
        if self._actions is not None:
            actions, messages = self._actions.parted_of_all(actions)
        playing = set(self.agents)
        observations, rewards, terminations, truncations, infos = self._inner.step(actions)
        self._follow(self._inner.agents)
        dead = terminations
        if not playing.issuperset(observations):
            # Some environments go on telling what the dead observe.
            gone = observations.keys() - playing.union(self.agents)
            dead = {**terminations, **dict.fromkeys(gone, True)}
        for agent, message in messages.items():
            self._rounds.say(agent, message)
        # If the round fails there is nothing to go on from.
        self._started = False
        self._rounds.advance(observations, dead)
        self._started = True
        self.infos = dict(self._rounds.told(infos))
        views, infos = self._views(observations), dict(self.infos)
        return views, dict(rewards), dict(terminations), dict(truncations), infos

    def _views(self, observations: dict[Any, Any]) -> dict[Any, Any]:
        return self._rounds.views(observations)  # type: ignore[no-any-return]

    def _newer(self) -> dict[Any, Any]:
        """Returns the observations that have changed since the round: none can have."""
        return {}

    def _follow(self, agents: list[Any]) -> None:
        self.agents = agents
        if self._inner is not self.env:
            self.env.agents = self.agents

    def _forget(self) -> None:
        self.infos = {}
        self._follow([])

    def _check_agents(self, actions: Any) -> None:
        known = self._rounds.index
        if not isinstance(actions, dict):
            raise invalid("actions", "must be a dict by agent", actions, "give {agent: action}")
        for agent in actions:
            if agent not in known:
                remedy = f"choose from {', '.join(map(str, known))}"
                raise invalid("actions", "must name known agents", agent, remedy)
        if self._converted and not actions.keys() >= set(self.agents):
            # A converted environment would find out only after others have acted.
            missing = next(agent for agent in self.agents if agent not in actions)
            rule = f"must hold an action for every agent in agents, {missing!r} among them"
            raise invalid("actions", rule, actions, "add what is missing")


def _quick(env: Any) -> Any:
    """Returns an environment that does the same as `env`, on the same state, if possible faster.

    A converted AEC environment that only moves at the end of a cycle is converted again, with
    its second look at every agent answered from the first.
    """
    if type(env) is aec_to_parallel_wrapper and moves_once_a_cycle(env.aec_env):
        return aec_to_parallel_wrapper(Mirror(env.aec_env))
    return env


class CommunicationWrapperParallel(Reports, ParallelRounds):
    """Makes the links between the agents of a Parallel environment fail.

    Everything holds that `CommunicationWrapper` promises of AEC environments: with the same seed
    and the same models both deliver the same messages.

    Args:
        env: A PettingZoo Parallel environment, or one of another interface that
            `failure_api.environments.as_parallel` takes.
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
