"""Messages that arrive show what was sent in their round; others show nothing.

All that is known of views is what the exchange's own codec says of them, so that anybody's exchange
is checked in the same way.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from pettingzoo import AECEnv
from pettingzoo.utils.conversions import aec_to_parallel

from failure_api.communication_models import DelayBasedModel, ProbabilisticModel
from failure_api.core import CommunicationModel, Delivery, Links
from failure_api.exchanges import Exchange, Team, TeamCodec, default_exchange
from failure_api.testing.rollout import Moment
from failure_api.testing.verdict import demand, same
from failure_api.testing.wrapper_trial import DOWN, Trial
from failure_api.wrappers.mirror import moves_once_a_cycle
from failure_api.wrappers.team_content import TeamContent

DELAY = 2
LATE: list[CommunicationModel] = [DelayBasedModel(min_delay=DELAY, max_delay=DELAY)]


class Shown:
    """What an exchange would show of a bare environment.

    Args:
        exchange: The exchange; None for the environment's default.
        bare: The environment.
        positions: A function of the environment that says where agents are, if there is one.
    """

    def __init__(self, exchange: Exchange | None, bare: Any, positions: Any = None) -> None:
        self.exchange = default_exchange(bare) if exchange is None else exchange
        ids = tuple(bare.possible_agents)
        seen = {agent: bare.observation_space(agent) for agent in ids}
        self._team, self._apart = Team(bare, ids, seen, positions), ~np.eye(len(ids), dtype=bool)

    @property
    def codec(self) -> TeamCodec:
        """The exchange at work on the environment as it is now."""
        return self.exchange.bind(self._team)

    def view(self, agent: Any, observation: Any, before: Any, said: Any, arrives: bool) -> Any:
        """Returns what an agent sees.

        Args:
            agent: The receiver.
            observation: What it observes now.
            before: What all observed when they spoke, by agent.
            said: What they attached to their actions before, likewise.
            arrives: Whether all of it arrives, or none of it.
        """
        made = self._apart & arrives
        content = TeamContent(self.codec, "zero")
        delivery = Delivery(Links(made), 0, made, made - np.int32(1), made, made)
        content.share(0, before, said, delivery)
        return content.view(agent, observation)


def check_contents(trial: Trial) -> None:
    """Compares what agents see of each other with what the bare environment had then.

    Segments that move, exchanges that fill in what is missing, AEC environments that may move in
    mid-cycle, and content that noise corrupts are left to their own tests.
    """
    bare = trial.make()
    shown = Shown(trial.exchange, bare, trial.positions)
    codec = shown.codec
    moves = type(codec).follow is not TeamCodec.follow
    turns = isinstance(bare, AECEnv) and not moves_once_a_cycle(bare)
    named = all(isinstance(agent, str) for agent in bare.possible_agents)
    if trial.noise_models or moves or shown.exchange.missing != "zero" or turns or not named:
        return
    everyone, (alone, *others) = set(bare.possible_agents), bare.possible_agents
    # Who is heard shows what is taken for whose.
    silent = {(a, b): 1.0 for a in others for b in bare.possible_agents if a != b}
    rest: list[CommunicationModel] = [ProbabilisticModel(failure_prob=silent)] if others else []
    cases: list[tuple[list[CommunicationModel], int | None, set[Any]]]
    cases = [([], 0, everyone), (DOWN, None, everyone), (LATE, DELAY, everyone), (rest, 0, {alone})]
    for models, delay, heard in cases:
        plain = trial.play(_in_steps(trial.make()))
        played = trial.play(_in_steps(trial.wrap(models)))
        for index, moment in enumerate(played):
            if delay and any(moment.terminations.values()):
                # What the dead sent in life is still on its way.
                break
            said, before = {}, {}
            if delay is not None and index >= delay:
                said, before = played[index - delay].said, plain[index - delay].observations
            _compare(shown, codec, moment, plain[index], before, said, heard)


def _compare(
    shown: Shown, codec: TeamCodec, moment: Moment, now: Moment, before: Any, said: Any, heard: Any
) -> None:
    """Compares what everyone has of those who are heard with what was said, else with nothing."""
    dead = {agent for agent, over in moment.terminations.items() if over}
    for receiver, view in moment.observations.items():
        # Where a view is a part of what the receiver observes, it is of what it observed then.
        observation = before.get(receiver, now.observations.get(receiver))
        if observation is None or (before and receiver not in before):
            continue
        found = codec.heard(receiver, view)
        sent, nothing = (
            codec.heard(receiver, shown.view(receiver, observation, before, said, arrives))
            for arrives in (True, False)
        )
        for sender, content in found.items():
            deaf = sender in dead or receiver in dead
            if sender in before and sender in heard and not deaf:
                finding = f"{receiver} sees of {sender} what was not sent in that round"
                demand(2, same(content, sent[sender]), finding)
            else:
                finding = f"{receiver} sees {sender} without a message"
                demand(8 if deaf else 2, same(content, nothing[sender]), finding)


def own_parts(
    env: Any, bare: Any, agent: Any, view: Any, observation: Any, *, failing: bool, dead: Any
) -> tuple[Any, Any]:
    """Returns an agent's own part as the view shows it, and as the bare environment does.

    Args:
        env: The wrapped environment.
        bare: The same environment without a wrapper, in the same state.
        agent: The agent.
        view: What it sees.
        observation: What the bare environment shows it.
        failing: Whether links may fail or corrupt what they carry. Where they do not, and views
            are the environment's own observations, the parts that come from others are too.
        dead: Agents that neither send nor receive, whether links fail or not.
    """
    rounds = getattr(env, "_rounds", None)
    positions = getattr(getattr(rounds, "team", None), "positions", None)
    shown = Shown(getattr(rounds, "exchange", None), bare, positions)
    codec = shown.codec
    codec.follow(False)
    expected = shown.view(agent, observation, {}, {}, False)
    seen, own = codec.own(agent, view), codec.own(agent, expected)
    if failing or agent in dead or codec.spaces[agent] != bare.observation_space(agent):
        return seen, own
    parts = [codec.heard(agent, each) for each in (view, observation)]
    alive = [{s: part for s, part in each.items() if s not in dead} for each in parts]
    return (seen, alive[0]), (own, alive[1])


def _in_steps(env: Any) -> Any:
    return aec_to_parallel(env) if isinstance(env, AECEnv) else env
