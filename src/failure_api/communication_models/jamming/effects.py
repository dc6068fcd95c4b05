"""Effects and patterns of jamming: messages drowned or noise raised, and when."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from scipy.stats import binom

from failure_api.communication_models.radio.fading import Fading
from failure_api.communication_models.radio.path_loss import (
    Level,
    LogDistance,
    MetresPerUnit,
    PathLoss,
    milliwatts,
)
from failure_api.core import Array, Context, Links, RandomStream
from failure_api.core.parameters.component import Component
from failure_api.core.parameters.types import MeanTime, Period, Rounds, Share, positive
from failure_api.errors import invalid

Radius = Annotated[float, positive("the environment's units")]


@dataclass(frozen=True, kw_only=True)
class Effect(Component, ABC):
    """What the jammers that send do to the links. The base of every effect."""

    raises_interference: ClassVar[bool] = False
    """Whether the effect is the interference that later models take into account."""

    def prepare(self, context: Context) -> Any:
        """Returns what `apply` needs, as arrays."""
        return ()

    @abstractmethod
    def apply(
        self,
        prepared: Any,
        squared: Array,
        sending: Array,
        links: Links,
        context: Context,
        random: RandomStream,
    ) -> Links:
        """Returns the links as the jammers leave them.

        Args:
            prepared: What `prepare` returned.
            squared: Squared distance from each jammer to each receiver, in the environment's
                units, float32 `[..., J, N]`.
            sending: Which jammers send, bool `[..., J]`.
            links: The links so far.
            context: What is known of the round.
            random: The model's own stream.
        """


@dataclass(frozen=True, kw_only=True)
class BlockReception(Effect):
    """Who is near a jammer that sends hears nothing.

    Args:
        radius: How near, inclusive, in the environment's units.

    Raises:
        InvalidArgumentError: A radius of 0 or less.

    Example:
        >>> BlockReception(radius=0.5)
        BlockReception(radius=0.5)

    Source: the disk model of jamming, as in Xu, Trappe, Zhang and Wood (2005).
    """

    radius: Radius

    def apply(
        self,
        prepared: Any,
        squared: Array,
        sending: Array,
        links: Links,
        context: Context,
        random: RandomStream,
    ) -> Links:
        """Returns the links with what receivers within the radius would hear lost."""
        xp = context.xp
        near = squared <= xp.asarray(self.radius, dtype=xp.float32) ** 2
        drowned = xp.any(near & sending[..., :, None], axis=-2)
        return links.lose(xp.broadcast_to(drowned[..., None, :], context.shape))


@dataclass(frozen=True, kw_only=True)
class RaiseInterference(Effect):
    r"""Every receiver hears the jammers, as a later `SignalBasedModel` takes into account.

    At the receiver a jammer has the power $10^{(P - L(d)) / 10} X$ mW, and the powers add up.

    Args:
        transmit_power: Power $P$ of each jammer, in dBm.
        path_loss: How the power falls with distance, $L$.
        fading: How it scatters from round to round, $X$; drawn for each jammer and receiver. None
            for none.
        metres_per_unit: How many metres one unit of the positions is.

    Raises:
        InvalidArgumentError: A power outside of [-180, 180] dBm, or parts of another kind.

    Example:
        >>> RaiseInterference(transmit_power=30.0).raises_interference
        True

    Source: ns-3 `InterferenceHelper`; Rappaport (2002).
    """

    transmit_power: Level = 20.0
    path_loss: PathLoss = LogDistance()  # noqa: RUF009
    fading: Fading | None = None
    metres_per_unit: MetresPerUnit = 1.0

    raises_interference: ClassVar[bool] = True

    def prepare(self, context: Context) -> Any:
        """Returns the tables of the fading."""
        return () if self.fading is None else self.fading.prepare(context.xp)

    def apply(
        self,
        prepared: Any,
        squared: Array,
        sending: Array,
        links: Links,
        context: Context,
        random: RandomStream,
    ) -> Links:
        """Returns the links with the jammers' power added to their interference."""
        xp = context.xp
        level = self.transmit_power - self.path_loss.loss(squared * self.metres_per_unit**2, xp)
        if self.fading is not None:
            draws = random.child("fading").uniform((*context.shape[:-2], *squared.shape[-2:]))
            level = level + self.fading.gain(prepared, draws, xp)
        power = milliwatts(level, xp) * xp.astype(sending, xp.float32)[..., :, None]
        added = xp.broadcast_to(xp.sum(power, axis=-2)[..., None, :], context.shape)
        before = links.interference
        return links._replace(interference=added if before is None else before + added)


