"""The codec of `form="flat"`: own and heard observations as one vector."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.spaces.utils import flatten, flatten_space
from numpy.typing import NDArray

from failure_api.core.layouts import TeamRows
from failure_api.errors import InvalidArgumentError, invalid
from failure_api.exchanges.exchange import Received, Team, TeamCodec
from failure_api.exchanges.spaces.actions import ActionMaskSplit, SpokenActions
from failure_api.exchanges.spaces.numbering import ContentNumbers, FlatNumbers
from failure_api.exchanges.spaces.zero import bits_of, to_each


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
        message_spaces: Mapping[Any, Any] | None,
        exchange: str,
        actions: SpokenActions | None = None,
    ) -> None:
        super().__init__(team)
        self.actions = actions
        rooms = {} if actions is None else actions.rooms(team.spaces)
        self.splits = {
            a: ActionMaskSplit(space, rooms.get(a, 0)) for a, space in team.spaces.items()
        }
        self._observed = message_spaces is None
        if message_spaces is None:
            message_spaces = {a: split.body_space for a, split in self.splits.items()}
        self._said_spaces = message_spaces
        self._exchange = exchange
        own = {a: self._box(a, split.body_space) for a, split in self.splits.items()}
        said = {agent: self._box(agent, space) for agent, space in message_spaces.items()}
        self._said = {agent: box for agent, box in said.items() if box.shape[0]}
        self.spaces = {
            agent: split.enclose(_joined(agent, own[agent], self._said))
            for agent, split in self.splits.items()
        }
        self._own_sizes = {agent: int(box.shape[0]) for agent, box in own.items()}
        # Entries stand in a view as they do in an observation: without a look at each.
        self._plain = all(
            isinstance(split.body_space, spaces.Box) for split in self.splits.values()
        )
        sizes = [int(box.shape[0]) for box in self._said.values()]
        self._width = max(sizes, default=0)
        row = self._width + 2
        self._own_rows = -(-max(self._own_sizes.values()) // row)
        self._place(row)
        # What is joined to one array without a look at each.
        self._shape_seen = _one_shape(team.spaces)
        self._shape_said = _one_shape(self._said_spaces)
        self.start()

    def _place(self, row: int) -> None:
        """Works out where in the rows of a receiver its view stands."""
        agents, senders = len(self.agent_ids), list(self._said)
        links = np.full((agents, self._own_rows + len(senders)), agents**2)
        self._picks: dict[Any, NDArray[np.int64] | None] = {}
        self._slices: dict[Any, slice] = {}
        end = self._own_rows * row
        for agent, receiver in self.index.items():
            others = [sender for sender in senders if sender != agent]
            places = range(self._own_rows, self._own_rows + len(others))
            for place, sender in zip(places, others, strict=True):
                links[receiver, place] = self.index[sender] * agents + receiver
            start = end - self._own_sizes[agent]
            self._slices[agent] = slice(start, end + len(others) * row)
            picks = [np.arange(start, end)]
            for place, sender in zip(places, others, strict=True):
                first, size = place * row, int(self._said[sender].shape[0])
                picks.append(np.arange(first, first + size))
                picks.append(first + self._width + np.arange(2))
            pick = np.concatenate(picks)
            self._picks[agent] = None if (np.diff(pick) == 1).all() else pick
        self._links = links
        self._shape = (*links.shape, row)
        # What belongs to no link is written over by nobody.
        self._linked = np.minimum(links[:, self._own_rows :], agents**2 - 1)
        sizes = {int(box.shape[0]) for box in self._said.values()}
        alike = len(set(self._own_sizes.values())) == 1 and sizes <= {self._width}
        self._alike = self._plain and alike

    def start(self) -> None:
        """Forgets what was observed."""
        # What agents observe in a round is joined once, whether they say it or see it.
        self._seen: tuple[Any, NDArray[np.float32] | None] = (None, None)

    def _box(self, agent: Any, space: spaces.Space[Any]) -> spaces.Box:
        box: spaces.Box = shareable(_flat_space, agent, space, self._exchange)
        return box

    @cached_property
    def layout(self) -> TeamRows:
        """Rows with room for a flag and an age, and for what the receiver observes."""
        return TeamRows(self._links, len(self.agent_ids), self._width + 2)

    @cached_property
    def numbering(self) -> ContentNumbers:
        """Numbers, a choice of which is one."""
        silence = spaces.Box(0, 1, (0,), np.float32)
        said = {agent: self._said_spaces.get(agent, silence) for agent in self.agent_ids}
        agents = len(self.agent_ids)
        rows = np.full((agents, agents), -1)
        linked = self._links.reshape(-1)
        for place in np.flatnonzero(linked < agents**2).tolist():
            sender, receiver = divmod(int(linked[place]), agents)
            rows[receiver, sender] = place
        return FlatNumbers(self.agent_ids, said, rows)

    @property
    def message_bits(self) -> NDArray[np.float64] | None:
        """Bits of a message on each link, `[sender, receiver]`."""
        spaces_said = [self._said_spaces.get(agent) for agent in self.agent_ids]
        return to_each([0 if space is None else bits_of(space) for space in spaces_said])

    def say_team(
        self, observations: Mapping[Any, Any], messages: Mapping[Any, Any]
    ) -> NDArray[Any]:
        """Returns a row of what each agent says, of the length of the longest."""
        if self._observed:
            self._seen = observations, self._joined(observations, self._shape_seen)
            rows = self._seen[1]
        elif len(observations) == len(self.agent_ids):
            rows = self._joined(messages, self._shape_said)
        else:
            rows = None
        if rows is not None:
            return rows
        rows = np.zeros((len(self.agent_ids), self._width), np.float32)
        for agent, box in self._said.items():
            if agent not in observations:
                continue
            said = messages.get(agent)
            if self._observed:
                said = self.splits[agent].body_of(observations[agent])
            if said is not None:
                rows[self.index[agent], : box.shape[0]] = self._flat(
                    agent, self._said_spaces[agent], said
                )
        return rows

    def _joined(
        self, given: Mapping[Any, Any], shape: tuple[int, ...] | None
    ) -> NDArray[np.float32] | None:
        """Returns a row for each agent; None where they are not all arrays of one shape."""
        if shape is None or tuple(given) != self.agent_ids:
            return None
        arrays = [*given.values()]
        if {getattr(array, "shape", None) for array in arrays} != {shape}:
            return None
        joined = np.concatenate(arrays, dtype=np.float32, casting="unsafe")
        return joined.reshape(len(arrays), -1)

    def _flat(self, agent: Any, space: spaces.Space[Any], value: Any) -> NDArray[Any]:
        """Returns an element of a space as a vector, or raises that it is none."""
        if isinstance(space, spaces.Box):
            vector = np.asarray(value)
            fits = vector.shape == space.shape
            if fits:
                return vector.reshape(-1)
        else:
            try:
                return np.asarray(flatten(space, value))
            except (TypeError, KeyError, ValueError, IndexError):
                pass
        rule, name = f"must be of the form of {space}", f"what agent {agent!r} observes or says"
        remedy = "fix the environment, or the space it declares"
        raise invalid(name, rule, value, remedy) from None

    def _filled(self, received: Received) -> NDArray[Any]:
        """Returns the rows with flags and ages, `[receiver, rows * width]`."""
        if received.kept is None:
            rows = received.content.reshape(self._shape)
            reports = rows[:, self._own_rows :, self._width :]
            reports[..., 0] = received.arrived.reshape(-1).take(self._linked)
            reports[..., 1] = received.age.reshape(-1).take(self._linked)
            received.kept = received.content.reshape(len(rows), -1)
        kept: NDArray[Any] = received.kept
        return kept

    def see_one(self, agent: Any, observation: Any, received: Received) -> Any:
        """Returns an agent's own observation and what it has heard, as one vector."""
        row, pick = self._filled(received)[self.index[agent]], self._picks[agent]
        vector = row[self._slices[agent]].copy() if pick is None else row.take(pick)
        split = self.splits[agent]
        own = self._flat(agent, split.body_space, split.body_of(observation))
        vector[: self._own_sizes[agent]] = own
        return split.with_body(observation, vector)

    def see_team(self, observations: Mapping[Any, Any], received: Received) -> dict[Any, Any]:
        """Returns what agents see, cut from one array where messages are equally long."""
        if not self._alike or len(observations) < len(self.agent_ids):
            return super().see_team(observations, received)
        rows = self._filled(received)
        rows = rows if received.fresh else rows.copy()
        first = self._slices[self.agent_ids[0]]
        if self._seen[0] is not observations:
            self._seen = observations, self._joined(observations, self._shape_seen)
        own = self._seen[1]
        if own is not None:
            rows[:, first.start : first.start + own.shape[1]] = own
            return dict(zip(observations, rows[:, first], strict=True))
        bodies = [self.splits[a].body_of(observations[a]) for a in self.agent_ids]
        own = np.concatenate(
            [np.ravel(body) for body in bodies], dtype=np.float32, casting="unsafe"
        )
        size = len(own) // len(bodies)
        rows[:, first.start : first.start + size] = own.reshape(len(bodies), size)
        return {
            agent: self.splits[agent].with_body(
                observation, rows[self.index[agent], self._slices[agent]]
            )
            for agent, observation in observations.items()
        }

    def own(self, agent: Any, view: Any) -> Any:
        """Returns the entries of the agent's own observation."""
        return self.splits[agent].body_of(view)[: self._own_sizes[agent]]

    def heard(self, agent: Any, view: Any) -> dict[Any, Any]:
        """Returns the entries of each other agent's message, without flag and age."""
        body, start, found = self.splits[agent].body_of(view), self._own_sizes[agent], {}
        for sender, box in self._said.items():
            if sender != agent:
                size = int(box.shape[0])
                found[sender] = body[start : start + size]
                start += size + 2
        return found


def _one_shape(spaces_of: Mapping[Any, spaces.Space[Any]]) -> tuple[int, ...] | None:
    """Returns the shape of what may be joined along its first axis; None where nothing may."""
    shapes = {
        space.shape if isinstance(space, spaces.Box) else None for space in spaces_of.values()
    }
    return shapes.pop() or None if len(shapes) == 1 else None


def _flat_space(space: spaces.Space[Any]) -> spaces.Box:
    flat = flatten_space(space)
    if not isinstance(flat, spaces.Box):
        raise TypeError(f"{type(space).__name__} has no fixed number of entries")
    # Some spaces are flattened to a Box that cannot be read again.
    bits_of(space)
    return flat


def shareable(
    function: Callable[[Any], Any], agent: Any, space: spaces.Space[Any], exchange: str
) -> Any:
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
        if other != agent:
            low += [np.minimum(box.low, 0), np.zeros(2)]
            high += [np.maximum(box.high, 0), np.array([1.0, np.inf])]
    return spaces.Box(
        np.concatenate(low).astype(np.float32), np.concatenate(high).astype(np.float32)
    )
