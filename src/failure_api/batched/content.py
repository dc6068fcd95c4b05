"""The content of messages in batches: old, new, held, missing or corrupted."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from failure_api.batched.call import Call
from failure_api.batched.limits import Entries, Limits
from failure_api.core import Channel, Context, Delivery, RandomStream
from failure_api.core.arrays import libraries
from failure_api.core.arrays.trees import map_leaves
from failure_api.core.layouts import BatchEntries, BatchRows, permuted
from failure_api.core.links import Array
from failure_api.core.mailbox import Mailbox, MailboxState
from failure_api.core.noise import NoiseContext
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
        return libraries.library_of({"arrived": arrived}).xp.matrix_transpose(arrived)

    @property
    def ages(self) -> Array:
        """Rounds since the newest message that has arrived was sent, `[..., receiver, sender]`.

        int32; as if one had been sent in round -1 before the first, and 0 on the diagonal.
        """
        newest = self.delivery.newest
        xp = libraries.library_of({"newest": newest}).xp
        round_index = self.round if isinstance(self.round, int) else self.round[..., None, None]
        with libraries.on_device_of(newest):
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


class Numbers(NamedTuple):
    """Content of a batch, which is numbers as it is.

    Attributes:
        limits: What the entries may be, as arrays.
        entries: Where they belong, where content is one row of them; else None.
        xp: The array namespace.
    """

    limits: Limits
    entries: Entries | None
    xp: Any

    def width(self, form: Array) -> int:
        """Returns how many numbers a message has, of content of this form."""
        return int(form.shape[-1] if self.entries is None else self.entries.table.shape[-1])

    def read(self, content: Array) -> Array:
        """Returns `[..., receiver, sender, K]`."""
        xp, entries = self.xp, self.entries
        if entries is None:
            return permuted(content, (1, 0, 2), xp)
        filled = xp.concat((content, xp.zeros_like(content[..., :1])), axis=-1)
        shape = (*content.shape[:-1], *entries.table.shape)
        return xp.reshape(libraries.picked(filled, xp.reshape(entries.table, (-1,)), xp), shape)

    def write(self, content: Array, before: Array, after: Array) -> Array:
        """Returns the numbers as content."""
        xp, entries = self.xp, self.entries
        if entries is None:
            return permuted(after, (1, 0, 2), xp)
        flat = xp.reshape(after, (*after.shape[:-3], math.prod(after.shape[-3:])))
        return libraries.picked(flat, entries.flat_index, xp)

    def within(self, numbers: Array, last: Array) -> Array:
        """Returns numbers within their bounds; whole ones are as they were last."""
        xp, (low, high, whole, _) = self.xp, self.limits
        inside = xp.minimum(xp.maximum(numbers, low), high)
        return xp.where(whole, last, inside)


class Kept(NamedTuple):
    """What is the same for all elements.

    Attributes:
        models: The failure models' parameters.
        noises: The noise models' parameters.
        numbers: What the content is.
        mailbox: What says what each receiver has of each sender.
    """

    models: Any
    noises: Any
    numbers: Numbers
    mailbox: Mailbox | None = None


class Content:
    """Keeps what was said, and finds what of it each receiver has.

    Args:
        channel: The channel, which knows how long messages wait and take.
        noise: The noise models.
        limits: What the entries of the content may be.
        missing: What stands in for content that did not arrive.
        agent_ids: The team.
        axes: The axes of agents that what is said in a round has.
        entries: Where entries belong, where content is one row of them; else None.
    """

    def __init__(
        self,
        channel: Channel,
        noise: NoiseChain,
        limits: Limits,
        missing: Any,
        agent_ids: tuple[Any, ...],
        axes: tuple[int, ...],
        entries: Entries | None,
    ) -> None:
        self._channel, self._chain, self._limits, self._missing = channel, noise, limits, missing
        self._ids, self._axes, self._entries = agent_ids, axes, entries
        queue = channel.chain.queue
        self._slots, self._queue_slots = channel.slots, 0 if queue is None else queue.slots
        self._found: dict[Any, Kept] = {}

    def kept(self, form: Array, call: Call) -> Kept:
        """Returns all that is the same for all elements, looked up once.

        Args:
            form: Says how many entries content has, and their type.
            call: Says with how many coordinates agents move, and where arrays are needed.
        """
        key = call.columns, form.shape[-1], form.dtype, call.device
        if key in self._found:
            return self._found[key]
        named = (*key[:2], str(form.dtype))
        if named not in self._found:
            self._found[named] = self._on_host(call.columns, form)
        xp = call.xp

        def typed(limit: Array | None) -> Array | None:
            """Returns a limit of the content's type, which may be one that NumPy does not have."""
            flags = limit is None or limit.dtype == xp.bool
            return limit if flags else xp.astype(limit, form.dtype)

        with libraries.lasting(call.library):
            kept: Kept = libraries.on_arrays_of(xp, self._found[named])
            limits, entries, _ = kept.numbers
            numbers = Numbers(map_leaves(typed, limits), entries, xp)
        layout = BatchRows(xp) if entries is None else BatchEntries(entries.links, xp)
        mailbox = Mailbox(layout, self._slots, self._queue_slots, self._missing, numbers)
        kept = kept._replace(numbers=numbers, mailbox=mailbox)
        if not call.library.traces:
            # While a function is traced, what is made belongs to it alone.
            self._found[key] = kept
        return kept

    def __getstate__(self) -> dict[str, Any]:
        """Leaves out what is looked up: array namespaces do not pickle."""
        return {**self.__dict__, "_found": {}}

    def _on_host(self, columns: int | None, form: Array) -> Kept:
        """Returns all of it but the mailbox, as NumPy arrays."""
        count = len(self._ids)
        positions = None if columns is None else np.zeros((count, columns), np.float32)
        alive = np.ones(count, dtype=bool)
        context = Context(0, alive, positions, np, (count, count), self._ids)
        single = Numbers(self._limits.on_host(np.float32), self._entries, np)
        noises = self._chain.prepare(self._noise_context(0, (), single.width(form), single))
        numbers = single._replace(limits=self._limits.on_host(form.dtype, self._entries))
        return Kept(self._channel.prepare(context), noises, numbers)

    def _noise_context(
        self,
        round_index: Any,
        batch: tuple[int, ...],
        width: int,
        numbers: Numbers,
        arrived: Array | None = None,
        made: Array | None = None,
    ) -> NoiseContext:
        """Returns what noise models may know of the content of a round.

        Args:
            round_index: The round.
            batch: Shape of the batch.
            width: Number of entries of a message.
            numbers: What the content is.
            arrived: Where there is content, bool `[..., receiver, sender]`; None for nowhere.
            made: The round in which it was made, int32 `[..., receiver, sender]`.
        """
        (low, high, whole, _), _, xp = numbers
        links = (*batch, len(self._ids), len(self._ids))
        arrived = xp.zeros(links, dtype=xp.bool) if arrived is None else arrived
        shape = (*links, width)
        return NoiseContext(round_index, arrived, low, high, whole, xp, shape, self._ids, made)

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
        xp, batch, count, numbers = call.xp, call.batch, len(self._ids), kept.numbers
        about = self._noise_context(0, batch, numbers.width(form), numbers)
        noise = self._chain.init(kept.noises, about, random.child("noise"))
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
        assert kept.mailbox is not None
        box = kept.mailbox.init(said, numbers.limits.zero, nothing, clock)
        return ContentState(form, box, noise)

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
            payloads = libraries.own(payloads, call.library)
        if len(self._axes) == 1:
            payloads = payloads[..., None, :]
        mailbox, noise, numbers = kept.mailbox, state.noise, kept.numbers
        assert mailbox is not None
        over_links = round_index if isinstance(round_index, int) else round_index[..., None, None]
        box, content = mailbox.arrive(state.mailbox, payloads, delivery, over_links)
        if self._chain.parts or links_noise is not None:
            arrived, made = map(xp.matrix_transpose, (delivery.arrived, delivery.sent))
            variance = None if links_noise is None else xp.matrix_transpose(links_noise)
            read = numbers.read(content)
            about = self._noise_context(
                round_index, call.batch, read.shape[-1], numbers, arrived, made
            )
            read, real = (xp.broadcast_to(x, about.shape) for x in (read, arrived[..., None]))
            stream = random.child("noise")
            noise, after = self._chain.corrupt(
                kept.noises, noise, read, real, about, stream, variance
            )
            content = numbers.write(content, read, after)
        zero = numbers.limits.zero
        box, content = mailbox.impute(box, content, absent, delivery, over_links, zero, xp)
        if self._missing != "zero":
            content = libraries.own(content, call.library)
        seen = content if self._entries is not None else permuted(content, (1, 0, 2), xp)
        return ContentState(state.form, box, noise), Received(seen, round_index, delivery)


def handed_out(received: Received) -> Received:
    """Returns what a round brings without what the channel keeps for itself."""
    delivery = received.delivery
    library = libraries.library_of({"arrived": delivery.arrived})
    sends, made = delivery.links.sends, delivery.made
    new_made = libraries.own(made, library)
    new_sends = new_made if sends is made else libraries.own(sends, library)

    def apart(array: Array) -> Array:
        """Returns what shares no memory with what is kept."""
        return new_sends if array is sends else new_made if array is made else array

    delivery = delivery._replace(
        links=delivery.links.send(new_sends),
        arrived=apart(delivery.arrived),
        newest=libraries.own(delivery.newest, library),
        made=new_made,
        survivors=apart(delivery.survivors),
        served=None,
        waiting=None,
        under_way=None,
    )
    return received._replace(delivery=delivery)
