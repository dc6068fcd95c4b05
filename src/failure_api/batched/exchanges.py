"""Exchanges over batches: what agents say and see, as tables of entries in rows."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from failure_api.batched.channel import BatchedChannel
from failure_api.batched.content import Received
from failure_api.core import CommunicationModel
from failure_api.core.arrays.libraries import device_of, lasting, library_of, picked, with_placed
from failure_api.core.links import Array
from failure_api.core.model import distinct
from failure_api.core.noise import NoiseModel
from failure_api.core.parameters.rules import numbers
from failure_api.errors import InvalidArgumentError, invalid
from failure_api.exchanges import Exchange, MaskSegments, SendMessages, ShareObservations
from failure_api.exchanges.segments import entry_indices

Rows = Sequence[NDArray[Any]]

FLAG_AND_AGE = np.array([1.0, np.inf], dtype=np.float32)
"""The greatest flag and age; the least are 0."""


class Tables(NamedTuple):
    """An exchange of one team.

    The row of what is said holds all observations; the row of what is seen all observations, then
    the content of each sender and receiver, then the flags and the ages of all links.

    Attributes:
        said: Where each message's entries stand in the row of what is said, `[N, D]`, and
            anywhere for entries that are there to fill up; or `[K]`, of one row of entries.
        links: Sender, receiver and place in the message of each entry of one row, `[K, 3]`; None
            where messages are rows of their own.
        seen: Where the entries of each agent's view stand in the row of what is seen.
        reports: Whether any of them is a flag or an age.
        low: Least values of the content; broadcasts to `[receiver, sender, D]`.
        high: Greatest values, likewise.
        zero: What there is before anything has arrived, likewise.
        lows: Least values of each agent's view.
        highs: Greatest values of each agent's view.
    """

    said: NDArray[np.int64]
    links: NDArray[np.int64] | None
    seen: list[list[int]]
    reports: bool
    low: Any
    high: Any
    zero: Any
    lows: Rows
    highs: Rows


class _SeenRow:
    """Where things stand in the row of what is seen."""

    def __init__(self, sizes: tuple[int, ...], entries: int) -> None:
        ends = np.cumsum(sizes).tolist()
        self.starts = [0, *ends[:-1]]
        self.end = ends[-1]
        self._reports, self._agents = self.end + entries, len(sizes)

    def own(self, agent: int, size: int) -> list[int]:
        """Returns the places of an agent's own observation."""
        return list(range(self.starts[agent], self.starts[agent] + size))

    def flag_and_age(self, receiver: int, sender: int) -> list[int]:
        """Returns the places of a link's flag and age."""
        flag = self._reports + sender * self._agents + receiver
        return [flag, flag + self._agents**2]


def masked_tables(
    segments: Any, ids: tuple[Any, ...], lows: Rows, highs: Rows, report_age: bool
) -> Tables:
    """Returns the tables of `MaskSegments`.

    Args:
        segments: `{receiver: {sender: slice or indices}}`.
        ids: The team.
        lows: Least values of each agent's observation.
        highs: Greatest values.
        report_age: Whether flags and ages are appended.
    """
    sizes = tuple(map(len, lows))
    local = entry_indices(segments, ids, sizes)
    there = local < np.asarray(sizes)[:, None, None]
    heard = np.argwhere(there)
    row = _SeenRow(sizes, len(heard))
    table = np.where(there, local + np.asarray(row.starts)[:, None, None], 0)
    seen = [row.own(agent, size) for agent, size in enumerate(sizes)]
    for place, (receiver, sender, entry) in enumerate(heard.tolist(), start=row.end):
        seen[receiver][local[receiver, sender, entry]] = place
    low, high = (np.where(there, np.concatenate(rows)[table], 0.0) for rows in (lows, highs))
    if report_age:
        for receiver, view in enumerate(seen):
            for sender in _others(receiver, sizes):
                view += row.flag_and_age(receiver, sender)
        others = len(ids) - 1
        lows = [np.append(one, np.zeros(2 * others, np.float32)) for one in lows]
        highs = [np.append(one, np.tile(FLAG_AND_AGE, others)) for one in highs]
    said, links = table[there], heard[:, [1, 0, 2]]
    return Tables(said, links, seen, report_age, low, high, np.clip(0.0, low, high), lows, highs)


