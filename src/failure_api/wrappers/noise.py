"""Wrappers with faulty sensors: what agents observe by themselves is corrupted once a round."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pettingzoo import ParallelEnv

from failure_api.core.links import Array
from failure_api.core.random.numpy_stream import EpisodeStreams
from failure_api.exchanges.spaces.actions import ActionMaskSplit, ByAgent, copy_value
from failure_api.exchanges.spaces.corruption import Corruption, Entries, numbers_of, padded
from failure_api.exchanges.spaces.numbers import Numbers
from failure_api.wrappers.aec import AECRounds
from failure_api.wrappers.mirror import moves_once_a_cycle
from failure_api.wrappers.parallel import ParallelRounds
from failure_api.wrappers.rounds import NoiseModels, Rounds, RoundsWrapper
from failure_api.wrappers.unwrapping import (
    alike_below,
    check_observations,
    environment_of,
)


class Sensors(Rounds):
    """Reads every agent's observation once a round, through noise.

    Args:
        env: The environment below the wrapper.
        noise_models: One noise model, or several that act in order.
        still: Whether nothing that an agent observes changes between rounds.

    Raises:
        WrongEnvironmentError: The environment does not say who its agents may be.
        InvalidArgumentError: A model does not suit the environment.
    """

    def __init__(self, env: Any, noise_models: NoiseModels, still: bool) -> None:
        super().__init__(env, noise_models)
        self._splits = {agent: ActionMaskSplit(space) for agent, space in self.spaces.items()}
        self._numbers: dict[Any, Numbers] = {}
        self.noise.place(self._entries)
        self._streams = EpisodeStreams(*alike_below(env, Sensors))
        self._still = still
        self._readings: dict[Any, Any] = {}
        self._before: tuple[Corruption, Array, NDArray[np.bool_]] | None = None

    def _entries(self) -> Entries:
        self._numbers = {
            agent: numbers_of(agent, split.body_space) for agent, split in self._splits.items()
        }
        return padded(list(self._numbers.values()), (len(self.agent_ids),))

    def start(self, seed: int | None, observations: ByAgent, dead: Mapping[Any, bool]) -> None:
        """Begins an episode with its round 0.

        Args:
            seed: Starts the sequence of episodes anew; None goes on with it.
            observations: The environment's observation of each agent that takes part.
            dead: Which of them have terminated; their sensors work a last time.
        """
        # Apart from the noise of communication, which may be of the same model and seed.
        self.noise.start(self._streams.start(seed).child("sensors"))
        self._round_index, self._readings, self._before = -1, {}, None
        self.advance(observations, dead)

    def advance(self, observations: ByAgent, dead: Mapping[Any, bool]) -> None:
        """Runs the round that follows an environment step; arguments as for `start`."""
        try:
            self._readings.update(self._read(self._round_index + 1, observations))
        except Exception:
            check_observations(self.env, observations)
            raise
        self._round_index += 1

    def _read(self, round_index: int, observations: ByAgent) -> dict[Any, Any]:
        """Returns what the sensors show of observations."""
        if not self.noise.acts():
            return {agent: copy_value(value) for agent, value in observations.items()}
        before, real = self._rows(observations)
        if not self._still:
            self._before = self.noise.snapshot(), before, real
        after = self.noise.apply(round_index, before, real)
        return {
            agent: self._written(agent, after, before, observation)
            for agent, observation in observations.items()
        }

    def view(self, agent: Any, observation: Any = None) -> Any:
        """Returns what an agent's sensors show, as an object that nobody else holds.

        Args:
            agent: Whose sensors.
            observation: The agent's observation, where it has changed since the round or the agent
                took no part in it. What has changed is read with the errors of the round; sensors
                that took no part in it show what they showed last.
        """
        if observation is None or agent not in self._readings or not self.noise.acts():
            shown = self._readings.get(agent) if observation is None else observation
            return copy_value(shown)
        if self._before is None or not self._before[2][self.index[agent]].any():
            return copy_value(self._readings[agent])
        noise, before, real = self._before
        row = before.copy()
        row[self.index[agent]] = self._rows({agent: observation})[0][self.index[agent]]
        after = noise.snapshot().apply(self._round_index, row, real)
        return self._written(agent, after, row, observation)

    def views(self, agents: Iterable[Any]) -> dict[Any, Any]:
        """Returns what the sensors of agents show."""
        return {agent: self.view(agent) for agent in agents}

    def _rows(self, observations: ByAgent) -> tuple[Array, NDArray[np.bool_]]:
        """Returns observations as rows of numbers, and where these are any."""
        shape, low, *_ = self.noise.entries
        rows, real = np.zeros(shape, dtype=low.dtype), np.zeros(shape, dtype=bool)
        for agent, observation in observations.items():
            numbers, place = self._numbers[agent], self.index[agent]
            body = self._splits[agent].body_of(observation)
            rows[place, : numbers.width] = numbers.row(body, low.dtype)
            real[place, : numbers.width] = True
        return rows, real

    def _written(self, agent: Any, after: Array, before: Array, observation: Any) -> Any:
        """Returns an observation with the numbers that its agent's row has now."""
        place, split = self.index[agent], self._splits[agent]
        body = split.body_of(observation)
        body = self._numbers[agent].observation(after[place], before[place], body)
        return split.with_body(observation, body)


