"""Links and context: their fields, shapes and dtypes.

`N` is the number of agents. Every link array is indexed `[..., sender, receiver]`; leading axes
are batch. The diagonal means nothing: an agent needs no link to itself.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, NamedTuple, TypeAlias

Array: TypeAlias = Any
"""An array of whatever namespace the computation runs in."""


class Links(NamedTuple):
    """The state of every link in one round.

    The fields stand in the order of the stages that a message passes. A model changes those of
    its own stage and of later ones.

    Attributes:
        sends: Where something is sent, bool `[..., N, N]`: at first by every live agent, then by
            those whose node is up and who have something to send, and for what decides on the air
            where something is transmitted now.
        capacity: Messages per round that a link can carry now, float32 `[..., N, N]`; 1 is
            nominal, and infinity where nobody has said. None where nobody says anything.
        rejected: Where a message is lost before it enters the queue, bool `[..., N, N]`; None
            where there is no queue or nothing is.
        lost: Where what is transmitted now does not arrive, bool `[..., N, N]`; None where all
            of it does.
        delay: Whole rounds between transmission and arrival, int32 `[..., N, N]`; None where no
            link delays anything.
        in_order: Where no message arrives before one that was transmitted earlier, bool
            `[..., N, N]`; None where messages may overtake each other.
        expiry: Rounds after which a message is lost, counted from the round in which it was made,
            int32 `[..., N, N]`; None where none expires.
        noise: Variance of what the link adds to the content that arrives now, float32
            `[..., N, N]`; None where no link adds any.
        interference: Power of others' signals at the receiver, in milliwatts, float32
            `[..., N, N]`; None where there is none. Models of a later place in the chain that
            know of signal and noise take it into account.
        hears: Where what arrives now is heard, bool `[..., N, N]`; None where all of it is.

    Example:
        >>> import numpy as np
        >>> links = Links(sends=np.ones((2, 2), dtype=bool))
        >>> links.lose(np.eye(2, dtype=bool)).lost.tolist()
        [[True, False], [False, True]]
    """

    sends: Array
    capacity: Array | None = None
    rejected: Array | None = None
    lost: Array | None = None
    delay: Array | None = None
    in_order: Array | None = None
    expiry: Array | None = None
    noise: Array | None = None
    interference: Array | None = None
    hears: Array | None = None

    def lose(self, where: Array) -> Links:
        """Returns the links with what is transmitted lost in further places.

        Args:
            where: bool `[..., N, N]`.
        """
        # Written out, since it happens in every round, and `_replace` takes twice as long.
        sends, capacity, rejected, lost, delay, in_order, expiry, noise, power, hears = self
        lost = where if lost is None else lost | where
        return Links(sends, capacity, rejected, lost, delay, in_order, expiry, noise, power, hears)

    def silence(self, where: Array) -> Links:
        """Returns the links with nothing sent in further places.

        Args:
            where: bool, broadcasts to `[..., N, N]`.
        """
        return Links(self.sends & ~where, *self[1:])

    def deafen(self, where: Array) -> Links:
        """Returns the links with what arrives unheard in further places.

        Args:
            where: bool `[..., N, N]`.
        """
        return Links(*self[:-1], ~where if self.hears is None else self.hears & ~where)

    def narrow(self, capacity: Array, xp: ModuleType) -> Links:
        """Returns the links with no more capacity than this.

        Args:
            capacity: Messages per round, float32 `[..., N, N]`.
            xp: The array namespace.
        """
        if self.capacity is not None:
            capacity = xp.minimum(self.capacity, capacity)
        return Links(self.sends, capacity, *self[2:])

    def slow(self, delay: Array) -> Links:
        """Returns the links with a delay added.

        Args:
            delay: Rounds, int32 `[..., N, N]`.
        """
        sends, capacity, rejected, lost, before, in_order, expiry, noise, power, hears = self
        later = delay if before is None else before + delay
        return Links(sends, capacity, rejected, lost, later, in_order, expiry, noise, power, hears)

    def send(self, where: Array) -> Links:
        """Returns the links with these senders.

        Args:
            where: bool `[..., N, N]`.
        """
        return Links(where, *self[1:])


NEVER = 2**30
"""A number of rounds that no episode reaches."""

UNSAID = {"capacity": float("inf"), "expiry": NEVER, "hears": True}
"""What holds in the fields that are None; elsewhere it is 0 or False."""


def mixed(where: Array, worse: Links, links: Links, context: Context) -> Links:
    """Returns `worse` in some places, and `links` in the others.

    Args:
        where: Which places, bool; broadcasts to `[..., N, N]`.
        worse: The links there, as a model leaves them.
        links: The links elsewhere, as it was given them.
        context: What is known of the round.
    """
    xp, fields = context.xp, {}
    for name, new, old in zip(Links._fields, worse, links, strict=True):
        if new is None or new is old:
            continue
        if old is None and name not in UNSAID:
            # Where nothing acts there is False, or 0.
            fields[name] = (
                new & where if new.dtype == xp.bool else new * xp.astype(where, new.dtype)
            )
            continue
        if old is None:
            old = xp.full(context.shape, UNSAID[name], dtype=new.dtype)
        if name == "capacity":
            # What nobody has said is infinite, and no product of it is a number.
            fields[name] = xp.where(where, new, old)
        elif new.dtype == xp.bool:
            fields[name] = (new & where) | (old & ~where)
        else:
            # Products, because `where` is twenty times slower on masks that are random.
            on = xp.astype(where, new.dtype)
            fields[name] = new * on + old * (1 - on)
    return links._replace(**fields)


class Context(NamedTuple):
    """What a model may know of the round it is asked about.

    Attributes:
        round: Number of the round; 0 is the reset. An integer, or an int32 array `[...]` of the
            batch's shape, whose elements may be in different rounds.
        alive: Which agents take part, bool `[..., N]`. Like every array here it is never written
            to: a change is another array.
        positions: Where the agents are, float32 `[..., N, dim]`, in the environment's units; None
            where nobody asked for them.
        xp: The array namespace that every operation comes from.
        shape: Shape of a link array, `(..., N, N)`.
        agent_ids: The environment's `possible_agents`, in that order.
        message_bits: Bits of one message on each link, float32 `[N, N]`; None where nobody has
            counted them.
        asked: Which stage models that hold several are asked for, and what a chain needs to know
            for that; None for all of them at once.
        severity: How severe failures are in the episode of each element of a batch, float32
            `[...]` in [0, 1]; None where nobody grades them.

    Example:
        >>> import numpy as np
        >>> context = Context(0, np.ones(2, dtype=bool), None, np, (2, 2), ("a", "b"))
        >>> context.agent_ids.index("b")
        1
        >>> context.round_over(2).shape
        (1, 1)
    """

    round: Any
    alive: Array
    positions: Array | None
    xp: ModuleType
    shape: tuple[int, ...]
    agent_ids: tuple[Any, ...]
    message_bits: Array | None = None
    asked: Any = None
    severity: Array | None = None

    def asks(self, *stages: Any) -> bool:
        """Returns whether a model is asked for one of some stages now."""
        return self.asked is None or self.asked.stage in stages

    def round_over(self, axes: int) -> Array:
        """Returns the round as an int32 array that broadcasts over so many axes after the batch.

        Args:
            axes: Number of axes of length 1 to append, as in 2 for `[..., N, N]`.
        """
        round_index = self.xp.asarray(self.round, dtype=self.xp.int32)
        return round_index[(..., *(None,) * axes)]

    def ungraded(self) -> Context:
        """Returns the context without a severity, for what a model runs that has taken it."""
        return self if self.severity is None else self._replace(severity=None)
