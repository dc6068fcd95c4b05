"""The network emulator of Linux: loss, then delay, then a link of some rate, and a limit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from failure_api.communication_models.delay.distributions import NormalDelay, UniformDelay, mean_age
from failure_api.communication_models.probabilistic import ProbabilisticModel
from failure_api.core import Array, CommunicationModel, Context, Links, RandomStream, Stage, Traits
from failure_api.core.arrays.libraries import of_type
from failure_api.core.arrays.rings import at_slots, with_added
from failure_api.core.chain import Chain
from failure_api.core.model import closed_form
from failure_api.core.parameters.rules import Instance
from failure_api.core.parameters.types import LONGEST_DELAY, Count, Share, not_negative
from failure_api.errors import invalid

SPREAD = 4.0
"""netem's table of the normal distribution ends at so many standard deviations."""

MOST_ROUNDS = 1_000_000
"""Rounds that the last message of a full queue may take."""


class _Loss(Instance):
    """A parameter that is a model of loss by chance and of nothing else."""

    def normalise(self, name: str, value: Any) -> Any:
        """Returns the model, or raises an error for one that does anything else."""
        if isinstance(value, CommunicationModel) and value.traits.stages <= {Stage.ADMITTED}:
            return value
        remedy = "give one such as ProbabilisticModel(failure_prob=0.1)"
        raise invalid(name, "must be a model of loss by chance alone, or None", value, remedy)


class NetemState(NamedTuple):
    """What netem carries from round to round; () for what it does not need.

    Attributes:
        loss: The state of the chain that holds the loss.
        until: Time until each link has transmitted all that it has to, int32 `[..., N, N]` twice;
            the shortest delay where it is free by then.
        arriving: How many messages arrive up to each coming round and after the one before, a
            ring of rounds, several of which share a number; int32 `[..., L, N, N]`.
        count: How many have not arrived by the coming round, int32 `[..., N, N]`.
    """

    loss: Any
    until: Any
    arriving: Any
    count: Any


