"""Jamming: somebody else sends so that nobody is heard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from failure_api.communication_models.jamming.effects import (
    ConstantJamming,
    Detection,
    Effect,
    Pattern,
)
from failure_api.communication_models.jamming.positions import Jammers
from failure_api.core import Array, CommunicationModel, Context, Links, RandomStream, Traits
from failure_api.core.parameters.rules import WholeNumber
from failure_api.core.parameters.types import Rounds


class JammingState(NamedTuple):
    """What the model carries from round to round.

    Attributes:
        pattern: State of the pattern.
        remaining: Rounds that each jammer can still send, int32 `[..., J]`; () for no limit.
        sending: Which jammers sent in the last round, bool `[..., J]`.
    """

    pattern: Any
    remaining: Any
    sending: Array


@dataclass(frozen=True, kw_only=True)
class JammingModel(CommunicationModel):
    r"""Jammers drown what receivers near them would hear.

    A jammer sends in a round if its pattern says so, it is alive where an agent carries it, it
    has energy left, and, with `detection`, an agent near it is sending. The agent that carries a
    jammer is jammed by it too.

    Args:
        jammers: `FixedJammers`, `MovingJammers`, `ScheduledJammers` or `CarriedJammers`.
        effect: `BlockReception`, or `RaiseInterference`, which a later `SignalBasedModel` hears.
        pattern: `ConstantJamming`, `PeriodicJamming`, `RandomJamming` or `BurstyJamming`.
        detection: Makes the jammers reactive; None lets them send whether or not anybody does.
        budget: Rounds of an episode in which each jammer can send; None for no limit.
        agent_ids: Confines the model to links among these agents; None takes all.

    Raises:
        InvalidArgumentError: Parts of another kind, a budget that is no whole number, or, at the
            reset, jammers whose positions have another number of coordinates than the agents'.

    Example:
        >>> from failure_api.communication_models.jamming import (
        ...     BlockReception, FixedJammers, PeriodicJamming,
        ... )
        >>> model = JammingModel(
        ...     jammers=FixedJammers(positions=[[0.0, 0.0]]),
        ...     effect=BlockReception(radius=0.5),
        ...     pattern=PeriodicJamming(period=4, active_rounds=1),
        ...     budget=10,
        ... )
        >>> model.jamming_share(rounds=20), model.jamming_share(rounds=100)
        (0.25, 0.1)

    Source: Xu, Trappe, Zhang and Wood (2005); Pelechrinis, Iliofotou and Krishnamurthy (2011).
    """

    EXAMPLE: ClassVar = {
        "jammers": {
            "type": "moving_jammers",
            "positions": [[-0.9, 0.0]],
            "velocity": [[0.03, 0.01]],
            "bounds": [[-1.0, -1.0], [1.0, 1.0]],
        },
        "effect": {"type": "block_reception", "radius": 0.7},
        "pattern": {"type": "bursty_jamming", "mean_on": 20, "mean_off": 8},
    }

    jammers: Jammers
    effect: Effect
    pattern: Pattern = ConstantJamming()  # noqa: RUF009
    detection: Detection | None = None
    budget: Rounds | None = None

    @property
    def traits(self) -> Traits:
        """Loss on the air, or interference, by where the agents are."""
        return Traits(positions=True, raises_interference=self.effect.raises_interference)

    def prepare(self, context: Context) -> Any:
        """Returns what the jammers need to say where they are, and what the effect needs."""
        return {"jammers": self.jammers.prepare(context), "effect": self.effect.prepare(context)}

    def init(self, parameters: Any, context: Context, random: RandomStream) -> JammingState:
        """Returns full budgets and patterns in their stationary distribution."""
        xp, shape = context.xp, (*context.shape[:-2], self.jammers.count())
        start = random.child("start").uniform(shape)
        limited = self.budget is not None
        return JammingState(
            pattern=self.pattern.init(start, xp),
            remaining=xp.full(shape, self.budget, dtype=xp.int32) if limited else (),
            sending=xp.zeros(shape, dtype=xp.bool),
        )

    def step(
        self, parameters: Any, state: Any, links: Links, context: Context, random: RandomStream
    ) -> tuple[Any, Links]:
        """Returns the links as the jammers that send leave them."""
        xp, shape = context.xp, (*context.shape[:-2], self.jammers.count())
        placed = parameters["jammers"]
        draws = random.child("pattern").uniform(shape)
        pattern, sending = self.pattern.step(state.pattern, draws, context.round_over(1), xp)
        sending = sending & self.jammers.working(placed, context)
        squared = self._squared(parameters, context)
        if self.detection is not None:
            # A jammer hears who transmits, and not who keeps silent.
            transmits = xp.any(links.sends, axis=-1)
            senders = transmits[..., None, :] & self.jammers.others(placed, context)
            reach = xp.asarray(self.detection.radius, dtype=xp.float32) ** 2
            present = xp.any((squared <= reach) & senders, axis=-1)
            noticed = random.child("detection").bernoulli(self.detection.probability, shape)
            sending = sending & present & noticed
        remaining = state.remaining
        if self.budget is not None:
            sending = sending & (remaining > 0)
            remaining = remaining - xp.astype(sending, xp.int32)
        links = self.effect.apply(parameters["effect"], squared, sending, links, context, random)
        return JammingState(pattern, remaining, sending), links

    def attempt(
        self,
        parameters: Any,
        state: Any,
        following: Any,
        links: Links,
        context: Context,
        random: RandomStream,
    ) -> Links:
        """Returns the links as the same jammers leave them."""
        squared, effect = self._squared(parameters, context), parameters["effect"]
        return self.effect.apply(effect, squared, following.sending, links, context, random)

    def _squared(self, parameters: Any, context: Context) -> Array:
        """Returns the squared distance from each jammer to each agent, `[..., J, N]`."""
        agents: Array = context.positions
        jammers = self.jammers.positions_now(parameters["jammers"], context)
        difference = jammers[..., :, None, :] - agents[..., None, :, :]
        return context.xp.sum(difference * difference, axis=-1)

    def jamming_share(self, rounds: int | None = None) -> float | None:
        """Returns the mean share of rounds in which a jammer sends.

        It holds for jammers that no agent carries, or whose carriers stay alive. It is None where
        none is known: with `detection`, and with `BurstyJamming` on a `budget`.

        Args:
            rounds: Length of the episode; None takes the long run, in which any budget is spent.

        Raises:
            InvalidArgumentError: `rounds` is no positive integer.
        """
        if rounds is not None:
            rounds = WholeNumber(1, "rounds").normalise("rounds", rounds)
        if self.detection is not None:
            return None
        expected = self.pattern.expected_rounds(rounds, self.budget)
        return expected if rounds is None or expected is None else expected / rounds
