"""The channel: a chain of models, what waits and what is under way give each round's delivery."""

from __future__ import annotations

import math
from collections.abc import Set
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from failure_api.core.arrays.libraries import JAX, TORCH, library_of, of_type
from failure_api.core.arrays.rings import ONE, taken, with_arrivals
from failure_api.core.chain import Chain, prepared
from failure_api.core.links import Array, Context, Links
from failure_api.core.queue import WHOLE_MESSAGE, QueueState, Served
from failure_api.core.random.stream import RandomStream
from failure_api.core.traits import Asked, Stage
from failure_api.errors import InvalidArgumentError, ModelError, invalid

MOST_BYTES = 2**30
"""Most memory that messages which wait or are under way may take."""


class UnderWay(NamedTuple):
    """What has been transmitted and is still to arrive.

    Each of the coming rounds has a place in a ring; what arrives in `d` rounds stands `d` places
    behind the one of this round.

    Attributes:
        clock: The place of the coming round.
        made: For each place, one more than the round in which the newest message that arrives
            then was made, 0 where none arrives; int32 `[..., D, N, N]`.
        count: How many messages arrive then, `[..., D, N, N]`, of the shortest type of integers
            that holds so many; int32 where they are few.
        left: One more than the round in which the newest left, likewise; None where messages
            leave in the round in which they are made.
    """

    clock: Any
    made: Array
    count: Array
    left: Array | None


class ChannelState(NamedTuple):
    """Everything that a channel carries from round to round.

    Attributes:
        models: The chain's state.
        alive: Which agents took part in the last round, bool `[..., N]`.
        sends: Whose links have a live sender, bool `[..., N, N]`, False on the diagonal; None where
            nothing ever waits for an agent that has died.
        makes: Between whom messages are made: both agents are alive, bool `[..., N, N]`.
        listens: Who is alive to hear, bool `[..., 1, N]`; None where that is known to be everyone.
        newest: Round in which the newest message that has arrived on each link was made, -1 where
            none has; int32 `[..., N, N]`.
        under_way: What is under way; None where nothing takes longer than its round.
        credit: Fraction of a message that each link could carry and has not carried, float32
            `[..., N, N]`; None where no link carries fractions, and where messages queue.
        queues: What waits on each link; None where nothing does.
        held: Rounds until all that was transmitted in order on a link has arrived, int32
            `[..., N, N]`; None where messages may overtake each other on every link.
    """

    models: Any
    alive: Array
    sends: Array | None
    makes: Array
    listens: Array | None
    newest: Array
    under_way: UnderWay | None
    credit: Array | None
    queues: QueueState | None = None
    held: Array | None = None


class Delivery(NamedTuple):
    """What one round brings each receiver.

    Attributes:
        links: The links of the round, with `sends` where something was transmitted.
        round: The round; an integer, or an int32 array that broadcasts to the links.
        arrived: Where a message arrives that is newer than what arrived before, bool
            `[..., sender, receiver]`.
        newest: Round in which the newest message that has ever arrived was made, -1 where none
            has; int32 `[..., sender, receiver]`.
        made: Where a message was made in this round, bool `[..., sender, receiver]`.
        arrivals: How many messages arrived in this round, int32 `[..., sender, receiver]`; None
            where that is one wherever `sent` has one.
        made_at: Round in which the newest message arriving now was made, -1 where none arrives,
            int32 `[..., sender, receiver]`; None where that is this round.
        left_at: Round in which it left its sender, likewise; None where that is `sent`.
        served: What this round did to the queues; None where there are none.
        survivors: How many of the messages that left now arrive if they are heard then, the
            newest of them: bool where no more than one leaves, else int32 `[..., N, N]`.
        waiting: What waits after this round; None where nothing ever does.
        under_way: What is under way after this round; None where nothing ever is.
    """

    links: Links
    round: Any
    arrived: Array
    newest: Array
    made: Array
    survivors: Array
    arrivals: Array | None = None
    made_at: Array | None = None
    left_at: Array | None = None
    served: Served | None = None
    waiting: QueueState | None = None
    under_way: UnderWay | None = None

    @property
    def sent(self) -> Array:
        """Round in which the newest message arriving now was made, int32, -1 for none."""
        if self.made_at is not None:
            return self.made_at
        return only(self.arrived, self.round, library_of({"arrived": self.arrived}).xp)

    @property
    def left(self) -> Array:
        """Round in which that message left its sender, likewise."""
        return self.sent if self.left_at is None else self.left_at

    def pending(self, xp: Any = np) -> Array:
        """Returns how many messages wait or are under way on each link, int32 `[..., N, N]`.

        Args:
            xp: The array namespace.
        """
        found = xp.zeros_like(self.newest)
        if self.waiting is not None:
            found = found + self.waiting.count
        if self.under_way is not None:
            found = found + xp.sum(self.under_way.count, axis=-3, dtype=xp.int32)
        return found