def shared_tables(lows: Rows, highs: Rows) -> Tables:
    """Returns the tables of `ShareObservations(form="flat")`; arguments as above."""
    sizes = tuple(map(len, lows))
    width = max(sizes)
    row = _SeenRow(sizes, len(sizes) ** 2 * width)
    said = np.zeros((len(sizes), width), dtype=np.int64)
    low, high = np.zeros((2, len(sizes), width), dtype=np.float32)
    for sender, size in enumerate(sizes):
        said[sender, :size] = row.own(sender, size)
        low[sender, :size], high[sender, :size] = lows[sender], highs[sender]
    seen, least, greatest = [], [], []
    for receiver, size in enumerate(sizes):
        view, bottom, top = row.own(receiver, size), [lows[receiver]], [highs[receiver]]
        for sender in _others(receiver, sizes):
            start = row.end + (sender * len(sizes) + receiver) * width
            view += range(start, start + sizes[sender])
            view += row.flag_and_age(receiver, sender)
            bottom += [np.minimum(lows[sender], 0), np.zeros(2, np.float32)]
            top += [np.maximum(highs[sender], 0), FLAG_AND_AGE]
        seen.append(view)
        least.append(np.concatenate(bottom))
        greatest.append(np.concatenate(top))
    return Tables(said, None, seen, True, low, high, 0.0, least, greatest)


def _others(agent: int, sizes: tuple[int, ...]) -> list[int]:
    return [other for other in range(len(sizes)) if other != agent]


class BatchedExchange:
    """An exchange at work on batches of flat observations.

    Args:
        exchange: The exchange.
        agent_ids: The team, in the order of the observations.
        lengths: Number of entries of each agent's observation.
        tables: What is said and seen.

    Attributes:
        exchange: The exchange, whoever picked it.
        sizes: Number of entries of each agent's view.
        lows: Least values of each agent's view.
        highs: Greatest values of each agent's view.
    """

    def __init__(
        self,
        exchange: MaskSegments | ShareObservations,
        agent_ids: tuple[Any, ...],
        lengths: tuple[int, ...],
        tables: Tables,
    ) -> None:
        self.exchange, self.agent_ids, self._lengths = exchange, agent_ids, lengths
        self.lows, self.highs = tuple(tables.lows), tuple(tables.highs)
        self.sizes = tuple(map(len, tables.seen))
        self._tables = tables
        self._seen = np.array([place for view in tables.seen for place in view], dtype=np.int32)
        self._ends = np.cumsum(self.sizes).tolist()
        self._placed: dict[Any, tuple[Array, Array]] = {}

    def channel(
        self,
        failure_models: CommunicationModel | Iterable[CommunicationModel],
        noise_models: NoiseModel | Iterable[NoiseModel] = (),
        streams: Any = "native",
    ) -> BatchedChannel:
        """Returns a channel for this exchange's messages.

        Args:
            failure_models: One communication model, or several that act in order.
            noise_models: One noise model, or several.
            streams: As for `BatchedChannel`.
        """
        tables = self._tables
        return BatchedChannel(
            failure_models=failure_models,
            agent_ids=self.agent_ids,
            noise_models=noise_models,
            missing=self.exchange.missing,
            low=tables.low,
            high=tables.high,
            zero=tables.zero,
            entry_links=tables.links,
            streams=streams,
        )

    def row(self, observations: Sequence[Array]) -> Array:
        """Returns each agent's flat observation, `[..., F]`, one after the other.

        Raises:
            InvalidArgumentError: An observation is of another length than was said.
        """
        sizes = tuple(observation.shape[-1] for observation in observations)
        if sizes != self._lengths:
            rule = f"must be of the lengths {self._lengths}"
            raise invalid("observations", rule, sizes, "give one an agent, in order")
        return library_of({"observations": observations[0]}).xp.concat(observations, axis=-1)

    def payloads(self, row: Array) -> Array:
        """Returns what the agents say: `[..., N, D]`, or one row of entries `[..., K]`.

        Args:
            row: From `row`.
        """
        xp, (said, _) = self._at(row)
        shape = (*row.shape[:-1], *self._tables.said.shape)
        return xp.reshape(picked(row, said, xp), shape)

    def views(self, row: Array, received: Received) -> tuple[Array, ...]:
        """Returns what each agent sees, `[..., sizes[i]]`.

        Args:
            row: From `row`, of the same round; used up.
            received: What the channel brought.
        """
        xp, (said, seen) = self._at(row)
        batch, content, links = row.shape[:-1], received.content, len(self.agent_ids) ** 2
        if self._tables.links is None:
            # As the channel keeps it, so that nothing has to be moved in memory.
            content = xp.moveaxis(content, -3, -2)
            content = xp.reshape(content, (*batch, links * content.shape[-1]))
        parts, views = [row, content], None
        if self._tables.reports:
            for report in (received.flags, received.ages):
                flat = xp.reshape(xp.matrix_transpose(report), (*batch, links))
                parts.append(xp.astype(flat, row.dtype))
        elif self._tables.links is not None:
            # What is heard stands where it was said.
            views = with_placed(row, said, content, xp)
        if views is None:
            views = picked(xp.concat(parts, axis=-1), seen, xp)
        starts = (0, *self._ends[:-1])
        return tuple(views[..., start:end] for start, end in zip(starts, self._ends, strict=True))

    def _at(self, row: Array) -> tuple[Any, tuple[Array, Array]]:
        """Returns the namespace of a row, and the tables where it is."""
        library, device = library_of({"row": row}), device_of(row)
        xp, key = library.xp, (library.package, device)
        placed = None if library.traces else self._placed.get(key)
        if placed is not None:
            return xp, placed
        tables = self._tables.said.reshape(-1), self._seen
        if library.traces:
            # While a function is traced, what is made belongs to it alone.
            return xp, (xp.asarray(tables[0]), xp.asarray(tables[1]))
        with lasting(library):
            said, seen = (xp.asarray(table, device=device) for table in tables)
        self._placed[key] = said, seen
        return xp, (said, seen)


