"""The channel: a chain of models and the messages in flight give each round's delivery."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from failure_api.core.chain import Chain
from failure_api.core.links import Array, Context, Links
from failure_api.core.queue import WHOLE_MESSAGE, QueueState, carry, empty
from failure_api.core.random import RandomStream
from failure_api.errors import ModelError


class ChannelState(NamedTuple):
    """Everything that a channel carries from round to round.

    Attributes:
        models: The chain's state.
        alive: Which agents took part in the last round, bool `[..., N]`.
        untouched: Links between them before any model has acted: between two different live
            agents the bandwidth is 1, or the greatest that a queue knows of, and 0 elsewhere.
        newest: Round in which the newest message that has arrived on each link was sent, -1 where
            none has; int32 `[..., N, N]`.
        in_flight: For each coming round, one more than the round in which the newest message that
            arrives then was sent, and 0 where none arrives; int32 `[..., N, N]`.
        carried: Fraction of a message that each link has carried so far, float32 `[..., N, N]`;
            None where no link carries fractions, and where messages queue.
        queues: What waits on each link; None where nothing does.
        held: Rounds until all that was sent so far on a link in order has arrived, int32
            `[..., N, N]`; None where messages may overtake each other on every link.
    """

    models: Any
    alive: Array
    untouched: Links
    newest: Array
    in_flight: tuple[Array, ...]
    carried: Array | None
    queues: QueueState | None = None
    held: Array | None = None


class Delivery(NamedTuple):
    """What one round brings each receiver.

    Attributes:
        links: The links of the round.
        sent: Round in which the newest message arriving now was sent, -1 where none arrives;
            int32 `[..., sender, receiver]`.
        newest: Round in which the newest message that has ever arrived was sent, -1 where none
            has; int32 `[..., sender, receiver]`.
    """

    links: Links
    sent: Array
    newest: Array


@dataclass(frozen=True, kw_only=True)
class Channel:
    r"""Messages on failing links.

    In every round each live agent sends one message to each other one. A link carries a message
    when its bandwidth allows: one of bandwidth `b < 1` carries `b` of a message a round, so that
    `floor(b t)` of the first `t` are carried and the others are lost. A message that is carried
    arrives `delay` rounds later. When two arrive on a link in one round the newest wins; one
    that is older than what the link has already delivered is discarded. On a link that is in
    order a message waits on its way until all that left before it have arrived.

    Where the chain has a queue, messages wait for a link that is not free instead: `b` of a
    message is carried in every round, so that one that finds the link free leaves in round
    `ceil(1 / b) - 1` after its own, and the delay begins then. A message is lost where it is sent
    while its bandwidth is 0, where it finds no place in the queue, and where it waits too long.
    A link whose bandwidth is 0 carries nothing, and what waits there goes on waiting.

    What is in flight is one array for each coming round, and a round reads them all: its time is
    proportional to the longest delay.

    Args:
        chain: The failure models.

    Example:
        >>> import numpy as np
        >>> from failure_api.core import Chain, Context, NumpyStream
        >>> channel = Channel(chain=Chain(models=()))
        >>> context = Context(0, np.ones(2, dtype=bool), None, np, (2, 2), ("a", "b"))
        >>> stream = NumpyStream(0)
        >>> state, delivery = channel.step(channel.init(context, stream), context, stream)
        >>> delivery.sent.tolist()
        [[-1, 0], [0, -1]]
    """

    chain: Chain

    def init(self, context: Context, random: RandomStream) -> ChannelState:
        """Returns the state before round 0, with nothing in flight."""
        xp, shape = context.xp, context.shape
        queue, whole = self.chain.queue, not self.chain.carries_fractions
        nothing = xp.full(shape, -1, dtype=xp.int32)
        return ChannelState(
            models=self.chain.init(context, random),
            alive=context.alive,
            untouched=_untouched(context, queue.widest if queue else 1.0),
            newest=nothing,
            in_flight=(xp.zeros(shape, dtype=xp.int32),) * self.chain.longest_delay,
            carried=None if whole or queue else xp.zeros(shape, dtype=xp.float32),
            queues=None if queue is None else empty(queue, shape, xp),
            held=xp.zeros(shape, dtype=xp.int32) if self.chain.keeps_order else None,
        )

    def step(
        self, state: ChannelState, context: Context, random: RandomStream
    ) -> tuple[ChannelState, Delivery]:
        """Returns the next state and what this round brings each receiver."""
        xp, alive = context.xp, context.alive
        queue = None if state.queues is None else self.chain.queue
        # Arrays are never written to, so the same array says the same.
        untouched = state.untouched
        if alive is not state.alive:
            untouched = _untouched(context, queue.widest if queue else 1.0)
        models, links = self.chain.step(state.models, untouched, context, random)

        # A round has one message a link, and a model that forgets what it was given wakes no dead.
        bandwidth = xp.minimum(links.bandwidth, untouched.bandwidth)
        number = context.round
        if not isinstance(number, int):
            number = context.round_over(2)
        carried, queues = state.carried, state.queues
        if queue and queues:
            queues, sent = carry(queue, queues, bandwidth, number, xp)
        elif carried is None:
            sent = _only(bandwidth > 0, number, xp)
        else:
            carried = carried + bandwidth
            passes = carried >= WHOLE_MESSAGE
            carried = xp.maximum(carried - xp.astype(passes, xp.float32), 0.0)
            sent = _only(passes, number, xp)
        in_flight, held = state.in_flight, state.held
        if held is not None and links.in_order is not None and links.delay is not None:
            delay, held = _in_order(links.delay, links.in_order, sent >= 0, held, xp)
            links = links._replace(delay=delay)
        if in_flight:
            arriving, in_flight = _fly(sent, links.delay, in_flight, xp)
            sent = _only((arriving > state.newest) & alive[..., None, :], arriving, xp)
        elif links.delay is not None:
            raise ModelError(
                "a failure model returned delays although the longest_delay of every model is 0: "
                "let its longest_delay say how many rounds it may add."
            )
        newest = xp.maximum(state.newest, sent)
        following = ChannelState(models, alive, untouched, newest, in_flight, carried, queues, held)
        return following, Delivery(links, sent, newest)


def _untouched(context: Context, widest: float) -> Links:
    """Returns the links of a round before any model has acted."""
    xp, alive = context.xp, context.alive
    apart = ~xp.eye(context.shape[-1], dtype=xp.bool)
    usable = apart & alive[..., :, None] & alive[..., None, :]
    bandwidth = xp.astype(usable, xp.float32)
    return Links(bandwidth=bandwidth if widest == 1.0 else bandwidth * widest)


def _only(chosen: Array, number: Any, xp: Any) -> Array:
    """Returns the number where it is chosen and -1 elsewhere.

    A product, because `where` is twenty times slower on masks that no processor can predict.
    """
    return xp.astype(chosen, xp.int32) * (number + 1) - 1


def _in_order(
    delay: Array, in_order: Array, leaves: Array, held: Array, xp: Any
) -> tuple[Array, Array]:
    """Returns the delays with what has to be waited for, and what holds the next round up."""
    held = xp.maximum(held - 1, xp.zeros_like(held)) * xp.astype(in_order, xp.int32)
    delay = xp.maximum(delay, held)
    return delay, held + xp.astype(leaves, xp.int32) * (delay - held)


def _fly(
    sent: Array, delay: Array | None, in_flight: tuple[Array, ...], xp: Any
) -> tuple[Array, tuple[Array, ...]]:
    """Returns the messages arriving now, and those in flight one round later."""
    # With 0 for nothing, a product with a mask is all that each coming round takes.
    number, nothing = sent + 1, xp.zeros_like(sent)
    if delay is None:
        return xp.maximum(in_flight[0] - 1, sent), (*in_flight[1:], nothing)
    slots = range(len(in_flight) + 1)
    due = (xp.astype(delay == rounds, xp.int32) * number for rounds in slots)
    arriving, *later = map(xp.maximum, (*in_flight, nothing), due)
    return arriving - 1, tuple(later)
