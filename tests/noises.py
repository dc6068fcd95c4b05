"""Small noise models, for tests of how noise models are applied."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from failure_api.core.noise import NoiseModel


@dataclass(frozen=True, kw_only=True)
class Add(NoiseModel):
    """Adds the same to every number."""

    amount: float = 1.0

    def step(self, parameters, state, content, context, random):
        return state, content + self.amount


@dataclass(frozen=True, kw_only=True)
class Double(NoiseModel):
    def step(self, parameters, state, content, context, random):
        return state, content * 2


@dataclass(frozen=True, kw_only=True)
class Normal(NoiseModel):
    """Adds draws of the standard normal distribution, enlarged."""

    size: float = 1.0

    def step(self, parameters, state, content, context, random):
        draws = context.xp.astype(random.normal(context.shape), content.dtype)
        return state, content + self.size * draws


@dataclass(frozen=True, kw_only=True)
class Wanders(NoiseModel):
    """Adds a random walk, so that what it adds tells of all earlier rounds."""

    def init(self, parameters, context, random):
        return context.xp.zeros(context.shape, dtype=context.low.dtype)

    def step(self, parameters, state, content, context, random):
        state = state + context.xp.astype(random.normal(context.shape), content.dtype)
        return state, content + state


@dataclass(frozen=True, kw_only=True)
class Counts(NoiseModel):
    """Counts the messages that arrive, and leaves them alone."""

    def init(self, parameters, context, random):
        return context.xp.zeros(context.shape[:-1], dtype=context.xp.int32)

    def step(self, parameters, state, content, context, random):
        return state + context.xp.astype(context.arrived, context.xp.int32), content

    def report(self, state):
        return {"arrived": int(state.sum())}


@dataclass(frozen=True, kw_only=True)
class Watches(NoiseModel):
    """Writes down what it is given."""

    seen: ClassVar[list[Any]] = []

    def step(self, parameters, state, content, context, random):
        self.seen.append((content, context))
        return state, content


@dataclass(frozen=True, kw_only=True)
class Attacks(NoiseModel):
    """Says what `ByzantineModel` says of itself."""

    def step(self, parameters, state, content, context, random):
        return state, content

    def attack_share(self, state):
        return 0.25


@dataclass(frozen=True, kw_only=True)
class Returns(NoiseModel):
    """Returns what a test says."""

    result: Any

    def step(self, parameters, state, content, context, random):
        return self.result(state, content)
