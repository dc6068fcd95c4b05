"""Each agent's message is its own observation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from gymnasium import spaces
from gymnasium.spaces.utils import flatten, flatten_space

from failure_api.core import Delivery
from failure_api.errors import InvalidArgumentError
from failure_api.exchanges.blank import blank, with_blank
from failure_api.exchanges.envelope import copy_value
from failure_api.exchanges.exchange import BoundExchange, Exchange, Team


@dataclass(frozen=True, kw_only=True)
class ShareObservations(Exchange):
    """Agents tell each other what they observe.

    Where observations are `{"observation", "action_mask"}`, the exchange works on `observation`;
    each agent's own mask stays beside it and is sent to nobody.

    Args:
        form: `"dict"` shows `{agent_id: that agent's observation}`, every key always there, the
            receiver's own among them. `"flat"` shows one float32 vector: the receiver's own
            observation, then for each other agent in the order of `possible_agents` the payload,
            a flag that is 1 where a message arrived in this round, and the age in rounds of what
            was last received; where nothing has arrived yet, the age counts from the round
            before the first. Discrete values are one-hot in it.
        missing: What stands in for a message that did not arrive: `"zero"`, or `"hold"` for the
            newest content that ever arrived (zero before the first).

    Raises:
        InvalidArgumentError: Another word than these.

    Example:
        >>> from mpe2 import simple_speaker_listener_v4
        >>> from failure_api import CommunicationWrapper
        >>> env = simple_speaker_listener_v4.env()
        >>> wrapped = CommunicationWrapper(env, [], exchange=ShareObservations(form="flat"))
        >>> wrapped.observation_space("speaker_0").shape
        (16,)
    """

    form: Literal["dict", "flat"] = "dict"
    missing: Literal["zero", "hold"] = "zero"

    def bind(self, team: Team) -> BoundExchange:
        """Returns this exchange at work in one environment."""
        return (SharedDict if self.form == "dict" else SharedVector)(self, team)


class _Shared(BoundExchange):
    """Remembers who said what in the rounds that can still matter."""

    def __init__(self, exchange: ShareObservations, team: Team) -> None:
        super().__init__(team)
        self._hold = exchange.missing == "hold"
        self._memory = team.longest_delay
        self._zeros: list[Any] = []
        self.start()

    def start(self) -> None:
        """Forgets everything that was said."""
        self._log: dict[int, list[Any]] = {}
        self._sources: list[list[int]] = []
        self._observations: Mapping[Any, Any] = {}
        self._prepared: dict[Any, Any] = {}

    def share(self, number: int, observations: Mapping[Any, Any], delivery: Delivery) -> None:
        """Writes down what is said, and where each receiver's view of it comes from."""
        self._observations = observations
        self._log[number] = [
            self._message(agent, observations[agent]) if agent in observations else None
            for agent in self.agent_ids
        ]
        rounds = delivery.newest if self._hold else delivery.sent
        self._sources = rounds.T.tolist()
        self._prepared = {}
        oldest = number - self._memory
        # Rounds go on mattering for as long as their content is the newest on some link.
        held = set(rounds.ravel().tolist()) if self._hold else ()
        for past in [past for past in self._log if past < oldest and past not in held]:
            del self._log[past]

    def _message(self, agent: Any, observation: Any) -> Any:
        """Returns what an agent says, apart from everything it holds."""
        raise NotImplementedError

    def _heard(self, receiver: int) -> list[Any]:
        """Returns, for each sender, the content that a receiver has of it."""
        log = self._log
        return [
            log[sent][sender] if sent >= 0 else self._zeros[sender]
            for sender, sent in enumerate(self._sources[receiver])
        ]