@dataclass(frozen=True, kw_only=True)
class Detection(Component):
    """What makes a jammer react: it sends only when it hears an agent send.

    A jammer reacts to any agent near it that transmits in the round; to its own carrier it does
    not.

    Args:
        radius: How near, inclusive, in the environment's units.
        probability: Probability that it notices, in each round in which there is somebody.

    Raises:
        InvalidArgumentError: A radius of 0 or less, or a probability outside of [0, 1].

    Example:
        >>> Detection(radius=2.0)
        Detection(radius=2.0, probability=1.0)

    Source: the reactive jammer of Xu, Trappe, Zhang and Wood (2005).
    """

    radius: Radius
    probability: Share = 1.0


@dataclass(frozen=True, kw_only=True)
class Pattern(Component, ABC):
    """In which rounds a jammer sends. The base of every pattern.

    The jammers follow the pattern independently of each other. Each has one uniform draw in every
    round, and one at the reset, of which a pattern may make use.
    """

    def init(self, uniform: Array, xp: Any) -> Any:
        """Returns the state at the reset, from draws `[..., J]`."""
        return ()

    @abstractmethod
    def step(self, state: Any, uniform: Array, round_index: Any, xp: Any) -> tuple[Any, Array]:
        """Returns the next state and which jammers send, bool `[..., J]`.

        Args:
            state: What `init` or the last `step` returned.
            uniform: A draw for each jammer, `[..., J]`.
            round_index: The round, an int32 array that broadcasts to them.
            xp: The array namespace.
        """

    @abstractmethod
    def expected_rounds(self, rounds: int | None, budget: int | None) -> float | None:
        """Returns the mean number of rounds, of so many, in which a jammer sends.

        Args:
            rounds: How many there are; None asks for the share in the long run.
            budget: In how many it can send at most; None for no such limit.

        Returns:
            The number, or the share; None where none is known.
        """


@dataclass(frozen=True, kw_only=True)
class ConstantJamming(Pattern):
    """Jammers that always send.

    Example:
        >>> ConstantJamming().expected_rounds(None, None)
        1.0

    Source: the constant jammer of Xu, Trappe, Zhang and Wood (2005).
    """

    def step(self, state: Any, uniform: Array, round_index: Any, xp: Any) -> tuple[Any, Array]:
        """Returns True for all."""
        return state, uniform >= 0.0

    def expected_rounds(self, rounds: int | None, budget: int | None) -> float | None:
        """Returns all of them that the budget allows."""
        return _cut(1.0, rounds, rounds, budget)


@dataclass(frozen=True, kw_only=True)
class PeriodicJamming(Pattern):
    r"""Jammers that send in the first rounds of every period.

    In round $t$ they send if $(t - s) \bmod T < a$.

    Args:
        period: Length $T$ of a period, in rounds.
        active_rounds: Rounds $a$ of each period in which they send.
        start: Round $s$ in which a period begins; others began before and will begin after it.

    Raises:
        InvalidArgumentError: No whole numbers, or `active_rounds` greater than `period`.

    Example:
        >>> PeriodicJamming(period=10, active_rounds=3).expected_rounds(None, None)
        0.3

    Source: the pulsed jammer of Pelechrinis, Iliofotou and Krishnamurthy (2011).
    """

    period: Period
    active_rounds: Rounds
    start: Rounds = 0

    def __post_init__(self) -> None:
        """Checks the fields, and that no period is too short."""
        super().__post_init__()
        if self.active_rounds > self.period:
            rule = f"must be at most period={self.period}"
            raise invalid("active_rounds", rule, self.active_rounds, "lengthen the period")

    def step(self, state: Any, uniform: Array, round_index: Any, xp: Any) -> tuple[Any, Array]:
        """Returns True for all in the first rounds of a period."""
        offset = -self.start % self.period
        sending = (round_index + offset) % self.period < self.active_rounds
        return state, (uniform >= 0.0) & sending

    def expected_rounds(self, rounds: int | None, budget: int | None) -> float | None:
        """Returns the number of active rounds, exactly."""
        sent = None
        if rounds is not None:
            phase = (np.arange(rounds) - self.start) % self.period
            sent = int((phase < self.active_rounds).sum())
        return _cut(self.active_rounds / self.period, rounds, sent, budget)


