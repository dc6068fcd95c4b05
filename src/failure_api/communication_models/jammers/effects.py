"""What jammers do to receivers: drown every message, or raise the noise."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from failure_api.communication_models.radio.fading import Fading
from failure_api.communication_models.radio.path_loss import LogDistance, PathLoss
from failure_api.communication_models.radio.units import Level, MetresPerUnit, milliwatts
from failure_api.core.links import Array, Context, Links
from failure_api.core.parameters.component import Part
from failure_api.core.parameters.types import Share, positive
from failure_api.core.random.stream import RandomStream

Radius = Annotated[float, positive("the environment's units")]


@dataclass(frozen=True, kw_only=True)
class Effect(Part, ABC):
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
class Detection(Part):
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
