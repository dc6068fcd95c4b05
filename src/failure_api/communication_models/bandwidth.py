"""Capacity: links that carry less than is sent, and messages that wait for them."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np

from failure_api.core import CommunicationModel, Context, Links, Queue, RandomStream, Stage, Traits
from failure_api.core.model import closed_form
from failure_api.core.parameters.fields import Drawn, members_of, per_link
from failure_api.core.parameters.types import Bandwidth, Count, Rounds
from failure_api.errors import InvalidArgumentError

UNLIMITED = 1e30
"""Messages per round that stand for a link without a limit."""


@dataclass(frozen=True, kw_only=True)
class BandwidthModel(CommunicationModel):
    r"""A link carries so many messages a round, and what it cannot carry at once waits.

    With this model in the chain, a link of capacity $c < 1$ takes $\lceil 1 / c \rceil$ rounds a
    message: one that is sent in round $t$ and finds the link free leaves in round
    $t + \lceil 1 / c \rceil - 1$. That holds for the smallest capacity that all models leave, as
    `DistanceModel(falloff="linear")` does. While that is 0, or the sender is mute, what waits goes
    on waiting. Loss by chance of a model that stands before this one takes no capacity; what is
    lost on the air has been carried, and the link goes on with the next message.

    An agent sends one message a round. At a capacity $c < 1$ the queue fills up, and for good a
    share $1 - c$ is lost. What is sent in a full queue of $L \ge 2$ messages is old when it
    arrives: with $x$ the fraction of a message that has been carried, uniform over $[0, 1)$ in
    steps of $1 / q$ where $c = p / q$, the age is $\lfloor (L + x) / c \rfloor - 1$ with drop-tail
    and $\lceil (1 + x) / c \rceil - 1$ with newest-first.

    Args:
        capacity: Most messages per round that a link carries: a number, an `[N, N]` array
            indexed `[sender, receiver]`, or `{(sender, receiver): capacity}`.
        unit: `"messages"`, or `"bits"` for a capacity in bits per round: a link of capacity $C$
            on which a message has $m$ bits then carries $C / m$ messages a round. The exchange
            counts the bits; a link on which nothing is said is not limited.
        per: `"link"` takes the capacity as it is. `"sender"` takes it as what a sender could do
            if it had one receiver, and divides its time equally among the links on which
            something waits; it does not know who is out of range.
        queue_length: Most messages that wait on a link, the one being carried among them.
        drop: Which message is lost where one too many waits. `"tail"`: the one that comes.
            `"newest_first"`: the one that waits, whose place the one that comes takes; no more
            than one waits then behind the one being carried, which keeps age low.
        max_wait: Most rounds that a message waits; it is lost if it has not left by then, and the
            link goes on with the next. None lets it wait as long as it takes.
        agent_ids: Confines the model to links among these agents; None takes all. The queue is
            there for all links.

    Raises:
        InvalidArgumentError: A capacity that is negative or not finite, a queue that has no place,
            a wait that is not a whole number of rounds; in an environment, a capacity in bits where
            nobody has counted those of a message.

    Example:
        >>> BandwidthModel(capacity=0.5, queue_length=2).expected_age()
        3.5
        >>> BandwidthModel(capacity=0.5, drop="newest_first").expected_age()
        1.5

    Source: drop-tail queues as in ns-3 `DropTailQueue` and tc-netem(8), options `rate` and
    `limit`; Costa, Codreanu and Ephremides (2016) for the replacement of the message that waits
    (their M/M/1/2*, here with one message a round and a service of fixed length).
    """

    EXAMPLE: ClassVar = {"capacity": 0.25, "queue_length": 3}

    capacity: Bandwidth
    unit: Literal["messages", "bits"] = "messages"
    per: Literal["link", "sender"] = "link"
    queue_length: Count = 10
    drop: Literal["tail", "newest_first"] = "tail"
    max_wait: Rounds | None = None

    @cached_property
    def traits(self) -> Traits:
        """A capacity, and a queue for what it cannot carry at once."""
        known = self._capacities
        unknown = isinstance(self.capacity, Drawn) or self.per == "sender" or self.unit == "bits"
        return Traits(
            stages={Stage.SERVED},
            queue=Queue(length=self.queue_length, max_wait=self.max_wait, drop=self.drop),
            narrows=unknown or bool((known < 1).any()),
        )

    @cached_property
    def _capacities(self) -> Any:
        """All capacities that are given, or between which they are drawn, as an array."""
        if isinstance(self.capacity, Drawn):
            return np.array([self.capacity.least, self.capacity.greatest])
        if isinstance(self.capacity, Mapping):
            return np.array([1.0, *self.capacity.values()])
        array = np.array(self.capacity, dtype=np.float64)
        return array[~np.eye(len(array), dtype=bool)] if array.size > 1 else array.reshape(-1)

    @property
    def _places(self) -> int:
        return min(self.queue_length, 2) if self.drop == "newest_first" else self.queue_length

    def prepare(self, context: Context) -> Any:
        """Returns the capacity of each link, who shares a sender's time, and sizes of messages."""
        found = {**super().prepare(context), "among": members_of(self, context), "bits": None}
        if self.unit == "bits":
            if context.message_bits is None:
                raise InvalidArgumentError(
                    'BandwidthModel(unit="bits") must know how many bits a message has, but nobody '
                    "has counted them here: give the capacity in messages, or in a wrapper an "
                    "exchange that counts, such as SendMessages(space)."
                )
            # A link that a mapping does not name carries whatever there is.
            called = f"{self.name}.capacity"
            found["capacity"] = per_link(called, self.capacity, UNLIMITED, context)
            found["bits"] = np.asarray(context.message_bits, dtype=np.float32)
        if not isinstance(self.capacity, Drawn):
            # So that no round of a single team has to.
            found["capacity"] = np.broadcast_to(found["capacity"], context.shape[-2:])
        return found

    def step(
        self, parameters: Any, state: Any, links: Links, context: Context, random: RandomStream
    ) -> tuple[Any, Links]:
        """Returns the links with no more than the capacity."""
        xp, capacity, bits = context.xp, parameters["capacity"], parameters["bits"]
        if bits is not None:
            free = xp.astype(bits == 0, xp.float32)
            # A quotient of its own, since 0 times infinity is no number.
            capacity = capacity / (bits + free) + free * UNLIMITED
        if self.per == "sender":
            among = parameters["among"]
            waiting = xp.astype(links.sends & among[:, None] & among, xp.float32)
            shared = xp.sum(waiting, axis=-1, keepdims=True)
            capacity = capacity / xp.maximum(shared, xp.ones_like(shared))
        if capacity.shape != context.shape:
            capacity = xp.broadcast_to(capacity, context.shape)
        return state, links.narrow(capacity, xp)

    def expected_loss(self) -> Any:
        """Returns the share lost for good at one message a round; None per sender or in bits."""
        return self._steady(_loss)

    def expected_burst_length(self) -> Any:
        """Returns the mean length of a burst of losses; None per sender or in bits."""
        return self._steady(_burst)

    def expected_age(self) -> Any:
        """Returns the mean age once the queue is full; None per sender or in bits."""
        return self._steady(functools.partial(_age, tail=self.drop == "tail"))

    def age_with_loss(self, loss: Any) -> Any:
        """Returns the age where messages that have left are lost.

        A message leaves every $1 / c$ rounds, and each loss makes the age longer by as much. None
        where that is not a whole number: losses then fall together with the rhythm of the queue.
        """
        known = self._capacities
        if self._places > 1 and (np.round(1.0 / known) * known != 1.0).any():
            return None
        single = self._places == 1

        def later(a: Any, c: Any, p: Any) -> Any:
            spacing = np.ceil(1.0 / c - 1e-9) if single else 1.0 / c
            return a + spacing * p / (1.0 - p)

        return closed_form(later, [self.expected_age(), self.capacity, loss], [0.0, 1.0, 0.0])

    def _steady(self, formula: Any) -> Any:
        """Returns a closed form; None where `max_wait` cuts waiting short as well."""
        known, places = self._capacities, self._places
        if self.per == "sender" or self.unit == "bits" or isinstance(self.capacity, Drawn):
            return None
        least = float(known[known > 0].min(initial=1.0))
        longest = math.ceil(places / least - 1e-9) if least < 1 else 0
        if self.max_wait is not None and longest > self.max_wait:
            return None
        each = np.vectorize(lambda c: formula(float(c), places), otypes=[np.float64])
        return self.closed_form(each, "capacity")


