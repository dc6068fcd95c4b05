"""What each receiver has of each sender: old, new, held, missing or corrupted content."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from failure_api.batched.call import Call
from failure_api.batched.constants import Kept
from failure_api.batched.limits import noise_context
from failure_api.core import Channel, Delivery, RandomStream
from failure_api.core.backends import library_of, on_device_of, own
from failure_api.core.layouts import BatchRows
from failure_api.core.links import Array
from failure_api.core.mailbox import Mailbox, MailboxState
from failure_api.core.noise_chain import NoiseChain


class Received(NamedTuple):
    """What one round brings each receiver.

    Attributes:
        content: What each receiver has of each sender, `[..., receiver, sender, D]`.
        round: The round, an integer or an int32 array `[...]`.
        delivery: What the channel brought.
    """

    content: Array
    round: Any
    delivery: Delivery

    @property
    def flags(self) -> Array:
        """Where something has arrived in this round, bool `[..., receiver, sender]`."""
        sent = self.delivery.sent
        return library_of({"sent": sent}).xp.matrix_transpose(sent >= 0)

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
        form: One message of each agent, `[1, N, D]` or `[1, sender, receiver, D]`: says what they
            are like, and is zero.
        mailbox: What waits, is under way, or was held.
        noise: The noise models' state; () where there are none.
    """

    form: Array
    mailbox: MailboxState
    noise: Any


class _Numbers(NamedTuple):
    """Content of a batch, which is numbers as it is.

    Attributes:
        limits: What the entries may be, as arrays.
        xp: The array namespace.
    """

    limits: Any
    xp: Any

    def read(self, content: Array) -> Array:
        """Returns `[..., receiver, sender, K]`."""
        return swapped(content, self.xp)

    def write(self, content: Array, before: Array, after: Array) -> Array:
        """Returns the numbers as content."""
        return swapped(after, self.xp)

    def within(self, numbers: Array, last: Array) -> Array:
        """Returns numbers within their bounds; whole ones are as they were last."""
        xp, (low, high, whole, _) = self.xp, self.limits
        inside = xp.minimum(xp.maximum(numbers, low), high)
        return xp.where(whole, last, inside)


class Content:
    """Keeps what was said, and finds what of it each receiver has.

    Args:
        chain: The noise models.
        missing: What stands in for content that did not arrive.
        channel: The channel, which knows how long messages wait and take.
        agent_ids: The team.
    """

    def __init__(
        self, chain: NoiseChain, missing: Any, channel: Channel, agent_ids: tuple[Any, ...]
    ) -> None:
        self._chain, self._missing, self._ids = chain, missing, agent_ids
        queue = channel.chain.queue
        self._channel, self._slots = channel, channel.slots
        self._places = 0 if queue is None else queue.places

    def _mailbox(self, kept: Kept, xp: Any) -> Mailbox:
        numbers = _Numbers(kept.limits, xp)
        return Mailbox(BatchRows(xp), self._slots, self._places, self._missing, numbers)

    def fits(self, state: ContentState, per_link: bool) -> bool:
        """Returns whether a state is one of this content."""
        mailbox = state.mailbox
        holds = (not isinstance(mailbox.last, tuple)) == (self._missing != "zero")
        waits = (not isinstance(mailbox.waiting, tuple)) == bool(self._places)
        history, depth = mailbox.history, self._slots - 1
        rounds = len(history) if isinstance(history, tuple) else depth
        return holds and waits and rounds == depth and state.form.ndim == (4 if per_link else 3)

    def begun(self, form: Array, call: Call, kept: Kept, random: RandomStream) -> ContentState:
        """Returns the state before round 0, in which nothing has been said.

        Args:
            form: One message of each agent, which says what they are like.
            call: What is given.
            kept: What is the same for all elements.
            random: The stream of what models begin with.
        """
        xp, batch, width, count = call.xp, call.batch, form.shape[-1], len(self._ids)
        entries = noise_context(0, batch, width, kept.limits, self._ids, xp)
        noise = self._chain.init(kept.noises, entries, random.child("noise"))
        receivers = count if form.ndim > 3 else 1
        wide = xp.finfo(form.dtype).bits // 8
        rows = self._places * count
        if self._slots > 1:
            rows += self._slots * (count if self._places else receivers)
        links = (*batch, count, count)
        self._channel.check_memory(links, math.prod(batch) * rows * count * width * wide)
        said = xp.zeros((*batch, count, receivers, width), dtype=form.dtype)
        clock = 0 if not call.library.traces else xp.zeros((), dtype=xp.int32)
        nothing = xp.full(links, -1, dtype=xp.int32)
        mailbox = self._mailbox(kept, xp).init(said, kept.limits.blank, nothing, clock)
        return ContentState(form, mailbox, noise)

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
        if self._slots > 1 or self._places:
            payloads = own(payloads, call.library)
        if payloads.ndim <= sent.ndim:
            payloads = payloads[..., None, :]
        mailbox, noise = self._mailbox(kept, xp), state.noise
        over_links = number if isinstance(number, int) else number[..., None, None]
        box, content = mailbox.arrive(state.mailbox, payloads, delivery, over_links)
        absent = sent < 0
        if self._chain.parts or delivery.links.noise is not None:
            noise, content = self._corrupted(
                noise, content, ~absent, delivery, number, call, kept, random
            )
        blank = kept.limits.blank
        box, content = mailbox.impute(box, content, absent, delivery, over_links, blank, xp)
        if self._missing != "zero":
            content = own(content, call.library)
        received = Received(swapped(content, xp), number, delivery)
        return ContentState(state.form, box, noise), received

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
        content = xp.broadcast_to(swapped(content, xp), entries.shape)
        if variance is not None:
            variance = xp.matrix_transpose(variance)
        stream = random.child("noise")
        real = xp.broadcast_to(arrived[..., None], entries.shape)
        state, after = self._chain.corrupt(
            kept.noises, state, content, real, entries, stream, variance
        )
        return state, swapped(after, xp)


def swapped(content: Array, xp: Any) -> Array:
    """Returns content with senders and receivers exchanged, `[..., N, N, D]`."""
    axes = tuple(range(content.ndim - 3))
    last = len(axes)
    # PyTorch maps functions over this, and not over `moveaxis`.
    return xp.permute_dims(content, (*axes, last + 1, last, last + 2))


def handed_out(received: Received) -> Received:
    """Returns what a round brings without what the channel keeps for itself."""
    delivery = received.delivery
    library = library_of({"sent": delivery.sent})
    sends, made = delivery.links.sends, delivery.made
    copy = own(made, library)
    sent = copy if sends is made else own(sends, library)
    delivery = delivery._replace(
        links=delivery.links.send(sent),
        newest=own(delivery.newest, library),
        made=copy,
        survivors=sent if delivery.survivors is sends else delivery.survivors,
        served=None,
        waiting=None,
        under_way=None,
    )
    return received._replace(delivery=delivery)