class SharedDict(_Shared):
    """`ShareObservations(form="dict")` at work."""

    def __init__(self, exchange: ShareObservations, team: Team) -> None:
        super().__init__(exchange, team)
        bodies = {agent: envelope.body_space for agent, envelope in self.envelopes.items()}
        others = {agent: _checked(with_blank, agent, space) for agent, space in bodies.items()}
        self._zeros = [blank(bodies[agent]) for agent in self.agent_ids]
        self.spaces = {
            agent: envelope.enclose(spaces.Dict({**others, agent: bodies[agent]}))
            for agent, envelope in self.envelopes.items()
        }
        first, *rest = bodies.values()
        # Arrays that are all alike travel as the rows of one block, which is much faster.
        self._alike = (
            isinstance(first, spaces.Box)
            and len(first.shape) > 0
            and all(
                isinstance(space, spaces.Box)
                and (space.shape, space.dtype) == (first.shape, first.dtype)
                for space in rest
            )
        )
        self._block_shape = (len(self.agent_ids), *(first.shape or ()))

    def _message(self, agent: Any, observation: Any) -> Any:
        envelope = self.envelopes[agent]
        body, space = envelope.open(observation), envelope.body_space
        if isinstance(space, spaces.Box):
            return np.array(body, dtype=space.dtype, order="C")
        return copy_value(body)

    def view(self, agent: Any, observation: Any = None) -> Any:
        """Returns what an agent has heard, by sender, with its own observation among it."""
        receiver, fresh = self.index[agent], observation is not None
        if not fresh:
            observation = self._observations[agent]
        if self._alike:
            block = self._prepared.get(agent)
            if block is None or fresh:
                heard = self._heard(receiver)
                heard[receiver] = self._message(agent, observation)
                block = np.concatenate(heard).reshape(self._block_shape)
            if not fresh:
                self._prepared[agent] = block
                block = block.copy()
            body = dict(zip(self.agent_ids, block, strict=True))
        else:
            heard = [copy_value(content) for content in self._heard(receiver)]
            heard[receiver] = self._message(agent, observation)
            body = dict(zip(self.agent_ids, heard, strict=True))
        return self.envelopes[agent].close(observation, body)


class SharedVector(_Shared):
    """`ShareObservations(form="flat")` at work."""

    def __init__(self, exchange: ShareObservations, team: Team) -> None:
        super().__init__(exchange, team)
        flat = {
            agent: _checked(_vector_space, agent, envelope.body_space)
            for agent, envelope in self.envelopes.items()
        }
        self._zeros = [np.zeros(flat[agent].shape, np.float32) for agent in self.agent_ids]
        self.spaces = {}
        for agent, envelope in self.envelopes.items():
            low, high = [flat[agent].low], [flat[agent].high]
            for other in self.agent_ids:
                if other != agent:
                    low += [np.minimum(flat[other].low, 0), np.zeros(2)]
                    high += [np.maximum(flat[other].high, 0), np.array([1.0, np.inf])]
            box = spaces.Box(
                np.concatenate(low, dtype=np.float32), np.concatenate(high, dtype=np.float32)
            )
            self.spaces[agent] = envelope.enclose(box)

    def share(self, number: int, observations: Mapping[Any, Any], delivery: Delivery) -> None:
        """Writes down what is said, and each link's flag and age."""
        super().share(number, observations, delivery)
        extras = np.empty((*delivery.sent.shape, 2), dtype=np.float32)
        extras[..., 0] = delivery.sent >= 0
        extras[..., 1] = number - delivery.newest
        self._extras = extras

    def _message(self, agent: Any, observation: Any) -> Any:
        envelope = self.envelopes[agent]
        vector = flatten(envelope.body_space, envelope.open(observation))
        return np.array(vector, dtype=np.float32)

    def view(self, agent: Any, observation: Any = None) -> Any:
        """Returns an agent's own observation and what it has heard, as one vector."""
        receiver, fresh = self.index[agent], observation is not None
        if not fresh:
            observation = self._observations[agent]
        vector = None if fresh else self._prepared.get(agent)
        if vector is None:
            heard, extras = self._heard(receiver), self._extras
            parts = [self._message(agent, observation)]
            for sender, content in enumerate(heard):
                if sender != receiver:
                    parts += [content, extras[sender, receiver]]
            vector = np.concatenate(parts)
        if not fresh:
            self._prepared[agent] = vector
            vector = vector.copy()
        return self.envelopes[agent].close(observation, vector)


def _vector_space(space: spaces.Space[Any]) -> spaces.Box:
    flat = flatten_space(space)
    if not isinstance(flat, spaces.Box):
        raise TypeError(f"{type(space).__name__} has no fixed number of entries")
    return flat


def _checked(function: Any, agent: Any, space: spaces.Space[Any]) -> Any:
    """Calls a function of a space; what it refuses becomes an error that names the agent."""
    try:
        return function(space)
    except (TypeError, NotImplementedError) as error:
        raise InvalidArgumentError(
            f"exchange ShareObservations cannot share the observations of agent {agent!r}, "
            f"whose space is {space} ({error}): give another exchange, or flatten the space first."
        ) from None