@dataclass(frozen=True, kw_only=True)
class NetemModel(CommunicationModel):
    r"""Messages are lost, delayed, and then transmitted one after the other, as by tc-netem.

    The $n$-th message that is not lost, sent in round $t_n$ with delay $d_n$, arrives at

    $$T_n = \max(t_n + d_n, T_{n-1}) + \text{transmission},$$

    or at $T_n = t_n + d_n$ where transmission takes no time, and not before $t_n$. It arrives in
    the nearest round. With transmission no message overtakes another; without, jitter lets them.
    A share `reorder` of the messages passes all others and arrives at once. A message that finds
    `limit` messages which have not arrived is lost. One that the loss takes needs no place and no
    time. With a constant time $T_n - t_n = x$, a limit $L < \lceil x \rceil$ and no other loss, a
    share $1 - L / \lceil x \rceil$ is lost.

    Args:
        loss: A model of loss by chance, such as `ProbabilisticModel`, `GilbertElliottModel` or
            `FourStateModel`, which decides before all else; None loses nothing.
        delay: Mean delay, in rounds.
        jitter: How far delays spread about it, in rounds.
        distribution: `"uniform"`: all delays within the mean plus or minus `jitter` are equally
            likely. `"normal"`: `jitter` is the standard deviation, and none is further than four
            of them from the mean.
        transmission: Rounds that one message takes at the link's rate; 0 for a link without one.
        limit: Most messages that are under way on a link at a time.
        reorder: Share of messages that arrive at once.
        agent_ids: Confines the model to links among these agents; None takes all.

    Raises:
        InvalidArgumentError: A number that is negative or not finite, a delay above 10,000
            rounds, a limit that lets the last message take longer than 1,000,000, a share outside
            of [0, 1], a loss that does anything else.

    Example:
        >>> NetemModel(delay=10, transmission=0.8).traits.longest_delay
        11
        >>> NetemModel(delay=10, limit=5).expected_loss()
        0.5
        >>> NetemModel(loss=ProbabilisticModel(failure_prob=0.5), delay=2).expected_age()
        3.0

    Source: tc-netem(8) of iproute2; Linux `net/sched/sch_netem.c`.
    """

    EXAMPLE: ClassVar = {
        "loss": {"model": "gilbert_elliott", "p": 0.05, "r": 0.2, "start": "good"},
        "delay": 5,
        "jitter": 1,
    }

    loss: Annotated[CommunicationModel, _Loss(CommunicationModel)] | None = None
    delay: Annotated[float, not_negative("rounds")] = 0.0
    jitter: Annotated[float, not_negative("rounds")] = 0.0
    distribution: Literal["uniform", "normal"] = "uniform"
    transmission: Annotated[float, not_negative("rounds")] = 0.0
    limit: Count = 1000
    reorder: Share = 0.0

    def __post_init__(self) -> None:
        """Checks the fields, and that no message takes too long."""
        super().__post_init__()
        if self._ends[1] > LONGEST_DELAY:
            rule = f"must be at most {LONGEST_DELAY} rounds, with all of its jitter"
            remedy = "a message that never arrives is one for loss"
            raise invalid("delay", rule, self._ends[1], remedy)
        if self._longest > MOST_ROUNDS:
            waits = f"at {self.transmission:g} rounds a message"
            rule = f"must let no message take longer than {MOST_ROUNDS} rounds {waits}"
            raise invalid("limit", rule, self.limit, "give a smaller one, or a greater rate")

    @cached_property
    def inner(self) -> Chain:
        """The loss as a chain, which sees to its scope and its stream."""
        return Chain(models=() if self.loss is None else self.loss)

    @property
    def settings(self) -> tuple[str, ...]:
        """What can be set for the loss."""
        return self.inner.settings

    def with_settings(self, settings: Mapping[str, Any]) -> NetemModel:
        """Returns the model with the loss as it is in an episode with these settings."""
        return self if self.loss is None else replace(self, loss=self.loss.with_settings(settings))

    @cached_property
    def traits(self) -> Traits:
        """Loss and delay on the air."""
        delay = (self._fixed or Time.of(self._longest)).nearest(np)
        steady = self.inner.traits.steady and not self._binds
        return Traits(longest_delay=delay, steady=steady)

    @property
    def _ends(self) -> tuple[float, float]:
        """The least and the greatest delay before transmission; what is below 0 counts as none."""
        spread = self.jitter * (SPREAD if self.distribution == "normal" else 1.0)
        return self.delay - spread, self.delay + spread

    @property
    def _longest(self) -> float:
        """Rounds that no message exceeds."""
        slowest, wait = self.transmission, self._ends[1]
        longest = wait + slowest
        if slowest > 1.0:
            # No more than the limit are under way, one of which is being transmitted; delays that
            # are longer than that are waited for before the first of them.
            longest = self.limit * slowest + max(0.0, wait - (self.limit - 1))
        # Draws are float32.
        return longest * (1.0 + 2.0**-20)

    @cached_property
    def _fixed(self) -> Time | None:
        """The time that every message takes which does not pass others; None where they differ."""
        if self.jitter or self.transmission > 1.0:
            return None
        # What is transmitted within a round is never waited for.
        return Time.of(self.delay + self.transmission)

    @cached_property
    def _waits(self) -> bool:
        """Whether messages wait for others to be transmitted."""
        return self.transmission > 0 and self._fixed is None

    @cached_property
    def _places(self) -> int:
        """Rounds by which every message has arrived."""
        return int((self._fixed or Time.of(self._longest)).up())

    @cached_property
    def _binds(self) -> bool:
        """Whether a message may ever find as many as the limit under way."""
        return self.transmission > 1.0 or self._places > self.limit

    @cached_property
    def _arrivals(self) -> Arrivals:
        """The form of the ring of what is under way."""
        most = 1
        if self._fixed is None and self.transmission < 1.0:
            most = math.ceil(1.0 / self.transmission) if self._waits else self._places
        return Arrivals.within(self._places, min(most, self._places, self.limit))

    def prepare(self, context: Context) -> Any:
        """Returns what the loss looks up."""
        return {**super().prepare(context), "loss": self.inner.prepare(context)}

    def init(self, parameters: Any, context: Context, random: RandomStream) -> NetemState:
        """Returns the state of links on which nothing is under way."""
        xp, shape = context.xp, context.shape

        def full(number: int, *places: int) -> Array:
            return xp.full((*shape[:-2], *places, *shape[-2:]), number, dtype=xp.int32)

        return NetemState(
            loss=self.inner.init(parameters["loss"], context, random),
            until=Time(*map(full, self._shortest)) if self._waits else (),
            arriving=full(0, self._arrivals.length) if self._binds else (),
            count=full(0) if self._binds else (),
        )

    def step(
        self, parameters: Any, state: Any, links: Links, context: Context, random: RandomStream
    ) -> tuple[NetemState, Links]:
        """Returns the links with what is lost, and the rounds that the other messages take."""
        whole = context._replace(asked=None)
        loss, links = self.inner.step(parameters["loss"], state.loss, links, whole, random)
        links, enters, time = self._sent(state, links, context, random)
        _, until, arriving, count = state
        if self._waits:
            until, least = Time(time.whole - 1, time.part), self._shortest
            until = until.or_where(until.before(least), least, context.xp)
        if self._binds:
            arriving, more = self._arrivals.step(arriving, time.up(), enters, context)
            count = count + more
        return NetemState(loss, until, arriving, count), links

    def attempt(
        self,
        parameters: Any,
        state: NetemState,
        following: NetemState,
        links: Links,
        context: Context,
        random: RandomStream,
    ) -> Links:
        """Returns the links with other chance, behind the messages of earlier rounds."""
        known, whole = parameters["loss"], context._replace(asked=None)
        links = self.inner.attempt(known, state.loss, following.loss, links, whole, random)
        return self._sent(state, links, context, random)[0]

    def _sent(
        self, state: NetemState, links: Links, context: Context, random: RandomStream
    ) -> tuple[Links, Array, Time]:
        """Returns the links, where a message enters, and the time that each of those takes."""
        xp, shape, enters = context.xp, context.shape, links.sends
        if self._binds:
            links = links.lose(state.count >= self.limit)
        if links.lost is not None:
            enters = enters & ~links.lost
        if self.reorder:
            enters = enters & ~random.child("reorder").bernoulli(self.reorder, shape)
        time = self._fixed or self._time(state, enters, context, random)
        if self.traits.longest_delay:
            links = links.slow(of_type(enters, xp.int32, xp) * time.nearest(xp))
        return links, enters, time

    def _time(
        self, state: NetemState, enters: Array, context: Context, random: RandomStream
    ) -> Time:
        """Returns when each link has done with its message, and with those before it."""
        xp = context.xp
        time: Time = state.until
        if self.jitter:
            draw = random.child("delay").uniform(context.shape)
            rounds = self._delays.draw(draw, None, xp)
            if self.distribution == "normal":
                least, most = (xp.full_like(rounds, end) for end in self._ends)
                rounds = xp.minimum(xp.maximum(rounds, least), most)
            drawn = Time.of_array(rounds, xp)
            if not self._waits:
                return drawn
            time = time.or_where(enters & time.before(drawn), drawn, xp)
        on, transmission = of_type(enters, xp.int32, xp), Time.of(self.transmission)
        return time.then(Time(on * transmission.whole, on * transmission.part))

    @cached_property
    def _shortest(self) -> Time:
        """A time before transmission that no message falls below."""
        return Time(math.floor(self._ends[0]), 0) if self.jitter else Time.of(self.delay)

    @cached_property
    def _delays(self) -> UniformDelay | NormalDelay:
        """How delays are distributed before what is below 0 counts as none."""
        if self.distribution == "normal":
            return NormalDelay(mean=self.delay, standard_deviation=self.jitter)
        low, high = self._ends
        return UniformDelay(low=low, high=high)

    def _cumulative(self) -> NDArray[np.float64]:
        """Returns the probability that a message which waits for none takes 0, 1, ... rounds."""
        whole = np.arange(self.traits.longest_delay + 1, dtype=np.float64)
        below = np.where(whole < whole[-1], 0.0, 1.0)
        if self.jitter:
            (least, most), above = self._ends, whole + 0.5
            cut = np.where(above < most, self._delays.cumulative(whole), 1.0)
            below = np.where(above < least, 0.0, cut)
        return self.reorder + (1.0 - self.reorder) * below

    @property
    def _alike(self) -> bool:
        """Whether all messages that arrive take equally long."""
        return self._fixed is not None and not self.reorder

    def expected_loss(self) -> Any:
        """Returns the share that is lost; None where it depends on how messages meet the limit."""
        if not self._binds:
            return 0.0 if self.loss is None else self.loss.expected_loss()
        if self._alike and self.loss is None:
            return 1.0 - self.limit / self._places
        return None

    def expected_burst_length(self) -> Any:
        """Returns that of the loss; None where something else loses or reorders messages too."""
        if self._binds or self.loss is None or not self._alike:
            return None
        return self.loss.expected_burst_length()

    def expected_age(self) -> Any:
        """Returns the mean age of information.

        None where messages wait for each other, where they meet the limit after another loss, and
        where they overtake each other after a loss that is not independent.
        """
        if self._alike:
            late = float(self.traits.longest_delay)
            if self.loss is None:
                # As many as the limit one after the other, and none until the first has arrived.
                missed = max(self._places - self.limit, 0)
                return late + missed * (missed + 1) / (2.0 * max(self._places, 1))
            age = None if self._binds else self.loss.expected_age()
            return closed_form(lambda a: a + late, [age], [0.0])
        independent = self.loss is None or type(self.loss) is ProbabilisticModel
        if self._waits or self._binds or not independent:
            return None
        loss, below = self.inner.expected_loss() if self.loss else 0.0, self._cumulative()
        return closed_form(lambda q: mean_age(below, q), [loss], [0.0])


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
        xp, round_index = context.xp, context.round
        if not isinstance(round_index, int):
            round_index = context.round_over(2)
        turn, each = self.length * self.shared, self.shared.bit_length() - 1

        def place(ahead: Any) -> tuple[Any, Any]:
            at = round_index % turn + ahead
            # Nothing takes longer than one turn; a sign that is shifted is -1 throughout.
            at = at + turn * ((turn - 1 - at) >> (WORD - 1))
            entry, shift = at >> each, (at & (self.shared - 1)) * self.width
            one = isinstance(entry, int)
            return entry if one else xp.broadcast_to(entry, context.shape), shift

        stays = of_type(enters & (rounds > 0), xp.int32, xp)
        entry, shift = place(stays * rounds)
        ring = with_added(ring, entry, stays << shift, xp)
        entry, shift = place(1)
        arrived = (at_slots(ring, entry, xp) >> shift) & (2**self.width - 1)
        return with_added(ring, entry, -(arrived << shift), xp), stays - arrived
