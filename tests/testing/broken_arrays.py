"""Communication models that do to arrays what only some arrays allow (law 1)."""

from __future__ import annotations

from broken_links import Sound

from failure_api import CommunicationModel
from failure_api.core import Traits


class EarlyRounds(Sound):
    """Takes the round for a Python integer."""

    def up(self, links, context, random):
        up = super().up(links, context, random)
        return context.xp.ones_like(up) if context.round < 3 else up


class RoundsInText(Sound):
    """Takes the round for something that can be a key."""

    def up(self, links, context, random):
        return super().up(links, context, random) * {0: 1.0}.get(context.round, 1.0)


class BranchesOnDraws(Sound):
    def up(self, links, context, random):
        up = super().up(links, context, random)
        if context.xp.any(random.uniform(context.shape) > 0.99):
            return context.xp.zeros_like(up)
        return up


class FirstRowOnly(CommunicationModel):
    """Goes by the positions in the first row of a batch."""

    traits = Traits(positions=True)

    def step(self, parameters, state, links, context, random):
        xp, count = context.xp, len(context.agent_ids)
        east = xp.reshape(context.positions, (-1, count, 2))[0, :, 0] > 0
        far = east[:, None] != east[None, :]
        return state, links.lose(xp.broadcast_to(far, context.shape))


class SharedCapacity(CommunicationModel):
    """Lets each receiver's traffic depend on that in all other rows of the batch."""

    def step(self, parameters, state, links, context, random):
        xp, count = context.xp, len(context.agent_ids)
        rows = xp.reshape(xp.astype(links.sends, xp.float32), (-1, count, count))
        crowded = xp.sum(rows, axis=(0, 1)) > 2.0
        return state, links.lose(xp.broadcast_to(crowded, context.shape))
