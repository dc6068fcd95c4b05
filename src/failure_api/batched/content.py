"""The content of messages in batches: old, new, held, missing or corrupted."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from failure_api.batched.call import Call
from failure_api.batched.limits import Entries, Kept, noise_context
from failure_api.core import Channel, Delivery, RandomStream
from failure_api.core.arrays.libraries import library_of, on_device_of, own, picked
from failure_api.core.layouts import BatchEntries, BatchRows, permuted
from failure_api.core.links import Array
from failure_api.core.mailbox import Mailbox, MailboxState
from failure_api.core.noise_chain import NoiseChain


class Received(NamedTuple):
    """What one round brings each receiver.

    Attributes:
        content: What each receiver has of each sender, `[..., receiver, sender, D]`; where content
            is one row of entries, that.
        round: The round, an integer or an int32 array `[...]`.
        delivery: What the channel brought.
    """

    content: Array
    round: Any
    delivery: Delivery

    @property
    def flags(self) -> Array:
        """Where something has arrived in this round, bool `[..., receiver, sender]`."""
        arrived = self.delivery.arrived
        return library_of({"arrived": arrived}).xp.matrix_transpose(arrived)

    @property
    def ages(self) -> Array:
        """Rounds since the newest message that has arrived was sent, `[..., receiver, sender]`.

        int32; as if one had been sent in round -1 before the first, and 0 on the diagonal.
        """
        newest = self.delivery.newest
        xp = library_of({"newest": newest}).xp
        round_index = self.round if isinstance(self.round, int) else self.round[..., None, None]
        with on_device_of(newest):
            apart = xp.astype(~xp.eye(newest.shape[-1], dtype=xp.bool), xp.int32)
        return xp.matrix_transpose((round_index - newest) * apart)


class ContentState(NamedTuple):
    """What is kept of what was said.

    Attributes:
        form: One message of each agent, `[1, N, D]`, `[1, sender, receiver, D]` or `[1, K]`: says
            what they are like, and is zero.
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
        entries: Where they belong, where content is one row of them; else None.
        xp: The array namespace.
    """

    limits: Any
    entries: Entries | None
    xp: Any

    def read(self, content: Array) -> Array:
        """Returns `[..., receiver, sender, K]`."""
        xp, entries = self.xp, self.entries
        if entries is None:
            return permuted(content, (1, 0, 2), xp)
        filled = xp.concat((content, xp.zeros_like(content[..., :1])), axis=-1)
        shape = (*content.shape[:-1], *entries.table.shape)
        return xp.reshape(picked(filled, xp.reshape(entries.table, (-1,)), xp), shape)

    def write(self, content: Array, before: Array, after: Array) -> Array:
        """Returns the numbers as content."""
        xp, entries = self.xp, self.entries
        if entries is None:
            return permuted(after, (1, 0, 2), xp)
        flat = xp.reshape(after, (*after.shape[:-3], math.prod(after.shape[-3:])))
        return picked(flat, entries.flat_index, xp)

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
        axes: The axes of agents that what is said in a round has.
    """

    def __init__(
        self,
        chain: NoiseChain,
        missing: Any,
        channel: Channel,
        agent_ids: tuple[Any, ...],
        axes: tuple[int, ...],
    ) -> None:
        self._chain, self._missing, self._ids, self._axes = chain, missing, agent_ids, axes
        queue = channel.chain.queue
        self._channel, self._slots = channel, channel.slots
        self._queue_slots = 0 if queue is None else queue.slots

    def _mailbox(self, kept: Kept, xp: Any) -> Mailbox:
        numbers = _Numbers(kept.limits, kept.entries, xp)
        layout = BatchRows(xp) if kept.entries is None else BatchEntries(kept.entries.links, xp)
        return Mailbox(layout, self._slots, self._queue_slots, self._missing, numbers)

    def fits(self, state: ContentState) -> bool:
        """Returns whether a state is one of this content."""
        mailbox = state.mailbox
        holds = (not isinstance(mailbox.last, tuple)) == (self._missing != "zero")
        waits = (not isinstance(mailbox.waiting, tuple)) == bool(self._queue_slots)
        history, depth = mailbox.history, self._slots - 1
        rounds = len(history) if isinstance(history, tuple) else depth
        return holds and waits and rounds == depth and state.form.shape[1:-1] == self._axes

    def begun(self, form: Array, call: Call, kept: Kept, random: RandomStream) -> ContentState:
        """Returns the state before round 0, in which nothing has been said.

        Args:
            form: One message of each agent, which says what they are like.
            call: What is given.
            kept: What is the same for all elements.
            random: The stream of what models begin with.
        """
        xp, batch, count = call.xp, call.batch, len(self._ids)
        mailbox = self._mailbox(kept, xp)
        width = form.shape[-1] if kept.entries is None else kept.entries.table.shape[-1]
        entries = noise_context(0, batch, width, kept.limits, self._ids, xp)
        noise = self._chain.init(kept.noises, entries, random.child("noise"))
        said = xp.zeros((*batch, *form.shape[1:]), dtype=form.dtype)
        on_links = xp.finfo(form.dtype).bits // 8 * form.shape[-1]
        if self._axes:
            on_links *= count**2
        if len(self._axes) == 1:
            said = said[..., None, :]
        queued = self._queue_slots or len(self._axes) != 1
        rounds = 0 if self._slots == 1 else self._slots * on_links // (1 if queued else count)
        links = (*batch, count, count)
        self._channel.check_memory(
            links, math.prod(batch) * (self._queue_slots * on_links + rounds)
        )
        clock = 0 if not call.library.traces else xp.zeros((), dtype=xp.int32)
        nothing = xp.full(links, -1, dtype=xp.int32)
        return ContentState(form, mailbox.init(said, kept.limits.zero, nothing, clock), noise)

    def received(
        self,
        state: ContentState,
        payloads: Array,
        delivery: Delivery,
        round_index: Any,
        call: Call,
        kept: Kept,
        random: RandomStream,
    ) -> tuple[ContentState, Received]:
        """Returns the next state, and what a round brings each receiver.

        Args:
            state: What is kept.
            payloads: What is said in this round.
            delivery: What the channel brings.
            round_index: The round, an integer or an int32 array `[...]`.
            call: What is given.
            kept: What is the same for all elements.
            random: The stream of this round.
        """
        xp, absent, links_noise = call.xp, ~delivery.arrived, delivery.links.noise
        # What is remembered and what is handed out are copies where anybody could write to them.
        if self._slots > 1 or self._queue_slots:
            payloads = own(payloads, call.library)
        if len(self._axes) == 1:
            payloads = payloads[..., None, :]
        mailbox, noise, limits = self._mailbox(kept, xp), state.noise, kept.limits
        over_links = round_index if isinstance(round_index, int) else round_index[..., None, None]
        box, content = mailbox.arrive(state.mailbox, payloads, delivery, over_links)
        if self._chain.parts or links_noise is not None:
            numbers = _Numbers(limits, kept.entries, xp)
            arrived, made = map(xp.matrix_transpose, (delivery.arrived, delivery.sent))
            variance = None if links_noise is None else xp.matrix_transpose(links_noise)
            read = numbers.read(content)
            about = noise_context(
                round_index, call.batch, read.shape[-1], limits, self._ids, xp, arrived, made
            )
            read, real = (xp.broadcast_to(x, about.shape) for x in (read, arrived[..., None]))
            stream = random.child("noise")
            noise, after = self._chain.corrupt(
                kept.noises, noise, read, real, about, stream, variance
            )
            content = numbers.write(content, read, after)
        box, content = mailbox.impute(box, content, absent, delivery, over_links, limits.zero, xp)
        if self._missing != "zero":
            content = own(content, call.library)
        seen = content if kept.entries is not None else permuted(content, (1, 0, 2), xp)
        return ContentState(state.form, box, noise), Received(seen, round_index, delivery)


def handed_out(received: Received) -> Received:
    """Returns what a round brings without what the channel keeps for itself."""
    delivery = received.delivery
    library = library_of({"arrived": delivery.arrived})
    sends, made = delivery.links.sends, delivery.made
    new_made = own(made, library)
    new_sends = new_made if sends is made else own(sends, library)

    def apart(array: Array) -> Array:
        """Returns what shares no memory with what is kept."""
        return new_sends if array is sends else new_made if array is made else array

    delivery = delivery._replace(
        links=delivery.links.send(new_sends),
        arrived=apart(delivery.arrived),
        newest=own(delivery.newest, library),
        made=new_made,
        survivors=apart(delivery.survivors),
        served=None,
        waiting=None,
        under_way=None,
    )
    return received._replace(delivery=delivery)
