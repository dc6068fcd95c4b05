"""Where messages wait for a link that is not free."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from failure_api.core.links import Array

WHOLE_MESSAGE = 1.0 - 2.0**-16
"""What counts as a whole message: float32 hundredths add up to a little less or more than 1."""

NOTHING = 2**30
"""Stands for no message where others are known by their rounds; later than any round."""


@dataclass(frozen=True, kw_only=True)
class Queue:
    """How messages wait for a link that cannot carry them at once.

    Args:
        length: Most messages that wait on a link, the one being carried among them.
        max_wait: Most rounds that a message waits; it is lost if it has not left by then, and the
            next one goes on from what has been carried of it, so that the link loses no time.
        drop: Which message is lost where one too many waits. `"tail"`: the one that comes, and
            messages are carried in the order in which they were sent. `"newest_first"`: the one
            that waits, whose place the one that comes takes, so that no more than one waits
            behind the one being carried.
        widest: The greatest bandwidth that a link may have, in messages per round. More than 1
            helps to catch up with what waits.

    Example:
        >>> Queue(length=10, max_wait=20).slots
        10
    """

    length: int
    max_wait: int
    drop: Literal["tail", "newest_first"] = "tail"
    widest: float = 1.0

    @property
    def slots(self) -> int:
        """The most messages that a link ever keeps: no two of them were sent in one round."""
        useful = 2 if self.drop == "newest_first" else self.length
        return min(useful, self.length, self.max_wait + 1)

    @property
    def most_at_once(self) -> int:
        """The most messages that leave a queue in one round."""
        return min(math.ceil(self.widest), self.slots)


class QueueState(NamedTuple):
    """What waits on every link.

    Attributes:
        waiting: For each place in the queue, the round in which the message there was sent,
            `NOTHING` where there is none; int32 `[..., N, N]`. The first is the one being carried.
        carried: Fraction of it that has been carried so far, float32 `[..., N, N]`.
    """

    waiting: tuple[Array, ...]
    carried: Array


def empty(queue: Queue, shape: tuple[int, ...], xp: Any) -> QueueState:
    """Returns the state of links on which nothing waits."""
    nothing = xp.full(shape, NOTHING, dtype=xp.int32)
    return QueueState((nothing,) * queue.slots, xp.zeros(shape, dtype=xp.float32))


def carry(
    queue: Queue, state: QueueState, bandwidth: Array, number: Any, xp: Any
) -> tuple[QueueState, Array]:
    """Puts a round's messages in the queues, and carries what the links can.

    Where bandwidth is 0 the message of the round is lost and what waits stays.

    Args:
        queue: How messages wait.
        state: What waits.
        bandwidth: Messages per round that each link carries now, float32 `[..., N, N]`.
        number: The round; an integer, or a 0-d int32 array.
        xp: The array namespace.

    Returns:
        What waits afterwards, and the round in which the newest message that has left each queue
        was sent, -1 where none has; int32 `[..., N, N]`.
    """
    up = bandwidth > 0
    coming = xp.astype(up, xp.int32) * (number - NOTHING) + NOTHING
    if queue.drop == "newest_first":
        waiting = _newest_first(state, coming, up, xp)
    else:
        waiting = _in_order(state.waiting, coming, xp)
    carried = state.carried + bandwidth
    left = xp.full_like(coming, -1)
    for _ in range(queue.most_at_once):
        first = waiting[0]
        leaves = (carried >= WHOLE_MESSAGE) & (first < NOTHING) & up
        late = first <= number - queue.max_wait
        left = xp.maximum(left, xp.astype(leaves, xp.int32) * (first + 1) - 1)
        # Nothing moves up where this is 0, and everything where it is later than any message.
        lift = xp.astype(leaves | late, xp.int32) * NOTHING
        waiting = (*(map(_next(lift, xp), waiting, waiting[1:])), xp.maximum(waiting[-1], lift))
        carried = carried - xp.astype(leaves, xp.float32)
        # A link with nothing to carry saves nothing up, and what rounding leaves of a whole
        # message would add up from message to message.
        kept = ~leaves | (carried > 1.0 - WHOLE_MESSAGE)
        carried = carried * xp.astype(kept & (waiting[0] < NOTHING), xp.float32)
    return QueueState(waiting, carried), left


def _next(lift: Array, xp: Any) -> Any:
    return lambda place, behind: xp.maximum(place, xp.minimum(behind, lift))


def _in_order(waiting: tuple[Array, ...], coming: Array, xp: Any) -> tuple[Array, ...]:
    """Returns the queues with what comes in the first free place, where there is one.

    Rounds stand in ascending order and free places are later than any round, so that the message
    that comes belongs where it is later than what is in front and not later than what is there.
    """
    behind = map(xp.minimum, waiting[1:], (xp.maximum(front, coming) for front in waiting))
    return (xp.minimum(waiting[0], coming), *behind)


def _newest_first(state: QueueState, coming: Array, up: Array, xp: Any) -> tuple[Array, ...]:
    """Returns the queues with what comes in front of all that has not begun to be carried."""
    if len(state.waiting) == 1:
        return _in_order(state.waiting, coming, xp)
    first, second = state.waiting
    begun = xp.astype(state.carried > 0, xp.int32)
    comes = xp.astype(up, xp.int32)
    first = first + comes * (1 - begun) * (coming - first)
    # Behind what has not begun nothing waits, since the newest took its place.
    second = second + comes * (coming + (1 - begun) * (NOTHING - coming) - second)
    return first, second