@dataclass(frozen=True, kw_only=True)
class Channel:
    r"""Messages on failing links.

    In every round each live agent makes one message for each other one, and the models are asked
    in the order of the stages that it passes, whatever the order of the chain:

    1. It is sent if its sender's node is up.
    2. It is admitted unless it is lost by chance before the queue, or finds the queue full.
    3. It is served as the link has capacity, and a turn. A link of capacity $b < 1$ carries
       `floor(b t)` of the first $t$ messages, and the others are lost; where the chain has a queue
       they wait, and one that finds the link free leaves `ceil(1 / b) - 1` rounds after its own.
    4. It is lost on the air, or takes `delay` rounds. In order it waits until all that left before
       it have arrived. Where it would arrive older than its expiry it is lost.
    5. It is heard if its receiver hears in the round of arrival and is alive then. The newest
       wins: one that is older than what the link has already delivered is overtaken.

    What is under way has a place for each coming round, and a round touches two of them: its time
    does not depend on the longest delay, nor on the length of a queue. Rings of more than 128 KiB
    are written to in place by NumPy and PyTorch, so that a state of theirs is good for one step.

    Args:
        chain: The failure models.

    Example:
        >>> import numpy as np
        >>> from failure_api.core import Chain, Context, NumpyStream
        >>> channel = Channel(chain=Chain(models=()))
        >>> context = Context(0, np.ones(2, dtype=bool), None, np, (2, 2), ("a", "b"))
        >>> stream, parameters = NumpyStream(0), channel.prepare(context)
        >>> state = channel.init(parameters, context, stream)
        >>> state, delivery = channel.step(parameters, state, context, stream)
        >>> delivery.sent.tolist()
        [[-1, 0], [0, -1]]
    """

    chain: Chain

    def __post_init__(self) -> None:
        """Checks the chain."""
        if not isinstance(self.chain, Chain):
            raise invalid("chain", "must be a Chain", self.chain, "give Chain(models=[...])")

    def prepare(self, context: Context) -> Any:
        """Returns what the models look up once, as arrays of the context's namespace.

        Args:
            context: Says who the agents are, and with how many coordinates they move.
        """
        return prepared(self.chain, context)

    def init(self, parameters: Any, context: Context, random: RandomStream) -> ChannelState:
        """Returns the state before round 0, with nothing under way.

        Raises:
            InvalidArgumentError: What may wait or be under way would take more than 1 GiB, or
                `parameters` are not those of this channel.
        """
        self._check(parameters)
        xp, shape, chain = context.xp, context.shape, self.chain
        queue, traits = chain.queue, chain.traits
        self.check_memory(shape)
        nothing = xp.full(shape, -1, dtype=xp.int32)
        zeros = xp.zeros(shape, dtype=xp.float32)
        return ChannelState(
            chain.init(parameters, context, random),
            context.alive,
            *self._ends(context),
            newest=nothing,
            under_way=self._nothing_under_way(context),
            credit=zeros if traits.narrows and queue is None else None,
            queues=None if queue is None else queue.empty(shape, xp),
            held=xp.zeros(shape, dtype=xp.int32) if traits.in_order and self.slots > 1 else None,
        )

    @cached_property
    def slots(self) -> int:
        """Places in the ring of what is under way: one more than the longest delay."""
        return self.chain.traits.longest_delay + 1

    def check_memory(self, shape: tuple[int, ...], content: int = 0) -> None:
        """Raises an error if what may wait or be under way would take too much memory.

        Args:
            shape: Shape of a link array.
            content: Bytes that the messages' content takes as well.

        Raises:
            InvalidArgumentError: It is more than 1 GiB.
        """
        queue, delay = self.chain.queue, self.slots - 1
        rings = (2 if queue is None else 3) * self.slots if delay else 0
        needed = 4 * math.prod(shape) * (rings + (queue.slots if queue else 0)) + content
        if needed <= MOST_BYTES:
            return
        waits = f"queues of {queue.slots} messages" if queue else ""
        late = f"delays of up to {delay} rounds" if delay else ""
        what = " and ".join(filter(None, (waits, late))) or "messages"
        raise InvalidArgumentError(
            "failure_models must keep what waits and what is under way within 1 GiB, but "
            f"{what} among {shape[-1]} agents take {needed / 2**30:.1f} GiB: shorten them."
        )

    def _nothing_under_way(self, context: Context) -> UnderWay | None:
        if self.slots == 1:
            return None
        xp, shape = context.xp, context.shape
        ring = (*shape[:-2], self.slots, *shape[-2:])
        queue = self.chain.queue
        most = self.slots * (queue.slots if queue else 1)
        count = xp.int8 if most < 2**7 else xp.int16 if most < 2**15 else xp.int32
        if xp is np and math.prod(ring) <= FEW_LINKS:
            # Few numbers take less memory than they take time to be converted.
            count = np.int32
        clock = 0 if xp.__name__ != JAX.namespace else xp.zeros((), dtype=xp.int32)
        # Each has memory of its own, since it may be written to.
        left = xp.zeros(ring, dtype=xp.int32) if queue else None
        return UnderWay(clock, xp.zeros(ring, dtype=xp.int32), xp.zeros(ring, dtype=count), left)

    def step(
        self, parameters: Any, state: ChannelState, context: Context, random: RandomStream
    ) -> tuple[ChannelState, Delivery]:
        """Returns the next state and what this round brings each receiver.

        Raises:
            InvalidArgumentError: `state` or `parameters` are not those of this channel.
        """
        if type(state) is not ChannelState:
            rule = "must be what this channel's init or step returned"
            raise invalid("state", rule, state, "begin with init(parameters, context, random)")
        self._check(parameters)
        chain, round_index, xp = self.chain, context.round, context.xp
        if not isinstance(round_index, int):
            round_index = context.round_over(2)
        # Arrays are never written to, so the same array says the same.
        if context.alive is not state.alive:
            sends, makes, listens = self._ends(context)
            state = state._replace(alive=context.alive, sends=sends, makes=makes, listens=listens)
            if state.queues is not None:
                state = state._replace(queues=state.queues.without_dead(sends, xp))
        if chain.in_stages:
            state, links, served = self._sent(parameters, state, round_index, context, random)
            return self._arrive(state, state.models, links, served, round_index, xp)
        models, links = chain.step(parameters, state.models, Links(state.makes), context, random)
        return self._arrive(state, models, _within(links, state.makes), None, round_index, xp)

    def _check(self, parameters: Any) -> None:
        """Raises an error for what `prepare` did not return."""
        if type(parameters) is not tuple or len(parameters) != len(self.chain.parts):
            rule = "must be what this channel's prepare returned"
            raise invalid("parameters", rule, parameters, "begin with prepare(context)")

    def _ends(self, context: Context) -> tuple[Array | None, Array, Array | None]:
        """Returns `sends`, `makes` and `listens` as in the state."""
        xp, alive = context.xp, context.alive
        apart = ~xp.eye(context.shape[-1], dtype=xp.bool)
        sends, listens = apart & alive[..., :, None], alive[..., None, :]
        makes = sends & listens
        # What NumPy knows at once, others may be tracing.
        everyone = xp is np and bool(alive.all())
        return sends if self.chain.queue else None, makes, None if everyone else listens

    @cached_property
    def _stages(self) -> Set[Stage]:
        return self.chain.stages(self.chain.queue_place)

    def _sent(
        self,
        parameters: Any,
        state: ChannelState,
        round_index: Any,
        context: Context,
        random: RandomStream,
    ) -> tuple[ChannelState, Links, Served | None]:
        """Asks the models stage by stage, and sends what the links can carry."""
        xp, queue, queues, models = context.xp, self.chain.queue, state.queues, state.models

        def ask(stage: Stage, links: Links) -> Links:
            nonlocal models
            if stage in self._stages:
                told = context._replace(asked=Asked(stage, self.chain.queue_place))
                models, links = self.chain.step(parameters, models, links, told, random)
            return links

        # What waits for an agent that has died is sent all the same: its sender does not know.
        live = Links(state.makes if state.sends is None else state.sends)
        links = _within(ask(Stage.SENT, live), live.sends)
        up, served = links.sends, None
        if queue is None or queues is None:
            links = ask(Stage.SERVED, links)
            if state.credit is not None:
                capacity = _said(links, xp)
                credit = state.credit + capacity
                # What was saved carries nothing over a link that cannot serve now.
                links = links.send(up & (credit >= WHOLE_MESSAGE) & (capacity > 0))
                credit = credit - of_type(links.sends, xp.float32, xp)
                # What rounding leaves of a whole message would add up from message to message.
                kept = ~links.sends | (credit > 1.0 - WHOLE_MESSAGE)
                credit = xp.clip(credit, 0.0, 1.0) * of_type(kept, xp.float32, xp)
                state = state._replace(credit=credit)
        else:
            comes = up & state.makes
            if Stage.ADMITTED in self._stages:
                on_air, links = links.lost, links._replace(lost=None)
                links = ask(Stage.ADMITTED, links)
                if links.lost is not None:
                    comes = comes & ~links.lost
                links = links._replace(rejected=links.lost, lost=on_air)
            queues, entered = queue.enter(queues, comes, round_index, xp)
            ready = up & (queues.count > 0)
            links = links.send(ready)
            links = ask(Stage.SERVED, links)
            capacity, expiry = _said(links, xp), links.expiry
            queues, served = queue.serve(queues, entered, capacity, ready, round_index, expiry, xp)
            state = state._replace(queues=queues)
            links = links.send(served.leaves > 0)
        links = ask(Stage.ON_AIR, links)
        return state._replace(models=models), links, served

    def _arrive(
        self,
        state: ChannelState,
        models: Any,
        links: Links,
        served: Served | None,
        round_index: Any,
        xp: Any,
    ) -> tuple[ChannelState, Delivery]:
        """Puts what was transmitted on its way, and takes from there what arrives.

        Args:
            state: What the channel carries, with all but the ways of this round.
            models: The chain's state.
            links: The links of the round.
            served: What the round did to the queues.
            round_index: The round; an integer, or an int32 array that broadcasts to the links.
            xp: The array namespace.
        """
        listens, newest, under_way = state.listens, state.newest, state.under_way
        made = round_index if served is None else served.made
        links, arrives, survivors, held = self._surviving(
            links, state.held, served, round_index, xp
        )
        heard, sent, left = links.hears, None, None
        if listens is not None:
            heard = listens if heard is None else heard & listens
        if under_way is not None:
            under_way, sent, left, arrivals = self._fly(
                under_way, arrives, survivors, links.delay, made, round_index, xp
            )
            late = sent <= newest
            if heard is not None:
                arrivals = arrivals * of_type(heard, xp.int32, xp)
                late = late | ~heard
            sent, arrives = all_but(late, sent, xp), ~late
            newest = xp.maximum(newest, sent)
            left = None if left is None else only(arrives, left, xp)
        else:
            arrivals = None if served is None else survivors
            if heard is not None:
                arrives = arrives & heard
                if arrivals is not None:
                    arrivals = arrivals * of_type(heard, xp.int32, xp)
            if served is None:
                newest = raised(newest, arrives, round_index, xp)
            else:
                sent, left = only(arrives, made, xp), only(arrives, round_index, xp)
                newest = xp.maximum(newest, sent)
        # Half of what `_replace` takes, which shows in every round.
        following = ChannelState(
            models,
            state.alive,
            state.sends,
            state.makes,
            listens,
            newest,
            under_way,
            state.credit,
            state.queues,
            held,
        )
        transmitted = links, round_index, arrives, newest, state.makes, survivors
        arrived = arrivals, sent, left, served, state.queues, under_way
        return following, Delivery(*transmitted, *arrived)

    def _surviving(
        self, links: Links, held: Array | None, served: Served | None, round_index: Any, xp: Any
    ) -> tuple[Links, Array, Array, Array | None]:
        """Returns what becomes of what is transmitted.

        Returns:
            The links, with the delays as order makes them; where the newest message that left is
            neither lost nor expires, bool `[..., N, N]`; how many of those that left are not,
            likewise; and what the channel carries as `held`.
        """
        arrives = links.sends if links.lost is None else but_not(links.sends, links.lost, xp)
        delay, expiry = links.delay, links.expiry
        if delay is not None and self.slots == 1:
            raise ModelError(
                "a failure model returned delays although the longest_delay of all traits is 0: "
                "let its traits say how many rounds it may add."
            )
        if held is not None:
            held = xp.maximum(held - 1, xp.zeros_like(held))
            if links.in_order is not None:
                delay = xp.zeros_like(held) if delay is None else delay
                waits = xp.maximum(held - delay, xp.zeros_like(held))
                delay = delay + waits * of_type(links.in_order, xp.int32, xp)
                links = links._replace(delay=delay)
        leaves = None if served is None else served.leaves
        if expiry is not None:
            due = round_index if delay is None else round_index + delay
            made = round_index if served is None else served.made
            arrives = arrives & (due - made <= expiry)
            leaves = None if served is None else served.younger(due - expiry, xp)
        survivors = arrives if leaves is None else leaves * of_type(arrives, xp.int32, xp)
        if held is not None and links.in_order is not None:
            assert delay is not None
            # What does not arrive holds up nobody.
            raised = of_type(arrives & links.in_order, xp.int32, xp)
            held = held + raised * (delay - held)
        return links, arrives, survivors, held

    def _fly(
        self,
        under_way: UnderWay,
        arrives: Array,
        survivors: Array,
        delay: Array | None,
        made: Any,
        round_index: Any,
        xp: Any,
    ) -> tuple[UnderWay, Array, Array | None, Array]:
        """Returns what is under way afterwards, and of what arrives now made, left and count."""
        clock, rounds, count, left = under_way
        if delay is None:
            delay = xp.zeros_like(rounds[..., 0, :, :])
        rings: tuple[Array, ...] = (rounds,) if left is None else (rounds, left)
        values: tuple[Any, ...] = (made + 1, round_index + 1)[: len(rings)]
        try:
            rings, count = with_arrivals(rings, count, clock, delay, arrives, values, survivors, xp)
        except IndexError:
            raise ModelError(
                f"the failure models returned delays from {delay.min()} to {delay.max()} rounds, "
                f"not within 0 to {self.slots - 1} as their traits say: let each model's "
                "longest_delay say how many rounds it may add."
            ) from None
        rounds, leaving = rings[0], None
        if left is not None:
            leaving, left = taken(rings[1], clock, xp)
            leaving = leaving - 1
        arriving, rounds = taken(rounds, clock, xp)
        arrivals, count = taken(count, clock, xp)
        if arrivals.dtype != xp.int32:
            arrivals = of_type(arrivals, xp.int32, xp)
        following = UnderWay((clock + 1) % self.slots, rounds, count, left)
        # NumPy takes longer to find the type of a Python number.
        one = ONE if xp is np else 1
        return following, arriving - one, leaving, arrivals


