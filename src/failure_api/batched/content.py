"""What each receiver has of each sender: old, new, held, missing or corrupted content."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from failure_api.core import Delivery, RandomStream
from failure_api.core.backends import library_of, on_device_of, zero_where
from failure_api.core.links import Array
from failure_api.core.noise import NoiseContext
from failure_api.core.noise_chain import NoiseChain


class Received(NamedTuple):
    """What one round brings each receiver.

    Attributes:
        content: What each receiver has of each sender, `[..., receiver, sender, D]`.
        flags: Where something has arrived in this round, bool `[..., receiver, sender]`.
        round: The round, an integer or an int32 array `[...]`.
        delivery: What the channel brought.
    """

    content: Array
    flags: Array
    round: Any
    delivery: Delivery

    @property
    def ages(self) -> Array:
        """Rounds since the newest message that has arrived was sent, `[..., receiver, sender]`.

        int32; as if one had been sent in round -1 before the first, and 0 on the diagonal.
        """
        newest = self.delivery.newest
        xp = library_of({"newest": newest}).xp
        number = self.round if isinstance(self.round, int) else self.round[..., None, None]
        with on_device_of(newest):
            apart = xp.astype(~xp.eye(newest.shape[-1], dtype=xp.bool), xp.int32)
        return xp.matrix_transpose((number - newest) * apart)


class ContentState(NamedTuple):
    """What is kept of what was said.

    Attributes:
        form: No payloads, `[0, N, D]` or `[0, sender, receiver, D]`: says what they are like.
        history: Payloads of the last rounds, the newest first.
        held: The newest content that has arrived on each link, `[..., sender, receiver, D]`; None
            where what is missing is not held.
        noise: The noise models' state; () where there are none.
    """

    form: Array
    history: tuple[Array, ...]
    held: Array | None
    noise: Any


class Limits(NamedTuple):
    """What the entries of content may be; each broadcasts to `[receiver, sender, D]`.

    Attributes:
        low: Least values.
        high: Greatest values.
        whole: Which entries are whole numbers.
        blank: What there is before anything has arrived.
    """

    low: Any
    high: Any
    whole: Any
    blank: Any

    def on_host(self, dtype: Any) -> Limits:
        """Returns the limits as NumPy arrays, what is blank by `[sender, receiver, D]`.

        None stands for what is blank where all of it is zero.

        Args:
            dtype: Type of the content, of any library.
        """
        wide = np.float64 if "float64" in str(dtype) else np.float32
        low, high, blank = (np.asarray(each, wide) for each in (self.low, self.high, self.blank))
        if blank.ndim > 1:
            blank = np.swapaxes(blank[(None,) * (3 - blank.ndim)], 0, 1).copy()
        zeros = not blank.any()
        return Limits(low, high, np.asarray(self.whole, np.bool_), None if zeros else blank)


def recalled(payloads: tuple[Array, ...], sent: Array, number: Any, xp: Any) -> Array:
    """Returns content as it was when it was sent, `[..., sender, receiver, D]`.

    Args:
        payloads: What was said in this round and in earlier ones, the newest first; `[..., N, D]`,
            or `[..., sender, receiver, D]`.
        sent: The round of each message, int32 `[..., sender, receiver]`.
        number: This round, an integer or an array that broadcasts to `sent`.
        xp: The array namespace.
    """
    if payloads[0].ndim <= sent.ndim:
        payloads = tuple(payload[..., None, :] for payload in payloads)
    content, width = payloads[0], payloads[0].shape[-1]
    for rounds, payload in enumerate(payloads[1:], start=1):
        content = xp.where(for_entries(sent == number - rounds, width, xp), payload, content)
    return content


def for_entries(flags: Array, width: int, xp: Any) -> Array:
    """Returns flags of links, `[..., N, N]`, for each of so many entries, `[..., N, N, width]`.

    They are repeated in memory: where selects over a short axis that is broadcast, every library
    but JAX takes several times as long.
    """
    flat = xp.reshape(flags, (*flags.shape[:-2], -1))
    return xp.reshape(xp.repeat(flat, width, axis=-1), (*flags.shape, width))


def standing_in(
    content: Array, missing: Array, held: Array | None, blank: Array | None, xp: Any
) -> Array:
    """Returns content with what stands in for it where it is missing.

    Args:
        content: What arrives, `[..., sender, receiver, D]`.
        missing: Where nothing does, bool `[..., sender, receiver]`.
        held: What stands in, or None for what is blank.
        blank: What that is; None for zeros.
        xp: The array namespace.
    """
    if held is None and blank is None:
        return zero_where(
            xp.broadcast_to(content, (*missing.shape, content.shape[-1])), missing, xp
        )
    flags = for_entries(missing, content.shape[-1], xp)
    return xp.where(flags, blank if held is None else held, content)


def noise_context(
    number: Any,
    batch: tuple[int, ...],
    width: int,
    limits: Limits,
    agent_ids: tuple[Any, ...],
    xp: Any,
    arrived: Array | None = None,
) -> NoiseContext:
    """Returns what noise models may know of the content of a round.

    Args:
        number: The round.
        batch: Shape of the batch.
        width: Number of entries of a message.
        limits: What they may be, as arrays.
        agent_ids: The team.
        xp: The array namespace.
        arrived: Where there is content, bool `[..., receiver, sender]`; None for nowhere.
    """
    links = (*batch, len(agent_ids), len(agent_ids))
    if arrived is None:
        arrived = xp.zeros(links, dtype=xp.bool)
    low, high, whole, _ = limits
    return NoiseContext(number, arrived, low, high, whole, xp, (*links, width), agent_ids)


def corrupted(
    chain: NoiseChain,
    state: Any,
    content: Array,
    variance: Array | None,
    context: NoiseContext,
    random: RandomStream,
) -> tuple[Any, Array]:
    """Returns the noise models' state, and the content as they and the links leave it.

    Args:
        chain: The noise models.
        state: Their state.
        content: What arrives, `[..., sender, receiver, D]`.
        variance: Of the links' own noise, `[..., sender, receiver]`; None where there is none.
        context: What is known of the content.
        random: The chain's stream.
    """
    xp, arrived = context.xp, context.arrived[..., None]
    content = xp.broadcast_to(xp.moveaxis(content, -3, -2), context.shape)
    inside = xp.where(arrived, content, xp.zeros_like(content))
    inside = xp.minimum(xp.maximum(inside, context.low), context.high)
    variance = None if variance is None else xp.matrix_transpose(variance)
    state, after = chain.step(state, inside, context, random, variance)
    return state, xp.moveaxis(after, -3, -2)