def bind(
    exchange: Exchange | None,
    *,
    agent_ids: Sequence[Any],
    lows: Rows,
    highs: Rows,
    segments: Mapping[Any, Mapping[Any, Any]] | None = None,
    of: str = "these observations",
) -> BatchedExchange:
    """Returns an exchange at work on batches of flat observations.

    Args:
        exchange: `MaskSegments(...)`, or `ShareObservations(form="flat")`; None takes the first
            where segments are known, and the second elsewhere.
        agent_ids: The team, in the order of the observations.
        lows: Least values of each agent's observation, `[F]` each.
        highs: Greatest values, likewise.
        segments: What `MaskSegments` takes where it was given none itself; None where nothing is
            known.
        of: What errors say that nothing is known of.

    Raises:
        InvalidArgumentError: An exchange that has no flat form, or whose segments are not known or
            do not suit the observations.

    Example:
        >>> exchange, limit = ShareObservations(form="flat"), np.full(2, np.inf)
        >>> bound = bind(exchange, agent_ids=("a", "b"), lows=[-limit] * 2, highs=[limit] * 2)
        >>> bound.sizes
        (6, 6)
        >>> bound.payloads(bound.row((np.zeros((5, 2)), np.ones((5, 2))))).shape
        (5, 2, 2)
    """
    ids = distinct(agent_ids)
    lows, highs = _rows("lows", lows, len(ids)), _rows("highs", highs, len(ids))
    lengths = tuple(map(len, lows))
    if tuple(map(len, highs)) != lengths:
        rule = f"must have the lengths of lows, {lengths}"
        raise invalid("highs", rule, tuple(map(len, highs)), "give both for the same observations")
    if exchange is None:
        exchange = ShareObservations(form="flat") if segments is None else MaskSegments()
    refuse_messages(exchange)
    if isinstance(exchange, ShareObservations) and exchange.form == "flat":
        return BatchedExchange(exchange, ids, lengths, shared_tables(lows, highs))
    if not isinstance(exchange, MaskSegments):
        remedy = 'give MaskSegments() or ShareObservations(form="flat")'
        raise invalid("exchange", "must have a flat form in batches", exchange, remedy)
    known = segments if exchange.segments is None else exchange.segments
    if known is None:
        raise InvalidArgumentError(
            "exchange MaskSegments must know what an agent hears from another, but nothing is "
            f"known of {of}: give segments={{receiver: {{sender: indices}}}}, or use "
            'ShareObservations(form="flat").'
        )
    if callable(known):
        raise invalid("segments", "must stay in place in batches", known, "give a mapping")
    if exchange.relative_to == "world":
        raise invalid("relative_to", "must be 'receiver' in batches", "world", "leave it out")
    tables = masked_tables(known, ids, lows, highs, exchange.report_age)
    return BatchedExchange(exchange, ids, lengths, tables)


def refuse_messages(exchange: Any) -> None:
    """Raises an error for an exchange whose messages come with PettingZoo's actions.

    Args:
        exchange: What is to be bound to batches.
    """
    if isinstance(exchange, SendMessages):
        raise InvalidArgumentError(
            "exchange must be one that says what agents observe where they come in batches, but "
            "SendMessages takes messages from the actions of PettingZoo environments: give what "
            "agents say to a BatchedChannel, which returns what each has received."
        )


def _rows(name: str, rows: Any, count: int) -> list[NDArray[np.float32]]:
    """Returns one row of numbers for each agent, or raises what is wrong with them."""
    found: list[NDArray[np.float64] | None] = []
    with contextlib.suppress(TypeError):
        found = [numbers(row) for row in rows]
    if len(found) != count or any(row is None or row.ndim != 1 for row in found):
        rule = f"must be {count} rows of numbers, one an agent"
        raise invalid(name, rule, rows, "give the limits of each agent's flat observation")
    return [row.astype(np.float32) for row in found if row is not None]