def only(chosen: Array, numbers: Any, xp: Any) -> Array:
    """Returns numbers where they are chosen and -1 elsewhere, int32.

    Args:
        chosen: Where, bool of any shape.
        numbers: One number, or an array that broadcasts to the shape.
        xp: The array namespace.
    """
    if xp is np and isinstance(numbers, int) and chosen.size <= FEW_LINKS:
        found = np.empty(chosen.shape, dtype=np.int32)
        found.fill(-1)
        np.putmask(found, chosen, np.array(numbers, dtype=np.int32))
        return found
    # A product, because `where` is twenty times slower on masks that no processor can predict.
    found = of_type(chosen, xp.int32, xp)
    found *= numbers + 1
    found -= 1
    return found


def raised(numbers: Array, chosen: Array, round_index: Any, xp: Any) -> Array:
    """Returns numbers with a greater one where it is chosen.

    Args:
        numbers: int32 of any shape.
        chosen: Where, bool of that shape.
        round_index: The greater; an integer, or an int32 array that broadcasts to the shape.
        xp: The array namespace.
    """
    if xp is np and isinstance(round_index, int) and chosen.size <= FEWEST_LINKS:
        found = numbers.copy()
        found[chosen] = round_index
        return found
    return xp.maximum(numbers, only(chosen, round_index, xp))


