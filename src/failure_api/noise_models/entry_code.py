"""How entries are written in bits, so that bits of them can be flipped."""

from __future__ import annotations

from typing import NamedTuple

from failure_api.core.bits import BITS, bit_length, from_bits, to_bits
from failure_api.core.links import Array
from failure_api.core.noise import NoiseContext
from failure_api.core.parameters.types import LARGEST

GREATEST = 2.0**31 - 128.0
"""Greatest int32 that is a float32 too."""


class EntryCode(NamedTuple):
    """How each entry is written: as a float32, or as a whole number in as few bits as it takes.

    All arrays broadcast to the content's shape.

    Attributes:
        low: The bounds that this follows from.
        bits: Number of bits of each entry, int32.
        base: The whole number that is written as 0.
        least: Least code of a whole number; below 0 only where it has all 32 bits.
        greatest: Greatest code of a whole number.
    """

    low: Array
    bits: Array
    base: Array
    least: Array
    greatest: Array


def entry_code(context: NoiseContext) -> EntryCode:
    """Returns how entries are written, as their bounds require.

    Whole numbers are written as their distance from the lower bound; those whose bounds are
    further apart than 31 bits reach are written as a 32-bit integer in two's complement.
    """
    xp, low, high = context.xp, context.low, context.high
    # Halves, since the distance of two finite numbers may be infinite.
    few = 0.5 * high - 0.5 * low <= 0.5 * GREATEST
    zero = xp.zeros_like(low)
    base = xp.where(few, low, zero)
    span = xp.where(few, high, zero) - base
    whole_bits = xp.where(few, bit_length(span, xp), xp.asarray(BITS, dtype=xp.int32))
    return EntryCode(
        low=low,
        bits=xp.where(context.whole, whole_bits, xp.asarray(BITS, dtype=xp.int32)),
        base=base,
        least=xp.where(few, zero, xp.full_like(zero, -(2.0**31))),
        greatest=xp.where(few, span, xp.full_like(zero, GREATEST)),
    )


def with_flips(content: Array, flips: Array, code: EntryCode, context: NoiseContext) -> Array:
    """Returns the content with the bits flipped that are 1 in `flips`, int32 like the content.

    What would become infinite or no number is left as it was.
    """
    xp, dtype = context.xp, content.dtype
    single = content
    if dtype != xp.float32:
        # Else the conversion warns of what is too large for it.
        single = xp.astype(xp.clip(content, -LARGEST, LARGEST), xp.float32)
    real = from_bits(xp.bitwise_xor(to_bits(single, xp), flips), xp)
    # What did not arrive may be no number, which no integer can stand for.
    number = xp.where(xp.isnan(content), code.base, content) - code.base
    number = xp.clip(xp.round(number), code.least, code.greatest)
    number = xp.bitwise_xor(xp.astype(number, xp.int32), flips)
    whole = xp.astype(number, dtype) + code.base
    finite = xp.isfinite(real)
    # NumPy warns of some NaN that are converted, wherever they end.
    real = xp.where(finite, real, single)
    changed = (flips != 0) & (finite | context.whole)
    return xp.where(changed, xp.where(context.whole, whole, xp.astype(real, dtype)), content)
