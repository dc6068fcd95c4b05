"""Capacity: one channel for all, on which agents are in each other's way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from failure_api.communication_models.medium.protocols import MediumProtocol
from failure_api.core.links import Context, Links
from failure_api.core.members import members_of
from failure_api.core.model import CommunicationModel
from failure_api.core.random import RandomStream


@dataclass(frozen=True, kw_only=True)
class SharedMediumModel(CommunicationModel):
    r"""All agents broadcast on one channel, and a protocol says who gets through in a round.

    The bandwidth from sender $i$ to everyone is at most $1$ in the rounds in which the broadcast
    of $i$ gets through, and $0$ in the others. Loss and age depend on how many share the channel:
    the protocol's `success_probability(agents)`, `throughput(agents)` and `expected_age(agents)`
    know them, and the loss of a link is one minus the first.

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
    def carries_fractions(self) -> bool:
        """No: a broadcast gets through or does not."""
        return False

    def init(self, context: Context, random: RandomStream) -> Any:
        """Returns who shares the channel, and the protocol's state."""
        members = members_of(self, context)
        return context.xp.asarray(members), self.protocol.init(members, context, random)

    def step(
        self, state: Any, links: Links, context: Context, random: RandomStream
    ) -> tuple[Any, Links]:
        """Returns the links with those of everyone who is not heard at bandwidth 0."""
        xp, (members, own) = context.xp, state
        own, heard = self.protocol.step(own, members & context.alive, context, random)
        bandwidth = links.bandwidth * xp.astype(heard, xp.float32)[..., :, None]
        return (members, own), links._replace(bandwidth=bandwidth)
