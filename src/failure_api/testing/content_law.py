"""What arrives is what was sent in its round, and what does not arrive is not shown."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.spaces.utils import flatdim, flatten
from pettingzoo import AECEnv
from pettingzoo.utils.conversions import aec_to_parallel

from failure_api.communication_models import DelayBasedModel
from failure_api.core import CommunicationModel
from failure_api.exchanges import (
    Exchange,
    MaskSegments,
    SendMessages,
    ShareObservations,
    Team,
    default_exchange,
)
from failure_api.exchanges.blank import blank
from failure_api.exchanges.envelope import Envelope
from failure_api.exchanges.known_segments import known_segments
from failure_api.exchanges.spoken_actions import SpokenActions
from failure_api.testing.rollout import Moment
from failure_api.testing.trial import DOWN, Trial
from failure_api.testing.verdict import demand, same
from failure_api.wrappers.mirror import moves_once_a_cycle

DELAY = 2
LATE: list[CommunicationModel] = [DelayBasedModel(min_delay=DELAY, max_delay=DELAY)]


def check_contents(trial: Trial) -> None:
    """Compares what agents see of each other with what the bare environment had then.

    Exchanges of one's own, segments that move, AEC environments that may move in mid-cycle, and
    content that noise corrupts are left to their own tests.
    """
    if trial.noisy:
        return
    bare = trial.make()
    exchange = default_exchange(bare) if trial.exchange is None else trial.exchange
    shown = _shown(bare, exchange)
    turns = isinstance(bare, AECEnv) and not moves_once_a_cycle(bare)
    named = all(isinstance(agent, str) for agent in bare.possible_agents)
    if shown is None or turns or not named:
        return
    cases: list[tuple[list[CommunicationModel], int | None]]
    cases = [([], 0), (DOWN, None), (LATE, DELAY)]
    for models, delay in cases:
        plain = trial.play(_in_steps(trial.make()))
        played = trial.play(_in_steps(trial.wrap(models)))
        for number, moment in enumerate(played):
            dead = {agent for agent, over in moment.terminations.items() if over}
            if dead and delay:
                # What they sent in life is still on its way.
                break
            # What agents observe is what the bare environment shows; what they say, they say here.
            source = played if isinstance(exchange, SendMessages) else plain
            then = None if delay is None or number < delay else source[number - delay]
            _compare(shown, moment, then, dead)


def _compare(shown: Any, moment: Moment, then: Moment | None, dead: set[Any]) -> None:
    for receiver, view in moment.observations.items():
        for sender, content in shown.contents(receiver, view).items():
            deaf = sender in dead or receiver in dead
            if then is None or deaf or sender not in then.observations:
                nothing = _equal(content, shown.blank(receiver, sender))
                demand(8 if deaf else 2, nothing, f"{receiver} sees {sender} without a message")
            else:
                sent = _equal(content, shown.sent(receiver, sender, then))
                demand(2, sent, f"{receiver} sees of {sender} what was not sent in that round")


class _Masked:
    """What `MaskSegments` shows: parts of the receiver's own observation."""

    def __init__(self, bare: Any, segments: Any) -> None:
        self.segments = segments
        self.envelopes = _envelopes(bare)

    def contents(self, receiver: Any, view: Any) -> dict[Any, Any]:
        flat = np.asarray(self.envelopes[receiver].open(view)).ravel()
        parts = self.segments.get(receiver, {})
        return {sender: flat[entries] for sender, entries in parts.items()}

    def blank(self, receiver: Any, sender: Any) -> Any:
        box: Any = self.envelopes[receiver].body_space
        return np.clip(0, box.low, box.high).ravel()[self.segments[receiver][sender]]

    def sent(self, receiver: Any, sender: Any, then: Moment) -> Any:
        if receiver not in then.observations:
            return self.blank(receiver, sender)
        return self.contents(receiver, then.observations[receiver])[sender]