class SensorWrapper(RoundsWrapper):
    """A wrapper of either kind around agents' sensors."""

    def __init__(self, env: Any, noise_models: NoiseModels) -> None:
        env = environment_of("NoiseWrapper", env, self._kind)
        # A Parallel environment does not move between rounds.
        still = self._kind is ParallelEnv or moves_once_a_cycle(env)
        super().__init__(env, Sensors(env, noise_models, still))

    def __repr__(self) -> str:
        models = list(self._rounds.noise.chain.parts)
        return f"{type(self).__name__}({self._rounds.env}, noise_models={models})"


class NoiseWrapper(SensorWrapper, AECRounds):
    """Corrupts what the agents of an AEC environment observe by themselves.

    Each agent's observation is read once a round, that is after the last action of a cycle, or
    after every turn where the environment is turn-based. Where an environment moves in mid-cycle,
    what has moved is read with the errors of the round. Observations stay in their spaces, and an
    `action_mask` is never touched. `agents`, rewards, terminations, truncations, infos and the
    environment's `state()` are its own. `reset(seed)` fixes every draw of the models; `reset()`
    goes on with the next episode.

    Put it below a communication wrapper, not around one: from outside it would also corrupt what
    was received, with its flags and ages.

    Args:
        env: An AEC environment, or what `CommunicationWrapper` takes in its place.
        noise_models: One noise model, or several that act in order. Their `agent_ids` are the
            agents whose sensors fail.

    Raises:
        WrongEnvironmentError: Not an AEC environment, or one without `possible_agents`.
        InvalidArgumentError: A model does not suit the environment, or observations that are no
            numbers, such as texts and graphs.

    Example:
        >>> from mpe2 import simple_spread_v3
        >>> from failure_api.noise_models import GaussianNoiseModel
        >>> from failure_api.wrappers import NoiseWrapper
        >>> bare = simple_spread_v3.env()
        >>> env = NoiseWrapper(simple_spread_v3.env(), GaussianNoiseModel(standard_deviation=0.1))
        >>> bare.reset(seed=1)
        >>> env.reset(seed=1)
        >>> errors = env.observe("agent_0") - bare.observe("agent_0")
        >>> bool(0 < abs(errors).max() < 0.6)
        True
    """


class NoiseWrapperParallel(SensorWrapper, ParallelRounds):
    """Corrupts what the agents of a Parallel environment observe by themselves.

    Everything holds that `NoiseWrapper` promises of AEC environments: with the same seed and the
    same models both show the same observations.

    Put it below a communication wrapper, not around one: from outside it would also corrupt what
    was received, with its flags and ages.

    Args:
        env: A Parallel environment, or what `CommunicationWrapperParallel` takes in its place.
        noise_models: One noise model, or several that act in order. Their `agent_ids` are the
            agents whose sensors fail.

    Raises:
        WrongEnvironmentError: Not a Parallel environment, or one without `possible_agents`.
        InvalidArgumentError: A model does not suit the environment, or observations that are no
            numbers, such as texts and graphs.

    Example:
        >>> from mpe2 import simple_spread_v3
        >>> from failure_api.noise_models import GaussianNoiseModel
        >>> from failure_api.wrappers import NoiseWrapperParallel
        >>> env = NoiseWrapperParallel(
        ...     simple_spread_v3.parallel_env(),
        ...     GaussianNoiseModel(standard_deviation=0.1, agent_ids=["agent_0"]),
        ... )
        >>> observations, infos = env.reset(seed=1)
        >>> bare, _ = simple_spread_v3.parallel_env().reset(seed=1)
        >>> {agent: bool((observations[agent] == bare[agent]).all()) for agent in bare}
        {'agent_0': False, 'agent_1': True, 'agent_2': True}
    """
