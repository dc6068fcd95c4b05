"""Bit errors: content whose bits were flipped on the way."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, ClassVar, NamedTuple

from failure_api.core.arrays.libraries import viewed
from failure_api.core.links import Array
from failure_api.core.noise import NoiseContext, NoiseModel
from failure_api.core.parameters.types import LARGEST, Share
from failure_api.core.random.stream import RandomStream
from failure_api.errors import invalid

BITS = 32
"""Bits of an int32 or a float32."""


def to_bits(array: Array, xp: ModuleType) -> Array:
    """Returns the IEEE 754 representation of a float32 array, as int32 of the same shape.

    Example:
        >>> import numpy as np
        >>> hex(to_bits(np.asarray(1.0, dtype=np.float32), np))
        '0x3f800000'
    """
    return viewed(array, "int32", xp)


def from_bits(bits: Array, xp: ModuleType) -> Array:
    """Returns the float32 array that int32 bits represent.

    Example:
        >>> import numpy as np
        >>> from_bits(np.asarray([0x3F800000, -1], dtype=np.int32), np).tolist()
        [1.0, nan]
    """
    return viewed(bits, "float32", xp)


def bit_length(number: Array, xp: ModuleType) -> Array:
    """Returns how many bits whole numbers from 0 to below 2**31 need, int32 `[...]`.

    Example:
        >>> import numpy as np
        >>> bit_length(np.asarray([0.0, 1.0, 4.0, 255.0]), np).tolist()
        [0, 1, 3, 8]
    """
    powers = xp.asarray([2.0**bit for bit in range(BITS - 1)], dtype=number.dtype)
    return xp.sum(xp.astype(number[..., None] >= powers, xp.int32), axis=-1, dtype=xp.int32)


GREATEST = 2.0**31 - 128.0
"""Greatest int32 that is a float32 too."""


class EntryCode(NamedTuple):
    """How each entry is written: as a float32, or as a whole number in as few bits as it takes.

    All arrays broadcast to the content's shape.

    Attributes:
        bits: Number of bits of each entry, int32.
        base: The whole number that is written as 0.
        least: Least code of a whole number; below 0 only where it has all 32 bits.
        greatest: Greatest code of a whole number.
    """

    bits: Array
    base: Array
    least: Array
    greatest: Array


def with_flips(content: Array, flips: Array, code: EntryCode, context: NoiseContext) -> Array:
    """Returns the content with the bits flipped that are 1 in `flips`, int32 like the content.

    What would become infinite or no number is left as it was.
    """
    xp, dtype, single = context.xp, content.dtype, content
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


UNIFORM_STEPS = 2.0**24
"""Number of values that a uniform draw may have."""


@dataclass(frozen=True, kw_only=True)
class BitFlipModel(NoiseModel):
    r"""Flips bits of the content, each by itself or one in a message.

    With a bit error rate $e$ every bit is flipped with probability $e$, independently, so that a
    message of $n$ bits arrives intact with probability $(1 - e)^n$. With a corruption probability
    $c$ a message has exactly one of its bits flipped, all equally likely, with probability $c$.
    Where both are given, one acts after the other.

    Real numbers are sent as 32-bit IEEE 754; float64 content keeps its precision where nothing is
    flipped. Whole numbers are sent as their distance from the lower bound, in as many bits as the
    bounds require (32, in two's complement, where that would be more than 31). An entry that would
    become infinite or no number is left as it was; with bounds, flips that lead beyond them end at
    the bound.

    Args:
        bit_error_rate: $e$, probability that a bit is flipped.
        corrupt_prob: $c$, probability that exactly one bit of a message is flipped.
        agent_ids: The senders whose messages are corrupted; None takes all.

    Raises:
        InvalidArgumentError: Neither of the two probabilities, or one outside of [0, 1].

    Example:
        >>> BitFlipModel(bit_error_rate=1e-4)
        BitFlipModel(agent_ids=None, bit_error_rate=0.0001, corrupt_prob=None)

    Source: the binary symmetric channel; IEEE 754-2019; tc-netem(8), option `corrupt`, for one bit
    a message.
    """

    EXAMPLE: ClassVar[Mapping[str, Any]] = {"bit_error_rate": 0.004}

    bit_error_rate: Share | None = None
    corrupt_prob: Share | None = None

    def __post_init__(self) -> None:
        """Checks the fields, and that there is one."""
        super().__post_init__()
        if self.bit_error_rate is None and self.corrupt_prob is None:
            rule = "must be given where corrupt_prob is not"
            raise invalid("bit_error_rate", rule, None, "give at least one of the two")

    def prepare(self, context: NoiseContext) -> EntryCode:
        """Returns how entries are written in bits, as their bounds require.

        Whole numbers are written as their distance from the lower bound; those whose bounds are
        further apart than 31 bits reach are written as a 32-bit integer in two's complement.
        """
        xp, low, high = context.xp, context.low, context.high
        # Halves, since the distance of two finite numbers may be infinite.
        few = 0.5 * high - 0.5 * low <= 0.5 * GREATEST
        zero, all_bits = xp.zeros_like(low), xp.asarray(BITS, dtype=xp.int32)
        base = xp.where(few, low, zero)
        span = xp.where(few, high, zero) - base
        return EntryCode(
            bits=xp.where(few & context.whole, bit_length(span, xp), all_bits),
            base=base,
            least=xp.where(few, zero, xp.full_like(zero, -(2.0**31))),
            greatest=xp.where(few, span, xp.full_like(zero, GREATEST)),
        )

    def step(
        self,
        parameters: Any,
        state: Any,
        content: Array,
        context: NoiseContext,
        random: RandomStream,
    ) -> tuple[Any, Array]:
        """Returns the content with this round's bits flipped."""
        xp = context.xp
        flips = xp.zeros(context.shape, dtype=xp.int32)
        if self.bit_error_rate is not None:
            stream = random.child("bits")
            rate = finer(self.bit_error_rate, stream.uniform(context.shape), xp)
            # Bit by bit: all at once would take 32 times the memory.
            for bit in range(BITS):
                flag = stream.bernoulli(rate, context.shape) & (bit < parameters.bits)
                shift = xp.asarray(bit, dtype=xp.int32)
                flips = xp.bitwise_or(
                    flips, xp.bitwise_left_shift(xp.astype(flag, xp.int32), shift)
                )
        if self.corrupt_prob is not None:
            flips = xp.bitwise_xor(flips, self._one_a_message(parameters, context, random))
        return state, with_flips(content, flips, parameters, context)

    def _one_a_message(self, code: EntryCode, context: NoiseContext, random: RandomStream) -> Array:
        xp, messages = context.xp, context.shape[:-1]
        hit = random.child("messages").bernoulli(self.corrupt_prob, messages)
        draws = random.child("places").uniform(messages)
        bits = xp.broadcast_to(code.bits, context.shape)
        # NumPy has the array API's name for it since 2.1 only.
        through = getattr(xp, "cumulative_sum", None) or xp.cumsum
        ends = through(bits, axis=-1, dtype=xp.int32)
        total = ends[..., -1]
        place = xp.astype(xp.astype(total, xp.float32) * draws, xp.int32)
        # In float32 the product of a draw just below 1 may round up to the number of bits.
        place = xp.minimum(place, total - 1)[..., None] - (ends - bits)
        inside = (place >= 0) & (place < bits) & hit[..., None]
        one = xp.bitwise_left_shift(xp.ones_like(place), xp.clip(place, 0, BITS - 1))
        return one * xp.astype(inside, xp.int32)


def finer(rate: float, draws: Array, xp: ModuleType) -> Array:
    """Returns a rate rounded at random to the steps of 2**-24 that uniform draws have.

    Bit error rates may be far below a step. The mean over the draws is the rate itself, and at a
    greater rate no result is smaller.

    Example:
        >>> import numpy as np
        >>> finer(1e-8, np.asarray([0.1, 0.2], dtype=np.float32), np) > 0
        array([ True, False])
    """
    steps = math.floor(rate * UNIFORM_STEPS)
    further = xp.astype(draws < rate * UNIFORM_STEPS - steps, xp.float32)
    return (steps + further) / UNIFORM_STEPS
