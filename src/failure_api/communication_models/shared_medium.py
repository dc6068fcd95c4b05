"""Capacity: one channel for all, on which agents are in each other's way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from failure_api.communication_models.medium.protocols import MediumProtocol
from failure_api.core.links import Context, Links
from failure_api.core.model import CommunicationModel
from failure_api.core.parameters.fields import members_of
from failure_api.core.random.stream import RandomStream
from failure_api.core.traits import Stage, Traits


@dataclass(frozen=True, kw_only=True)
class SharedMediumModel(CommunicationModel):
    r"""All agents broadcast on one channel, and a protocol says who gets through in a round.

    An agent contends for the channel while any of its links there has something to send. Its turn
    serves all of them, each as far as it has capacity; without a turn a message waits where the
    chain has a queue, and is lost elsewhere. What collides is lost on the air.

    Loss and age depend on how many share the channel: the protocol's
    `success_probability(agents)`, `throughput(agents)` and `expected_age(agents)` know them, and
    the loss of a link is one minus the first.

    Args:
        protocol: Who gets through: `SlottedAloha(...)`, `TDMA(...)` or `TopK(...)`.
        agent_ids: Who shares the channel, and only links among these agents are affected; None
            takes all. Several models with different agents are several channels.

    Raises:
        InvalidArgumentError: The protocol is none.

    Example:
        >>> from failure_api.communication_models.medium import TDMA
        >>> model = SharedMediumModel(protocol=TDMA(slots_per_round=2))
        >>> 1 - model.protocol.success_probability(8)
        0.75

    Source: Abramson (1970), "The ALOHA system"; Bertsekas and Gallager (1992), "Data Networks",
    chapter 4.
    """

    protocol: MediumProtocol

    @property
    def traits(self) -> Traits:
        """Whose turn it is."""
        return Traits(stages={Stage.SERVED}, narrows=True)

    def prepare(self, context: Context) -> Any:
        """Returns which links share the channel, and what the protocol looks up once."""
        members = members_of(self, context)
        among = members[:, None] & members
        return {"among": among, "protocol": self.protocol.prepare(members, context)}

    def init(self, parameters: Any, context: Context, random: RandomStream) -> Any:
        """Returns the protocol's state."""
        return self.protocol.init(parameters["protocol"], context, random)

    def step(
        self, parameters: Any, state: Any, links: Links, context: Context, random: RandomStream
    ) -> tuple[Any, Links]:
        """Returns the links with no capacity without a turn, and lost where broadcasts collide."""
        xp, shape = context.xp, context.shape
        # Who has nothing to send on the channel is in nobody's way there.
        ready = xp.any(links.sends & parameters["among"], axis=-1)
        own = parameters["protocol"]
        state, turns, heard = self.protocol.step(own, state, ready, context, random)
        # What a turn lets through is for others to say.
        nothing = xp.astype(turns, xp.float32)[..., :, None]
        capacity = xp.where(nothing > 0, xp.full_like(nothing, xp.inf), nothing)
        links = links.narrow(xp.broadcast_to(capacity, shape), xp)
        if heard is not turns:
            links = links.lose(xp.broadcast_to((turns & ~heard)[..., :, None], shape))
        return state, links
