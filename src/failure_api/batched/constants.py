"""What models keep in their state although it is the same for all elements of a batch.

A model looks its parameters and tables up once, at the reset, and carries them in its state. A
batch has no use for a copy of them in every element, nor a compiled loop for carrying them, so
they are told apart by their shapes, which do not change with the batch, and kept beside the state.
"""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import numpy as np

from failure_api.batched.limits import Limits, noise_context
from failure_api.core import Chain, Context, NumpyStream
from failure_api.core.backends import Library, from_host
from failure_api.core.links import Array
from failure_api.core.noise_chain import NoiseChain
from failure_api.core.trees import map_leaves


class VARIES:
    """Stands in a tree of constants for what differs from element to element."""


class Kept(NamedTuple):
    """What is the same for all elements.

    Attributes:
        models: The failure models' state, `VARIES` where it has no constant.
        noises: The noise models' state, likewise.
        limits: What the entries of the content may be.
    """

    models: Any
    noises: Any
    limits: Limits


class Constants:
    """The constants of a chain of failure models and one of noise models.

    Args:
        chain: The failure models.
        noise: The noise models.
        limits: What the entries of the content may be.
        agent_ids: The team.
    """

    def __init__(
        self, chain: Chain, noise: NoiseChain, limits: Limits, agent_ids: tuple[Any, ...]
    ) -> None:
        self._chain, self._noise, self._limits, self._ids = chain, noise, limits, agent_ids
        self._found: dict[Any, Any] = {}

    def of(self, columns: int | None, form: Array, library: Library, device: Any) -> Kept:
        """Returns all that is the same for all elements.

        Args:
            columns: Number of coordinates of the positions; None where there are none.
            form: Says how many entries content has, and their type.
            library: The library that the constants are needed in.
            device: Where they are needed.
        """
        kind = columns, form.shape[-1], str(form.dtype)
        key = *kind, library.package, device
        if key not in self._found:
            if kind not in self._found:
                small, large = (self._begun(batch, columns, form.shape[-1]) for batch in (2, 3))
                models, noises = map_leaves(_constant, small, large)
                limits = self._limits.on_host(form.dtype)
                self._found[kind] = Kept(models, noises, limits)
            xp = library.xp
            kept: Kept = map_leaves(lambda leaf: _converted(leaf, xp), self._found[kind])
            # Content may be of a type that NumPy does not have.
            limits = map_leaves(lambda leaf: _of_type(leaf, form.dtype, xp), kept.limits)
            kept = kept._replace(limits=limits)
            if library.traces:
                # While a function is traced, what is made belongs to it alone.
                return kept
            self._found[key] = kept
        return cast("Kept", self._found[key])

    def _begun(self, batch: int, columns: int | None, width: int) -> Any:
        """Returns the states of both at the reset of a small batch."""
        count = len(self._ids)
        alive = np.ones((batch, count), dtype=bool)
        places = None if columns is None else np.zeros((batch, count, columns), np.float32)
        context = Context(0, alive, places, np, (batch, count, count), self._ids)
        stream = NumpyStream(0)
        models = self._chain.init(context, stream)
        limits = self._limits.on_host(np.float32)
        entries = noise_context(0, (batch,), width, limits, self._ids, np)
        return models, self._noise.init(entries, stream)


def varying(constants: Any, state: Any) -> Any:
    """Returns a state without what is constant."""
    return map_leaves(lambda leaf, own: own if leaf is VARIES else (), constants, state)


def complete(constants: Any, state: Any) -> Any:
    """Returns a state with what is constant in its place again."""
    return map_leaves(lambda leaf, own: own if leaf is VARIES else leaf, constants, state)


def _constant(small: Any, large: Any) -> Any:
    return small if getattr(small, "shape", ()) == getattr(large, "shape", ()) else VARIES


def _of_type(limit: Array, dtype: Any, xp: Any) -> Array:
    return limit if limit is None or limit.dtype == xp.bool else xp.astype(limit, dtype)


def _converted(leaf: Any, xp: Any) -> Any:
    if leaf is VARIES or not isinstance(leaf, np.ndarray | np.generic):
        return leaf
    return from_host(leaf, xp)
