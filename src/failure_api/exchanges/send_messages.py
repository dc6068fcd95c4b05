"""Agents choose what they say: a channel for learned messages."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from gymnasium import spaces

from failure_api.core.mailbox import Missing
from failure_api.core.parameters.frozen import FrozenMapping
from failure_api.errors import InvalidArgumentError, invalid, nearest
from failure_api.exchanges.attached import AttachedKeys, attached_entries
from failure_api.exchanges.exchange import Codec, Exchange, Heard, Team, TeamCodec
from failure_api.exchanges.flat import SILENCE, FlatCodec
from failure_api.exchanges.segments import agent_index
from failure_api.exchanges.share_observations import copied
from failure_api.exchanges.spaces.actions import ActionMaskSplit, Attachment, SpokenActions
from failure_api.exchanges.spaces.numbers import NUMERIC, is_plain
from failure_api.exchanges.spaces.zero import bits_of, with_zero

FORMS = "{discrete: 4}, {multi_binary: 3}, {multi_discrete: [2, 5]} or {box: [low, high, length]}"
_CHOICES: dict[str, Callable[[Any], spaces.Space[Any]]] = {
    "discrete": spaces.Discrete,
    "multi_binary": spaces.MultiBinary,
    "multi_discrete": spaces.MultiDiscrete,
}


def plain_spaces(space: Any) -> Any:
    """Returns a space, or a mapping of them, as plain data.

    Raises:
        InvalidArgumentError: A space that has no such form.

    Example:
        >>> plain_spaces(spaces.Box(-1, 1, (2,)))
        {'box': [-1.0, 1.0, 2]}
    """
    if isinstance(space, Mapping):
        return FrozenMapping({agent: plain_spaces(one) for agent, one in space.items()})
    plain: dict[str, Any] = {}
    if isinstance(space, spaces.Discrete):
        plain = {"discrete": int(space.n)}
    elif isinstance(space, spaces.MultiBinary):
        plain = {"multi_binary": space.n if isinstance(space.n, int) else list(space.shape)}
    elif isinstance(space, spaces.MultiDiscrete):
        plain = {"multi_discrete": space.nvec.tolist()}
    elif isinstance(space, spaces.Box) and space.shape:
        first = [float(bound.flat[0]) for bound in (space.low, space.high)]
        plain = {"box": [*first, *space.shape]}
    if not plain or _made(plain) != space:
        rule = f"must be of the form {FORMS} in plain data"
        raise invalid("space", rule, space, "use it from Python, or take one of these")
    return plain


def spaces_from_plain(plain: Any) -> Any:
    """Returns the space, or the spaces by agent, that plain data stands for.

    Args:
        plain: What `plain_spaces` returns, by agents in any form of a mapping, or spaces
            themselves.

    Raises:
        InvalidArgumentError: Anything else.

    Example:
        >>> spaces_from_plain({"speaker_0": {"discrete": 3}})
        {'speaker_0': Discrete(3)}
    """
    if isinstance(plain, spaces.Space):
        return plain
    if isinstance(plain, Mapping) and plain:
        ((word, held), *further) = plain.items()
        if word == "agents" and not further and isinstance(held, list | tuple):
            return {agent: spaces_from_plain(one) for agent, one in map(_pair, held)}
        if all(isinstance(one, Mapping | spaces.Space) for one in plain.values()):
            return {agent: spaces_from_plain(one) for agent, one in plain.items()}
        if word in (*_CHOICES, "box") and not further:
            return _made(plain)
    raise invalid("space", f"must be of the form {FORMS}", plain, "give one, or one by agent")


def _made(plain: Mapping[str, Any]) -> spaces.Space[Any]:
    """Returns the space of one word and its numbers."""
    ((word, held),) = plain.items()
    try:
        if word != "box":
            return _CHOICES[word](held)
        low, high, length, *further = held
        return spaces.Box(float(low), float(high), (length, *further), np.float32)
    except (TypeError, ValueError, AssertionError, OverflowError) as error:
        reason = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        raise InvalidArgumentError(
            f"space must be of the form {FORMS}, but {dict(plain)} is none ({reason}): fix it."
        ) from None


def _pair(row: Any) -> tuple[Any, Any]:
    if isinstance(row, list | tuple) and len(row) == 2:
        return row[0], row[1]
    raise invalid("space", "must have rows [agent, space] by agents", row, "give one row each")


_REMEDY = "give one such as gymnasium.spaces.Discrete(4), alone or by agent"


@dataclass(frozen=True, kw_only=True)
class SendMessages(Exchange):
    """Agents attach a message to each action, and receive those of the others.

    The message in the action of step t is sent in the round that follows the step, and arrives
    with the observation of that round unless a link loses or delays it. In round 0 nothing has
    been said yet, and zero is what is sent. Who has not acted since the last round says again what
    it said last.

    Where observations are `{"observation", "action_mask"}`, what is received comes under
    `observation`. The mask is that of the environment's own action, the one under `"action"`; in
    the flat form, where that is a choice, a 1 is appended for each entry of the message, so that
    the mask is one of the whole action, and so it is where masks come in infos.

    Args:
        space: The space of a message: Box, Discrete, MultiBinary or MultiDiscrete. Or `{agent:
            space}`, where agents that are not named say nothing: their actions are the
            environment's own, and nobody's view has a place for them.
        form: `"dict"` takes actions `{"action": the environment's, "message": what it says}` and
            shows `{"observation": the environment's, "messages": {sender: message}, "received":
            flags, "age": ages}`, the last two float32 vectors in the order of the senders; who
            hears nobody sees `{"observation"}`. `"flat"` takes one `MultiDiscrete` where all are
            choices, counted from 0, and else one float32 `Box`, in which each choice is a block of
            entries of which the greatest is chosen; it shows one float32 vector, laid out as by
            `ShareObservations(form="flat")` with messages in place of observations.
        missing: What stands in for a message that did not arrive, as in `ShareObservations`.

    Raises:
        InvalidArgumentError: A space of another kind, or another word than these; when it is
            bound, an agent that the environment does not have, or in the flat form observations or
            actions that have none.

    Example:
        >>> from mpe2 import simple_speaker_listener_v4
        >>> from failure_api import CommunicationWrapperParallel
        >>> env = CommunicationWrapperParallel(
        ...     simple_speaker_listener_v4.parallel_env(),
        ...     failure_models=[],
        ...     exchange=SendMessages({"speaker_0": spaces.Discrete(3)}, form="flat"),
        ... )
        >>> env.action_space("speaker_0"), env.action_space("listener_0")
        (MultiDiscrete([3 3]), Discrete(5))
        >>> observations, infos = env.reset(seed=1)
        >>> observations, *_ = env.step({"speaker_0": [0, 2], "listener_0": 0})
        >>> observations["listener_0"][-5:].tolist()
        [0.0, 0.0, 1.0, 1.0, 0.0]
    """

    space: spaces.Space[Any] | Mapping[Any, spaces.Space[Any]] = field(kw_only=False)
    form: Literal["dict", "flat"] = "dict"
    missing: Missing = "zero"

    def __post_init__(self) -> None:
        """Checks the fields and takes a copy of the space."""
        super().__post_init__()
        given: Any = self.space
        if isinstance(given, Mapping) and not isinstance(given, spaces.Space):
            if not given:
                raise invalid("space", "must name an agent that says something", {}, _REMEDY)
            checked = {agent: _checked(f"space[{agent!r}]", one) for agent, one in given.items()}
            object.__setattr__(self, "space", FrozenMapping(checked))
        else:
            object.__setattr__(self, "space", _checked("space", given))

    def __hash__(self) -> int:
        # Spaces can be compared but have no hash; equal ones have the same text.
        return hash((repr(self.space), self.form, self.missing))

    def bind(self, team: Team) -> TeamCodec:
        """Returns this exchange at work in one environment."""
        messages = self._messages(team.agent_ids)
        own_spaces = {agent: team.env.action_space(agent) for agent in team.agent_ids}
        flat = self.form == "flat"
        attached: dict[Any, Attachment] = {
            a: (attached_entries(a, own_spaces[a], sp) if flat else AttachedKeys(own_spaces[a], sp))
            for a, sp in messages.items()
        }
        actions = SpokenActions(attached, own_spaces)
        if flat:
            return FlatCodec(team, messages, "SendMessages", actions)
        return _Sent(team, messages, actions)

    def _messages(self, agent_ids: tuple[Any, ...]) -> dict[Any, spaces.Space[Any]]:
        """Returns the space of each agent's messages, which is nobody else's."""
        if not isinstance(self.space, Mapping):
            return {agent: copy.deepcopy(self.space) for agent in agent_ids}
        for agent in self.space:
            agent_index(agent, agent_ids, "space")
        return {a: copy.deepcopy(self.space[a]) for a in agent_ids if a in self.space}

    def to_plain(self) -> dict[str, Any]:
        """Returns the exchange as plain data: a space as `{"discrete": 4}` and the like."""
        further = {"form": self.form, "missing": self.missing}
        changed = {key: held for key, held in further.items() if held != getattr(type(self), key)}
        return {"space": plain_spaces(self.space), **changed}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> SendMessages:
        """Returns the exchange that plain data stands for."""
        known = ("space", "form", "missing")
        for key in plain:
            if key not in known:
                rule, remedy = "must hold its own parameters", nearest(key, known)
                raise invalid("send_messages", rule, key, remedy)
        return cls(**{**plain, "space": spaces_from_plain(plain.get("space"))})


class _Sent(Codec):
    """`form="dict"`: what an agent observes, and beside it what it was sent."""

    def __init__(
        self, team: Team, messages: Mapping[Any, spaces.Space[Any]], actions: SpokenActions
    ) -> None:
        super().__init__(team, {agent: messages.get(agent, SILENCE) for agent in team.agent_ids})
        self.actions = actions
        self.splits = {agent: ActionMaskSplit(space) for agent, space in team.spaces.items()}
        # What says nothing has no place in a view.
        self._senders = {
            agent: [sender for sender in team.agent_ids if sender in messages and sender != agent]
            for agent in team.agent_ids
        }
        self.spaces = {
            agent: split.enclose(self._space(agent)) for agent, split in self.splits.items()
        }

    def _space(self, agent: Any) -> spaces.Space[Any]:
        senders = self._senders[agent]
        shown = {"observation": self.splits[agent].body_space}
        if senders:
            heard = {sender: with_zero(self.message_spaces[sender]) for sender in senders}
            shown["messages"] = spaces.Dict(heard)
            shown["received"] = spaces.Box(0, 1, (len(senders),), np.float32)
            shown["age"] = spaces.Box(0, np.inf, (len(senders),), np.float32)
        return spaces.Dict(shown)

    def say(self, agent: Any, observation: Any, message: Any) -> Any:
        """Returns what the agent attached to its action."""
        return message

    def see(self, agent: Any, observation: Any, heard: Heard) -> Any:
        """Returns what the agent observes, and each message under its sender's name."""
        split, senders = self.splits[agent], self._senders[agent]
        shown = {"observation": copied(split.body_space, split.body_of(observation))}
        if senders:
            arrived, age = heard.arrived, heard.age
            shown["messages"] = {sender: heard[sender] for sender in senders}
            shown["received"] = np.array([arrived[sender] for sender in senders], np.float32)
            shown["age"] = np.array([age[sender] for sender in senders], np.float32)
        return split.with_body(observation, shown)

    def own(self, agent: Any, view: Any) -> Any:
        """Returns what the agent observes."""
        return self.splits[agent].body_of(view)["observation"]

    def heard(self, agent: Any, view: Any) -> dict[Any, Any]:
        """Returns the messages by sender."""
        return dict(self.splits[agent].body_of(view).get("messages", {}))


def _checked(name: str, space: Any) -> spaces.Space[Any]:
    """Returns a copy of a space of messages, or raises what is wrong with it."""
    if not isinstance(space, NUMERIC) or not is_plain(space):
        rule = "must be a Box, Discrete, MultiBinary or MultiDiscrete space"
        raise invalid(name, rule, space, _REMEDY)
    if not bits_of(space):
        remedy = "give a space with something to choose"
        raise invalid(name, "must hold more than one message", space, remedy)
    return copy.deepcopy(space)