def _loss(capacity: float, places: int) -> float:
    if places == 1 and 0 < capacity < 1:
        # The link begins anew after each message, so what is left of a round is lost to it.
        return 1.0 - 1.0 / _rounds(capacity)
    return max(1.0 - capacity, 0.0)


def _burst(capacity: float, places: int) -> float:
    loss = _loss(capacity, places)
    if loss in (0.0, 1.0):
        return math.inf if loss else 1.0
    return max(loss / (1.0 - loss), 1.0)


def _age(capacity: float, places: int, tail: bool) -> float:
    if not 0 < capacity < 1:
        return 0.0 if capacity else math.inf
    if places == 1:
        capacity = 1.0 / _rounds(capacity)
    elif tail:
        return _mean_floor(places / capacity, (places + 1) / capacity) - 1.0
    # Rounded up to a multiple of 1 / p is rounded down from the multiple below, and one more.
    below = 1.0 / _numerator(capacity)
    return _mean_floor(1.0 / capacity - below, 2.0 / capacity - below)


def _mean_floor(low: float, high: float) -> float:
    """Returns the mean of a number rounded down that is uniform between two limits."""

    def integral(x: float) -> float:
        # What rounding puts just below a whole number belongs to it.
        whole = math.floor(x + 1e-9)
        return whole * (whole - 1) / 2 + whole * (x - whole)

    return (integral(high) - integral(low)) / (high - low)


def _numerator(capacity: float) -> float:
    """Returns `p` of a capacity `p / q`; infinity where it is no fraction of small numbers."""
    fraction = Fraction(capacity).limit_denominator(1000)
    exact = fraction and abs(float(fraction) / capacity - 1.0) < 1e-6
    return float(fraction.numerator) if exact else math.inf


def _rounds(capacity: float) -> int:
    """Returns the rounds that a message takes on a link that was idle."""
    return math.ceil(1.0 / capacity - 1e-9)
