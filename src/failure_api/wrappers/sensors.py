"""Faulty sensors: what agents observe by themselves, corrupted once a round."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

import numpy as np
from gymnasium.spaces import Space
from numpy.typing import NDArray

from failure_api.core.noise_chain import NoiseChain
from failure_api.core.random.numpy_stream import EpisodeStreams
from failure_api.errors import NotResetError
from failure_api.exchanges.corruption import Corruption, Entries, numbers_of, padded
from failure_api.exchanges.envelope import Envelope, copy_value
from failure_api.exchanges.numbers import Numbers
from failure_api.exchanges.spoken_actions import SpokenActions
from failure_api.wrappers.below import agent_ids_of, alike_below, check_observations, space_of
from failure_api.wrappers.rounds import NoiseModels


class Sensors:
    """Reads every agent's observation once a round, through noise.

    Args:
        env: The environment below the wrapper.
        noise_models: One noise model, or several that act in order.
        still: Whether nothing that an agent observes changes between rounds.

    Attributes:
        spaces: Each agent's observation space, which is the environment's.
        noise: What corrupts the observations.
        actions: None, as actions are the environment's own.

    Raises:
        WrongEnvironmentError: The environment does not say who its agents may be.
        InvalidArgumentError: A model does not suit the environment.
    """

    actions: SpokenActions | None = None

    def __init__(self, env: Any, noise_models: NoiseModels, still: bool) -> None:
        self.env = env
        self.agent_ids = agent_ids_of(env)
        self.index = {agent: place for place, agent in enumerate(self.agent_ids)}
        self.spaces: dict[Any, Space[Any]] = {
            agent: space_of(env, "observation_space", agent) for agent in self.agent_ids
        }
        self._envelopes = {agent: Envelope(space) for agent, space in self.spaces.items()}
        self._numbers: dict[Any, Numbers] = {}
        self.noise = Corruption(NoiseChain(models=cast("Any", noise_models)), self.agent_ids)
        self.noise.place(self._entries)
        self._streams = EpisodeStreams(*alike_below(env, SensorReports))
        self._still = still
        self._number = -1
        self._readings: dict[Any, Any] = {}
        self._before: tuple[Corruption, NDArray[Any], NDArray[np.bool_]] | None = None

    def _entries(self) -> Entries:
        self._numbers = {
            agent: numbers_of(agent, envelope.body_space)
            for agent, envelope in self._envelopes.items()
        }
        return padded(list(self._numbers.values()), (len(self.agent_ids),))

    def settle(self, options: dict[str, Any] | None) -> dict[str, Any] | None:
        """Returns the options of a reset as they are: nothing in them is for sensors."""
        return options

    def start(
        self, seed: int | None, observations: Mapping[Any, Any], dead: Mapping[Any, bool]
    ) -> None:
        """Begins an episode with its round 0.

        Args:
            seed: Starts the sequence of episodes anew; None goes on with it.
            observations: The environment's observation of each agent that takes part.
            dead: Which of them have terminated; their sensors work a last time.
        """
        # Apart from the noise of communication, which may be of the same model and seed.
        self.noise.start(self._streams.start(seed).child("sensors"))
        self._number, self._readings, self._before = -1, {}, None
        self.advance(observations, dead)

    def advance(self, observations: Mapping[Any, Any], dead: Mapping[Any, bool]) -> None:
        """Runs the round that follows an environment step; arguments as for `start`."""
        try:
            self._readings.update(self._read(self._number + 1, observations))
        except Exception:
            check_observations(self.env, observations)
            raise
        self._number += 1

    def _read(self, number: int, observations: Mapping[Any, Any]) -> dict[Any, Any]:
        """Returns what the sensors show of observations."""
        if not self.noise.acts():
            return {agent: copy_value(value) for agent, value in observations.items()}
        before, real = self._rows(observations)
        if not self._still:
            self._before = self.noise.snapshot(), before, real
        after = self.noise.apply(number, before, real)
        return {
            agent: self._written(agent, after, before, observation)
            for agent, observation in observations.items()
        }

    def stop(self) -> None:
        """Ends the episode; until the next one there is nothing to tell of it."""
        self._number = -1

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
        after = noise.snapshot().apply(self._number, row, real)
        return self._written(agent, after, row, observation)

    def told(self, infos: Mapping[Any, Any]) -> Mapping[Any, Any]:
        """Returns the environment's infos, to which sensors add nothing."""
        return infos

    def views(self, agents: Iterable[Any]) -> dict[Any, Any]:
        """Returns what the sensors of agents show."""
        return {agent: self.view(agent) for agent in agents}

    def _rows(self, observations: Mapping[Any, Any]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Returns observations as rows of numbers, and where these are any."""
        shape, low, *_ = self.noise.entries
        rows, real = np.zeros(shape, dtype=low.dtype), np.zeros(shape, dtype=bool)
        for agent, observation in observations.items():
            numbers, place = self._numbers[agent], self.index[agent]
            body = self._envelopes[agent].open(observation)
            rows[place, : numbers.width] = numbers.row(body, low.dtype)
            real[place, : numbers.width] = True
        return rows, real

    def _written(
        self, agent: Any, after: NDArray[Any], before: NDArray[Any], observation: Any
    ) -> Any:
        """Returns an observation with the numbers that its agent's row has now."""
        place, envelope = self.index[agent], self._envelopes[agent]
        body = envelope.open(observation)
        body = self._numbers[agent].observation(after[place], before[place], body)
        return envelope.close(observation, body)


class SensorReports:
    """What a wrapper tells of its agents' sensors; both wrappers derive from it."""

    _rounds: Sensors

    def noise_reports(self) -> dict[str, dict[str, Any]]:
        """Returns what the noise models have counted in this episode, by the models' names.

        Models that count nothing are absent.

        Raises:
            NotResetError: There has been no reset yet.
        """
        if self._rounds._number < 0:
            raise NotResetError("the environment has not been reset: call reset() first.")
        return self._rounds.noise.reports()

    def __repr__(self) -> str:
        models = list(self._rounds.noise.chain.parts)
        return f"{type(self).__name__}({self._rounds.env}, noise_models={models})"

    def __str__(self) -> str:
        return repr(self)
