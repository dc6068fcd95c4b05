"""Where the draws of an episode come from, as part of a state that can be saved and traced."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol, cast

from failure_api.core.backends import is_run_again
from failure_api.core.links import Array
from failure_api.core.native import key_for
from failure_api.core.portable_stream import BEFORE, PortableStream
from failure_api.core.random import RandomStream
from failure_api.core.trees import chosen
from failure_api.errors import InvalidArgumentError


class Source(Protocol):
    """Gives every round its random stream."""

    def in_round(self, number: Any, xp: Any) -> RandomStream:
        """Returns the stream of a round, `BEFORE` for what models begin with."""

    def restarted(self, where: Array, xp: Any) -> Source:
        """Returns the source with some elements of the batch, bool `[...]`, in a new episode."""

    def for_arrays_of(self, xp: Any) -> Source:
        """Returns the source with draws in another array namespace, which goes on in its place."""

    def aside(self) -> Source:
        """Returns the source of a round in which only those take part that have restarted."""

    def beside(self, where: Array, old: Any, xp: Any) -> Source:
        """Returns the source of a batch in which other elements have not restarted.

        Args:
            where: Which elements have, bool `[...]`.
            old: The source of the others.
            xp: The array namespace.
        """


class SequentialSource(NamedTuple):
    """One stream of a library's generators, which draws for all elements and goes on.

    What elements draw that restart comes from streams of their own, so that a restart changes
    nothing of what others draw.

    Attributes:
        stream: The stream of the rounds.
        starts: How often some elements have restarted.
        start: The stream of the last restart; None before the first.
        is_aside: Whether the next round draws from there too.
    """

    stream: RandomStream
    starts: int = 0
    start: RandomStream | None = None
    is_aside: bool = False

    def in_round(self, number: Any, xp: Any) -> RandomStream:
        """Returns the stream.

        Raises:
            InvalidArgumentError: PyTorch runs the round again for its gradients, whose draws are
                gone.
        """
        if is_run_again():
            raise InvalidArgumentError(
                "streams must be 'portable' where a round is run again for its gradients, as by "
                "activation checkpointing, but is 'native', whose draws go on: give "
                "streams='portable'."
            )
        begins = self.is_aside or (isinstance(number, int) and number == BEFORE)
        return self.start if begins and self.start is not None else self.stream

    def restarted(self, where: Array, xp: Any) -> SequentialSource:
        """Returns the source with a stream for this restart."""
        starts = self.starts + 1
        return self._replace(starts=starts, start=self.stream.new("restart", starts))

    def for_arrays_of(self, xp: Any) -> SequentialSource:
        """Returns the source with draws in another array namespace."""
        start = self.start and self.start.for_arrays_of(xp)
        return self._replace(stream=self.stream.for_arrays_of(xp), start=start)

    def aside(self) -> SequentialSource:
        """Returns the source whose next round draws as the last restart did."""
        return self._replace(is_aside=True)

    def beside(self, where: Array, old: Any, xp: Any) -> SequentialSource:
        """Returns the source that goes on for all."""
        return self._replace(is_aside=False)


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

    def for_arrays_of(self, xp: Any) -> PortableSource:
        """Returns itself, whose words are arrays like others."""
        return self

    def aside(self) -> PortableSource:
        """Returns itself: each element draws by itself."""
        return self

    def beside(self, where: Array, old: Any, xp: Any) -> PortableSource:
        """Returns each element's own key and episode."""
        return cast("PortableSource", chosen(where, self, old, xp))
