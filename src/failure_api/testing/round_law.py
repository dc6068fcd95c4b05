"""Law 2: one round per environment step, the same in AEC and Parallel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from pettingzoo import AECEnv
from pettingzoo.utils.conversions import aec_to_parallel

from failure_api.core import CommunicationModel
from failure_api.testing.rollout import Moment, play
from failure_api.testing.trial import LOSSY, Trial
from failure_api.testing.verdict import demand, same


@dataclass(frozen=True, kw_only=True)
class Recorder(CommunicationModel):
    """Writes down which rounds it is asked about."""

    asked: ClassVar[list[int]] = []

    def step(self, parameters: Any, state: Any, links: Any, context: Any, random: Any) -> Any:
        """Returns the links as they are."""
        self.asked.append(int(context.round))
        return state, links


def check_rounds(trial: Trial) -> None:
    """Counts the rounds of an episode against the actions that were taken in it."""
    env = trial.wrap([Recorder()])
    cycles = isinstance(env, AECEnv) and env.metadata.get("is_parallelizable", False)
    expected: list[int] = []
    acting: Any = None
    waiting: set[Any] = set()
    Recorder.asked.clear()
    for moment in play(env, trial.seed, trial.steps):
        counts = acting in waiting or not isinstance(env, AECEnv)
        waiting.discard(acting)
        if not waiting <= set(moment.agents):
            # Who has left without a last turn has nothing more to do in this cycle.
            waiting.intersection_update(moment.agents)
            counts = True
        if not expected or (counts and not (cycles and waiting)):
            expected.append(len(expected))
            waiting = _live(moment)
        found = Recorder.asked
        demand(2, found == expected, f"the rounds are {found} where they should be {expected}")
        acting = env.agent_selection if isinstance(env, AECEnv) and env.agents else None


def check_same_in_parallel(trial: Trial) -> None:
    """Compares an AEC environment wrapped and then converted with the other way round."""
    bare = trial.make()
    convertible = isinstance(bare, AECEnv) and bare.metadata.get("is_parallelizable", False)
    # PettingZoo's own conversion takes names alone.
    named = all(isinstance(agent, str) for agent in bare.possible_agents)
    if not convertible or not named or trial.wrapper is not None:
        return
    steps = max(trial.steps // len(bare.possible_agents), 2)
    inside = trial.play(aec_to_parallel(trial.wrap(LOSSY, bare)), steps=steps)
    outside = trial.play(trial.wrap(LOSSY, aec_to_parallel(trial.make())), steps=steps)
    demand(2, len(inside) == len(outside), "AEC and Parallel episodes differ in length")
    for one, other in zip(inside, outside, strict=True):
        equal = same(one.observations, other.observations)
        demand(2, equal, "with the same seed AEC and Parallel deliver different messages")


def _live(moment: Moment) -> set[Any]:
    over = (moment.terminations, moment.truncations)
    return {agent for agent in moment.agents if not any(flags[agent] for flags in over)}
