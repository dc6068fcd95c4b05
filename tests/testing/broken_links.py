"""Communication models that return links which no channel can use (law 1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from failure_api import CommunicationModel, Links


@dataclass(frozen=True, kw_only=True)
class Sound(CommunicationModel):
    """Half of the messages are lost, by the book; the broken ones differ from it in one point."""

    loss: float = 0.5

    @property
    def carries_fractions(self) -> bool:
        return False

    def up(self, links: Links, context: Any, random: Any) -> Any:
        kept = context.xp.astype(random.uniform(context.shape) >= self.loss, context.xp.float32)
        return context.xp.minimum(links.bandwidth, kept)

    def step(self, state: Any, links: Links, context: Any, random: Any) -> Any:
        return state, links._replace(bandwidth=self.up(links, context, random))


class DoublePrecision(Sound):
    def up(self, links: Links, context: Any, random: Any) -> Any:
        return context.xp.astype(super().up(links, context, random), context.xp.float64)


class OneRow(Sound):
    def up(self, links: Links, context: Any, random: Any) -> Any:
        return super().up(links, context, random)[..., 0, :]


class BareArray(Sound):
    def step(self, state: Any, links: Links, context: Any, random: Any) -> Any:
        return state, self.up(links, context, random)


class NotANumber(Sound):
    def up(self, links: Links, context: Any, random: Any) -> Any:
        return super().up(links, context, random) * float("nan")


class Negative(Sound):
    def up(self, links: Links, context: Any, random: Any) -> Any:
        return super().up(links, context, random) - 1.0


class Generous(Sound):
    def up(self, links: Links, context: Any, random: Any) -> Any:
        return super().up(links, context, random) * 2.0


class LastWriterWins(Sound):
    """Overwrites what the models before it did to the bandwidth."""

    def up(self, links: Links, context: Any, random: Any) -> Any:
        xp = context.xp
        return xp.astype(random.uniform(context.shape) >= self.loss, xp.float32)


class ForgetsDelay(Sound):
    """Overwrites the delay that the models before it added."""

    longest_delay: ClassVar[int] = 1

    def step(self, state: Any, links: Links, context: Any, random: Any) -> Any:
        xp = context.xp
        return state, links._replace(
            bandwidth=self.up(links, context, random),
            delay=xp.ones(context.shape, dtype=xp.int32),
        )


class ForgetsNoise(Sound):
    """Builds new links from the bandwidth alone."""

    def step(self, state: Any, links: Links, context: Any, random: Any) -> Any:
        return state, Links(bandwidth=self.up(links, context, random), delay=links.delay)


class TooLate(Sound):
    def step(self, state: Any, links: Links, context: Any, random: Any) -> Any:
        xp = context.xp
        delay = xp.full(context.shape, 3, dtype=xp.int32)
        if links.delay is not None:
            delay = links.delay + delay
        return state, links._replace(bandwidth=self.up(links, context, random), delay=delay)


class TooEarly(TooLate):
    longest_delay: ClassVar[int] = 3

    def step(self, state: Any, links: Links, context: Any, random: Any) -> Any:
        state, worse = super().step(state, links, context, random)
        return state, worse._replace(delay=worse.delay - 4)


class NegativeNoise(Sound):
    def step(self, state: Any, links: Links, context: Any, random: Any) -> Any:
        xp = context.xp
        noise = xp.full(context.shape, -1.0, dtype=xp.float32)
        return state, links._replace(noise=noise)


class HiddenFractions(Sound):
    def up(self, links: Links, context: Any, random: Any) -> Any:
        return super().up(links, context, random) * 0.5


class Unbatched(Sound):
    def up(self, links: Links, context: Any, random: Any) -> Any:
        xp, count = context.xp, len(context.agent_ids)
        kept = xp.astype(random.uniform((count, count)) >= self.loss, xp.float32)
        return xp.reshape(links.bandwidth, (count, count)) * kept


class NumpyOnly(Sound):
    def up(self, links: Links, context: Any, random: Any) -> Any:
        kept = np.asarray(random.uniform(context.shape)) >= self.loss
        return np.where(kept, links.bandwidth, np.float32(0))


class SecretPositions(Sound):
    """Reads positions without saying that it needs them."""

    def up(self, links: Links, context: Any, random: Any) -> Any:
        xp = context.xp
        east = context.positions[..., 0] > 0
        kept = super().up(links, context, random)
        return kept * xp.astype(east[..., :, None] & east[..., None, :], xp.float32)


class TakesOrderAway(Sound):
    """Lets messages overtake each other where an earlier model keeps them in order."""

    @property
    def keeps_order(self) -> bool:
        return True

    def step(self, state: Any, links: Links, context: Any, random: Any) -> Any:
        nowhere = context.xp.zeros(context.shape, dtype=context.xp.bool)
        return state, links._replace(in_order=nowhere)


class SecretOrder(Sound):
    """Keeps links in order without saying so, so that no channel would."""

    def step(self, state: Any, links: Links, context: Any, random: Any) -> Any:
        everywhere = context.xp.ones(context.shape, dtype=context.xp.bool)
        return state, links._replace(in_order=everywhere)