def all_but(refused: Array, numbers: Array, xp: Any) -> Array:
    """Returns an array of numbers that nobody else holds with -1 where they are refused."""
    if xp is np and refused.size <= FEW_LINKS:
        np.putmask(numbers, refused, NO_ROUND)
        return numbers
    return only(~refused, numbers, xp)


def but_not(these: Array, those: Array, xp: Any) -> Array:
    """Returns where flags are set and others are not."""
    if xp is np or xp.__name__ == TORCH.namespace:
        # What the array API has for numbers alone takes one step for flags.
        return np.greater(these, those) if xp is np else these > those
    return these & ~those


NO_ROUND = np.array(-1, dtype=np.int32)

FEWEST_LINKS, FEW_LINKS = 128, 4096
"""Links up to which indexing, and choosing, take NumPy less time than arithmetic."""


def _within(links: Links, sends: Array) -> Links:
    """Returns the links with nobody sending who has nothing to send, whatever models say."""
    return links if links.sends is sends else links.send(links.sends & sends)


def _said(links: Links, xp: Any) -> Array:
    """Returns the capacity of each link: 1 where nobody has said."""
    if links.capacity is None:
        return of_type(links.sends, xp.float32, xp) * 0.0 + 1.0
    # What NumPy knows at once, others may be tracing.
    if xp is np and links.capacity.max() < np.inf:
        return links.capacity
    unsaid = links.capacity == xp.inf
    return xp.where(unsaid, xp.ones_like(links.capacity), links.capacity)
