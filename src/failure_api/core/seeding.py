"""From a seed, or a key, to where the draws of a batch come from."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

from failure_api.core.backends import Library
from failure_api.core.native import key_words, native_stream
from failure_api.core.sources import PortableSource, SequentialSource, Source
from failure_api.core.threefry import Words, folded, seed_words
from failure_api.errors import invalid


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
            rule, remedy = "must be a seed from 0 to 2**64 - 1", "give an integer such as 0"
            raise invalid("random", rule, random, remedy)
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
