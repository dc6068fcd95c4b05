"""What is looked up once for a whole batch, in every library and on every device that asks."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import numpy as np

from failure_api.batched.limits import Entries, Limits, noise_context
from failure_api.core import Channel, Context
from failure_api.core.arrays.libraries import Library, lasting, on_arrays_of
from failure_api.core.arrays.trees import map_leaves
from failure_api.core.links import Array
from failure_api.core.noise_chain import NoiseChain


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
        places = None if columns is None else np.zeros((count, columns), np.float32)
        alive = np.ones(count, dtype=bool)
        context = Context(0, alive, places, np, (count, count), self._ids)
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
