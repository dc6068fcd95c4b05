"""Timing: messages that arrive late."""

from __future__ import annotations

import math
from collections.abc import Callable, Set
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from failure_api.communication_models.delay import distributions as closed
from failure_api.communication_models.delay.distributions import DelayDistribution
from failure_api.core import Array, CommunicationModel, Context, Links, RandomStream, Stage, Traits
from failure_api.core.arrays.libraries import of_type
from failure_api.core.model import either
from failure_api.core.parameters.rules import Instance, Optional
from failure_api.core.parameters.types import LONGEST_DELAY, Probability, Rounds
from failure_api.core.traits import QueuePlace
from failure_api.errors import ModelError, invalid


class DelayRule(Instance):
    """A parameter that is a distribution of delays, or a quantile function."""

    def normalise(self, name: str, value: Any) -> Any:
        """Returns the value, or raises an error for one that gives no delays."""
        if isinstance(value, self.kind):
            return value
        if isinstance(value, type) or not callable(value):
            text = "must be a distribution of delays, a function of uniform numbers or None"
            raise invalid(name, text, value, "give one such as NormalDelay(...)")
        uniform = np.linspace(0.0, 1.0 - 2.0**-24, 9, dtype=np.float32).reshape(3, 3)
        try:
            delays = np.asarray(value(uniform), dtype=np.float64)
        except Exception as error:
            text = "must turn an array of uniform numbers into delays"
            reason = " ".join(f"{type(error).__name__}: {error}".split())[:200].rstrip(".: ")
            raise invalid(name, text, value, f"it fails with {reason}") from None
        if delays.shape != uniform.shape or not np.isfinite(delays).all():
            text = "must return a finite delay, in rounds, for each uniform number"
            remedy = "let it work on all entries of an array of any shape"
            raise invalid(name, text, delays, remedy)
        return value


