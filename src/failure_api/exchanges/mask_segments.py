"""The observation already carries what others say; those parts fail with their links."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from gymnasium import spaces
from gymnasium.spaces import Space
from numpy.typing import NDArray

from failure_api.core.layouts import TeamEntries
from failure_api.core.links import Array
from failure_api.core.mailbox import Missing
from failure_api.core.parameters.frozen import FrozenMapping
from failure_api.core.parameters.rules import numbers
from failure_api.environments.positions import known_positions, read_positions
from failure_api.environments.segments import known_frame, known_segments, why_unknown
from failure_api.errors import InvalidArgumentError, invalid
from failure_api.exchanges.exchange import Exchange, Received, Team, TeamCodec
from failure_api.exchanges.segments import REMEDY, entry_indices
from failure_api.exchanges.spaces.actions import ActionMaskSplit, ArraysSplit, ByAgent
from failure_api.exchanges.spaces.corruption import Entries, numbers_of
from failure_api.exchanges.spaces.numbering import ContentNumbers
from failure_api.exchanges.spaces.numbers import DOUBLE_EXACT, Numbers, is_plain, leaves
from failure_api.exchanges.spaces.zero import bits_of_segments


@dataclass(frozen=True, kw_only=True)
class MaskSegments(Exchange):
    """The parts of an agent's observation that come from another agent fail with that link.

    Spaces stay as they were, so a policy that was trained without failures is evaluated
    unchanged.

    Args:
        segments: `{receiver: {sender: slice or indices}}` into the receiver's flattened
            observation, or a function that takes the environment and returns that, called once
            a round. Where observations are a Dict or Tuple, the entries are those of an array in
            it, by its keys: `{receiver: {sender: {"others": slice(0, 2)}}}`, and further keys in a
            further mapping. None takes what is known of the environment, unless a
            layer in between may have moved entries.
        missing: What stands in a part that did not arrive: `"zero"`; `"hold"` for the newest
            content that ever arrived on the link (zero before the first); `"predict"` or
            `Predict(...)` for a straight line through the last two; or a function `(content, age)
            -> content`. Where the space has no room for zero, the nearest value that it holds.
        report_age: Appends to every observation, for each other agent in the order of
            `possible_agents`, a flag that is 1 where a message arrived in this round, and the age
            in rounds of what was last received.
        frame: Which entries of segments are positions seen from the receiver, in the order of their
            axes: `"receiver"` for all of them, or a mapping like that of the segments. None takes
            what is known of the environment where segments are.
        relative_to: What a position is relative to that comes late, is held or is predicted:
            `"receiver"` leaves it as it was said; `"world"` lets it stand still in the world while
            the receiver moves on, which knows its own position.

    Raises:
        InvalidArgumentError: The environment's segments are not known and none are given; they
            are out of range, overlap or name unknown agents; an observation holds no Box; no
            positions are known for `relative_to="world"`, or the segments move.

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
    missing: Missing = "zero"
    report_age: bool = False
    frame: Mapping[Any, Mapping[Any, Any]] | Literal["receiver"] | None = None
    relative_to: Literal["receiver", "world"] = "receiver"

    def __post_init__(self) -> None:
        """Checks the fields and takes a copy of the segments."""
        super().__post_init__()
        segments: Any = self.segments
        if not (segments is None or callable(segments) or isinstance(segments, Mapping)):
            raise invalid("segments", "must be a mapping or a function", segments, REMEDY)
        if not isinstance(self.frame, Mapping) and self.frame not in (None, "receiver"):
            rule = "must be 'receiver', a mapping like that of segments, or None"
            raise invalid("frame", rule, self.frame, "say which entries are positions")
        for name in ("segments", "frame"):
            object.__setattr__(self, name, _frozen(getattr(self, name)))

    @property
    def follows_environment(self) -> bool:  # type: ignore[override]
        """Whether codecs look at the environment in every round."""
        return callable(self.segments) or self.relative_to == "world"

    def bind(self, team: Team) -> TeamCodec:
        """Returns this exchange at work in one environment."""
        segments = known_segments(team.env) if self.segments is None else self.segments
        if segments is None:
            raise InvalidArgumentError(
                f"exchange MaskSegments {why_unknown(team.env)}: give "
                "segments={receiver: {sender: indices}}, or use ShareObservations()."
            )
        if self.relative_to == "world":
            return _InWorld(team, segments, self.report_age, self._frame(team, segments))
        codec = _Moving if callable(segments) else _Masked
        return codec(team, segments, self.report_age)

    def _frame(self, team: Team, segments: Any) -> Any:
        """Returns which entries are positions seen from the receiver."""
        if callable(segments):
            rule = "must be 'receiver' where segments move"
            remedy = "leave it out"
            if self.segments is not None:
                remedy = (
                    "give segments as a mapping, as the function returns it, or offer it by "
                    "communication_segments(), or leave relative_to out"
                )
            raise invalid("relative_to", rule, self.relative_to, remedy)
        if self.frame == "receiver":
            return segments
        found = known_frame(team.env) if self.frame is self.segments is None else self.frame
        if found is None:
            raise InvalidArgumentError(
                f"relative_to='world' of MaskSegments must know which entries of {team.env} are "
                "positions seen from the receiver, but frame is None: give frame='receiver' where "
                "all of them are, or a mapping like that of segments."
            )
        return found