@dataclass(frozen=True, kw_only=True)
class RandomJamming(Pattern):
    """Jammers that send in each round with the same probability, independently.

    Args:
        probability: The probability.

    Raises:
        InvalidArgumentError: A probability outside of [0, 1].

    Example:
        >>> RandomJamming(probability=0.5).expected_rounds(2, 1)
        0.75

    Source: the random jammer of Xu, Trappe, Zhang and Wood (2005).
    """

    probability: Share

    def step(self, state: Any, uniform: Array, round_index: Any, xp: Any) -> tuple[Any, Array]:
        """Returns True with the probability."""
        return state, uniform < self.probability

    def expected_rounds(self, rounds: int | None, budget: int | None) -> float | None:
        """Returns the mean of a binomial number that the budget cuts."""
        if rounds is None or budget is None:
            return _cut(self.probability, rounds, None, budget)
        # The mean of a whole number is the sum of the probabilities of exceeding 0, 1, 2, ...
        return float(binom.sf(np.arange(min(budget, rounds)), rounds, self.probability).sum())


@dataclass(frozen=True, kw_only=True)
class BurstyJamming(Pattern):
    r"""Jammers that go on and off at random, for geometric times: a chain of two states.

    In the long run they send in $t_{on} / (t_{on} + t_{off})$ of the rounds, and the start is
    drawn accordingly.

    Args:
        mean_on: Mean number of rounds $t_{on}$ in a row in which they send.
        mean_off: Mean number of rounds $t_{off}$ in a row in which they do not.

    Raises:
        InvalidArgumentError: A mean below 1 round.

    Example:
        >>> BurstyJamming(mean_on=5.0, mean_off=15.0).expected_rounds(None, None)
        0.25

    Source: the random jammer of Xu, Trappe, Zhang and Wood (2005); Gilbert (1960).
    """

    mean_on: MeanTime
    mean_off: MeanTime

    def init(self, uniform: Array, xp: Any) -> Any:
        """Returns which jammers would have sent in the round before, float32 `[..., J]`."""
        return xp.astype(uniform < self._share, xp.float32)

    def step(self, state: Any, uniform: Array, round_index: Any, xp: Any) -> tuple[Any, Array]:
        """Returns True for those that stay on or go on."""
        enter, stay = 1.0 / self.mean_off, 1.0 - 1.0 / self.mean_on
        sending = uniform < enter + state * (stay - enter)
        return xp.astype(sending, xp.float32), sending

    def expected_rounds(self, rounds: int | None, budget: int | None) -> float | None:
        """Returns the share of the rounds; None where a budget cuts it."""
        if rounds is not None and budget is not None and budget < rounds:
            return None
        return _cut(self._share, rounds, None, budget)

    @property
    def _share(self) -> float:
        return self.mean_on / (self.mean_on + self.mean_off)


def _cut(share: float, rounds: int | None, sent: int | None, budget: int | None) -> float:
    """Returns the number of rounds, or the share in the long run, with a fixed number `sent`."""
    if rounds is None:
        return share if budget is None else 0.0
    sending = share * rounds if sent is None else float(sent)
    return sending if budget is None else min(sending, float(budget))
