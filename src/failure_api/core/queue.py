"""Queues, in which messages wait for a link that is not free."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np

from failure_api.core.arrays.libraries import of_type
from failure_api.core.arrays.rings import at_slots, least_slot_from, with_put
from failure_api.core.links import Array
from failure_api.errors import invalid

WHOLE_MESSAGE = 1.0 - 2.0**-16
"""What counts as a whole message: float32 hundredths add up to a little less or more than 1."""


@dataclass(frozen=True, kw_only=True)
class Queue:
    """How messages wait for a link that cannot carry them at once.

    Args:
        length: Most messages that wait on a link, the one being carried among them.
        max_wait: Most rounds that a message waits; it is lost if it has not left by then, and the
            next one goes on from what has been carried of it, so that the link loses no time.
            None lets it wait as long as it takes.
        drop: Which message is lost where one too many waits. `"tail"`: the one that comes, and
            messages are carried in the order in which they were made. `"newest_first"`: the one
            that waits, whose place the one that comes takes, so that no more than one waits
            behind the one being carried.

    Example:
        >>> Queue(length=10).slots, Queue(length=10, drop="newest_first").slots
        (10, 2)
    """

    length: int
    max_wait: int | None = None
    drop: Literal["tail", "newest_first"] = "tail"

    @cached_property
    def slots(self) -> int:
        """The most messages that a link ever keeps: no two of them were made in one round."""
        useful = 2 if self.drop == "newest_first" else self.length
        waits = useful if self.max_wait is None else self.max_wait + 1
        return min(useful, self.length, waits)

    def joined(self, other: Queue) -> Queue:
        """Returns the queue that two models of a chain share.

        Raises:
            InvalidArgumentError: They differ.
        """
        for name, argument in (("length", "queue_length"), ("drop",) * 2, ("max_wait",) * 2):
            first, second = getattr(self, name), getattr(other, name)
            if first != second:
                rule = "must be the same in all capacity models of a chain, which share one queue"
                raise invalid(argument, rule, second, f"give {first!r}, as the first of them has")
        return self

    def empty(self, shape: tuple[int, ...], xp: Any) -> QueueState:
        """Returns the state of links on which nothing waits."""
        nothing = xp.zeros(shape, dtype=xp.int32)
        rounds = xp.zeros((*shape[:-2], self.slots, *shape[-2:]), dtype=xp.int32)
        return QueueState(rounds, nothing, nothing, xp.zeros(shape, dtype=xp.float32))

    def enter(
        self, state: QueueState, comes: Array, round_index: Any, xp: Any
    ) -> tuple[QueueState, Entered]:
        """Returns the queues with the round's messages in them, and which of these they are.

        Args:
            state: What waits.
            comes: Where a message comes, bool `[..., N, N]`.
            round_index: The round; an integer, or an int32 array that broadcasts to the links.
            xp: The array namespace.
        """
        rounds, first, count, carried = state
        slots = self.slots
        if self.drop == "newest_first" and slots > 1:
            # Behind what is being carried, or in its place while nothing of it has been carried.
            offset = of_type((count > 0) & (carried > 0), xp.int32, xp)
            enters, more = comes, of_type(comes, xp.int32, xp) * (offset + 1 - count)
        else:
            offset, enters = count, comes & (count < slots)
            more = of_type(enters, xp.int32, xp)
        slot = _wrapped(first + offset, slots, xp)
        rounds, count = with_put(rounds, slot, enters, round_index, xp), count + more
        return QueueState(rounds, first, count, carried), Entered(enters, slot)

    def serve(
        self,
        state: QueueState,
        entered: Entered,
        capacity: Array,
        ready: Array,
        round_index: Any,
        expiry: Array | None,
        xp: Any,
    ) -> tuple[QueueState, Served]:
        """Returns what waits after the links have carried what they can, and what has left.

        Args:
            state: What waits, with the round's messages.
            entered: Which of them these are.
            capacity: Messages per round that each link carries now, float32 `[..., N, N]`.
            ready: Where something waits whose sender is up, bool `[..., N, N]`; elsewhere nothing
                is carried.
            round_index: The round, as in `enter`.
            expiry: Rounds after which messages expire, int32 `[..., N, N]`; None where none does.
            xp: The array namespace.
        """
        rounds, first, count, carried = state
        slots = self.slots
        carried = carried + capacity * of_type(ready, xp.float32, xp)
        # What lies just below a whole message is one; no more leaves than waits.
        waits = of_type(count, xp.float32, xp)
        leaves = of_type(xp.minimum(carried + (1.0 - WHOLE_MESSAGE), waits), xp.int32, xp)
        leaving = leaves > 0
        following = first + leaves
        last = _wrapped(following - of_type(leaving, xp.int32, xp), slots, xp)
        made = at_slots(rounds, last, xp)
        served = Served(entered, leaves, last, made, rounds, first)
        first, count = _wrapped(following, slots, xp), count - leaves
        carried = carried - of_type(leaves, xp.float32, xp)
        # What rounding leaves of a whole message would add up from message to message.
        kept = ~leaving | (carried > 1.0 - WHOLE_MESSAGE)
        late = None
        if expiry is not None:
            if self.max_wait is not None:
                expiry = xp.minimum(expiry, xp.full_like(expiry, self.max_wait))
            late = least_slot_from(rounds, first, count, round_index - expiry + 1, xp)
        elif self.max_wait is not None:
            # Messages are made one a round, so that at most one has come to the end of its wait.
            oldest = at_slots(rounds, first, xp)
            late = of_type((oldest <= round_index - self.max_wait) & (count > 0), xp.int32, xp)
        if late is not None:
            first, count = _wrapped(first + late, slots, xp), count - late
        # A link with nothing to carry saves nothing up.
        carried = carried * of_type(kept & (count > 0), xp.float32, xp)
        return QueueState(rounds, first, count, carried), served


class QueueState(NamedTuple):
    """What waits on every link.

    Attributes:
        rounds: For each place, the round in which the message there was made, int32
            `[..., L, N, N]`; places that are free hold anything.
        first: The place of the message being carried, int32 `[..., N, N]`. Those that follow it
            wait in the places behind, the first of which is behind the last.
        count: How many messages wait, the one being carried among them, int32 `[..., N, N]`.
        carried: Fraction of the first that has been carried so far, float32 `[..., N, N]`.
    """

    rounds: Array
    first: Array
    count: Array
    carried: Array

    def without_dead(self, alive: Array, xp: Any) -> QueueState:
        """Returns the queues without what waited on links whose senders have died.

        Args:
            alive: Whose senders are alive, bool `[..., N, N]`.
            xp: The array namespace.
        """
        count = self.count * of_type(alive, xp.int32, xp)
        return self._replace(count=count, carried=self.carried * of_type(alive, xp.float32, xp))


class Entered(NamedTuple):
    """Which of a round's messages begin to wait.

    Attributes:
        where: On which links one does, bool `[..., N, N]`.
        slot: The place that it takes, int32 `[..., N, N]`; any place where none does.
    """

    where: Array
    slot: Array


class Served(NamedTuple):
    """What a round does to the queues.

    Attributes:
        entered: Which of the round's messages begin to wait.
        leaves: How many messages leave, int32 `[..., N, N]`.
        slot: The place of the newest of them; any place where none leaves.
        made: The round in which it was made; any number where none leaves.
        rounds: As in the state, before anything left.
        first: As in the state, before anything left.
    """

    entered: Entered
    leaves: Array
    slot: Array
    made: Array
    rounds: Array
    first: Array

    def younger(self, since: Array, xp: Any) -> Array:
        """Returns how many of those that leave were made in a round or later, int32 `[..., N, N]`.

        Args:
            since: The round, int32 `[..., N, N]`.
            xp: The array namespace.
        """
        older = least_slot_from(self.rounds, self.first, self.leaves, since, xp)
        return self.leaves - older


def _wrapped(slot: Array, slots: int, xp: Any) -> Array:
    """Returns places that lie at most one turn beyond the last one, within the turn."""
    if xp is np:
        # What is negative is great without its sign: half the time of the same with a comparison.
        within = np.minimum(slot.view(np.uint32), (slot - slots).view(np.uint32))
        return within.view(np.int32)
    return slot - slots * of_type(slot >= slots, xp.int32, xp)
