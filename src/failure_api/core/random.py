"""Named random streams: each model draws from its own, whatever else happens.

A stream is known by a seed and a path of names, in a chain those of the models; where several have
the same name, the first, the second and so on have streams of their own. It is never shared with
an environment, and adding or moving a model changes no draws of models with other names. Every
method uses up an amount of randomness that depends on the shape alone, never on the parameters:
what fails at probability 0.2 also fails at 0.3. Draws are in steps of 2**-24, about 6e-8: what is
rarer than that happens as often as that, or never.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import math
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from failure_api.core.links import Array
from failure_api.errors import invalid


class RandomStream:
    """A source of random arrays, and of further streams with names.

    Args:
        seed: Any non-negative integer; None takes one from the operating system.
        path: Where this stream stands among its seed's streams.
        xp: The array namespace that draws are returned in.

    Example:
        >>> stream = RandomStream(7).child("ProbabilisticModel", 0)
        >>> stream.uniform((2,)).tolist() == RandomStream(7).child(
        ...     "ProbabilisticModel", 0
        ... ).uniform((2,)).tolist()
        True
    """

    def __init__(
        self, seed: int | None = None, path: tuple[int, ...] = (), xp: ModuleType = np
    ) -> None:
        if seed is not None and (not isinstance(seed, int | np.integer) or seed < 0):
            raise invalid("seed", "must be a whole number or None", seed, "give 0 or more")
        sequence = np.random.SeedSequence(seed, spawn_key=path)
        self.seed: int = sequence.entropy  # type: ignore[assignment]
        self.path = path
        self.xp = xp
        self._generator = np.random.Generator(np.random.PCG64(sequence))
        self._children: dict[tuple[str, int], RandomStream] = {}
        self._scratch: NDArray[np.float32] = np.empty(0, dtype=np.float32)

    def child(self, name: str, occurrence: int = 0) -> RandomStream:
        """Returns the stream of that name, always the same object.

        Args:
            name: Whose stream it is.
            occurrence: Number of earlier ones with the same name.
        """
        key = (name, occurrence)
        stream = self._children.get(key)
        if stream is None:
            path = (*self.path, *_name_key(name), occurrence)
            stream = self._children[key] = RandomStream(self.seed, path, self.xp)
        return stream

    def uniform(self, shape: tuple[int, ...]) -> Array:
        """Returns float32 draws from [0, 1), in steps of 2**-24."""
        return self.xp.asarray(self._generator.random(shape, dtype=np.float32))

    def bernoulli(self, probability: Any, shape: tuple[int, ...]) -> Array:
        """Returns True with the given probability, independently everywhere.

        The events are nested: at a greater probability the same draws are True, and more.

        Args:
            probability: A number, or an array that broadcasts to the shape.
            shape: Shape of the result.
        """
        if self._scratch.shape != shape:
            self._scratch = np.empty(shape, dtype=np.float32)
        self._generator.random(dtype=np.float32, out=self._scratch)
        return self.xp.asarray(self._scratch) < probability

    def normal(self, shape: tuple[int, ...]) -> Array:
        r"""Returns float32 draws from the standard normal distribution.

        Two uniform numbers make two of them, so that the amount of randomness used is the same in
        every call: $\sqrt{-2 \ln u}$ times the cosine and the sine of $2 \pi v$ (Box and Muller,
        1958). With $u$ in steps of $2^{-24}$ none is further than 5.8 from 0.
        """
        count = math.prod(shape)
        uniform = self._generator.random((2, (count + 1) // 2), dtype=np.float32)
        # Half a step away from 0, whose logarithm is infinite.
        radius = np.sqrt(-2.0 * np.log(uniform[0] + np.float32(2.0**-25)))
        angle = np.float32(2.0 * np.pi) * uniform[1]
        both = np.concatenate((radius * np.cos(angle), radius * np.sin(angle)))
        return self.xp.asarray(both[:count].reshape(shape))

    def integers(self, low: int, high: int, shape: tuple[int, ...]) -> Array:
        """Returns int32 draws from low, ..., high - 1, all equally likely."""
        span = self._generator.random(shape) * (high - low)
        return self.xp.asarray((low + np.floor(span)).astype(np.int32))

    def __getstate__(self) -> dict[str, Any]:
        """Leaves out what need not travel: array namespaces do not pickle."""
        return {**self.__dict__, "xp": self.xp.__name__, "_scratch": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.xp = importlib.import_module(state["xp"])
        self._scratch = np.empty(0, dtype=np.float32)


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

    def start(self, seed: int | None = None) -> RandomStream:
        """Returns the stream of a new episode.

        Args:
            seed: Starts the sequence of episodes anew; None goes on with it.
        """
        if seed is not None:
            self._seed, self._episode = seed, 0
        stream = RandomStream(self._seed, (self._episode, *self._names))
        self._seed = stream.seed
        self._episode += 1
        return stream


@functools.lru_cache(maxsize=256)
def _name_key(name: str) -> tuple[int, int]:
    digest = hashlib.sha256(name.encode()).digest()
    return int.from_bytes(digest[:4], "little"), int.from_bytes(digest[4:8], "little")
