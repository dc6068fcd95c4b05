"""Random streams whose draws are a function of a key, a path, the round and the draw's number.

Nothing goes on from draw to draw, so that a round can be traced and compiled, elements of a batch
draw by themselves, any round of any element can be had again, and every array library draws the
same to the bit.
"""

from __future__ import annotations

import functools
import hashlib
import math
from types import ModuleType
from typing import Any, Self

from failure_api.core.links import Array
from failure_api.core.random.native import key_for
from failure_api.core.random.stream import STEP, RandomStream
from failure_api.core.random.threefry import Words, signed, threefry, with_axis
from failure_api.errors import ModelError

BEFORE = -1
"""Stands for the time before round 0, in which models draw what they begin with."""

Path = tuple[tuple[str, int], ...]


class PortableStream(RandomStream):
    """A stream of one round.

    Args:
        root: The key of each element of the batch, two int32 words `[...]`.
        batch: Shape of the batch.
        xp: The array namespace that draws are returned in.
        round_index: The round: an integer, or an int32 array of the batch's shape.
        path: Names and occurrences that lead to this stream.

    Example:
        >>> import numpy as np
        >>> from failure_api.core.random.threefry import seed_words
        >>> stream = PortableStream(seed_words(7, np), (), np, round_index=3)
        >>> stream.child("ProbabilisticModel").uniform((2, 2)).shape
        (2, 2)
    """

    def __init__(
        self,
        root: Words,
        batch: tuple[int, ...],
        xp: ModuleType,
        round_index: Any = BEFORE,
        path: Path = (),
    ) -> None:
        super().__init__()
        self.batch, self.xp, self.round_index = batch, xp, round_index
        self._root, self._path = root, path
        self.batch_axes, self._blocks = len(batch), 0

    def key(self) -> Words:
        """Returns two words that stand for the stream, of the batch's shape."""
        path = self._path
        return key_for(self._root, _path_words(path), self.xp) if path else self._root

    @functools.cached_property
    def _key(self) -> Words:
        """The key with an axis for the counters."""
        return with_axis(self.key())

    def new(self, name: str, occurrence: int = 0) -> Self:
        """Returns the stream of that name from its beginning."""
        path = (*self._path, (name, occurrence))
        return type(self)(self._root, self.batch, self.xp, self.round_index, path)

    def uniform(self, shape: tuple[int, ...]) -> Array:
        """Returns float32 draws from [0, 1), in steps of 2**-24."""
        if shape[: self.batch_axes] != self.batch:
            raise ModelError(
                f"a model must draw for every element of the batch {self.batch}, but asked for "
                f"draws of shape {shape}: begin with context.shape[:-2]."
            )
        xp, count = self.xp, math.prod(shape[self.batch_axes :])
        blocks = (count + 1) // 2
        round_index = xp.asarray(self.round_index, dtype=xp.int32)[..., None]
        place = self._blocks + xp.arange(blocks, dtype=xp.int32)
        self._blocks += blocks
        words = xp.concat(threefry(self._key, (round_index, place)), axis=-1)[..., :count]
        # Bits from the top, since a shift to the right brings in the sign.
        return xp.reshape(xp.astype((words >> 8) & 0xFFFFFF, xp.float32) * STEP, shape)


@functools.lru_cache(maxsize=1024)
def _path_words(path: Path) -> Words:
    """Returns two words that stand for a path."""
    digest = hashlib.sha256(repr(path).encode()).digest()
    first, second = (int.from_bytes(digest[at : at + 4], "little") for at in (0, 4))
    return signed(first), signed(second)
