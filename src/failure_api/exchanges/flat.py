"""The codec of `form="flat"`: own and heard observations as one vector."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.spaces import Space
from gymnasium.spaces.utils import flatten, flatten_space
from numpy.typing import NDArray

from failure_api.core.layouts import TeamRows
from failure_api.core.links import Array
from failure_api.errors import InvalidArgumentError, invalid
from failure_api.exchanges.exchange import Received, Team, TeamCodec
from failure_api.exchanges.spaces.actions import ActionMaskSplit, ByAgent, SpokenActions
from failure_api.exchanges.spaces.numbering import ContentNumbers, FlatNumbers
from failure_api.exchanges.spaces.zero import bits_of, to_each

SILENCE = spaces.Box(0, 1, (0,), np.float32)
"""The space of what an agent says that says nothing."""


class FlatCodec(TeamCodec):
    """Flattens every message, and joins what an agent has of them with its own observation.

    For each receiver there are rows in one array, as wide as the longest message with its flag and
    age: first as many as its own observation needs, at whose end that stands, then one for each
    sender. Where all messages are equally long a view is a piece of it as it is.

    Args:
        team: Who talks.
        message_spaces: The space of what each agent says; None for what each observes. Agents that
            say nothing are absent.
        exchange: What errors call the exchange.
        actions: How actions carry messages; None where they do not.
    """

    def __init__(
        self,
        team: Team,
        message_spaces: ByAgent | None,
        exchange: str,
        actions: SpokenActions | None = None,
    ) -> None:
        super().__init__(team)
        self.actions, self._exchange, self._observed = actions, exchange, message_spaces is None
        rooms = {} if actions is None else actions.rooms(team.spaces)
        self.splits = {
            a: ActionMaskSplit(space, rooms.get(a, 0)) for a, space in team.spaces.items()
        }
        bodies = {a: split.body_space for a, split in self.splits.items()}
        self._said_spaces = bodies if message_spaces is None else message_spaces
        own = {a: shareable(_flat_space, a, space, exchange) for a, space in bodies.items()}
        said = {a: shareable(_flat_space, a, sp, exchange) for a, sp in self._said_spaces.items()}
        self.spaces = {
            a: split.enclose(_joined(a, own[a], said)) for a, split in self.splits.items()
        }
        self._own_sizes = {agent: int(box.shape[0]) for agent, box in own.items()}
        self._said_sizes = {agent: int(box.shape[0]) for agent, box in said.items() if box.shape[0]}
        self._width = max(self._said_sizes.values(), default=0)
        self._own_rows = -(-max(self._own_sizes.values()) // (self._width + 2))
        self._place()
        # Entries stand in a view as they do in an observation: without a look at each.
        plain = all(isinstance(space, spaces.Box) for space in bodies.values())
        own_sizes, said_sizes = {*self._own_sizes.values()}, {*self._said_sizes.values()}
        self._alike = plain and len(own_sizes) == 1 and len(said_sizes) <= 1
        # What is joined to one array without a look at each. Views are cut from it all at once, so
        # they have to be equally long, which they are not where some agents say nothing.
        ends = {(view.start, view.stop) for view in self._slices.values()}
        self._shape_seen = _one_shape(team.spaces) if len(ends) == 1 else None
        self._shape_said = _one_shape(self._said_spaces)
        self.start()

    def _place(self) -> None:
        """Works out where in the rows of a receiver its view stands."""
        agents, row, end = len(self.agent_ids), self._width + 2, self._own_rows * (self._width + 2)
        links = np.full((agents, self._own_rows + len(self._said_sizes)), agents**2)
        self._picks: dict[Any, NDArray[np.int64] | None] = {}
        self._slices: dict[Any, slice] = {}
        for agent, receiver in self.index.items():
            others = [sender for sender in self._said_sizes if sender != agent]
            start = end - self._own_sizes[agent]
            self._slices[agent] = slice(start, end + len(others) * row)
            picks = [np.arange(start, end)]
            for nth, sender in enumerate(others, self._own_rows):
                links[receiver, nth] = self.index[sender] * agents + receiver
                # What it says, then its flag and its age.
                picks.append(nth * row + np.r_[: self._said_sizes[sender], self._width : row])
            pick = np.concatenate(picks)
            self._picks[agent] = None if (np.diff(pick) == 1).all() else pick
        self._links, self._shape = links, (*links.shape, row)
        # What belongs to no link is written over by nobody.
        self._linked = np.minimum(links[:, self._own_rows :], agents**2 - 1)

    def start(self) -> None:
        """Forgets what was observed."""
        # What agents observe in a round is joined once, where they say it and see it.
        self._seen: tuple[Any, NDArray[np.float32] | None] = (None, None)

    @cached_property
    def layout(self) -> TeamRows:
        """Rows with room for a flag and an age, and for what the receiver observes."""
        return TeamRows(self._links, len(self.agent_ids), self._width + 2)

    @cached_property
    def numbering(self) -> ContentNumbers:
        """Numbers, a choice of which is one."""
        said = {agent: self._said_spaces.get(agent, SILENCE) for agent in self.agent_ids}
        agents, links = len(self.agent_ids), self._links.reshape(-1)
        rows, linked = np.full((agents, agents), -1), np.flatnonzero(links < agents**2)
        senders, receivers = np.divmod(links[linked], agents)
        rows[receivers, senders] = linked
        return FlatNumbers(said, rows)

    @property
    def message_bits(self) -> NDArray[np.float64] | None:
        """Bits of a message on each link, `[sender, receiver]`."""
        said = [self._said_spaces.get(agent, SILENCE) for agent in self.agent_ids]
        return to_each([bits_of(space) for space in said])

    def say_team(self, observations: ByAgent, messages: ByAgent) -> Array:
        """Returns a row of what each agent says, of the length of the longest."""
        rows = None
        if self._observed:
            rows = self._joined(observations, self._shape_seen)
            self._seen = observations, rows
        elif len(observations) == len(self.agent_ids):
            rows = self._joined(messages, self._shape_said)
        if rows is not None:
            return rows
        rows = np.zeros((len(self.agent_ids), self._width), np.float32)
        for agent, size in self._said_sizes.items():
            if agent not in observations:
                continue
            said = messages.get(agent)
            if self._observed:
                said = self.splits[agent].body_of(observations[agent])
            if said is not None:
                row = rows[self.index[agent]]
                row[:size] = self._flat(agent, self._said_spaces[agent], said)
        return rows

    def _joined(self, values: ByAgent, shape: tuple[int, ...] | None) -> NDArray[np.float32] | None:
        """Returns a row for each agent; None where they are not all arrays of one shape."""
        if shape is None or tuple(values) != self.agent_ids:
            return None
        arrays = [*values.values()]
        if {getattr(array, "shape", None) for array in arrays} != {shape}:
            return None
        joined = np.concatenate(arrays, dtype=np.float32, casting="unsafe")
        return joined.reshape(len(arrays), -1)

    def _flat(self, agent: Any, space: Space[Any], value: Any) -> Array:
        """Returns an element of a space as a vector, or raises that it is none."""
        try:
            if not isinstance(space, spaces.Box):
                return np.asarray(flatten(space, value))
            vector = np.asarray(value)
            if vector.shape == space.shape:
                return vector.reshape(-1)
        except (TypeError, KeyError, ValueError, IndexError):
            pass
        rule, name = f"must be of the form of {space}", f"what agent {agent!r} observes or says"
        remedy = "fix the environment, or the space it declares"
        raise invalid(name, rule, value, remedy) from None

    def _filled(self, received: Received) -> Array:
        """Returns the rows with flags and ages, `[receiver, rows * width]`."""
        if received.kept is None:
            rows = received.content.reshape(self._shape)
            reports = rows[:, self._own_rows :, self._width :]
            reports[..., 0] = received.arrived.reshape(-1).take(self._linked)
            reports[..., 1] = received.age.reshape(-1).take(self._linked)
            received.kept = received.content.reshape(len(rows), -1)
        return received.kept

    def see_one(self, agent: Any, observation: Any, received: Received) -> Any:
        """Returns an agent's own observation and what it has heard, as one vector."""
        row, pick = self._filled(received)[self.index[agent]], self._picks[agent]
        vector = row[self._slices[agent]].copy() if pick is None else row.take(pick)
        split = self.splits[agent]
        own = self._flat(agent, split.body_space, split.body_of(observation))
        vector[: self._own_sizes[agent]] = own
        return split.with_body(observation, vector)

    def see_team(self, observations: ByAgent, received: Received) -> dict[Any, Any]:
        """Returns what agents see, cut from one array where messages are equally long."""
        if not self._alike or len(observations) < len(self.agent_ids):
            return super().see_team(observations, received)
        rows = self._filled(received)
        rows = rows if received.fresh else rows.copy()
        first = self._slices[self.agent_ids[0]]
        said, own = self._seen
        if said is not observations:
            own = self._joined(observations, self._shape_seen)
        if own is not None:
            rows[:, first.start : first.start + own.shape[1]] = own
            return dict(zip(observations, rows[:, first], strict=True))
        bodies = [np.ravel(self.splits[a].body_of(observations[a])) for a in self.agent_ids]
        own = np.concatenate(bodies, dtype=np.float32, casting="unsafe").reshape(len(bodies), -1)
        rows[:, first.start : first.start + own.shape[1]] = own
        views = {a: rows[self.index[a], self._slices[a]] for a in observations}
        return {a: self.splits[a].with_body(seen, views[a]) for a, seen in observations.items()}

    def own(self, agent: Any, view: Any) -> Any:
        """Returns the entries of the agent's own observation."""
        return self.splits[agent].body_of(view)[: self._own_sizes[agent]]

    def heard(self, agent: Any, view: Any) -> dict[Any, Any]:
        """Returns the entries of each other agent's message, without flag and age."""
        body, start, found = self.splits[agent].body_of(view), self._own_sizes[agent], {}
        for sender, size in self._said_sizes.items():
            if sender != agent:
                found[sender] = body[start : start + size]
                start += size + 2
        return found


