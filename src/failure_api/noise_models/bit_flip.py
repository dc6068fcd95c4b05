"""Bit errors: content whose bits were flipped on the way."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from failure_api.core.bits import BITS
from failure_api.core.links import Array
from failure_api.core.noise import NoiseContext, NoiseModel
from failure_api.core.parameters.types import Share
from failure_api.core.random.stream import RandomStream
from failure_api.errors import invalid
from failure_api.noise_models.entry_code import EntryCode, entry_code, with_flips

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

    bit_error_rate: Share | None = None
    corrupt_prob: Share | None = None

    def __post_init__(self) -> None:
        """Checks the fields, and that there is one."""
        super().__post_init__()
        if self.bit_error_rate is None and self.corrupt_prob is None:
            raise invalid(
                "bit_error_rate",
                "must be given where corrupt_prob is not",
                None,
                "give at least one of the two",
            )

    def prepare(self, context: NoiseContext) -> EntryCode:
        """Returns how entries are written in bits."""
        return entry_code(context)

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
            for place in range(BITS):
                flag = stream.bernoulli(rate, context.shape) & (place < parameters.bits)
                bit = xp.bitwise_left_shift(
                    xp.astype(flag, xp.int32), xp.asarray(place, dtype=xp.int32)
                )
                flips = xp.bitwise_or(flips, bit)
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
