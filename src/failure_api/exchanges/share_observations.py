"""Each agent's message is its own observation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from gymnasium import spaces

from failure_api.core.links import Array
from failure_api.core.mailbox import Missing
from failure_api.errors import invalid
from failure_api.exchanges.exchange import Codec, Exchange, Heard, Received, Team, TeamCodec
from failure_api.exchanges.flat import FlatCodec, shareable
from failure_api.exchanges.spaces.actions import ActionMaskSplit, ByAgent, copy_value
from failure_api.exchanges.spaces.numbering import ContentNumbers, RowNumbers
from failure_api.exchanges.spaces.numbers import is_plain
from failure_api.exchanges.spaces.zero import with_zero

LARGEST_BLOCK = 1_000_000
"""Entries above which messages are better kept one by one."""


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
        missing: What stands in for a message that did not arrive: `"zero"`; `"hold"` for the
            newest content that ever arrived (zero before the first); `"predict"` or `Predict(...)`
            for a straight line through the last two; or a function `(content, age) -> content`.

    Raises:
        InvalidArgumentError: Another word than these; when it is bound, an observation that
            cannot be shared in this form.

    Example:
        >>> from mpe2 import simple_speaker_listener_v4
        >>> from failure_api import CommunicationWrapper
        >>> env = simple_speaker_listener_v4.env()
        >>> wrapped = CommunicationWrapper(env, [], exchange=ShareObservations(form="flat"))
        >>> wrapped.observation_space("speaker_0").shape
        (16,)
    """

    form: Literal["dict", "flat"] = "dict"
    missing: Missing = "zero"

    def bind(self, team: Team) -> TeamCodec:
        """Returns this exchange at work in one environment."""
        if self.form == "flat":
            return FlatCodec(team, None, "ShareObservations")
        splits = {agent: ActionMaskSplit(space) for agent, space in team.spaces.items()}
        return _Block(team, splits) if _one_block(team) else _Shared(team, splits)


class _Shared(Codec):
    """`form="dict"`, whatever the observations are."""

    def __init__(self, team: Team, splits: Mapping[Any, ActionMaskSplit]) -> None:
        self.splits, said = splits, {a: split.body_space for a, split in splits.items()}
        super().__init__(team, said)
        heard = {a: shareable(with_zero, a, sp, "ShareObservations") for a, sp in said.items()}
        self.spaces = {
            a: split.enclose(spaces.Dict({**heard, a: said[a]})) for a, split in splits.items()
        }

    def say(self, agent: Any, observation: Any, message: Any) -> Any:
        """Returns what the agent observes, without its action mask."""
        return self.splits[agent].body_of(observation)

    def see(self, agent: Any, observation: Any, heard: Heard) -> Any:
        """Returns what an agent has heard, by sender, with its own observation among it."""
        split = self.splits[agent]
        own = copied(split.body_space, split.body_of(observation))
        body = {each: own if each == agent else heard[each] for each in self.agent_ids}
        return split.with_body(observation, body)

    def own(self, agent: Any, view: Any) -> Any:
        """Returns the agent's own observation."""
        return self.splits[agent].body_of(view)[agent]

    def heard(self, agent: Any, view: Any) -> dict[Any, Any]:
        """Returns the others' observations."""
        body = self.splits[agent].body_of(view)
        return {other: body[other] for other in self.agent_ids if other != agent}


class _Block(_Shared):
    """The same where all observations are arrays that are alike: rows of one array."""

    def __init__(self, team: Team, splits: Mapping[Any, ActionMaskSplit]) -> None:
        super().__init__(team, splits)
        first = team.spaces[self.agent_ids[0]]
        self._shape, self._dtype = first.shape or (), first.dtype
        self._absent = np.zeros(self._shape, self._dtype)

    @cached_property
    def numbering(self) -> ContentNumbers:
        """The entries themselves."""
        return RowNumbers(self.message_spaces)

    def say_team(self, observations: ByAgent, messages: ByAgent) -> Array:
        """Returns a row of what each agent observes."""
        said = [observations.get(agent, self._absent) for agent in self.agent_ids]
        # Arrays of other shapes could be as many numbers together, and shift what others said.
        for agent, one in zip(self.agent_ids, said, strict=True):
            if np.shape(one) != self._shape:
                rule, remedy = f"must have the shape {self._shape}", "fix the space it declares"
                raise invalid(f"what agent {agent!r} observes", rule, one, remedy)
        return np.concatenate(said, dtype=self._dtype).reshape(len(said), -1)

    def see_one(self, agent: Any, observation: Any, received: Received) -> Any:
        """Returns what an agent has heard, in arrays cut from one copy."""
        count, receiver = len(self.agent_ids), self.index[agent]
        rows = received.content[receiver * count : (receiver + 1) * count].copy()
        rows = rows.reshape(count, *self._shape)
        rows[receiver] = observation
        return dict(zip(self.agent_ids, rows, strict=False))

    def see_team(self, observations: ByAgent, received: Received) -> dict[Any, Any]:
        """Returns what agents have heard, in arrays cut from one copy for all of them."""
        count, index, ids = len(self.agent_ids), self.index, self.agent_ids
        content = received.content if received.fresh else received.content.copy()
        block = content.reshape(count, count, *self._shape)
        views = {}
        for agent, observation in observations.items():
            receiver = index[agent]
            rows = block[receiver]
            rows[receiver] = observation
            views[agent] = dict(zip(ids, rows, strict=False))
        return views


def _one_block(team: Team) -> bool:
    """Returns whether all observations are arrays that are alike, and together small enough."""
    own = [*team.spaces.values()]
    if not all(isinstance(space, spaces.Box) and is_plain(space) for space in own):
        return False
    alike = len({(space.shape, space.dtype) for space in own}) == 1
    shape = own[0].shape or ()
    return alike and bool(shape) and len(own) ** 2 * int(np.prod(shape)) <= LARGEST_BLOCK


def copied(space: spaces.Space[Any], value: Any) -> Any:
    """Returns a copy of an element of a space, in the space's type."""
    if isinstance(space, spaces.Box) and is_plain(space):
        return np.array(value, dtype=space.dtype, order="C")
    return copy_value(value)
