"""Communication models that carry from round to round what no batch or compiled round can."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

from broken_links import Sound


class Count(NamedTuple):
    rounds: Any


class Counting(Sound):
    """A sound model that counts rounds; the broken ones differ from it in one point."""

    def init(self, parameters, context, random):
        return Count(context.xp.zeros(context.shape, dtype=context.xp.int32))

    def step(self, parameters, state, links, context, random):
        return Count(state.rounds + 1), super().step(parameters, state, links, context, random)[1]


class CountsInPython(Counting):
    def init(self, parameters, context, random):
        return Count(0)


class CarriesAString(Counting):
    def init(self, parameters, context, random):
        return Count("none so far")

    def step(self, parameters, state, links, context, random):
        return state, super().step(parameters, Count(0), links, context, random)[1]


class CountsInDoubles(Counting):
    def init(self, parameters, context, random):
        return Count(context.xp.zeros(context.shape))


class ChangesType(Counting):
    def step(self, parameters, state, links, context, random):
        state, links = super().step(parameters, state, links, context, random)
        return Count(context.xp.astype(state.rounds, context.xp.float32)), links


class ChangesShape(Counting):
    def init(self, parameters, context, random):
        return Count(context.xp.zeros(context.shape[:-1], dtype=context.xp.int32))

    def step(self, parameters, state, links, context, random):
        rounds = context.xp.zeros(context.shape, dtype=context.xp.int32)
        return Count(rounds), super().step(parameters, Count(0), links, context, random)[1]


class StartsWithNothing(Counting):
    def init(self, parameters, context, random):
        return Count(None)

    def step(self, parameters, state, links, context, random):
        rounds = context.xp.zeros(context.shape, dtype=context.xp.int32)
        return Count(rounds), super().step(parameters, Count(0), links, context, random)[1]


class GrowsLonger(Counting):
    def step(self, parameters, state, links, context, random):
        return (*state, state[0]), super().step(
            parameters, Count(state[0]), links, context, random
        )[1]


class CountsForAll(Counting):
    """Has one count for all elements of a batch, which may be in different rounds."""

    def init(self, parameters, context, random):
        return Count(context.xp.zeros((), dtype=context.xp.int32))


class BatchBehind(Counting):
    """Has the batch behind the agents, where no element can be told from the others."""

    def init(self, parameters, context, random):
        shape = (context.shape[-1], *context.shape[:-2])
        return Count(context.xp.zeros(shape, dtype=context.xp.int32))


class BatchTwice(Counting):
    """Has a row for each element in each element, as if they had to do with each other."""

    def init(self, parameters, context, random):
        shape = (*context.shape[:-2], *context.shape[:-2])
        return Count(context.xp.zeros(shape, dtype=context.xp.int32))


class ComparesRounds(Sound):
    """Takes it that all elements of a batch are in one round."""

    def up(self, links, context, random):
        xp, up = context.xp, super().up(links, context, random)
        late = xp.asarray(context.round) >= 3
        return xp.where(late, up, xp.zeros_like(up))


class FirstRound(Sound):
    """Goes by the round that the first element of a batch is in."""

    def up(self, links, context, random):
        xp, up = context.xp, super().up(links, context, random)
        first = xp.reshape(xp.asarray(context.round), (-1,))[:1]
        return up * xp.astype(first % 4 > 0, xp.float32)


class KnowsItsRound(Sound):
    """A sound model that goes by the round of each element."""

    def up(self, links, context, random):
        xp, up = context.xp, super().up(links, context, random)
        return up * xp.astype(context.round_over(2) % 4 > 0, xp.float32)


class Unsigned(Sound):
    """Adds unsigned integers, which PyTorch does not."""

    def up(self, links, context, random):
        xp, up = context.xp, super().up(links, context, random)
        ones = xp.ones(context.shape, dtype=xp.uint32)
        return up * xp.astype(ones + ones > ones, xp.float32)


class KeepsArrays(Sound):
    """Keeps an array from one compiled function for another one."""

    kept: ClassVar[dict[Any, Any]] = {}

    def init(self, parameters, context, random):
        self.kept[context.xp.__name__, context.shape] = context.xp.zeros(context.shape)
        return ()

    def up(self, links, context, random):
        xp, up = context.xp, super().up(links, context, random)
        kept = self.kept[xp.__name__, context.shape]
        return up * xp.astype(kept < 1.0, xp.float32)


class WeaklyTyped(Counting):
    """Leaves the type of its state to what it is added to, so that a round is compiled twice."""

    def init(self, parameters, context, random):
        return Count(context.xp.broadcast_to(context.xp.asarray(0), context.shape))

    def step(self, parameters, state, links, context, random):
        one = context.xp.ones((), dtype=context.xp.int32)
        return Count(state.rounds + one), super().step(parameters, state, links, context, random)[1]


STATES = {
    CountsInPython: ".init must return arrays that begin with the axes of the batch, (2,), but one "
    "has the shape (): make it as long as context.shape[:-2]",
    CarriesAString: " carries a Python str in its state.rounds, which is no array",
    CountsInDoubles: " carries float64 of shape (2, 3, 3) in its state.rounds",
    ChangesType: " carries int32 of shape (2, 3, 3) in its state.rounds from init, but float32",
    ChangesShape: " carries int32 of shape (2, 3) in its state.rounds from init, but int32 of",
    StartsWithNothing: " carries nothing in its state.rounds from init, but int32",
    GrowsLonger: " carries int32 of shape (2, 3, 3) in its state.rounds from init, but nothing",
    CountsForAll: ".init must return arrays that begin with the axes of the batch, (2,), but one "
    "has the shape (): make it as long as context.shape[:-2]",
    BatchBehind: ".init must return arrays that begin with the axes of the batch, (2,), but one "
    "has the shape (3, 2): make it as long as context.shape[:-2]",
    BatchTwice: " carries an array of shape (2, 2) in its state.rounds for a batch of 2, and",
}
"""What is said of each state."""

ROUNDS = {
    ComparesRounds: "fails where elements of a batch are in different rounds",
    FirstRound: "does not give each element of a batch what its own round is for",
}
"""What is said of models that know but one round."""
