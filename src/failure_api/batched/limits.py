"""Limits of the entries of messages, and all that is looked up once for a whole batch."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import numpy as np

from failure_api.core import Channel, Context
from failure_api.core.arrays.libraries import Library, lasting, on_arrays_of
from failure_api.core.arrays.trees import map_leaves
from failure_api.core.links import Array
from failure_api.core.noise import NoiseContext
from failure_api.core.noise_chain import NoiseChain
from failure_api.core.parameters.rules import numbers
from failure_api.errors import invalid


class Limits(NamedTuple):
    """What the entries of content may be; each broadcasts to `[receiver, sender, D]`.

    Attributes:
        low: Least values.
        high: Greatest values.
        whole: Which entries are whole numbers.
        zero: What there is before anything has arrived.
    """

    low: Any
    high: Any
    whole: Any
    zero: Any

    def check(self) -> None:
        """Raises an error for limits that are none.

        Raises:
            InvalidArgumentError: Something else than numbers, or limits out of order.
        """
        shape = "[receiver, sender, D]"
        for name, value in self._asdict().items():
            found = numbers(value, flags=name == "whole")
            if found is None or found.ndim > 3 or np.isnan(found).any():
                rule = f"must be numbers that broadcast to {shape}"
                raise invalid(name, rule, value, "give one number, or one for each entry")
            if name == "whole" and not np.isin(found, (0, 1)).all():
                rule = f"must be True or False, or flags that broadcast to {shape}"
                raise invalid(name, rule, value, "say which entries are whole numbers")
        low, high = np.asarray(self.low), np.asarray(self.high)
        try:
            ordered = bool((low <= high).all())
        except ValueError:
            ordered = False
        if not ordered:
            raise invalid("high", "must be at least low", self.high, "exchange the two")

    def on_host(self, dtype: Any, entries: Entries | None = None) -> Limits:
        """Returns the limits as NumPy arrays, the zero of content as it is laid out.

        That is by `[sender, receiver, D]`, or entry by entry. None stands for it where
        all of it is zero.

        Args:
            dtype: Type of the content, of any library.
            entries: Of which link each entry of the content is, where it is one row.
        """
        wide = np.float64 if "float64" in str(dtype) else np.float32
        low, high, zero = (np.asarray(each, wide) for each in (self.low, self.high, self.zero))
        if entries is not None:
            zero = np.broadcast_to(zero, entries.table.shape).reshape(-1)[entries.flat_index]
        elif zero.ndim > 1:
            zero = np.swapaxes(zero[(None,) * (3 - zero.ndim)], 0, 1).copy()
        zeros = not zero.any()
        return Limits(low, high, np.asarray(self.whole, np.bool_), None if zeros else zero)


class Entries(NamedTuple):
    """Where the entries of content that is one row `[..., K]` belong.

    Attributes:
        links: The link of each, as its index into the flat array of links, `[K]`.
        flat_index: Where it stands in the flat array of `[receiver, sender, D]`, `[K]`.
        table: Which of them each number of a link is, `[receiver, sender, D]`; K for none.
    """

    links: Any
    flat_index: Any
    table: Any

    @staticmethod
    def of(listed: Any, count: int) -> Entries:
        """Returns where entries belong, or raises what is wrong with what says so.

        Args:
            listed: Sender, receiver, and place in the message of each entry, `[K, 3]`.
            count: Number of agents.
        """
        found, most = numbers(listed), (count, count, np.inf)
        if (
            found is None
            or found.ndim != 2
            or found.shape[-1] != len(most)
            or not ((found == np.floor(found)) & (found >= 0) & (found < most)).all()
        ):
            rule = "must be sender, receiver and place in the message of each entry, [K, 3]"
            raise invalid("entry_links", rule, listed, f"give whole numbers, agents below {count}")
        sender, receiver, place = found.astype(np.int64).T
        width = int(place.max(initial=-1)) + 1
        index = (receiver * count + sender) * width + place
        if len(np.unique(index)) < len(index):
            rule, remedy = "must give each place once", "give every entry a place of its own"
            raise invalid("entry_links", rule, listed, remedy)
        table = np.full(count * count * width, len(index))
        table[index] = np.arange(len(index))
        return Entries(sender * count + receiver, index, table.reshape(count, count, width))


def noise_context(
    round_index: Any,
    batch: tuple[int, ...],
    width: int,
    limits: Limits,
    agent_ids: tuple[Any, ...],
    xp: Any,
    arrived: Array | None = None,
    made: Array | None = None,
) -> NoiseContext:
    """Returns what noise models may know of the content of a round.

    Args:
        round_index: The round.
        batch: Shape of the batch.
        width: Number of entries of a message.
        limits: What they may be, as arrays.
        agent_ids: The team.
        xp: The array namespace.
        arrived: Where there is content, bool `[..., receiver, sender]`; None for nowhere.
        made: The round in which it was made, int32 `[..., receiver, sender]`.
    """
    links = (*batch, len(agent_ids), len(agent_ids))
    if arrived is None:
        arrived = xp.zeros(links, dtype=xp.bool)
    low, high, whole, _ = limits
    return NoiseContext(
        round_index, arrived, low, high, whole, xp, (*links, width), agent_ids, made
    )


class Kept(NamedTuple):
    """What is the same for all elements.

    Attributes:
        models: The failure models' parameters.
        noises: The noise models' parameters.
        limits: What the entries of the content may be.
        entries: Where they belong, where content is one row of them; else None.
    """

    models: Any
    noises: Any
    limits: Limits
    entries: Entries | None


class Constants:
    """What a channel and a chain of noise models look up once.

    Args:
        channel: The channel.
        noise: The noise models.
        limits: What the entries of the content may be.
        agent_ids: The team.
        entries: Where entries belong, where content is one row of them; else None.
    """

    def __init__(
        self,
        channel: Channel,
        noise: NoiseChain,
        limits: Limits,
        agent_ids: tuple[Any, ...],
        entries: Entries | None,
    ) -> None:
        self._channel, self._noise, self._limits, self._ids = channel, noise, limits, agent_ids
        self._entries = entries
        self._found: dict[Any, Any] = {}

    def of(self, columns: int | None, form: Array, library: Library, device: Any) -> Kept:
        """Returns all that is the same for all elements.

        Args:
            columns: Number of coordinates of the positions; None where there are none.
            form: Says how many entries content has, and their type.
            library: The library that it is needed in.
            device: Where it is needed.
        """
        key = columns, form.shape[-1], form.dtype, device
        if key not in self._found:
            kind = columns, form.shape[-1], str(form.dtype)
            if kind not in self._found:
                self._found[kind] = self._prepared(columns, form)
            xp = library.xp
            with lasting(library):
                kept: Kept = on_arrays_of(xp, self._found[kind])
                # Content may be of a type that NumPy does not have.
                limits = map_leaves(lambda leaf: _of_type(leaf, form.dtype, xp), kept.limits)
                kept = kept._replace(limits=limits)
            if library.traces:
                # While a function is traced, what is made belongs to it alone.
                return kept
            self._found[key] = kept
        return cast("Kept", self._found[key])

    def _prepared(self, columns: int | None, form: Array) -> Kept:
        """Returns all of it as NumPy arrays."""
        count = len(self._ids)
        positions = None if columns is None else np.zeros((count, columns), np.float32)
        alive = np.ones(count, dtype=bool)
        context = Context(0, alive, positions, np, (count, count), self._ids)
        width = form.shape[-1] if self._entries is None else self._entries.table.shape[-1]
        content = noise_context(0, (), width, self._limits.on_host(np.float32), self._ids, np)
        return Kept(
            self._channel.prepare(context),
            self._noise.prepare(content),
            self._limits.on_host(form.dtype, self._entries),
            self._entries,
        )


def _of_type(limit: Array, dtype: Any, xp: Any) -> Array:
    return limit if limit is None or limit.dtype == xp.bool else xp.astype(limit, dtype)