def _frozen(parts: Any) -> Any:
    """Returns mappings, and those in them, as ones that nobody can write to."""
    if not isinstance(parts, Mapping):
        return parts
    return FrozenMapping({key: _frozen(part) for key, part in parts.items()})


def _split(space: Space[Any]) -> ActionMaskSplit:
    """Returns what takes the arrays out of an observation."""
    split = ActionMaskSplit(space)
    if not isinstance(split.body_space, spaces.Dict | spaces.Tuple):
        return split
    with contextlib.suppress(TypeError):
        return ArraysSplit(space)
    return split


def holds_arrays(space: Space[Any]) -> bool:
    """Returns whether there is an array in an observation, whose entries could be masked."""
    return isinstance(_split(space).body_space, spaces.Box)


def _beyond(box: Any, dtype: Any) -> NDArray[np.bool_]:
    """Returns which entries of a Box may be whole numbers that a type does not hold."""
    if box.dtype.kind not in "iu" or dtype.kind != "f" or np.finfo(dtype).nmant >= 63:
        return np.zeros(box.shape, dtype=bool)
    far = np.maximum(np.abs(box.low.astype(np.float64)), np.abs(box.high.astype(np.float64)))
    return np.asarray(far > DOUBLE_EXACT)


class _Masked(TeamCodec):
    """`MaskSegments` at work, where segments stay in place.

    All observations stand in one vector, of which each entry comes over one link or over none.
    Behind each may be room for flags and ages, and at the end is a spare entry, at which pairs look
    that have fewer entries than others.
    """

    def __init__(self, team: Team, segments: Any, report_age: bool) -> None:
        super().__init__(team)
        self._report_age = report_age
        self.splits = {agent: _split(space) for agent, space in team.spaces.items()}
        self._boxes = {agent: self._box(agent) for agent in self.agent_ids}
        boxes = [*self._boxes.values()]
        self._sizes = tuple(int(np.prod(box.shape)) for box in boxes)
        self._reports = 2 * (len(boxes) - 1) if report_age else 0
        ends = np.cumsum([size + self._reports for size in self._sizes])
        self._starts = ends - self._reports - np.array(self._sizes)
        self._end = int(ends[-1])
        slices = map(slice, self._starts.tolist(), ends.tolist())
        self._slices = dict(zip(self.agent_ids, slices, strict=True))
        self._dtype = np.result_type(*(box.dtype for box in boxes))
        if any(_beyond(box, self._dtype).any() for box in boxes):
            # Where it is longer than a double it holds all whole numbers of 64 bits.
            self._dtype = np.dtype(np.longdouble)
        self._room = [np.zeros(self._reports, self._dtype)] if report_age else []
        self._spare = np.zeros(1, dtype=self._dtype)
        zeros = self._of_entries(lambda box, _: np.clip(0, box.low, box.high), self._spare[0])
        self._zeros = np.append(zeros, self._spare).astype(self._dtype)
        self.spaces = {agent: self._space(agent) for agent in self.agent_ids}
        # Vectors of one type, and nothing else, are cut out as they are; of several types the
        # widest, in which all are kept, might not hold every integer.
        self._plain = all(
            len(box.shape) == 1 and box.dtype == self._dtype and space is box
            for box, space in zip(boxes, team.spaces.values(), strict=True)
        )
        self._inexact = np.append(self._of_entries(_beyond, False), False)
        self._place(segments, 0)

    def _of_entries(self, function: Callable[[Any, Any], Any], of_reports: Any) -> Array:
        """Returns what a function says of the entries of each box, in the order of the vector.

        Args:
            function: Takes the box, and the type in which its entries are kept.
            of_reports: What there is for the entries behind each observation.
        """
        parts = []
        for split in self.splits.values():
            dtype = self._dtype if split.entries is None else split.body_space.dtype
            parts += [np.ravel(function(box, dtype)) for box in leaves(split.arrays)]
            parts.append(np.full(self._reports, of_reports))
        return np.concatenate(parts)

    def _bounds(self) -> tuple[Array, Array]:
        """Returns the least and the greatest value of each entry."""
        low = self._of_entries(lambda box, _: box.low, 0.0)
        return low, self._of_entries(lambda box, _: box.high, 0.0)

    def _place(self, segments: Any, width: int) -> None:
        """Works out where in the vector the parts stand, `[receiver, sender, k]`."""
        paths = [split.entries for split in self.splits.values()]
        local = entry_indices(segments, self.agent_ids, self._sizes, width, paths)
        absent = local == np.asarray(self._sizes)[:, None, None]
        self._local = local
        self._global = np.where(absent, self._end, local + self._starts[:, None, None])
        inexact = self._inexact[self._global]
        if inexact.any():
            receiver = self.agent_ids[int(inexact.any(axis=(1, 2)).argmax())]
            rule = "must be of whole numbers within 2**53 where observations hold floats too"
            remedy = "leave those entries out, or use ShareObservations()"
            raise invalid(f"segments[{receiver!r}]", rule, "larger ones", remedy)

    def _box(self, agent: Any) -> spaces.Box:
        space = self.splits[agent].body_space
        if not isinstance(space, spaces.Box) or not is_plain(space):
            raise InvalidArgumentError(
                f"exchange MaskSegments needs observations that are or hold a Box, but those of "
                f"agent {agent!r} are {space}: use ShareObservations()."
            )
        several = self.splits[agent].entries is not None
        if self._report_age and (several or len(space.shape) != 1 or space.dtype.kind != "f"):
            raise InvalidArgumentError(
                f"report_age needs one-dimensional float observations, but those of agent "
                f"{agent!r} are {self.splits[agent].space}: leave it out, and let the wrapper "
                "tell ages with report='infos'."
            )
        return space

    def _arrays(self) -> dict[Any, Space[Any]]:
        """Returns what each agent's observation is made of."""
        return {agent: split.arrays for agent, split in self.splits.items()}

    def _space(self, agent: Any) -> Space[Any]:
        split, box = self.splits[agent], self._boxes[agent]
        if not self._report_age:
            return split.enclose(split.body_space)
        others = len(self.agent_ids) - 1
        low = np.concatenate([box.low, np.zeros(2 * others)]).astype(box.dtype)
        high = np.concatenate([box.high, np.tile([1.0, np.inf], others)]).astype(box.dtype)
        return split.enclose(spaces.Box(low, high, dtype=box.dtype))

    @cached_property
    def layout(self) -> TeamEntries:
        """One vector of all observations."""
        agents = len(self.agent_ids)
        links = np.full(self._end + 1, agents**2)
        # Each receiver's links, in an array that is indexed by the sender first.
        links[self._global] = np.arange(agents**2).reshape(agents, agents).T[..., None]
        links[-1] = agents**2
        return TeamEntries(links, agents)

    @cached_property
    def zero(self) -> Array:
        """Zeros, or what is nearest to them in each entry's bounds."""
        return self._zeros

    @cached_property
    def numbering(self) -> ContentNumbers:
        """The entries of each pair in a row."""
        limits = _Limits(self._arrays(), self._reports, moving=False)
        return _SegmentNumbers(self._global, self._end, limits)

    @property
    def message_bits(self) -> NDArray[np.float64] | None:
        """Bits of a segment on each link, `[sender, receiver]`."""
        return bits_of_segments(self._arrays().values(), self._local)

    def say_team(self, observations: ByAgent, messages: ByAgent) -> Array:
        """Returns all observations in one vector; zeros where an agent takes no part."""
        if self._plain and tuple(observations) == self.agent_ids:
            parts = [*observations.values()]
        else:
            parts = [
                self._flat(a, observations[a]) if a in observations else np.zeros(size, self._dtype)
                for a, size in zip(self.agent_ids, self._sizes, strict=True)
            ]
        # Others could be as many entries together, and shift what stands behind them.
        if tuple(map(len, parts)) != self._sizes:
            self._accuse(observations)
        if self._room:
            parts = [part for one in parts for part in (one, *self._room)]
        return np.concatenate((*parts, self._spare))

    def _accuse(self, observations: ByAgent) -> None:
        """Raises an error for an observation of another shape than was declared."""
        for agent, observation in observations.items():
            body, shape = self.splits[agent].body_of(observation), self._boxes[agent].shape
            if np.shape(body) != shape:
                rule, remedy = f"must have the shape {shape}", "fix the space it declares"
                raise invalid(f"what agent {agent!r} observes", rule, body, remedy)

    def _flat(self, agent: Any, observation: Any) -> Array:
        """Returns an agent's observation as a vector."""
        return np.asarray(self.splits[agent].body_of(observation)).reshape(-1)

    def _shown(self, received: Received) -> Array:
        """Returns the vector of what everyone sees."""
        if received.kept is None:
            received.kept = vector = self._heard(received)
            if self._room:
                both = np.empty((2, len(self.agent_ids) ** 2), self._dtype)
                both[0], both[1] = received.arrived.reshape(-1), received.age.reshape(-1)
                where, what = self._report_places
                vector[where] = both.reshape(-1).take(what)
        return received.kept

    def _heard(self, received: Received) -> Array:
        """Returns the vector with what has arrived in it."""
        return received.content

    @cached_property
    def _report_places(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where flags and ages stand, and which of those of all links they are."""
        agents = len(self.agent_ids)
        receivers, senders = np.nonzero(~np.eye(agents, dtype=bool))
        links = senders * agents + receivers
        first = (self._starts + self._sizes)[:, None]
        where = (first + np.arange(self._reports)).ravel()
        return where, np.stack([links, links + agents**2], axis=-1).ravel()

    def see_team(self, observations: ByAgent, received: Received) -> dict[Any, Any]:
        """Returns what agents see, cut out of one copy where that is possible."""
        if not self._plain:
            return super().see_team(observations, received)
        vector, slices = self._shown(received), self._slices
        if not received.fresh:
            vector = vector.copy()
        return {agent: vector[slices[agent]] for agent in observations}

    def see_one(self, agent: Any, observation: Any, received: Received) -> Any:
        """Returns an agent's observation with what it did not receive taken out."""
        shown, split, box = self._shown(received), self.splits[agent], self._boxes[agent]
        row, place = self.index[agent], self._slices[agent]
        if self._plain and observation is received.observations.get(agent):
            return shown[place].copy()
        # What has changed since the round is shown as it is now, as far as links are current.
        body = np.asarray(split.body_of(observation), dtype=box.dtype if received.noisy else None)
        flat = np.append(body.reshape(-1), body.dtype.type(0))
        late = ~received.current[:, row]
        flat[self._local[row, late]] = shown[self._global[row, late]]
        flat = flat[:-1]
        if self._room:
            reports = shown[place.stop - self._reports : place.stop]
            flat = np.concatenate((flat, reports), dtype=flat.dtype, casting="unsafe")
        elif flat.dtype != box.dtype or len(box.shape) != 1:
            flat = flat.astype(box.dtype).reshape(box.shape)
        return split.with_body(observation, flat)

    def own(self, agent: Any, view: Any) -> Any:
        """Returns the entries that come from nobody else."""
        flat = np.asarray(self.splits[agent].body_of(view)).reshape(-1)
        row = self.index[agent]
        own = np.ones(self._sizes[row] + 1, dtype=bool)
        own[self._local[row]] = False
        return flat[: self._sizes[row]][own[:-1]]

    def heard(self, agent: Any, view: Any) -> dict[Any, Any]:
        """Returns the entries that come from each other agent, by sender."""
        flat = np.asarray(self.splits[agent].body_of(view)).reshape(-1)
        row = self.index[agent]
        found = zip(self.agent_ids, self._local[row], strict=True)
        parts = {sender: local[local < self._sizes[row]] for sender, local in found}
        return {sender: flat[part] for sender, part in parts.items() if len(part)}


class _InWorld(_Masked):
    """`MaskSegments` at work, where positions are said in the world's frame.

    A receiver knows where it is, so what it has of another's position is where that is from there.
    """

    def __init__(self, team: Team, segments: Any, report_age: bool, frame: Any) -> None:
        super().__init__(team, segments, report_age)
        self._env, self._ids = team.env, team.agent_ids
        function = team.positions or known_positions(team.env)
        if function is None:
            raise InvalidArgumentError(
                "relative_to='world' of MaskSegments needs the agents' positions, which are not "
                f"known for {team.env}: give the wrapper positions=, a function of the environment."
            )
        self._function = function
        paths = [split.entries for split in self.splits.values()]
        local = entry_indices(frame, self.agent_ids, self._sizes, 0, paths, "frame")
        there = local < np.asarray(self._sizes)[:, None, None]
        self._receivers, senders, self._axes = there.nonzero()
        self._where = (local + self._starts[:, None, None])[there]
        self._links = senders * len(self.agent_ids) + self._receivers
        pairs = zip(self._receivers, senders, self._where, strict=True)
        if not all(place in self._global[receiver, sender] for receiver, sender, place in pairs):
            rule = "must name entries of the segments from the same sender"
            raise invalid("frame", rule, frame, "leave out the others")
        whole = self._of_entries(lambda box, _: np.full(box.shape, box.dtype.kind != "f"), False)
        if whole[self._where].any():
            rule = "must be 'receiver' where a position is not of floats"
            raise invalid("relative_to", rule, "world", "leave it out")
        low, high = self._bounds()
        self._low, self._high = low[self._where], high[self._where]
        self.start()

    def start(self) -> None:
        """Forgets where agents were."""
        self._last: Any = None
        self._first: Any = None

    @cached_property
    def numbering(self) -> ContentNumbers:
        """The entries of each pair in a row; positions in the world have no bounds."""
        limits = _Limits(self._arrays(), self._reports, moving=False, unbound=self._where)
        return _SegmentNumbers(self._global, self._end, limits)

    def follow(self, noisy: bool) -> None:
        """Looks where receivers are now."""
        found = self._function(self._env)
        array = numbers(found)
        known: Array = np.ones(len(self._ids), dtype=bool)
        if array is not None and array.ndim == 2 and len(array) == len(known):
            known = np.isfinite(array).all(axis=1)
        positions = read_positions(lambda env: found, self._env, self._ids, known)
        # Who has left is where it was last seen; who has never been anywhere sees nothing.
        positions[~known] = np.nan
        if self._last is None or self._last.shape != positions.shape:
            self._last = self._first = np.full(positions.shape, np.nan)
        self._last = positions = np.where(known[:, None], positions, self._last)
        self._first = np.where(np.isnan(self._first), positions, self._first)
        axes = positions.shape[1]
        counts = np.unique_counts(self._links).counts
        if (counts % axes).any():
            rule = f"must name {axes} entries for each position, one for each axis"
            raise invalid("frame", rule, int(counts[(counts % axes) > 0][0]), "name all of them")
        # From where each receiver began, since not every type holds what is far from the origin.
        self._offsets = (positions - self._first)[self._receivers, self._axes % axes]

    def say_team(self, observations: ByAgent, messages: ByAgent) -> Array:
        """Returns all observations in one vector, with positions in the world's frame."""
        self._raw = vector = super().say_team(observations, messages)
        if observations:
            lost = np.isnan(self._offsets)
            if lost.any():
                agent = self.agent_ids[self._receivers[lost.argmax()]]
                if agent in observations:
                    rule = f"must be finite for {agent!r}, which observes"
                    raise invalid("positions", rule, "NaN or infinity", "say where it is")
                self._offsets = np.where(lost, 0.0, self._offsets)
            vector = vector.copy()
            vector[self._where] += self._offsets.astype(self._dtype)
        return vector

    def _heard(self, received: Received) -> Array:
        vector = received.content.copy()
        kept = vector[self._where]
        has = received.arrived if received.fresh else received.newest >= 0
        current, has = (flags.reshape(-1)[self._links] for flags in (received.current, has))
        seen = np.clip(kept - self._offsets, self._low, self._high).astype(vector.dtype)
        # What is as it is said is not changed by rounding, and zero says that there is nothing.
        vector[self._where] = np.where(current, self._raw[self._where], np.where(has, seen, kept))
        return vector


class _Moving(_Masked):
    """`MaskSegments` at work, where segments change from round to round.

    What one agent has of another is a row of `[receiver, sender, k]` entries, gathered from the
    vector of all observations and put back into it. A second such array says which of them there
    were, since a sender may be out of view, with nothing said and nothing heard.
    """

    def __init__(self, team: Team, segments: Any, report_age: bool) -> None:
        self._env, self._segments = team.env, segments
        super().__init__(team, {}, report_age)
        self._limits = _Limits(self._arrays(), self._reports, moving=True)
        self._low, self._high = (np.append(ends, 0.0) for ends in self._bounds())
        self._width = 0

    @property
    def message_bits(self) -> None:
        """Nobody counts them."""
        return None

    @property
    def form(self) -> Array:
        """Something that is as large as all entries of all observations to everyone."""
        count = 2 * len(self.agent_ids) ** 2 * max(self._sizes)
        return np.broadcast_to(self._spare, (count,))

    def start(self) -> None:
        """Forgets how many entries there were."""
        self._width = 0
        self._limits.start()

    def follow(self, noisy: bool) -> Callable[[Array], Array] | None:
        """Looks where segments are now."""
        # The draws of noise may not depend on how many entries are in sight.
        before, least = self._width, max(self._sizes) if noisy else max(self._width, 1)
        self._place(self._segments(self._env), least)
        self._width = width = self._global.shape[-1]
        agents = len(self.agent_ids)
        if width == before:
            return None

        def widened(kept: Array) -> Array:
            pairs = kept.reshape(*kept.shape[:-1], 2, agents, agents, before)
            wide = np.zeros((*pairs.shape[:-1], width), kept.dtype)
            wide[..., :before] = pairs
            return wide.reshape(*kept.shape[:-1], -1)

        self.layout = _MovingEntries(agents, width)
        return widened

    @property
    def zero(self) -> Array:
        """Zeros, or what is nearest to them in the bounds of the entries that there are."""
        zeros = self._zeros[self._global].reshape(-1)
        return np.concatenate([zeros, np.zeros_like(zeros)])

    @property
    def numbering(self) -> ContentNumbers:
        """The entries of each pair in a row, whose limits move with them."""
        return _MovingNumbers(self._global, self._end, self._limits)

    def say_team(self, observations: ByAgent, messages: ByAgent) -> Array:
        """Returns the entries of all pairs, and whether there are any."""
        self._vector = super().say_team(observations, messages)
        contents = self._vector[self._global].reshape(-1)
        there = (self._global != self._end).reshape(-1)
        return np.concatenate([contents, there.astype(contents.dtype)])

    def _heard(self, received: Received) -> Array:
        vector, where = self._vector, self._global
        count = len(received.content) // 2
        content = received.content[:count].reshape(where.shape)
        # What was said of another entry, or of none, may lie beyond the bounds of this one.
        inside = np.clip(content, self._low[where], self._high[where]).astype(content.dtype)
        vector[where] = np.where(received.current.T[..., None], content, inside)
        return vector


class _MovingEntries(TeamEntries):
    """Entries of pairs, each with a flag that says whether there is one."""

    def __init__(self, agents: int, width: int) -> None:
        links = np.arange(agents**2).reshape(agents, agents).T[..., None]
        super().__init__(np.tile(links, (2, 1, 1, width)), agents)

    def chosen(self, absent: Array, content: Array, standing: Array | None, kept: bool) -> Array:
        """Returns the content; what was not there has not arrived."""
        if not content.flags.writeable:
            content = content.copy()
        count = len(content) // 2
        nothing = self._where(absent, False) | (np.tile(content[count:], 2) == 0)
        np.putmask(content, nothing, 0 if standing is None else standing)
        return content


class _Limits:
    """Knows the limits of every entry of a team's observations, one after the other.

    Args:
        arrays: What each agent's observation is made of.
        reports: Entries behind each observation that are no part of it.
        moving: Whether what stands nowhere now may stand somewhere else later.
        unbound: Entries that have no limits where they are said.
    """

    def __init__(
        self,
        arrays: Mapping[Any, Space[Any]],
        reports: int,
        moving: bool,
        unbound: NDArray[np.int64] | slice = slice(0),
    ) -> None:
        rows: list[Numbers] = [numbers_of(agent, space) for agent, space in arrays.items()]
        dtype = np.result_type(*(row.dtype for row in rows))
        room = np.zeros(reports)
        self._size = sum(row.width + reports for row in rows)
        # Last, for each receiver, what an entry may be that has not stood anywhere yet.
        lows = [row.low.min(initial=0.0) if moving else 0.0 for row in rows]
        highs = [row.high.max(initial=0.0) if moving else 1.0 for row in rows]
        wholes = [bool(row.whole.all()) and moving for row in rows]
        low = [np.append(row.low, room) for row in rows]
        high = [np.append(row.high, room) for row in rows]
        whole = [np.append(row.whole, room) for row in rows]
        self._low = np.concatenate([*low, lows]).astype(dtype)
        self._high = np.concatenate([*high, highs]).astype(dtype)
        self._whole = np.concatenate([*whole, wholes]).astype(bool)
        self._low[unbound], self._high[unbound] = -np.inf, np.inf
        self._nowhere = self._size + np.arange(len(rows))[:, None, None]
        self.start()

    def start(self) -> None:
        """Forgets where entries stood."""
        self._last: NDArray[np.int64] = self._nowhere

    def entries(self, where: NDArray[np.int64]) -> Entries:
        """Returns what the entries at some places may be.

        Args:
            where: `[receiver, sender, k]`. An entry that stands nowhere now is what it was where
                it stood last, since what was said of it then may arrive or be held now.
        """
        if self._last.shape[-1] not in (1, where.shape[-1]):
            last = np.broadcast_to(self._nowhere, where.shape).copy()
            last[..., : self._last.shape[-1]] = self._last
            self._last = last
        self._last = where = np.where(where == self._size, self._last, where)
        return Entries(where.shape, self._low[where], self._high[where], self._whole[where])


class _SegmentNumbers(ContentNumbers):
    """A vector, of which the entries of each pair are a row.

    Args:
        where: Where they stand, `[receiver, sender, k]`.
        spare: The entry at which pairs look that have fewer than others.
        limits: What the entries of the vector may be.
    """

    def __init__(self, where: NDArray[np.int64], spare: int, limits: _Limits) -> None:
        self._where, self.entries = where, limits.entries(where)
        self._real: NDArray[np.bool_] = np.asarray(where != spare)

    def real(self, content: Array) -> NDArray[np.bool_]:
        """Returns where pairs have entries."""
        return self._real

    def read(self, content: Array) -> Array:
        """Returns the entries of each pair."""
        return content[self._where].astype(self.entries.low.dtype)

    def write(self, content: Array, before: Array, after: Array) -> Array:
        """Returns the vector with the entries that have changed."""
        changed = (after != before) & self.real(content)
        content = content.copy()
        content[self._where[changed]] = after[changed].astype(content.dtype)
        return content


class _MovingNumbers(_SegmentNumbers):
    """Entries of pairs that already are in rows."""

    def real(self, content: Array) -> NDArray[np.bool_]:
        """Returns where pairs had entries when they spoke."""
        return np.asarray(content[len(content) // 2 :].reshape(self.entries.shape) != 0)

    def read(self, content: Array) -> Array:
        """Returns the entries."""
        shape, low, *_ = self.entries
        return content[: len(content) // 2].reshape(shape).astype(low.dtype)

    def write(self, content: Array, before: Array, after: Array) -> Array:
        """Returns the entries with those that have changed, and which of them there are."""
        changed = np.flatnonzero(after != before)
        content = content.copy()
        content[changed] = after.reshape(-1)[changed].astype(content.dtype)
        return content
