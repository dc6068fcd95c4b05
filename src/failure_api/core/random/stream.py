"""Named random streams: each model draws from its own, whatever else happens.

A stream is known by a seed and a path of names, in a chain those of the models; where several have
the same name, the first, the second and so on have streams of their own. It is never shared with
an environment, and adding or moving a model changes no draws of models with other names. Every
method uses up an amount of randomness that depends on the shape alone, never on the parameters:
what fails at probability 0.2 also fails at 0.3. Draws are in steps of 2**-24, about 6e-8: what is
rarer than that happens as often as that, or never.
"""

from __future__ import annotations

import copy
import functools
import hashlib
import math
from abc import ABC, abstractmethod
from types import ModuleType
from typing import Any, Self

import numpy as np

from failure_api.core.links import Array
from failure_api.core.random.threefry import Words, signed, threefry

STEP = 2.0**-24
"""The step in which uniform numbers are drawn."""


class RandomStream(ABC):
    """A source of random arrays, and of further streams with names.

    Where the numbers come from is for subclasses to say; everything else follows from uniform ones
    in operations of the array API.

    Attributes:
        xp: The array namespace that draws are returned in.
        batch_axes: How many leading axes of a shape are elements of a batch that draw by
            themselves; 0 where a batch is drawn like any other array.
    """

    xp: ModuleType
    batch_axes: int = 0

    def __init__(self) -> None:
        self._children: dict[tuple[str, int], Self] = {}

    def child(self, name: str, occurrence: int = 0) -> Self:
        """Returns the stream of that name, always the same object.

        Args:
            name: Whose stream it is.
            occurrence: Number of earlier ones with the same name.
        """
        place = (name, occurrence)
        stream = self._children.get(place)
        if stream is None:
            stream = self._children[place] = self.new(name, occurrence)
        return stream

    @abstractmethod
    def new(self, name: str, occurrence: int = 0) -> Self:
        """Returns the stream of that name from its beginning, which is not kept.

        Args:
            name: Whose stream it is.
            occurrence: Number of earlier ones with the same name.
        """

    def for_arrays_of(self, xp: ModuleType) -> Self:
        """Returns the stream with draws in another array namespace, which goes on in its place.

        Args:
            xp: The namespace.
        """
        if xp is self.xp:
            return self
        stream = copy.copy(self)
        stream.xp = xp
        stream._children = {
            place: child.for_arrays_of(xp) for place, child in self._children.items()
        }
        return stream

    @abstractmethod
    def key(self) -> Words:
        """Returns two words that stand for the stream, whatever has been drawn from it.

        int32, one of each or of the batch's shape.
        """

    def uniform_at(self, number: Array, place: Array) -> Array:
        """Returns float32 draws from [0, 1) that are a function of two whole numbers alone.

        Whoever asks again for the same numbers gets the same draws.

        Args:
            number: int32, with the axes of the batch before others.
            place: int32; broadcasts against it.
        """
        xp = self.xp
        axes = number.ndim - self.batch_axes
        first, second = (word[(..., *(None,) * axes)] for word in self.key())
        word, _ = threefry((first, second), (number, place))
        return xp.astype((word >> 8) & 0xFFFFFF, xp.float32) * STEP

    @abstractmethod
    def uniform(self, shape: tuple[int, ...]) -> Array:
        """Returns float32 draws from [0, 1), in steps of 2**-24."""

    def bernoulli(self, probability: Any, shape: tuple[int, ...]) -> Array:
        """Returns True with the given probability, independently everywhere.

        The events are nested: at a greater probability the same draws are True, and more.

        Args:
            probability: A number, or an array that broadcasts to the shape.
            shape: Shape of the result.
        """
        return self.uniform(shape) < probability

    def normal(self, shape: tuple[int, ...]) -> Array:
        r"""Returns float32 draws from the standard normal distribution.

        Two uniform numbers make two of them, so that the amount of randomness used is the same in
        every call: $\sqrt{-2 \ln u}$ times the cosine and the sine of $2 \pi v$ (Box and Muller,
        1958). With $u$ in steps of $2^{-24}$ none is further than 5.8 from 0.
        """
        xp, batch, rest = self.xp, shape[: self.batch_axes], shape[self.batch_axes :]
        count = math.prod(rest)
        uniform = self.uniform((*batch, 2, (count + 1) // 2))
        # Half a step away from 0, whose logarithm is infinite.
        radius = xp.sqrt(-2.0 * xp.log(uniform[..., 0, :] + 0.5 * STEP))
        angle = 2.0 * math.pi * uniform[..., 1, :]
        both = xp.concat((radius * xp.cos(angle), radius * xp.sin(angle)), axis=-1)
        return xp.reshape(both[..., :count], shape)

    def integers(self, low: int, high: int, shape: tuple[int, ...]) -> Array:
        """Returns int32 draws from low, ..., high - 1, all equally likely."""
        xp = self.xp
        steps = xp.astype(self.uniform(shape) * float(high - low), xp.int32)
        # In float32 the product of a draw just below 1 may round up to the next integer.
        return xp.minimum(steps, xp.full_like(steps, high - low - 1)) + low


def seed_key(seed: int, path: tuple[int, ...], xp: ModuleType) -> Words:
    """Returns the key of a stream that is known by a seed and a path."""
    words = np.random.SeedSequence(seed, spawn_key=path).generate_state(2, np.uint32).tolist()
    first, second = (xp.asarray(signed(word), dtype=xp.int32) for word in words)
    return first, second


@functools.lru_cache(maxsize=256)
def name_key(name: str) -> tuple[int, int]:
    """Returns two words of 32 bits that stand for a name.

    Example:
        >>> name_key("ProbabilisticModel") == name_key("ProbabilisticModel")
        True
    """
    digest = hashlib.sha256(name.encode()).digest()
    return int.from_bytes(digest[:4], "little"), int.from_bytes(digest[4:8], "little")
