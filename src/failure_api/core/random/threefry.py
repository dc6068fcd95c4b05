"""Threefry-2x32: random words as a function of a key and a counter, the same everywhere.

A key and a counter of two words each give two words of output, in 20 rounds of additions modulo
$2^{32}$, rotations and exclusive ors. Words are int32 here, because not every array library adds
unsigned ones; the bits are the same.

Source: Salmon, Moraes, Dror and Shaw (2011), "Parallel random numbers: as easy as 1, 2, 3".
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, TypeAlias

from failure_api.core.links import Array

Words: TypeAlias = tuple[Any, Any]
"""Two words: int32 arrays, or integers that fit into int32."""

PARITY = 0x1BD11BDA
"""What is mixed with the key so that no key is all zeros."""

ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))


def threefry(key: Words, counter: Words) -> tuple[Array, Array]:
    """Returns two random words for each key and counter; int32 arrays that broadcast together.

    Args:
        key: The key; its words are arrays.
        counter: The counter.

    Example:
        >>> import numpy as np
        >>> zero = np.zeros(1, dtype=np.int32)
        >>> [hex(word.view(np.uint32)[0]) for word in threefry((zero, zero), (zero, zero))]
        ['0x6b200159', '0x99ba4efe']
    """
    keys = key[0], key[1], key[0] ^ key[1] ^ PARITY
    first, second = counter[0] + keys[0], counter[1] + keys[1]
    for group in range(5):
        for bits in ROTATIONS[group % 2]:
            first = first + second
            second = _rotated(second, bits) ^ first
        first = first + keys[(group + 1) % 3]
        second = second + (keys[(group + 2) % 3] + (group + 1))
    return first, second


def folded(key: Words, data: Words) -> Words:
    """Returns the key for some data under each key; all words are arrays of one shape, or integers.

    Example:
        >>> import numpy as np
        >>> [word.shape for word in folded(seed_words(7, np), (0, 1))]
        [(), ()]
    """
    # NumPy warns of sums that overflow where they are those of single numbers.
    first, second = threefry(with_axis(key), with_axis(data))
    return first[..., 0], second[..., 0]


def with_axis(words: Words) -> Words:
    """Returns words with an axis of length 1 appended; integers as they are."""
    first, second = (word if isinstance(word, int) else word[..., None] for word in words)
    return first, second


def signed(word: int) -> int:
    """Returns the int32 with the bits of a word of 32 bits.

    Example:
        >>> signed(0xFFFFFFFF)
        -1
    """
    return word - 2**32 if word >= 2**31 else word


def seed_words(seed: Any, xp: ModuleType) -> Words:
    """Returns the key of a seed, or of each of an array of signed integers.

    Example:
        >>> import numpy as np
        >>> [word.tolist() for word in seed_words(2**32 + 5, np)]
        [1, 5]
    """
    if isinstance(seed, int):
        words = signed(seed >> 32 & 0xFFFFFFFF), signed(seed & 0xFFFFFFFF)
        return xp.asarray(words[0], dtype=xp.int32), xp.asarray(words[1], dtype=xp.int32)
    if seed.dtype != xp.int64:
        low = xp.astype(seed, xp.int32)
        # A seed below 0 is not the one above it that has the same bits.
        return low >> 31, low
    low = seed & 0xFFFFFFFF
    low = low - (low >> 31) * 2**32
    return xp.astype(seed >> 32, xp.int32), xp.astype(low, xp.int32)


def _rotated(word: Array, bits: int) -> Array:
    """Returns a word rotated to the left; an int32 shifted right brings in its sign."""
    return (word << bits) | ((word >> (32 - bits)) & ((1 << bits) - 1))
