"""Sources of random streams: from a seed or a key to each round's stream."""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple, Protocol, cast

import numpy as np

from failure_api.core.arrays.libraries import Library, is_run_again
from failure_api.core.arrays.trees import chosen
from failure_api.core.links import Array
from failure_api.core.random.native import key_for, key_words, native_stream
from failure_api.core.random.portable_stream import BEFORE, PortableStream
from failure_api.core.random.stream import RandomStream
from failure_api.core.random.threefry import Words, folded, seed_words
from failure_api.errors import InvalidArgumentError, invalid


class Source(Protocol):
    """Gives every round its random stream."""

    def in_round(self, round_index: Any, xp: Any) -> RandomStream:
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

    def in_round(self, round_index: Any, xp: Any) -> RandomStream:
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
        begins = self.is_aside or (isinstance(round_index, int) and round_index == BEFORE)
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

    def in_round(self, round_index: Any, xp: Any) -> PortableStream:
        """Returns the stream of a round."""
        key = key_for((self.first, self.second), (0, self.episode), xp)
        return PortableStream(key, tuple(self.episode.shape), xp, round_index)

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


def source_of(
    random: Any,
    batch: tuple[int, ...],
    streams: Literal["native", "portable"],
    library: Library,
    device: Any,
) -> Source:
    """Returns where the draws of a batch come from.

    Args:
        random: A seed, an array of one for each element, a key of the library's or one for each
            element, or one of its generators. Of one seed or key each element has its own, by its
            number.
        batch: Shape of the batch.
        streams: `"native"` draws as the library does, `"portable"` alike in all libraries; what
            is traced can't go on from draw to draw, and is always drawn portably.
        library: The library of the data.
        device: Where the data is.

    Raises:
        InvalidArgumentError: `random` is none of these, or does not suit the library.
    """
    if isinstance(random, int | np.integer):
        if isinstance(random, bool) or not 0 <= random < 2**64:
            rule = "must be a seed from 0 to 2**64 - 1"
            raise invalid("random", rule, random, "give an integer such as 0")
        random = int(random)
    if streams == "native" and not library.traces:
        return SequentialSource(native_stream(random, library, device))
    xp, words = library.xp, _words(random, batch, library)
    zeros = xp.zeros(batch, dtype=xp.int32)
    if tuple(words[0].shape) != batch:
        index = xp.reshape(xp.arange(math.prod(batch), dtype=xp.int32), batch)
        words = folded((zeros + words[0], zeros + words[1]), (0, index))
    return PortableSource(*words, zeros)


def _words(random: Any, batch: tuple[int, ...], library: Library) -> Words:
    """Returns the two words of a portable key, or of one for each element of a batch."""
    xp = library.xp
    if isinstance(random, int):
        return seed_words(random, xp)
    words = key_words(random, batch, library)
    if words is not None:
        return words
    if tuple(getattr(random, "shape", (-1,))) == batch:
        seeds = xp.asarray(random)
        if xp.isdtype(seeds.dtype, "signed integer"):
            return seed_words(seeds, xp)
    keys = "a JAX key, or one of them" if library.traces else "or a signed integer"
    rule = f"must be a seed, {keys} for each of the batch {batch}"
    raise invalid("random", rule, random, "give an integer such as 0")