class _Shared:
    """What `ShareObservations(form="dict")` shows."""

    def __init__(self, bare: Any) -> None:
        self.envelopes = _envelopes(bare)

    def contents(self, receiver: Any, view: Any) -> dict[Any, Any]:
        seen = self.envelopes[receiver].open(view)
        return {agent: seen[agent] for agent in self.envelopes if agent != receiver}

    def blank(self, receiver: Any, sender: Any) -> Any:
        return blank(self.envelopes[sender].body_space)

    def sent(self, receiver: Any, sender: Any, then: Moment) -> Any:
        return self.envelopes[sender].open(then.observations[sender])


class _Flat(_Shared):
    """What `ShareObservations(form="flat")` shows."""

    def contents(self, receiver: Any, view: Any) -> dict[Any, Any]:
        seen = self.envelopes[receiver].open(view)
        start, contents = flatdim(self.envelopes[receiver].body_space), {}
        for agent in self.envelopes:
            if agent != receiver:
                size = flatdim(self.envelopes[agent].body_space)
                contents[agent] = seen[start : start + size]
                # The flag and the age come after the payload.
                start += size + 2
        return contents

    def blank(self, receiver: Any, sender: Any) -> Any:
        return np.zeros(flatdim(self.envelopes[sender].body_space), np.float32)

    def sent(self, receiver: Any, sender: Any, then: Moment) -> Any:
        body = super().sent(receiver, sender, then)
        vector = flatten(self.envelopes[sender].body_space, body)
        return np.asarray(vector, dtype=np.float32)


class _Sent:
    """What `SendMessages(form="dict")` shows."""

    def __init__(self, bare: Any, actions: SpokenActions) -> None:
        self.envelopes = _envelopes(bare)
        found = {agent: actions.message_space(agent) for agent in self.envelopes}
        self.spaces = {agent: space for agent, space in found.items() if space is not None}

    def contents(self, receiver: Any, view: Any) -> dict[Any, Any]:
        seen = self.envelopes[receiver].open(view)
        return dict(seen.get("messages", {}))

    def blank(self, receiver: Any, sender: Any) -> Any:
        return blank(self.spaces[sender])

    def sent(self, receiver: Any, sender: Any, then: Moment) -> Any:
        return then.said.get(sender, self.blank(receiver, sender))


class _FlatSent(_Sent):
    """What `SendMessages(form="flat")` shows."""

    def contents(self, receiver: Any, view: Any) -> dict[Any, Any]:
        seen = self.envelopes[receiver].open(view)
        start, contents = flatdim(self.envelopes[receiver].body_space), {}
        for agent, space in self.spaces.items():
            if agent != receiver:
                contents[agent] = seen[start : start + flatdim(space)]
                start += flatdim(space) + 2
        return contents

    def blank(self, receiver: Any, sender: Any) -> Any:
        return np.zeros(flatdim(self.spaces[sender]), np.float32)

    def sent(self, receiver: Any, sender: Any, then: Moment) -> Any:
        if sender not in then.said:
            return self.blank(receiver, sender)
        vector = flatten(self.spaces[sender], then.said[sender])
        return np.asarray(vector, dtype=np.float32)


def _shown(bare: Any, exchange: Exchange) -> Any:
    """Returns how to read what an exchange shows; None where that is not known."""
    if getattr(exchange, "missing", None) != "zero":
        return None
    if isinstance(exchange, ShareObservations):
        return _Shared(bare) if exchange.form == "dict" else _Flat(bare)
    if isinstance(exchange, SendMessages):
        team = Team(bare, tuple(bare.possible_agents), _spaces(bare))
        actions = exchange.bind(team).actions
        assert actions is not None
        return _Sent(bare, actions) if exchange.form == "dict" else _FlatSent(bare, actions)
    segments = exchange.segments if isinstance(exchange, MaskSegments) else None
    segments = known_segments(bare) if segments is None else segments
    return None if segments is None or callable(segments) else _Masked(bare, segments)


def _envelopes(bare: Any) -> dict[Any, Envelope]:
    return {agent: Envelope(space) for agent, space in _spaces(bare).items()}


def _spaces(bare: Any) -> dict[Any, Any]:
    return {agent: bare.observation_space(agent) for agent in bare.possible_agents}


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return np.array_equal(one, other)
    return same(one, other)


def _in_steps(env: Any) -> Any:
    return aec_to_parallel(env) if isinstance(env, AECEnv) else env
