"""Random streams whose draws are a function of a key, the round and the number of the draw.

Nothing goes on from draw to draw, so that a round can be traced and compiled, elements of a batch
draw by themselves, and any round of any element can be had again.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from types import ModuleType
from typing import Any

from failure_api.core.links import Array
from failure_api.core.random import STEP, RandomStream, name_key
from failure_api.core.threefry import Words, folded, signed, threefry, with_axis
from failure_api.errors import ModelError

BEFORE = -1
"""Stands for the time before round 0, in which models draw what they begin with."""


class KeyedStream(RandomStream):
    """A stream of one round.

    Args:
        key: One key for each element of the batch, in whatever form the subclass knows.
        batch: Shape of the batch.
        xp: The array namespace that draws are returned in.
        number: The round: an integer, or an int32 array of the batch's shape.
    """

    def __init__(
        self, key: Any, batch: tuple[int, ...], xp: ModuleType, number: Any = BEFORE
    ) -> None:
        self.key, self.batch, self.xp, self.number = key, batch, xp, number
        self.batch_axes = len(batch)
        self._children: dict[tuple[str, int], KeyedStream] = {}
        self._draws = 0

    def child(self, name: str, occurrence: int = 0) -> KeyedStream:
        """Returns the stream of that name in the same round, always the same object."""
        place = (name, occurrence)
        if place not in self._children:
            low, high = name_key(name)
            key = self._below(signed(low), signed(high ^ occurrence))
            self._children[place] = type(self)(key, self.batch, self.xp, self.number)
        return self._children[place]

    def uniform(self, shape: tuple[int, ...]) -> Array:
        """Returns float32 draws from [0, 1), in steps of 2**-24."""
        if shape[: self.batch_axes] != self.batch:
            raise ModelError(
                f"a model must draw for every element of the batch {self.batch}, but asked for "
                f"draws of shape {shape}: begin with context.shape[:-2]."
            )
        rest = shape[self.batch_axes :]
        # Bits from the top, since a shift to the right brings in the sign.
        steps = (self._words(math.prod(rest)) >> 8) & 0xFFFFFF
        return self.xp.reshape(self.xp.astype(steps, self.xp.float32) * STEP, shape)

    @abstractmethod
    def _below(self, low: int, high: int) -> Any:
        """Returns the keys of the stream below that two words stand for."""

    @abstractmethod
    def _words(self, count: int) -> Array:
        """Returns so many random words for each element, `[..., count]`, and moves on."""


class PortableStream(KeyedStream):
    """Draws that are the same, bit for bit, with every array library.

    Its keys are the two words of Threefry-2x32; the counter is the round, and the number of the
    draw within it.

    Example:
        >>> import numpy as np
        >>> from failure_api.core.threefry import seed_words
        >>> stream = PortableStream(seed_words(7, np), (), np, number=3)
        >>> stream.child("ProbabilisticModel").uniform((2, 2)).shape
        (2, 2)
    """

    key: Words

    @staticmethod
    def block(key: Words, counter: Words) -> Words:
        """Returns two random words for each key and counter; there may be faster ways to them."""
        return threefry(key, counter)

    def _below(self, low: int, high: int) -> Words:
        return folded(self.key, (low, high), self.block)

    def _words(self, count: int) -> Array:
        xp = self.xp
        blocks = (count + 1) // 2
        number = xp.asarray(self.number, dtype=xp.int32)[..., None]
        place = self._draws + xp.arange(blocks, dtype=xp.int32)
        self._draws += blocks
        return xp.concat(self.block(with_axis(self.key), (number, place)), axis=-1)[..., :count]
