"""One episode: the same draws whoever plays it, where and after what."""

from __future__ import annotations

import math
import random
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from failure_api.evaluation.plan import Plan
from failure_api.evaluation.policies.policy import reason
from failure_api.evaluation.recording import Meter, Recording, looking_at, record
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


@contextmanager
def globals_preserved() -> Iterator[None]:
    """Gives the global random numbers of Python and NumPy back as they were."""
    before, numpy_before = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(before)
        np.random.set_state(numpy_before)  # noqa: NPY002


RECORDED = 0
"""The episode of each cell that is recorded."""


class EpisodeResult(NamedTuple):
    """What an episode brought.

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
    team_return: float
    length: int
    delivery_ratio: float
    mean_age: float
    news: float
    overtaken: float
    rewards: NDArray[np.float64]
    seconds: float
    error: str | None = None
    recording: Recording | None = None


def failed(plan: Plan, number: int, episode: int, error: str, seconds: float) -> EpisodeResult:
    """Returns the result of an episode that ended in an error."""
    nan, seed = math.nan, plan.seed_of(episode)
    return EpisodeResult(
        number, episode, seed, nan, 0, nan, nan, nan, nan, np.empty(0), seconds, error
    )


class Player:
    """Plays the episodes of a plan, one cell after another.

    It seeds the global random numbers: `globals_preserved` gives them back.

    Args:
        plan: The plan.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
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
        return failed(self._plan, number, episode, told, time.perf_counter() - began)

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
        meter.begin(looking_at(stage.env) if records else None)
        seed_globals(seed)
        reset = getattr(stage.policy, "reset", None)
        if reset is not None:
            reset(seed)
        rewards, ended = play(stage, seed, self._plan.specification.max_steps, meter)
        return EpisodeResult(
            number,
            episode,
            seed,
            float(rewards.sum()),
            len(rewards),
            *meter.measure(),
            rewards,
            time.perf_counter() - began,
            recording=record(meter, stage.env.possible_agents, rewards, ended) if records else None,
        )

    def _enter(self, number: int) -> Stage:
        """Returns what a cell is played on; that of the last one is let go."""
        if self._stage is None or number != self._number:
            self.leave()
            self._stage, self._number = Stage(self._plan, self._plan.cell(number)), number
            # A meter sees the rounds of the outermost wrapper, which is this one.
            self._stage.env.on_round(self._meter)
        return self._stage


def play(
    stage: Stage, seed: int, max_steps: int | None, meter: Meter
) -> tuple[NDArray[np.float64], bool]:
    """Plays an episode.

    Args:
        stage: What it is played on.
        seed: Its seed.
        max_steps: Steps after which it is ended; None leaves that to the environment.
        meter: What counts its rounds.

    Returns:
        The team's mean reward of each step, and whether the environment ended the episode.
    """
    most = max_steps or sys.maxsize
    rewards = (_play_parallel if stage.is_parallel else _play_in_turns)(stage, seed, most, meter)
    return np.array(rewards, dtype=np.float64), not stage.env.agents


def _play_parallel(stage: Stage, seed: int, most: int, meter: Meter) -> list[float]:
    env, policy, team, scalar = stage.env, stage.policy, stage.team, stage.scalar
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
    env, policy, team = stage.env, stage.policy, set(stage.team)
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
