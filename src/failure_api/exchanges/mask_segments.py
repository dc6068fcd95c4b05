"""The observation already carries what others say; those parts fail with their links."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from failure_api.core import Delivery
from failure_api.core.frozen import FrozenMapping
from failure_api.errors import InvalidArgumentError, invalid
from failure_api.exchanges.bits import bits_of_segments
from failure_api.exchanges.corruption import Entries
from failure_api.exchanges.exchange import BoundExchange, Exchange, Team
from failure_api.exchanges.inbox import Inbox, Transport
from failure_api.exchanges.known_segments import known_segments
from failure_api.exchanges.segment_limits import SegmentLimits
from failure_api.exchanges.segments import REMEDY, places


@dataclass(frozen=True, kw_only=True)
class MaskSegments(Exchange):
    """The parts of an agent's observation that come from another agent fail with that link.

    Spaces stay as they were, so a policy that was trained without failures is evaluated
    unchanged.

    Args:
        segments: `{receiver: {sender: slice or indices}}` into the receiver's flattened
            observation, or a function that takes the environment and returns that, called once
            a round. None takes what is known of the environment: all of mpe2.
        missing: What stands in a part that did not arrive: `"zero"`, or `"hold"` for the newest
            content that ever arrived on the link (zero before the first). Where the space has no
            room for zero, the nearest value that it holds.
        report_age: Appends to every observation, for each other agent in the order of
            `possible_agents`, a flag that is 1 where a message arrived in this round, and the age
            in rounds of what was last received.

    Raises:
        InvalidArgumentError: The environment's segments are not known and none are given; they
            are out of range, overlap or name unknown agents; an observation is not a Box.

    Example:
        >>> from mpe2 import simple_spread_v3
        >>> from failure_api import CommunicationWrapper, ProbabilisticModel
        >>> env = CommunicationWrapper(
        ...     simple_spread_v3.env(), ProbabilisticModel(failure_prob=1), exchange=MaskSegments()
        ... )
        >>> env.reset(seed=1)
        >>> env.observe("agent_0")[10:14].tolist()
        [0.0, 0.0, 0.0, 0.0]
    """

    segments: Mapping[Any, Mapping[Any, Any]] | Callable[[Any], Any] | None = None
    missing: Literal["zero", "hold"] = "zero"
    report_age: bool = False

    def __post_init__(self) -> None:
        """Checks the fields and takes a copy of the segments."""
        super().__post_init__()
        given = self.segments
        if given is not None and not callable(given) and not isinstance(given, Mapping):
            raise invalid("segments", "must be a mapping or a function", given, REMEDY)
        if isinstance(self.segments, Mapping):
            frozen = {
                receiver: FrozenMapping(parts) if isinstance(parts, Mapping) else parts
                for receiver, parts in self.segments.items()
            }
            object.__setattr__(self, "segments", FrozenMapping(frozen))

    def bind(self, team: Team) -> BoundExchange:
        """Returns this exchange at work in one environment."""
        segments = known_segments(team.env) if self.segments is None else self.segments
        if segments is None:
            raise InvalidArgumentError(
                f"exchange MaskSegments knows nothing of {team.env} that an agent hears from "
                "another: give segments={receiver: {sender: indices}}, or use ShareObservations()."
            )
        return MaskedSegments(self, segments, team)


class MaskedSegments(BoundExchange):
    """`MaskSegments` at work.

    All observations stand in one vector, of which each entry comes over one link or over none.
    Where noise acts or segments move, what one agent has of another is a row of `[receiver, sender,
    k]` contents, gathered from that vector and scattered back into it; entries that a pair does not
    have are gathered from and scattered to one spare place at the vector's end.
    """

    def __init__(self, exchange: MaskSegments, segments: Any, team: Team) -> None:
        super().__init__(team)
        self._env = team.env
        self._moving = segments if callable(segments) else None
        self._report_age = exchange.report_age
        boxes = [self._box(agent) for agent in self.agent_ids]
        self._sizes = tuple(int(np.prod(box.shape)) for box in boxes)
        self._ends = np.cumsum(self._sizes).tolist()
        self._starts = np.array([0, *self._ends[:-1]])
        self._slices = {
            agent: slice(start, end)
            for agent, start, end in zip(self.agent_ids, self._starts, self._ends, strict=True)
        }
        self._boxes = dict(zip(self.agent_ids, boxes, strict=True))
        self._spare = np.zeros(1, dtype=np.result_type(*(box.dtype for box in boxes)))
        blanks = [np.clip(0, box.low, box.high).ravel() for box in boxes]
        self._blanks = np.concatenate([*blanks, self._spare]).astype(self._spare.dtype)
        self.spaces = {agent: self._space(agent) for agent in self.agent_ids}
        # Vectors of one type, and nothing else, are copied out as they are; of several types the
        # widest, in which all are kept, might not hold every integer.
        self._plain = not self._report_age and all(
            len(box.shape) == 1 and box.dtype == self._spare.dtype and space is box
            for box, space in zip(boxes, team.spaces.values(), strict=True)
        )
        self._limits: SegmentLimits | None = None
        self._width = 0
        self._inbox, self._said = self._inboxes(team, segments, exchange.missing == "hold")
        self.start()
        self.noise.place(self._entries)

    def _inboxes(self, team: Team, segments: Any, hold: bool) -> tuple[Inbox, Transport | None]:
        """Returns what brings the parts, and where segments move what tells which there were."""
        agents = len(self.agent_ids)
        # Each receiver's links in turn, in an array that is indexed by the sender first.
        to_each = np.arange(agents**2).reshape(agents, agents).T
        if self._moving is not None:
            links = to_each.reshape(-1)
            said = team.transport(links)
            row = max(self._sizes) * (self._spare.itemsize + 1)
        else:
            # All observations in one vector, of which each entry comes over one link or over none.
            self._place(segments)
            links = np.full(self._ends[-1] + 1, agents**2)
            links[self._global] = to_each[..., None]
            links[-1] = agents**2
            said, row = None, self._spare.itemsize
        transport = team.transport(links)
        team.check_memory(transport.nbytes(row))
        return Inbox(transport, hold, links, agents), said

    def _box(self, agent: Any) -> spaces.Box:
        space = self.envelopes[agent].body_space
        if not isinstance(space, spaces.Box):
            raise InvalidArgumentError(
                f"exchange MaskSegments needs observations that are a Box, but those of agent "
                f"{agent!r} are {space}: use ShareObservations()."
            )
        if self._report_age and (len(space.shape) != 1 or space.dtype.kind != "f"):
            raise InvalidArgumentError(
                f"report_age needs one-dimensional float observations, but those of agent "
                f"{agent!r} are {space}: leave it out, or read message_age from the wrapper."
            )
        return space

    def _space(self, agent: Any) -> spaces.Space[Any]:
        envelope, box = self.envelopes[agent], self._boxes[agent]
        if not self._report_age:
            return envelope.enclose(envelope.body_space)
        others = len(self.agent_ids) - 1
        low = np.concatenate([box.low, np.zeros(2 * others)]).astype(box.dtype)
        high = np.concatenate([box.high, np.tile([1.0, np.inf], others)]).astype(box.dtype)
        return envelope.enclose(spaces.Box(low, high, dtype=box.dtype))

    @property
    def message_bits(self) -> NDArray[np.float64] | None:
        """Bits of a segment on each link, `[sender, receiver]`; None where segments move."""
        if self._moving is not None:
            return None
        return bits_of_segments(self._boxes.values(), self._global != self._ends[-1])

    def start(self) -> None:
        """Forgets everything that was said."""
        self._inbox.start()
        if self._said is not None:
            self._said.start()
            self._width = 0
        self._observations: Mapping[Any, Any] = {}
        if self._limits is not None:
            self._limits.start()

    def _entries(self) -> Entries:
        self._limits = SegmentLimits(self._boxes, self._moving is not None)
        if self._moving is None:
            return self._limits.entries(self._global)
        agents, width = len(self.agent_ids), max(self._sizes)
        nowhere = np.full((agents, agents, width), self._ends[-1])
        return self._limits.entries(nowhere)

    def _place(self, segments: Any, width: int = 0) -> None:
        """Works out where in the vector the parts stand."""
        local = places(segments, self.agent_ids, self._sizes, width)
        absent = local == np.asarray(self._sizes)[:, None, None]
        self._local = local
        self._global = np.where(absent, self._ends[-1], local + self._starts[:, None, None])

    def share(self, number: int, observations: Mapping[Any, Any], delivery: Delivery) -> None:
        """Puts into every observation what arrived, and what is missing into the rest."""
        noisy = self.noise.acts(delivery.links)
        if self._moving is not None:
            # The draws of noise may not depend on how many entries are in sight.
            self._width = max(self._sizes) if noisy else self._width
            self._place(self._moving(self._env), self._width)
            self._width = self._global.shape[-1]
        self._number, self._observations, self._delivery = number, observations, delivery
        if self._plain and tuple(observations) == self.agent_ids:
            vector = np.concatenate((*observations.values(), self._spare))
        else:
            vector = np.concatenate((*map(self._flat, self.agent_ids), self._spare))
        self._noisy = noisy
        if self._said is None:
            corrupt = self._corrupt if noisy else None
            vector = self._inbox.receive(number, vector, delivery, self._blanks, None, corrupt)
        else:
            vector[self._global] = self._moved(vector[self._global])
        self._masked = vector

    def _moved(self, contents: NDArray[Any]) -> NDArray[Any]:
        """Returns what everyone has in segments that may have moved, `[receiver, sender, k]`."""
        assert self._said is not None
        rows = contents.reshape(-1, contents.shape[-1])
        # A sender may be out of view, with nothing said and nothing heard.
        there = (self._global != self._ends[-1]).reshape(rows.shape)
        said = self._said.carry(self._number, there, self._delivery)
        blank = self._blanks[self._global].reshape(rows.shape)
        corrupt = self._corrupt_moved if self._noisy else None
        rows = self._inbox.receive(self._number, rows, self._delivery, blank, said, corrupt)
        return rows.reshape(contents.shape)

    def _corrupt(self, vector: NDArray[Any], arrived: NDArray[np.bool_]) -> NDArray[Any]:
        """Returns the vector as the noise leaves what arrives of it."""
        # Pairs of fewer entries than others have nothing in the rest of their rows.
        real = arrived[self._global] & (self._global != self._ends[-1])
        made, links = self._delivery.sent.T, self._delivery.links
        contents = vector[self._global]
        vector[self._global] = self.noise.apply(self._number, contents, real, links, made=made)
        return vector

    def _corrupt_moved(self, rows: NDArray[Any], arrived: NDArray[np.bool_]) -> NDArray[Any]:
        """Returns what arrives of segments that move as the noise leaves it."""
        assert self._limits is not None
        entries = self._limits.entries(self._global)
        contents = rows.reshape(self._global.shape)
        real = np.broadcast_to(arrived, rows.shape).reshape(contents.shape)
        made, links = self._delivery.sent.T, self._delivery.links
        after = self.noise.apply(self._number, contents, real, links, entries, made)
        return after.reshape(rows.shape)

    def _flat(self, agent: Any) -> NDArray[Any]:
        """Returns an agent's observation as a vector; zeros where it takes no part."""
        observation = self._observations.get(agent)
        if observation is None:
            return np.zeros(self._boxes[agent].shape, self._spare.dtype).ravel()
        return np.asarray(self.envelopes[agent].open(observation)).reshape(-1)

    def view(self, agent: Any, observation: Any = None) -> Any:
        """Returns an agent's observation with what it did not receive taken out."""
        if observation is None:
            if self._plain:
                return self._masked[self._slices[agent]].copy()
            observation = self._observations[agent]
        flat = self._renewed(agent, observation)
        if self._report_age:
            flat = np.concatenate((flat, self._flags_and_ages(agent)), dtype=flat.dtype)
            return self.envelopes[agent].close(observation, flat)
        box = self._boxes[agent]
        if flat.dtype != box.dtype or len(box.shape) != 1:
            flat = flat.astype(box.dtype).reshape(box.shape)
        return self.envelopes[agent].close(observation, flat)

    def views(self, agents: Iterable[Any]) -> dict[Any, Any]:
        """Returns what agents see, cut out of one copy where that is possible."""
        if not self._plain:
            return super().views(agents)
        vector, slices = self._masked.copy(), self._slices
        return {agent: vector[slices[agent]] for agent in agents}

    def _renewed(self, agent: Any, observation: Any) -> NDArray[Any]:
        """Masks an observation that is newer than the round: what is current in it stays."""
        row = self.index[agent]
        dtype = self._boxes[agent].dtype if self._noisy else None
        body = np.asarray(self.envelopes[agent].open(observation), dtype=dtype).reshape(-1)
        vector = np.append(body, body.dtype.type(0))
        late = (self._delivery.sent[:, row] != self._number) | self._noisy
        vector[self._local[row, late]] = self._masked[self._global[row, late]]
        return vector[:-1]

    def _flags_and_ages(self, agent: Any) -> NDArray[Any]:
        """Returns flag and age of every other agent, interleaved."""
        column = self.index[agent]
        age = self._number - self._delivery.newest[:, column]
        both = np.stack([self._delivery.sent[:, column] >= 0, age], axis=-1)
        return np.delete(both, column, axis=0).ravel()
