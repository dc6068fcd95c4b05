"""Exchanges over batches: what agents say and see, picked from rows of entries."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from failure_api.batched.channel import BatchedChannel
from failure_api.batched.content import Received
from failure_api.batched.tables import Rows, Tables, masked_tables, shared_tables
from failure_api.core import CommunicationModel
from failure_api.core.arrays.libraries import device_of, lasting, library_of, picked, with_placed
from failure_api.core.links import Array
from failure_api.core.model import distinct
from failure_api.core.noise import NoiseModel
from failure_api.core.parameters.rules import numbers
from failure_api.errors import InvalidArgumentError, invalid
from failure_api.exchanges import Exchange, MaskSegments, SendMessages, ShareObservations


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
            blank=tables.blank,
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
        raise invalid(
            "exchange",
            "must have a flat form in batches",
            exchange,
            'give MaskSegments() or ShareObservations(form="flat")',
        )
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
