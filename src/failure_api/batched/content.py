"""What each receiver has of each sender: old, new, held, missing or corrupted content."""

from __future__ import annotations

from typing import Any, NamedTuple

from failure_api.batched.call import Call
from failure_api.batched.constants import Kept, complete, varying
from failure_api.batched.limits import noise_context
from failure_api.core import Delivery, RandomStream
from failure_api.core.backends import library_of, on_device_of, own, zero_where
from failure_api.core.links import Array
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


class Content:
    """Keeps what was said, and finds what of it each receiver has.

    Args:
        chain: The noise models.
        hold: Whether the newest content that ever arrived stands in for what is missing.
        depth: The most rounds that a message may be on its way.
        agent_ids: The team.
    """

    def __init__(
        self, chain: NoiseChain, hold: bool, depth: int, agent_ids: tuple[Any, ...]
    ) -> None:
        self._chain, self._hold, self._depth, self._ids = chain, hold, depth, agent_ids

    def fits(self, state: ContentState, per_link: bool) -> bool:
        """Returns whether a state is one of this content."""
        holds = (state.held is not None) == self._hold
        axes = 4 if per_link else 3
        return holds and len(state.history) == self._depth and state.form.ndim == axes

    def begun(self, form: Array, call: Call, kept: Kept, random: RandomStream) -> ContentState:
        """Returns the state before round 0, in which nothing has been said.

        Args:
            form: No payloads, which say what they are like.
            call: What is given.
            kept: What is the same for all elements.
            random: The stream of what models begin with.
        """
        xp, batch, width, blank = call.xp, call.batch, form.shape[-1], kept.limits.blank
        entries = noise_context(0, batch, width, kept.limits, self._ids, xp)
        noise = self._chain.init(entries, random.child("noise"))
        held = xp.zeros(entries.shape, dtype=form.dtype) if self._hold else None
        if held is not None and blank is not None:
            held = xp.broadcast_to(blank, entries.shape)
        nothing = xp.zeros((*batch, *form.shape[1:]), dtype=form.dtype)
        return ContentState(form, (nothing,) * self._depth, held, varying(kept.noises, noise))

    def received(
        self,
        state: ContentState,
        payloads: Array,
        delivery: Delivery,
        number: Any,
        call: Call,
        kept: Kept,
        random: RandomStream,
    ) -> tuple[ContentState, Received]:
        """Returns the next state, and what a round brings each receiver.

        Args:
            state: What is kept.
            payloads: What is said in this round.
            delivery: What the channel brings.
            number: The round, an integer or an int32 array `[...]`.
            call: What is given.
            kept: What is the same for all elements.
            random: The stream of this round.
        """
        xp, sent = call.xp, delivery.sent
        # What is remembered and what is handed out are copies where anybody could write to them.
        if self._depth:
            payloads = own(payloads, call.library)
        said = (payloads, *state.history)
        over_links = number if isinstance(number, int) else number[..., None, None]
        content, arrived, noise = _recalled(said, sent, over_links, xp), sent >= 0, state.noise
        if self._chain.parts or delivery.links.noise is not None:
            noise = complete(kept.noises, noise)
            noise, content = self._corrupted(
                noise, content, arrived, delivery.links.noise, number, call, kept, random
            )
            noise = varying(kept.noises, noise)
        content = _standing_in(content, ~arrived, state.held, kept.limits.blank, xp)
        following = ContentState(state.form, said[:-1], content if self._hold else None, noise)
        if self._hold:
            content = own(content, call.library)
        delivery = delivery._replace(newest=own(delivery.newest, call.library))
        towards = xp.moveaxis(content, -3, -2), xp.matrix_transpose(arrived)
        return following, Received(*towards, number, delivery)

    def _corrupted(
        self,
        state: Any,
        content: Array,
        arrived: Array,
        variance: Array | None,
        number: Any,
        call: Call,
        kept: Kept,
        random: RandomStream,
    ) -> tuple[Any, Array]:
        """Returns the noise models' state, and the content as they and the links leave it."""
        xp, width, arrived = call.xp, content.shape[-1], call.xp.matrix_transpose(arrived)
        entries = noise_context(number, call.batch, width, kept.limits, self._ids, xp, arrived)
        content = xp.broadcast_to(xp.moveaxis(content, -3, -2), entries.shape)
        inside = xp.where(arrived[..., None], content, xp.zeros_like(content))
        inside = xp.minimum(xp.maximum(inside, entries.low), entries.high)
        if variance is not None:
            variance = xp.matrix_transpose(variance)
        stream = random.child("noise")
        state, after = self._chain.step(state, inside, entries, stream, variance)
        return state, xp.moveaxis(after, -3, -2)


def _recalled(payloads: tuple[Array, ...], sent: Array, number: Any, xp: Any) -> Array:
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
        content = xp.where(_for_entries(sent == number - rounds, width, xp), payload, content)
    return content


def _for_entries(flags: Array, width: int, xp: Any) -> Array:
    """Returns flags of links, `[..., N, N]`, for each of so many entries, `[..., N, N, width]`.

    They are repeated in memory: where selects over a short axis that is broadcast, every library
    but JAX takes several times as long.
    """
    flat = xp.reshape(flags, (*flags.shape[:-2], flags.shape[-2] * flags.shape[-1]))
    return xp.reshape(xp.repeat(flat, width, axis=-1), (*flags.shape, width))


def _standing_in(
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
    flags = _for_entries(missing, content.shape[-1], xp)
    return xp.where(flags, blank if held is None else held, content)
