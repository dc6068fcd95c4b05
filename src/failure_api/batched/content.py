"""What each receiver has of each sender: old, new, held, missing or corrupted content."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from failure_api.batched.call import Call
from failure_api.batched.constants import Kept
from failure_api.batched.limits import noise_context
from failure_api.core import Channel, Delivery, RandomStream
from failure_api.core.backends import Library, library_of, on_device_of, own, zero_where
from failure_api.core.links import Array
from failure_api.core.noise_chain import NoiseChain
from failure_api.core.rings import FEW, at_places, with_put, with_row


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
        waiting: What waits in the queues, by their places, `[..., D, L, sender, receiver]`; None
            where there are none.
        clock: The place of this round in a history that is a ring.
        history: What was transmitted in the last rounds: where they are few a tuple, the newest
            first, and else a ring `[..., D, T, sender, 1 or receiver]`.
        held: The newest content that has arrived on each link, `[..., sender, receiver, D]`; None
            where what is missing is not held.
        noise: The noise models' state; () where there are none.
    """

    form: Array
    waiting: Array | None
    clock: Any
    history: Any
    held: Array | None
    noise: Any


class Content:
    """Keeps what was said, and finds what of it each receiver has.

    Args:
        chain: The noise models.
        hold: Whether the newest content that ever arrived stands in for what is missing.
        channel: The channel, which knows how long messages wait and take.
        agent_ids: The team.
    """

    def __init__(
        self, chain: NoiseChain, hold: bool, channel: Channel, agent_ids: tuple[Any, ...]
    ) -> None:
        self._chain, self._hold, self._ids = chain, hold, agent_ids
        self._channel, self._depth = channel, channel.slots - 1
        self._queue = channel.chain.queue

    def fits(self, state: ContentState, per_link: bool) -> bool:
        """Returns whether a state is one of this content."""
        holds = (state.held is not None) == self._hold
        axes = 4 if per_link else 3
        waits = (state.waiting is not None) == (self._queue is not None)
        rounds = len(state.history) if isinstance(state.history, tuple) else self._depth
        return holds and waits and rounds == self._depth and state.form.ndim == axes

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
        noise = self._chain.init(kept.noises, entries, random.child("noise"))
        held = xp.zeros(entries.shape, dtype=form.dtype) if self._hold else None
        if held is not None and blank is not None:
            held = xp.broadcast_to(blank, entries.shape)
        waiting = self._waiting(form, batch, xp)
        clock = 0 if not call.library.traces else xp.zeros((), dtype=xp.int32)
        return ContentState(form, waiting, clock, self._history(form, batch, xp), held, noise)

    def clock_before(self, clock: Any) -> Any:
        """Returns the place of the round before in a history that is a ring."""
        return (clock - 1) % (self._depth + 1)

    def _waiting(self, form: Array, batch: tuple[int, ...], xp: Any) -> Array | None:
        """Returns empty places for what waits, or raises an error where they take too much."""
        count, width = len(self._ids), form.shape[-1]
        wide = xp.finfo(form.dtype).bits // 8
        places = 0 if self._queue is None else self._queue.places
        receivers = count if self._queue or form.ndim > 3 else 1
        rows = places * count + (self._depth + 1) * receivers if self._depth else places * count
        self._channel.check_memory(
            (*batch, count, count), math.prod(batch) * rows * count * width * wide
        )
        if not places:
            return None
        return xp.zeros((*batch, width, places, count, count), dtype=form.dtype)

    def _history(self, form: Array, batch: tuple[int, ...], xp: Any) -> Any:
        """Returns rounds in which nothing was transmitted."""
        count, width = len(self._ids), form.shape[-1]
        each = (count, count) if self._queue or form.ndim > 3 else (count, 1)
        if self._depth <= FEW:
            return (xp.zeros((*batch, *each, width), dtype=form.dtype),) * self._depth
        return xp.zeros((*batch, width, self._depth + 1, *each), dtype=form.dtype)

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
        if self._depth or self._queue:
            payloads = own(payloads, call.library)
        if payloads.ndim <= sent.ndim:
            payloads = payloads[..., None, :]
        waiting, said = self._transmitted(state.waiting, payloads, delivery, xp)
        over_links = number if isinstance(number, int) else number[..., None, None]
        ago = over_links - delivery.left
        history, content = self._recalled(state.history, state.clock, said, ago, xp)
        arrived, noise = sent >= 0, state.noise
        if self._chain.parts or delivery.links.noise is not None:
            noise, content = self._corrupted(
                noise, content, arrived, delivery, number, call, kept, random
            )
        content = _standing_in(content, ~arrived, state.held, kept.limits.blank, xp)
        held = content if self._hold else None
        clock = (state.clock + 1) % (self._depth + 1)
        following = ContentState(state.form, waiting, clock, history, held, noise)
        if self._hold:
            content = own(content, call.library)
        delivery = _handed_out(delivery, call.library)
        towards = xp.moveaxis(content, -3, -2), xp.matrix_transpose(arrived)
        return following, Received(*towards, number, delivery)

    def _transmitted(
        self, waiting: Array | None, payloads: Array, delivery: Delivery, xp: Any
    ) -> tuple[Array | None, Array]:
        """Returns what waits, and what each link transmits, `[..., sender, 1 or receiver, D]`."""
        served = delivery.served
        if waiting is None or served is None:
            return None, payloads
        shape = (*served.place.shape, payloads.shape[-1])
        rows = xp.moveaxis(xp.broadcast_to(payloads, shape), -1, -3)
        enters, places, leaving = (
            xp.broadcast_to(links[..., None, :, :], rows.shape)
            for links in (*served.entered, served.place)
        )
        waiting = with_put(waiting, places, enters, rows, xp)
        return waiting, xp.moveaxis(at_places(waiting, leaving, xp), -3, -1)

    def _recalled(
        self, history: Any, clock: Any, said: Array, ago: Array, xp: Any
    ) -> tuple[Any, Array]:
        """Returns the history, and content as it was when it was transmitted.

        Args:
            history: What was transmitted in earlier rounds.
            clock: The place of this round in it.
            said: What is transmitted in this one, `[..., sender, 1 or receiver, D]`.
            ago: Rounds since what arrives was transmitted, int32 `[..., sender, receiver]`.
            xp: The array namespace.
        """
        if isinstance(history, tuple):
            content, width = said, said.shape[-1]
            for rounds, before in enumerate(history, start=1):
                content = xp.where(_for_entries(ago == rounds, width, xp), before, content)
            return (said, *history)[: self._depth], content
        history = with_row(history, clock, xp.moveaxis(said, -1, -3), xp)
        # What does not arrive at all may be taken from anywhere.
        ago = xp.minimum(ago, xp.full_like(ago, self._depth))
        place = clock - ago
        place = place + (self._depth + 1) * xp.astype(place < 0, xp.int32)
        rows = (*place.shape[:-2], said.shape[-1], *place.shape[-2:])
        place = xp.broadcast_to(place[..., None, :, :], rows)
        return history, xp.moveaxis(at_places(history, place, xp), -3, -1)

    def _corrupted(
        self,
        state: Any,
        content: Array,
        arrived: Array,
        delivery: Delivery,
        number: Any,
        call: Call,
        kept: Kept,
        random: RandomStream,
    ) -> tuple[Any, Array]:
        """Returns the noise models' state, and the content as they and the links leave it."""
        xp, width, arrived = call.xp, content.shape[-1], call.xp.matrix_transpose(arrived)
        variance, made = delivery.links.noise, xp.matrix_transpose(delivery.sent)
        entries = noise_context(
            number, call.batch, width, kept.limits, self._ids, xp, arrived, made
        )
        content = xp.broadcast_to(xp.moveaxis(content, -3, -2), entries.shape)
        inside = xp.where(arrived[..., None], content, xp.zeros_like(content))
        inside = xp.minimum(xp.maximum(inside, entries.low), entries.high)
        if variance is not None:
            variance = xp.matrix_transpose(variance)
        stream = random.child("noise")
        state, after = self._chain.step(kept.noises, state, inside, entries, stream, variance)
        return state, xp.moveaxis(after, -3, -2)


def _handed_out(delivery: Delivery, library: Library) -> Delivery:
    """Returns a delivery without what the channel keeps for itself."""
    sends, made = delivery.links.sends, delivery.made
    copy = own(made, library)
    sent = copy if sends is made else own(sends, library)
    return delivery._replace(
        links=delivery.links.send(sent),
        newest=own(delivery.newest, library),
        made=copy,
        survivors=sent if delivery.survivors is sends else delivery.survivors,
        served=None,
        waiting=None,
        under_way=None,
    )


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
