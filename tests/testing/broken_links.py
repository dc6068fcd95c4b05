"""Communication models that return links which no channel can use (law 1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from failure_api import CommunicationModel, Links
from failure_api.core import Stage, Traits
from failure_api.core.links import NEVER


@dataclass(frozen=True, kw_only=True)
class Sound(CommunicationModel):
    """Half of the messages are lost, by the book; the broken ones differ from it in one point."""

    loss: float = 0.5

    def up(self, links, context, random):
        """Returns 1 where a message arrives and 0 where it is lost."""
        return context.xp.astype(random.uniform(context.shape) >= self.loss, context.xp.float32)

    def step(self, parameters, state, links, context, random):
        return state, links.lose(self.up(links, context, random) < 0.5)


class Narrowing(Sound):
    """A sound model of capacity: a link carries now one message, now half of one."""

    traits: ClassVar[Traits] = Traits(stages={Stage.SERVED}, narrows=True)

    def capacity(self, links, context, random):
        return 0.5 + 0.5 * self.up(links, context, random)

    def step(self, parameters, state, links, context, random):
        return state, links.narrow(self.capacity(links, context, random), context.xp)


class Expiring(Sound):
    """A sound model of expiry: no message is heard later than three rounds after it was made."""

    traits: ClassVar[Traits] = Traits(stages={Stage.SENT}, expires=True)

    def rounds(self, before, context):
        return context.xp.minimum(before, context.xp.full_like(before, 3))

    def step(self, parameters, state, links, context, random):
        xp = context.xp
        before = links.expiry
        if before is None:
            before = xp.full(context.shape, NEVER, dtype=xp.int32)
        return state, links._replace(expiry=self.rounds(before, context))


class DoublePrecision(Narrowing):
    def capacity(self, links, context, random):
        return context.xp.astype(super().capacity(links, context, random), context.xp.float64)


class Shares(Sound):
    """Says how much is lost, not what."""

    def step(self, parameters, state, links, context, random):
        return state, links._replace(lost=self.up(links, context, random))


class OneRow(Sound):
    def step(self, parameters, state, links, context, random):
        return state, links.lose(self.up(links, context, random)[..., 0, :] < 0.5)


class BareArray(Sound):
    def step(self, parameters, state, links, context, random):
        return state, self.up(links, context, random) < 0.5


class NotANumber(Narrowing):
    def capacity(self, links, context, random):
        return super().capacity(links, context, random) * float("nan")


class Negative(Narrowing):
    def capacity(self, links, context, random):
        return super().capacity(links, context, random) - 1.0


class Generous(Narrowing):
    """Lets links carry twice of what the models before it left."""

    def step(self, parameters, state, links, context, random):
        _, narrow = super().step(parameters, state, links, context, random)
        return state, narrow._replace(capacity=narrow.capacity * 2.0)


class LastWriterWins(Sound):
    """Overwrites what the models before it lost."""

    def step(self, parameters, state, links, context, random):
        return state, links._replace(lost=self.up(links, context, random) < 0.5)


class WakesTheSilent(Sound):
    """Lets agents send whose nodes are down."""

    traits: ClassVar[Traits] = Traits(stages={Stage.SENT})

    def step(self, parameters, state, links, context, random):
        everywhere = context.xp.ones(context.shape, dtype=context.xp.bool)
        _, links = super().step(parameters, state, links, context, random)
        return state, links._replace(sends=everywhere)


class HealsTheDeaf(Sound):
    """Lets agents hear that an earlier model has made deaf."""

    def step(self, parameters, state, links, context, random):
        return state, links._replace(hears=self.up(links, context, random) > 0.5)


class DecidesTooLate(Sound):
    """Keeps agents from sending at a stage at which everything has been sent."""

    def step(self, parameters, state, links, context, random):
        return state, links.silence(self.up(links, context, random) < 0.5)


class ForgetsDelay(Sound):
    """Overwrites the delay that the models before it added."""

    traits: ClassVar[Traits] = Traits(longest_delay=1)

    def step(self, parameters, state, links, context, random):
        xp = context.xp
        _, links = super().step(parameters, state, links, context, random)
        return state, links._replace(delay=xp.ones(context.shape, dtype=xp.int32))


class ForgetsNoise(Sound):
    """Builds new links from what it knows of them alone."""

    def step(self, parameters, state, links, context, random):
        _, worse = super().step(parameters, state, links, context, random)
        return state, Links(sends=links.sends, lost=worse.lost, delay=links.delay)


class TooLate(Sound):
    def step(self, parameters, state, links, context, random):
        xp = context.xp
        _, links = super().step(parameters, state, links, context, random)
        return state, links.slow(xp.full(context.shape, 3, dtype=xp.int32))


class TooEarly(TooLate):
    traits: ClassVar[Traits] = Traits(longest_delay=3)

    def step(self, parameters, state, links, context, random):
        state, worse = super().step(parameters, state, links, context, random)
        return state, worse._replace(delay=worse.delay - 4)


class NegativeNoise(Sound):
    def step(self, parameters, state, links, context, random):
        xp = context.xp
        noise = xp.full(context.shape, -1.0, dtype=xp.float32)
        return state, links._replace(noise=noise)


class SecretNarrowing(Narrowing):
    """Leaves less than a message a round without saying so, so that no channel keeps credit."""

    traits: ClassVar[Traits] = Traits(stages={Stage.SERVED})


class SecretExpiry(Expiring):
    traits: ClassVar[Traits] = Traits(stages={Stage.SENT})


class LongerExpiry(Expiring):
    """Lets messages live longer than an earlier model does."""

    def rounds(self, before, context):
        return before + 1


class ExpiresUnmade(Expiring):
    def rounds(self, before, context):
        return context.xp.full_like(before, -1)


class Unbatched(Sound):
    def step(self, parameters, state, links, context, random):
        xp, count = context.xp, len(context.agent_ids)
        lost = random.uniform((count, count)) < self.loss
        return state, links._replace(lost=xp.reshape(links.sends, (count, count)) & lost)


class NumpyOnly(Sound):
    def up(self, links, context, random):
        kept = np.asarray(random.uniform(context.shape)) >= self.loss
        return np.where(kept, np.float32(1), np.float32(0))


class SecretPositions(Sound):
    """Reads positions without saying that it needs them."""

    def up(self, links, context, random):
        xp = context.xp
        east = context.positions[..., 0] > 0
        kept = super().up(links, context, random)
        return kept * xp.astype(east[..., :, None] & east[..., None, :], xp.float32)


class TakesOrderAway(Sound):
    """Lets messages overtake each other where an earlier model keeps them in order."""

    traits: ClassVar[Traits] = Traits(in_order=True)

    def step(self, parameters, state, links, context, random):
        nowhere = context.xp.zeros(context.shape, dtype=context.xp.bool)
        return state, links._replace(in_order=nowhere)


class SecretOrder(Sound):
    """Keeps links in order without saying so, so that no channel would."""

    def step(self, parameters, state, links, context, random):
        everywhere = context.xp.ones(context.shape, dtype=context.xp.bool)
        return state, links._replace(in_order=everywhere)


class AttemptsMore(Sound):
    """Slows links in a further attempt alone, for which nobody has made room."""

    traits: ClassVar[Traits] = Traits(longest_delay=1)

    def attempt(self, *inputs):
        *_, context, _ = inputs
        again = super().attempt(*inputs)
        return again.slow(context.xp.ones(context.shape, dtype=context.xp.int32))


class AttemptsLess(Sound):
    """Loses nothing in a further attempt."""

    def attempt(self, *inputs):
        _, _, _, links, _, _ = inputs
        return links


class AttemptsTooLate(Sound):
    """Takes longer in a further attempt than it says."""

    traits: ClassVar[Traits] = Traits(longest_delay=1)

    def step(self, parameters, state, links, context, random):
        _, links = super().step(parameters, state, links, context, random)
        return state, links.slow(context.xp.ones(context.shape, dtype=context.xp.int32))

    def attempt(self, *inputs):
        again = super().attempt(*inputs)
        return again.slow(again.delay)