@dataclass(frozen=True, kw_only=True)
class DelayBasedModel(CommunicationModel):
    r"""Every message takes a whole number of rounds, uniform between two bounds or distributed.

    A message sent in round $t$ with delay $d$ arrives in round $t + d$ with the content that it
    had in round $t$. With drop probability $q$, $F(k)$ the probability that a delay is at most
    $k$, and $S(k) = (1 - q) F(k)$ up to the expiry and constant beyond, the age $A$ of information
    has $P(A > a) = \prod_{k=0}^{a} (1 - S(k))$ where messages may overtake each other. In order
    and without losses it has $P(A \le a) = \prod_{k \ge a} F(k)$.

    Args:
        min_delay: Least delay, in rounds; shorter ones take as long.
        max_delay: Greatest delay, in rounds; longer ones take no longer. None takes the longest
            that the distribution has or that does not expire.
        message_drop_probability: Probability that a message never arrives: a number, an `[N, N]`
            array indexed `[sender, receiver]`, or `{(sender, receiver): probability}`.
        distribution: How delays are distributed before they are rounded to the nearest round:
            None gives all whole rounds between the bounds the same probability. A function turns
            an array of uniform numbers in [0, 1) into one of delays in rounds, as a quantile
            function does; it is tried on a NumPy array.
        delivery: `"reorder"`: messages may overtake each other, and one that is overtaken is
            discarded. `"fifo"`: none arrives before one that was sent earlier on its link,
            whatever else delays them; those that are lost hold nothing up.
        expiry: A message that would take longer than so many rounds is lost; None loses none.
        agent_ids: Confines the model to links among these agents; None takes all.

    Raises:
        InvalidArgumentError: A delay that is negative, not whole or above 10,000, `max_delay`
            below `min_delay` or not to be had from the distribution, a probability outside of
            [0, 1], a distribution that gives no delays.

    Example:
        >>> DelayBasedModel(min_delay=3, max_delay=3).expected_age()
        3.0
        >>> DelayBasedModel(min_delay=0, max_delay=1).expected_age()
        0.5
        >>> from failure_api.communication_models.delay import GeometricDelay
        >>> model = DelayBasedModel(distribution=GeometricDelay(mean=1), expiry=2)
        >>> model.traits.longest_delay, model.expected_loss()
        (2, 0.125)

    Source: tc-netem(8), option `delay`; Kaul, Yates and Gruteser (2012) for the age of
    information.
    """

    EXAMPLE: ClassVar = {"min_delay": 0, "max_delay": 4, "message_drop_probability": 0.1}

    min_delay: Rounds = 0
    max_delay: Rounds | None = None
    message_drop_probability: Probability = 0.0
    distribution: Annotated[
        DelayDistribution | Callable[[Any], Any] | None, Optional(DelayRule(kind=DelayDistribution))
    ] = None
    delivery: Literal["reorder", "fifo"] = "reorder"
    expiry: Rounds | None = None

    def __post_init__(self) -> None:
        """Checks the fields, and that the bounds are in order."""
        super().__post_init__()
        declared = self.max_delay
        if declared is None and self._bound is None:
            rule = (
                "must be a whole number of rounds unless the distribution or expiry bounds delays"
            )
            raise invalid("max_delay", rule, None, "give the longest delay in rounds")
        if self._most < self.min_delay:
            rule = f"must be at least min_delay={self.min_delay}"
            remedy = "give a smaller min_delay" if declared is None else "exchange the two"
            raise invalid("max_delay", rule, self._most, remedy)
        if max(self._longest, declared or 0) > LONGEST_DELAY:
            rule = f"must be at most {LONGEST_DELAY} rounds"
            remedy = "a message that is never to arrive is one for message_drop_probability"
            raise invalid("max_delay", rule, self._most, remedy)

    @property
    def _bound(self) -> int | None:
        """The greatest delay that needs telling apart, as far as the other fields know it."""
        distribution = self.distribution
        greatest = distribution.greatest if isinstance(distribution, DelayDistribution) else None
        if greatest is not None:
            return math.floor(greatest + 0.5)
        # Where all whole rounds are equally likely, the bounds are the distribution.
        if self.expiry is None or distribution is None:
            return None
        return max(self.expiry, self.min_delay) + 1

    @property
    def _most(self) -> int:
        most = self._bound if self.max_delay is None else self.max_delay
        assert most is not None
        return most

    @property
    def _longest(self) -> int:
        """The greatest delay of a message that does not expire."""
        return self._most if self.expiry is None else min(self._most, self.expiry)

    @property
    def traits(self) -> Traits:
        """Delay and loss on the air, and expiry, which queues have to know."""
        return Traits(
            stages={Stage.ON_AIR} if self.expiry is None else {Stage.SERVED, Stage.ON_AIR},
            longest_delay=self._longest,
            in_order=self.delivery == "fifo",
            expires=self.expiry is not None,
            steady=True,
        )

    def stages(self, queue: QueuePlace) -> Set[Stage]:
        """Returns the stages: where nothing waits, only what is under way can expire."""
        return {Stage.ON_AIR} if queue == "none" else super().stages(queue)

    def prepare(self, context: Context) -> Any:
        """Returns the drop probabilities, and what delays are looked up in."""
        declared = self.distribution
        table = declared.table(context.xp) if isinstance(declared, DelayDistribution) else None
        span = np.asarray(self._most - self.min_delay + 1, dtype=np.float32)
        return {**super().prepare(context), "table": table, "span": span}

    def step(
        self, parameters: Any, state: Any, links: Links, context: Context, random: RandomStream
    ) -> tuple[Any, Links]:
        """Returns the links with this round's delays added."""
        xp, shape, longest = context.xp, context.shape, self._longest
        if self.expiry is not None:
            expiry = xp.full(shape, self.expiry, dtype=xp.int32)
            if links.expiry is not None:
                expiry = xp.minimum(expiry, links.expiry)
            links = links._replace(expiry=expiry)
        if not context.asks(Stage.ON_AIR):
            return state, links
        # What is drawn does not depend on whether anything can be lost.
        draw = random.uniform(shape)
        if self.message_drop_probability != 0.0:
            links = links.lose(draw < parameters["message_drop_probability"])
        delay = self._delays(random.uniform(shape), parameters, xp)
        if longest < self._most:
            links = links.lose(delay > longest)
            delay = xp.minimum(delay, xp.full_like(delay, longest))
        if longest:
            links = links.slow(delay)
        if self.delivery == "fifo":
            links = links._replace(in_order=xp.ones(shape, dtype=xp.bool))
        return state, links

    def _delays(self, uniform: Array, parameters: Any, xp: Any) -> Array:
        """Returns whole rounds within the bounds, int32."""
        least, most, distribution = self.min_delay, self._most, self.distribution
        if distribution is None:
            # A draw is at most 1 - 2**-24, whose product with a whole number of up to 2**24 is
            # never rounded up to that number.
            steps = of_type(uniform * parameters["span"], xp.int32, xp)
            return steps + least if least else steps
        if isinstance(distribution, DelayDistribution):
            rounds = distribution.draw(uniform, parameters["table"], xp)
        else:
            rounds = xp.astype(xp.asarray(distribution(uniform)), xp.float32)
            if rounds.shape != uniform.shape:
                raise ModelError(
                    f"distribution must return a delay for each of its uniform numbers, but gave "
                    f"shape {rounds.shape} for {uniform.shape}: let it work on arrays of any shape."
                )
        # Half a round more, cut to an integer, is the nearest one.
        rounds = xp.maximum(rounds + 0.5, xp.full_like(rounds, float(least)))
        return xp.astype(xp.minimum(rounds, xp.full_like(rounds, most + 0.5)), xp.int32)

    def _cumulative(self) -> NDArray[np.float64] | None:
        """Returns `F(k)` for `k` up to the longest delay; None where it is not known."""
        least, most, distribution = self.min_delay, self._most, self.distribution
        whole = np.arange(self._longest + 1, dtype=np.float64)
        if distribution is None:
            below = np.clip((whole - least + 1) / (most - least + 1), 0.0, 1.0)
        elif isinstance(distribution, DelayDistribution):
            below = np.where(whole < least, 0.0, distribution.cumulative(whole))
        else:
            return None
        return np.where(whole < most, below, 1.0)

    def expected_loss(self) -> Any:
        """Returns the share that is dropped or expires; overtaken messages are not counted.

        None where the distribution is a function and messages may expire.
        """
        below = self._cumulative()
        if below is None and self._longest < self._most:
            return None
        late = 0.0 if below is None else 1.0 - below[-1]
        return self.closed_form(lambda q: q + (1.0 - q) * late, "message_drop_probability")

    def expected_delay(self) -> Any:
        """Returns the mean delay of the messages that are not lost, in rounds.

        None where the distribution is a function.
        """
        below = self._cumulative()
        if below is None:
            return None
        fifo = self.delivery == "fifo"
        return self.closed_form(
            lambda q: closed.mean_delay(below, q, in_order=fifo), "message_drop_probability"
        )

    def expected_age(self) -> Any:
        """Returns the mean age of information; None where the distribution is a function."""
        below = self._cumulative()
        if below is None:
            return None
        mean_age = closed.mean_age_in_order if self.delivery == "fifo" else closed.mean_age
        return self.closed_form(lambda q: mean_age(below, q), "message_drop_probability")

    def constant_delay(self) -> int | None:
        """Returns the delay where the bounds are the same and nothing is lost."""
        alone = self.distribution is None and self.expiry is None
        constant = alone and self.min_delay == self._most and self.message_drop_probability == 0.0
        return self.min_delay if constant else None

    def age_with_loss(self, loss: Any) -> Any:
        """Returns the age where messages are dropped for this reason too."""
        drop = either(self.message_drop_probability, loss)
        return None if drop is None else replace(self, message_drop_probability=drop).expected_age()
