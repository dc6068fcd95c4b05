"""Where the draws of an episode come from, as part of a state that can be saved and traced."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from failure_api.core.backends import key_for
from failure_api.core.links import Array
from failure_api.core.portable_stream import PortableStream
from failure_api.core.random import RandomStream


class Source(Protocol):
    """Gives every round its random stream."""

    def in_round(self, number: Any, xp: Any) -> RandomStream:
        """Returns the stream of a round, `BEFORE` for what models begin with."""

    def restarted(self, where: Array, xp: Any) -> Source:
        """Returns the source with some elements of the batch, bool `[...]`, in a new episode."""


class SequentialSource(NamedTuple):
    """One stream that goes on from draw to draw, for all elements and episodes."""

    stream: RandomStream

    def in_round(self, number: Any, xp: Any) -> RandomStream:
        """Returns the stream."""
        return self.stream

    def restarted(self, where: Array, xp: Any) -> SequentialSource:
        """Returns itself: what comes next has not been drawn before."""
        return self


class PortableSource(NamedTuple):
    """Portable streams: each element's draws depend on its key, its episode and the round alone.

    Attributes:
        first: First word of each element's key, int32 `[...]`.
        second: Second word.
        episode: Number of each element's episode, int32 `[...]`.
    """

    first: Array
    second: Array
    episode: Array

    def in_round(self, number: Any, xp: Any) -> PortableStream:
        """Returns the stream of a round."""
        key = key_for((self.first, self.second), (0, self.episode), xp)
        return PortableStream(key, tuple(self.episode.shape), xp, number)

    def restarted(self, where: Array, xp: Any) -> PortableSource:
        """Returns the source with some elements in their next episode."""
        return self._replace(episode=self.episode + xp.astype(where, xp.int32))
