"""Timing: messages that arrive late."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from failure_api.core.kinds import Probability, Rounds
from failure_api.core.links import Context, Links
from failure_api.core.model import CommunicationModel
from failure_api.core.random import RandomStream
from failure_api.errors import invalid

LONGEST_DELAY = 10_000
"""Rounds that a message may take; what is in flight takes memory for each of them."""


@dataclass(frozen=True, kw_only=True)
class DelayBasedModel(CommunicationModel):
    r"""Every message takes a whole number of rounds, uniform between two bounds.

    A message sent in round $t$ with delay $d$ arrives in round $t + d$ with the content that it
    had in round $t$. Messages may overtake each other; one that is overtaken is discarded. With
    drop probability $q$ and $F(k)$ the probability that a delay is at most $k$, the age $A$ of
    information has $P(A > a) = \prod_{k=0}^{a} (1 - (1 - q) F(k))$.

    Args:
        min_delay: Least delay, in rounds.
        max_delay: Greatest delay, in rounds.
        message_drop_probability: Probability that a message never arrives: a number, an `[N, N]`
            array indexed `[sender, receiver]`, or `{(sender, receiver): probability}`.
        agent_ids: Confines the model to links among these agents; None takes all.

    Raises:
        InvalidArgumentError: A delay that is negative, not whole or above 10,000, `max_delay`
            below `min_delay`, a probability outside of [0, 1].

    Example:
        >>> DelayBasedModel(min_delay=3, max_delay=3).expected_age()
        3.0
        >>> DelayBasedModel(min_delay=0, max_delay=1).expected_age()
        0.5

    Source: tc-netem(8), option `delay` with its default uniform distribution; Kaul, Yates and
    Gruteser (2012) for the age of information.
    """

    min_delay: Rounds
    max_delay: Rounds
    message_drop_probability: Probability = 0.0

    def __post_init__(self) -> None:
        """Checks the fields, and that the bounds are in order."""
        super().__post_init__()
        if self.max_delay < self.min_delay:
            raise invalid(
                "max_delay",
                f"must be at least min_delay={self.min_delay}",
                self.max_delay,
                "exchange the two",
            )
        if self.max_delay > LONGEST_DELAY:
            raise invalid(
                "max_delay",
                f"must be at most {LONGEST_DELAY} rounds",
                self.max_delay,
                "a message that is never to arrive is one for message_drop_probability",
            )

    @property
    def longest_delay(self) -> int:
        """The same as `max_delay`."""
        return self.max_delay

    @property
    def carries_fractions(self) -> bool:
        """No: a link is up or down."""
        return False

    def init(self, context: Context, random: RandomStream) -> Any:
        """Returns the drop probability of each link."""
        return self.per_link("message_drop_probability", context)

    def step(
        self, state: Any, links: Links, context: Context, random: RandomStream
    ) -> tuple[Any, Links]:
        """Returns the links with this round's delays added."""
        xp, span = context.xp, self.max_delay - self.min_delay
        kept = xp.astype(~random.bernoulli(state, context.shape), xp.float32)
        steps = xp.astype(random.uniform(context.shape) * (span + 1), xp.int32)
        # In float32 the product of a draw just below 1 may round up to the next integer.
        delay = xp.minimum(steps, span) + self.min_delay
        if self.max_delay == 0:
            delay = links.delay
        elif links.delay is not None:
            delay = links.delay + delay
        return state, links._replace(bandwidth=links.bandwidth * kept, delay=delay)

    def expected_loss(self) -> Any:
        """Returns the drop probability; messages that are overtaken are not counted."""
        return self.closed_form(lambda q: q, "message_drop_probability")

    def expected_age(self) -> Any:
        """Returns the sum of `P(A > a)` over all `a`, which ends in a geometric series."""
        delays = np.arange(self.max_delay)
        arrived = (delays - self.min_delay + 1) / (self.max_delay - self.min_delay + 1)

        def mean_age(q: Any) -> Any:
            still_waiting = 1.0 - (1.0 - q)[..., None] * np.clip(arrived, 0.0, 1.0)
            survival = np.cumprod(still_waiting, axis=-1)
            last = survival[..., -1] if self.max_delay else 1.0
            return survival.sum(axis=-1) + last * q / (1.0 - q)

        return self.closed_form(mean_age, "message_drop_probability")
