"""Times that are no whole rounds, and how many messages of a link arrive by each round."""

from __future__ import annotations

from typing import Any, NamedTuple

from failure_api.core.arrays.libraries import of_type
from failure_api.core.arrays.rings import at_places, with_added
from failure_api.core.links import Array, Context

BITS = 30
ONE = 2**BITS
"""Parts of a round. As one float32 a time would drift, since what a busy link transmits adds up
from message to message."""

WORD = 32
"""Bits of an entry of a ring."""

NEAR = ONE // 2**16
"""Times that differ by less than this are the same: draws are float32."""


class Time(NamedTuple):
    """Rounds from now on, as whole ones and parts.

    Attributes:
        whole: Whole rounds, rounded down; an integer, or an int32 array.
        part: How many of the `ONE` parts of a round follow, likewise.

    Example:
        >>> time = Time.of(2.5)
        >>> time.nearest(None), time.up(), time.then(Time.of(0.5))
        (3, 3, Time(whole=3, part=0))
    """

    whole: Any
    part: Any

    @classmethod
    def of(cls, rounds: float) -> Time:
        """Returns a time that is the same for all links."""
        return cls(*divmod(round(rounds * ONE), ONE))

    @classmethod
    def of_array(cls, rounds: Array, xp: Any) -> Time:
        """Returns the times of an array of rounds, float32."""
        whole = xp.floor(rounds)
        return cls(xp.astype(whole, xp.int32), xp.astype((rounds - whole) * ONE, xp.int32))

    def nearest(self, xp: Any) -> Any:
        """Returns the nearest whole round, not before the present one."""
        rounds = self.whole + ((self.part + ONE // 2 + NEAR) >> BITS)
        return rounds if isinstance(rounds, int) else xp.maximum(rounds, xp.zeros_like(rounds))

    def up(self) -> Any:
        """Returns the whole round by which the time is over."""
        return self.whole + ((self.part + ONE - 1 - NEAR) >> BITS)

    def then(self, time: Time) -> Time:
        """Returns the time with another one after it."""
        part = self.part + time.part
        return Time(self.whole + time.whole + (part >> BITS), part & (ONE - 1))

    def before(self, time: Time) -> Any:
        """Returns whether another time is later, one of the two being an array."""
        if isinstance(time.part, int) and time.part == 0:
            # No part of a round is less than none.
            return self.whole < time.whole
        return (self.whole < time.whole) | ((self.whole == time.whole) & (self.part < time.part))

    def or_where(self, where: Array, time: Time, xp: Any) -> Time:
        """Returns another time in some places, and this one in the others."""
        on = xp.astype(where, xp.int32)
        return Time(
            self.whole + on * (time.whole - self.whole), self.part + on * (time.part - self.part)
        )


class Arrivals(NamedTuple):
    """How the numbers of messages that arrive by each coming round share a ring.

    A round changes the numbers of two of them.

    Attributes:
        length: Entries of the ring.
        shared: Rounds that share an entry.
        width: Bits of each round.

    Example:
        >>> Arrivals.within(100, most=1)
        Arrivals(length=4, shared=32, width=1)
    """

    length: int
    shared: int
    width: int

    @classmethod
    def within(cls, rounds: int, most: int) -> Arrivals:
        """Returns the form of a ring.

        Args:
            rounds: Rounds by which every message has arrived.
            most: Most messages that come to arrive by the same round.
        """
        width = most.bit_length()
        # A power of two, by which it takes little time to divide.
        shared = 2 ** ((WORD // width).bit_length() - 1)
        return cls(-(-rounds // shared), shared, width)

    def step(
        self, ring: Array, rounds: Any, enters: Array, context: Context
    ) -> tuple[Array, Array]:
        """Returns the ring after a round, and by how many more are under way, int32.

        Args:
            ring: int32 `[..., length, N, N]`; it may be written to, as those of `core.rings` are.
            rounds: The rounds by which messages that enter now arrive; an integer or int32
                `[..., N, N]`.
            enters: Where one does, bool `[..., N, N]`.
            context: What is known of the round.
        """
        xp, number = context.xp, context.round
        if not isinstance(number, int):
            number = context.round_over(2)
        turn, each = self.length * self.shared, self.shared.bit_length() - 1

        def place(ahead: Any) -> tuple[Any, Any]:
            at = number % turn + ahead
            # Nothing takes longer than one turn; a sign that is shifted is -1 throughout.
            at = at + turn * ((turn - 1 - at) >> (WORD - 1))
            entry, shift = at >> each, (at & (self.shared - 1)) * self.width
            one = isinstance(entry, int)
            return entry if one else xp.broadcast_to(entry, context.shape), shift

        stays = of_type(enters & (rounds > 0), xp.int32, xp)
        entry, shift = place(stays * rounds)
        ring = with_added(ring, entry, stays << shift, xp)
        entry, shift = place(1)
        arrived = (at_places(ring, entry, xp) >> shift) & (2**self.width - 1)
        return with_added(ring, entry, -(arrived << shift), xp), stays - arrived
