"""Noise models that each break one law."""

from __future__ import annotations

import random as python_random
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Annotated, Any, ClassVar

import numpy as np

from failure_api.core.noise import NoiseModel
from failure_api.core.parameters.rules import WholeNumber
from failure_api.core.parameters.types import Share


@dataclass(frozen=True, kw_only=True)
class Sound(NoiseModel):
    """Adds uniform noise, by the book; the broken ones differ from it in one point."""

    share: Share = 0.5

    def noise(self, content, context, random):
        return context.xp.astype(self.share * random.uniform(context.shape), content.dtype)

    def step(self, parameters, state, content, context, random):
        return state, content + self.noise(content, context, random)


class BareContent(Sound):
    def step(self, parameters, state, content, context, random):
        return content + self.noise(content, context, random)


class OneRow(Sound):
    def step(self, parameters, state, content, context, random):
        return state, super().step(parameters, state, content, context, random)[1][..., :1, :]


class SinglePrecision(Sound):
    def step(self, parameters, state, content, context, random):
        content = super().step(parameters, state, content, context, random)[1]
        return state, context.xp.astype(content, context.xp.float32)


class NotANumber(Sound):
    def noise(self, content, context, random):
        with np.errstate(invalid="ignore"):
            return super().noise(content, context, random) + context.xp.sqrt(content)


class TrustsBounds(Sound):
    """Takes for granted that there are bounds, and says nothing where there are none."""

    def noise(self, content, context, random):
        with np.errstate(invalid="ignore"):
            return super().noise(content, context, random) * (context.high - context.low)


class MessagesAlone(Sound):
    def noise(self, content, context, random):
        receivers, _, _ = context.shape
        return super().noise(content, context, random) / receivers


class Eavesdrops(Sound):
    """Lets what did not arrive change what did."""

    def noise(self, content, context, random):
        xp = context.xp
        known = xp.where(xp.isnan(content), xp.zeros_like(content), content)
        return super().noise(content, context, random) + xp.mean(known)


class RoundAsIndex(Sound):
    def noise(self, content, context, random):
        noise = super().noise(content, context, random)
        return noise * (1.0 if isinstance(context.round, int) else 2.0)


class BatchMean(Sound):
    """Draws nothing, and mixes all rows of a batch."""

    def noise(self, content, context, random):
        xp = context.xp
        arrived = xp.astype(context.arrived, content.dtype)
        return context.xp.zeros_like(content) + xp.mean(arrived)


class Unbatched(Sound):
    def noise(self, content, context, random):
        if len(context.shape) > 3:
            raise ValueError("too many axes")
        return super().noise(content, context, random)


class NumpyOnly(Sound):
    def step(self, parameters, state, content, context, random):
        noise = np.asarray(self.noise(content, context, random))
        return state, np.asarray(content) + noise


class Branches(Sound):
    def noise(self, content, context, random):
        noise = super().noise(content, context, random)
        return noise if context.xp.any(context.arrived) else 0 * noise


class Unseeded(Sound):
    def noise(self, content, context, random):
        draws = np.random.default_rng().random(context.shape)
        return context.xp.asarray(draws, dtype=content.dtype)


class Global(Sound):
    def noise(self, content, context, random):
        python_random.random()
        return super().noise(content, context, random)


class DrawsForArrivals(Sound):
    def noise(self, content, context, random):
        random.uniform((int(np.asarray(context.arrived).sum()),))
        return super().noise(content, context, random)


class DrawsForContent(Sound):
    def noise(self, content, context, random):
        random.uniform((1 + int(np.nanmax(np.abs(content)) > 0),))
        return super().noise(content, context, random)


class DrawsForParameters(Sound):
    def noise(self, content, context, random):
        if self.share == 0:
            return context.xp.zeros_like(content)
        return super().noise(content, context, random)


class WritesInPlace(Sound):
    def step(self, parameters, state, content, context, random):
        content += self.noise(content, context, random)
        return state, content


class MutatesState(Sound):
    def init(self, parameters, context, random):
        return [0]

    def step(self, parameters, state, content, context, random):
        state[0] += 1
        return super().step(parameters, state, content, context, random)


class HiddenMemory(Sound):
    """Starts anew in every episode, but keeps its state in the class."""

    rounds: ClassVar[list[int]] = [0]

    def init(self, parameters, context, random):
        self.rounds[0] = 0
        return ()

    def noise(self, content, context, random):
        self.rounds[0] += 1
        return super().noise(content, context, random) * self.rounds[0]


class GrowsOlder(Sound):
    """Starts its second episode in another state than its first."""

    episodes: ClassVar[list[int]] = [0]

    def init(self, parameters, context, random):
        self.episodes[0] += 1
        return self.episodes[0]


class Thawed(Sound):
    """A subclass that its decorator did not freeze, and that can be written to."""

    __setattr__ = object.__setattr__


@dataclass(frozen=True, kw_only=True)
class Grows(Sound):
    """Is another model after it was replaced by itself."""

    count: Annotated[int, WholeNumber(0)] = 0

    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "count", self.count + 1)


@dataclass(frozen=True, kw_only=True)
class HoldsAFunction(Sound):
    shape: Any = field(default_factory=lambda: lambda entry: entry)


@dataclass(frozen=True, kw_only=True)
class ComesBackDifferent(Sound):
    def __reduce__(self):
        return ComesBackDifferent, (), {}

    def __setstate__(self, state):
        object.__setattr__(self, "share", 0.9)


@dataclass(frozen=True, kw_only=True)
class FailsDifferently(Sound):
    """Is equal to itself after pickling, but no longer does the same."""

    luck: Any = field(default_factory=lambda: SimpleNamespace(share=0.5), compare=False)

    def __getstate__(self):
        return {**self.__dict__, "luck": SimpleNamespace(share=0.9)}

    def __setstate__(self, state):
        self.__dict__.update(state)

    def noise(self, content, context, random):
        return super().noise(content, context, random) * self.luck.share


@dataclass(frozen=True, kw_only=True)
class Traceback(Sound):
    """Crashes on a list of agents that it does not expect."""

    def __post_init__(self):
        super().__post_init__()
        if self.agent_ids is not None:
            {"a": 0, "b": 1, "c": 2}[self.agent_ids[0]]


BROKEN = {
    BareContent: 1,
    OneRow: 1,
    SinglePrecision: 1,
    NotANumber: 1,
    TrustsBounds: 1,
    MessagesAlone: 1,
    Eavesdrops: 1,
    RoundAsIndex: 1,
    BatchMean: 1,
    Unbatched: 1,
    NumpyOnly: 1,
    Branches: 1,
    Unseeded: 4,
    Global: 4,
    DrawsForArrivals: 4,
    DrawsForContent: 4,
    DrawsForParameters: 4,
    WritesInPlace: 7,
    MutatesState: 7,
    HiddenMemory: 9,
    GrowsOlder: 9,
    Thawed: 10,
    Grows: 10,
    HoldsAFunction: 10,
    ComesBackDifferent: 10,
    FailsDifferently: 10,
    Traceback: 11,
}
