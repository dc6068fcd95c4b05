"""One episode: the same draws whoever plays it, where and after what."""

from __future__ import annotations

import math
import random
import sys
import time
import traceback
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from failure_api.errors import reason
from failure_api.evaluation.plan import Plan
from failure_api.evaluation.recording import Meter, Recording, record
from failure_api.evaluation.stage import Stage


def seed_globals(seed: int) -> None:
    """Seeds the global random numbers of Python and NumPy, and of PyTorch where it is used.

    Environments and policies should not use them, but some do.
    """
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(seed)


RECORDED = 0
"""The episode of each cell that is recorded."""


class EpisodeResult(NamedTuple):
    """What an episode brought; the defaults are those of one that ended in an error.

    Attributes:
        cell: Number of its cell.
        episode: Its number within the cell.
        seed: Its seed.
        team_return: Mean over the team of the sums of their rewards; NaN after an error.
        length: Environment steps: rounds after the reset.
        delivery_ratio: Share of messages that arrived.
        mean_age: Mean age of information, in rounds.
        news: Share of the rounds in which a link's newest message became a newer one.
        overtaken: Share of the messages that arrived after a newer one.
        rewards: The team's reward of each step, float64 `[length]`.
        seconds: How long it took.
        error: What went wrong, in a line, and its traceback; None where nothing did.
        recording: The episode round by round, where it was recorded.
    """

    cell: int
    episode: int
    seed: int
    team_return: float = math.nan
    length: int = 0
    delivery_ratio: float = math.nan
    mean_age: float = math.nan
    news: float = math.nan
    overtaken: float = math.nan
    rewards: NDArray[np.float64] = np.empty(0)
    seconds: float = 0.0
    error: str | None = None
    recording: Recording | None = None


class Player:
    """Plays the episodes of a plan, one cell after another.

    It seeds the global random numbers: `globals_preserved` gives them back.

    Args:
        plan: The plan.
        most: Steps after which an episode is ended where the specification does not say.
    """

    def __init__(self, plan: Plan, most: int = sys.maxsize) -> None:
        self._plan = plan
        self._most = plan.specification.max_steps or most
        self._number = -1
        self._stage: Stage | None = None
        self._meter = Meter()

    def play(self, number: int, episode: int) -> EpisodeResult:
        """Plays an episode; what goes wrong in it is in the result.

        Args:
            number: The number of its cell.
            episode: Its number within the cell.
        """
        seed = self._plan.seed_of(episode)
        began = time.perf_counter()
        try:
            return self._played(number, episode, seed, began)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            # What an error left behind is no place for the next episode.
            self.leave()
            told = f"{reason(error)}\n\n{traceback.format_exc()}"
        seconds = time.perf_counter() - began
        return EpisodeResult(number, episode, seed, seconds=seconds, error=told)

    def leave(self) -> None:
        """Lets the environment of the last cell go."""
        stage, self._stage = self._stage, None
        if stage is not None:
            # Nothing depends any more on what it does.
            with suppress(Exception):
                stage.close()

    def _played(self, number: int, episode: int, seed: int, began: float) -> EpisodeResult:
        stage, meter = self._enter(number), self._meter
        records = episode == RECORDED
        meter.begin(stage.positions if records else None)
        seed_globals(seed)
        if hasattr(stage.policy, "reset"):
            stage.policy.reset(seed)
        play = _play_parallel if stage.is_parallel else _play_in_turns
        rewards = np.array(play(stage, seed, self._most, meter), dtype=np.float64)
        found = (float(rewards.sum()), len(rewards), *meter.measure(), rewards)
        seconds = time.perf_counter() - began
        ended, agents = not stage.env.agents, stage.env.possible_agents
        recording = record(meter, agents, rewards, ended) if records else None
        return EpisodeResult(number, episode, seed, *found, seconds, recording=recording)

    def _enter(self, number: int) -> Stage:
        """Returns what a cell is played on; that of the last one is let go."""
        if self._stage is None or number != self._number:
            self.leave()
            self._stage, self._number = Stage(self._plan, self._plan.cell(number)), number
            # A meter sees the rounds of the outermost wrapper, which is this one.
            self._stage.env.on_round(self._meter)
        return self._stage


def _play_parallel(stage: Stage, seed: int, most: int, meter: Meter) -> list[float]:
    """Plays an episode of at most so many steps; returns the team's mean reward of each."""
    env, policy, team, scalar = stage.env, stage.act, stage.team, stage.scalar
    rewards: list[float] = []
    observations, _ = env.reset(seed=seed)
    while env.agents and len(rewards) < most:
        if len(observations) != len(env.agents):
            # Those that have just died are told what they saw last, and act no more.
            observations = {agent: observations[agent] for agent in env.agents}
        observations, gained, _, _, _ = env.step(policy(observations))
        rewards.append(sum(scalar(gained.get(agent, 0.0)) for agent in team) / len(team))
    return rewards


def _play_in_turns(stage: Stage, seed: int, most: int, meter: Meter) -> list[float]:
    """Returns the same for an AEC environment, where a reward is read at its agent's next turn."""
    env, policy, team = stage.env, stage.act, set(stage.team)
    env.reset(seed=seed)
    rewards: list[float] = []

    def gain(agent: Any, reward: float) -> None:
        rewards.extend([0.0] * (meter.rounds - 1 - len(rewards)))
        if agent in team and rewards:
            rewards[-1] += stage.scalar(reward) / len(team)

    for agent in env.agent_iter():
        if meter.rounds > most:
            break
        observation, reward, terminated, truncated, _ = env.last()
        gain(agent, reward)
        over = terminated or truncated
        env.step(None if over else policy({agent: observation})[agent])
    # Those who had no further turn.
    for agent, reward in env._cumulative_rewards.items():
        if agent in env.agents:
            gain(agent, reward)
    return rewards