def _one_shape(spaces_of: Mapping[Any, Space[Any]]) -> tuple[int, ...] | None:
    """Returns the shape of what may be joined along its first axis; None where nothing may."""
    shapes = {sp.shape if isinstance(sp, spaces.Box) else None for sp in spaces_of.values()}
    return shapes.pop() or None if len(shapes) == 1 else None


def _flat_space(space: Space[Any]) -> spaces.Box:
    flat = flatten_space(space)
    if not isinstance(flat, spaces.Box):
        raise TypeError(f"{type(space).__name__} has no fixed number of entries")
    # Some spaces are flattened to a Box that cannot be read again.
    bits_of(space)
    return flat


def shareable(function: Callable[[Any], Any], agent: Any, space: Space[Any], exchange: str) -> Any:
    """Calls a function of a space; what it refuses becomes an error that names the agent."""
    try:
        return function(space)
    except (TypeError, NotImplementedError, ValueError) as error:
        raise InvalidArgumentError(
            f"exchange {exchange} cannot share the observations of agent {agent!r}, "
            f"whose space is {space} ({error}): give another exchange, or flatten the space first."
        ) from None


def _joined(agent: Any, own: spaces.Box, said: Mapping[Any, spaces.Box]) -> spaces.Box:
    """Returns the space of an agent's vector: its own entries, then those of each other agent."""
    low: list[Any] = [own.low]
    high: list[Any] = [own.high]
    for other, box in said.items():
        if other != agent and box.shape[0]:
            low += [np.minimum(box.low, 0), (0, 0)]
            high += [np.maximum(box.high, 0), (1, np.inf)]
    least, greatest = (np.concatenate(ends).astype(np.float32) for ends in (low, high))
    return spaces.Box(least, greatest)
