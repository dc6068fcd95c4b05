"""Random streams of NumPy's generators."""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping
from types import ModuleType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from failure_api.core.links import Array
from failure_api.core.random.stream import RandomStream, name_key, seed_key
from failure_api.core.random.threefry import Words
from failure_api.errors import invalid

ROUNDS_AHEAD = 32
"""Draws of one shape that are made at a time."""

MOST_AHEAD = 256
"""Numbers in a draw up to which that takes less time."""

NOTHING: NDArray[np.float32] = np.empty(0, dtype=np.float32)


class NumpyStream(RandomStream):
    """A stream of one of NumPy's generators, which goes on from draw to draw.

    Args:
        seed: Any non-negative integer; None takes one from the operating system.
        path: Where this stream stands among its seed's streams.
        xp: The array namespace that draws are returned in.

    Example:
        >>> stream = NumpyStream(7).child("ProbabilisticModel", 0)
        >>> stream.uniform((2,)).tolist() == NumpyStream(7).child(
        ...     "ProbabilisticModel", 0
        ... ).uniform((2,)).tolist()
        True
    """

    def __init__(
        self, seed: int | None = None, path: tuple[int, ...] = (), xp: ModuleType = np
    ) -> None:
        super().__init__()
        if seed is not None and (not isinstance(seed, int | np.integer) or seed < 0):
            raise invalid("seed", "must be a whole number or None", seed, "give 0 or more")
        sequence = np.random.SeedSequence(seed, spawn_key=path)
        self.seed: int = sequence.entropy  # type: ignore[assignment]
        self.path = path
        self.xp = xp
        self._generator = np.random.Generator(np.random.PCG64(sequence))
        self._ahead, self._used = NOTHING, 0
        self._shape: tuple[int, ...] = ()
        self._before: Mapping[str, Any] = {}

    def new(self, name: str, occurrence: int = 0) -> Self:
        """Returns the stream of that name from its beginning."""
        return type(self)(self.seed, (*self.path, *name_key(name), occurrence), self.xp)

    def key(self) -> Words:
        """Returns two words that stand for the stream."""
        return seed_key(self.seed, self.path, self.xp)

    def uniform(self, shape: tuple[int, ...]) -> Array:
        """Returns float32 draws from [0, 1), in steps of 2**-24."""
        index = self._used
        if index == len(self._ahead) or shape != self._shape:
            self._rewind()
            if not shape or math.prod(shape) > MOST_AHEAD:
                draws = self._generator.random(shape, np.float32)
                return draws if self.xp is np else self.xp.asarray(draws)
            # The generator gives the same numbers many at a time as few by few, in less time.
            self._before, self._shape = self._generator.bit_generator.state, shape
            self._ahead = self._generator.random((ROUNDS_AHEAD, *shape), np.float32)
            index = 0
        self._used = index + 1
        draws = self._ahead[index]
        return draws if self.xp is np else self.xp.asarray(draws)

    def integers(self, low: int, high: int, shape: tuple[int, ...]) -> Array:
        """Returns int32 draws from low, ..., high - 1, all equally likely."""
        self._rewind()
        span = self._generator.random(shape) * (high - low)
        return self.xp.asarray((low + np.floor(span)).astype(np.int32))

    def position(self) -> Mapping[str, Any]:
        """Returns the state of the generator, which tells how far the stream has been used."""
        self._rewind()
        return self._generator.bit_generator.state

    def _rewind(self) -> None:
        """Puts the generator behind what has been used, where it has drawn ahead."""
        if self._used < len(self._ahead):
            self._generator.bit_generator.state = self._before
            self._generator.random((self._used, *self._shape), np.float32)
        self._ahead, self._used = NOTHING, 0

    def __getstate__(self) -> dict[str, Any]:
        """Leaves out what need not travel: array namespaces do not pickle."""
        self._rewind()
        return {**self.__dict__, "xp": self.xp.__name__}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.xp = importlib.import_module(state["xp"])


class EpisodeStreams:
    """Gives each episode a stream of its own, so that none depends on how long another lasted.

    Args:
        names: Tell these streams from others of the same seed.

    Example:
        >>> streams = EpisodeStreams()
        >>> first = streams.start(seed=3).uniform((1,))
        >>> again = streams.start(seed=3).uniform((1,))
        >>> bool(first == again), bool(first == streams.start().uniform((1,)))
        (True, False)
    """

    def __init__(self, *names: int) -> None:
        self._names = names
        self._seed: int | None = None
        self._episode = 0

    def start(self, seed: int | None = None) -> NumpyStream:
        """Returns the stream of a new episode.

        Args:
            seed: Starts the sequence of episodes anew; None goes on with it.
        """
        if seed is not None:
            self._seed, self._episode = seed, 0
        stream = NumpyStream(self._seed, (self._episode, *self._names))
        self._seed = stream.seed
        self._episode += 1
        return stream
