"""What each receiver has of each sender: old, new, held, missing or corrupted content."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from failure_api.core import Delivery, RandomStream
from failure_api.core.links import Array
from failure_api.core.noise import NoiseContext
from failure_api.core.noise_chain import NoiseChain


class Received(NamedTuple):
    """What one round brings each receiver.

    Attributes:
        content: What each receiver has of each sender, `[..., receiver, sender, D]`.
        flags: Where something has arrived in this round, bool `[..., receiver, sender]`.
        ages: Rounds since the newest message that has arrived was sent, int32
            `[..., receiver, sender]`; as if one had been sent in round -1 before the first, and 0
            on the diagonal.
        delivery: What the channel brought.
    """

    content: Array
    flags: Array
    ages: Array
    delivery: Delivery


class ContentState(NamedTuple):
    """What is kept of what was said.

    Attributes:
        form: No payloads, `[0, N, D]` or `[0, sender, receiver, D]`: says what they are like.
        history: Payloads of the last rounds, the newest first.
        held: The newest content that has arrived on each link, `[..., receiver, sender, D]`; None
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
        """Returns the limits as NumPy arrays.

        Args:
            dtype: Type of the content, of any library.
        """
        wide = np.float64 if "float64" in str(dtype) else np.float32
        low, high, blank = (np.asarray(each, wide) for each in (self.low, self.high, self.blank))
        return Limits(low, high, np.asarray(self.whole, np.bool_), blank)


def recalled(payloads: tuple[Array, ...], sent: Array, number: Any, xp: Any) -> Array:
    """Returns content as it was when it was sent, `[..., receiver, sender, D]`.

    Args:
        payloads: What was said in this round and in earlier ones, the newest first; `[..., N, D]`,
            or `[..., sender, receiver, D]`.
        sent: The round of each message, int32 `[..., receiver, sender]`.
        number: This round, an integer or an array that broadcasts to `sent`.
        xp: The array namespace.
    """
    single = payloads[0].ndim < sent.ndim + 1
    views = [
        payload[..., None, :, :] if single else xp.moveaxis(payload, -3, -2) for payload in payloads
    ]
    if len(views) == 1:
        return views[0]
    ago = (number - sent)[..., None]
    content = views[0]
    for rounds, view in enumerate(views[1:], start=1):
        content = xp.where(ago == rounds, view, content)
    return content


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
        content: What arrives.
        variance: Of the links' own noise, `[..., receiver, sender]`; None where there is none.
        context: What is known of the content.
        random: The chain's stream.
    """
    xp, arrived = context.xp, context.arrived[..., None]
    nothing = xp.clip(xp.zeros_like(content), context.low, context.high)
    inside = xp.clip(content, context.low, context.high)
    state, after = chain.step(state, xp.where(arrived, inside, nothing), context, random, variance)
    return state, xp.where(arrived, after, content)
