"""Communication models that each break one law; those that break the first are elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, ClassVar

import broken_arrays
import broken_draws
import broken_links
import numpy as np
from broken_links import Sound
from broken_state import Counting

from failure_api import CommunicationModel


class Unseeded(Sound):
    def up(self, links, context, random):
        kept = np.random.default_rng().random(context.shape) >= self.loss
        return context.xp.asarray(kept.astype(np.float32))


class DrawsForTheLiving(Sound):
    def up(self, links, context, random):
        random.uniform((int(np.asarray(context.alive).sum()),))
        return super().up(links, context, random)


class DrawsForTraffic(Sound):
    def up(self, links, context, random):
        random.uniform((int(np.asarray(links.sends).sum()),))
        return super().up(links, context, random)


@dataclass(frozen=True, kw_only=True)
class HalfGraded(Sound):
    """Is graded in a wrapper, and not in a batch."""

    settings: ClassVar[tuple[str, ...]] = ("severity",)

    def with_settings(self, settings):
        return replace(self, loss=self.loss * settings.get("severity", 1.0))


class Clock(Sound):
    """Counts the rounds in the class, where no reset reaches."""

    rounds: ClassVar[list[int]] = [0]

    def up(self, links, context, random):
        self.rounds[0] += 1
        return super().up(links, context, random) * (0.0 if self.rounds[0] % 7 == 0 else 1.0)


class HiddenMemory(Sound):
    """Starts anew in every episode, but keeps its state in the class."""

    fading: ClassVar[list[int]] = [0]

    def init(self, parameters, context, random):
        self.fading[0] = 0
        return ()

    def up(self, links, context, random):
        self.fading[0] += 1
        return super().up(links, context, random) * (1.0 if self.fading[0] % 2 else 0.0)


class GrowsOlder(Sound):
    """Starts its second episode in another state than its first."""

    episodes: ClassVar[list[int]] = [0]

    def init(self, parameters, context, random):
        self.episodes[0] += 1
        return self.episodes[0]


class WritesInPlace(Sound):
    def step(self, parameters, state, links, context, random):
        sends = links.sends
        sends &= super().up(links, context, random) > 0.5
        return state, links.lose(~sends)


class MutatesState(Sound):
    def init(self, parameters, context, random):
        return [0]

    def step(self, parameters, state, links, context, random):
        state[0] += 1
        return super().step(parameters, state, links, context, random)


class AttemptsInPlace(Counting):
    """Counts a further attempt in the state that the round has left."""

    def attempt(self, parameters, state, following, *further):
        following.rounds[...] += 1
        return super().attempt(parameters, state, following, *further)


class Thawed(Sound):
    """A subclass that its decorator did not freeze, and that can be written to."""

    __setattr__ = object.__setattr__


class Undeclared(CommunicationModel):
    """A plain class: its parameter is no field, so text, `==` and replace() know nothing of it."""

    def __init__(self, loss):
        super().__init__()
        object.__setattr__(self, "loss", loss)

    def step(self, parameters, state, links, context, random):
        return state, links


@dataclass(frozen=True, kw_only=True)
class Incomparable(Sound):
    """Holds an array, so that comparing two of them raises an error."""

    table: Any = field(default_factory=lambda: np.zeros((3, 3)))


@dataclass(frozen=True, kw_only=True)
class HoldsAFunction(Sound):
    shape: Any = field(default_factory=lambda: lambda distance: distance)


@dataclass(frozen=True, kw_only=True)
class ComesBackDifferent(Sound):
    def __reduce__(self):
        return ComesBackDifferent, (), {}

    def __setstate__(self, state):
        object.__setattr__(self, "loss", 0.9)


@dataclass(frozen=True, kw_only=True)
class FailsDifferently(Sound):
    """Is equal to itself after pickling, but no longer does the same."""

    luck: Any = field(default_factory=lambda: SimpleNamespace(loss=0.5), compare=False)

    def __getstate__(self):
        return {**self.__dict__, "luck": SimpleNamespace(loss=0.9)}

    def __setstate__(self, state):
        self.__dict__.update(state)

    def up(self, links, context, random):
        xp = context.xp
        return xp.astype(random.uniform(context.shape) >= self.luck.loss, xp.float32)


@dataclass(frozen=True, kw_only=True)
class Traceback(Sound):
    """Crashes on a list of agents that it does not expect."""

    def __post_init__(self):
        super().__post_init__()
        if self.agent_ids is not None:
            {"a": 0, "b": 1, "c": 2}[self.agent_ids[0]]


BROKEN = {
    broken_links.DoublePrecision: 1,
    broken_links.OneRow: 1,
    broken_links.BareArray: 1,
    broken_links.NotANumber: 1,
    broken_links.Negative: 1,
    broken_links.Generous: 1,
    broken_links.LastWriterWins: 1,
    broken_links.ForgetsDelay: 1,
    broken_links.ForgetsNoise: 1,
    broken_links.TooLate: 1,
    broken_links.TooEarly: 1,
    broken_links.NegativeNoise: 1,
    broken_links.TakesOrderAway: 1,
    broken_links.SecretOrder: 1,
    broken_links.Shares: 1,
    broken_links.WakesTheSilent: 1,
    broken_links.HealsTheDeaf: 1,
    broken_links.DecidesTooLate: 1,
    broken_links.SecretNarrowing: 1,
    broken_links.SecretExpiry: 1,
    broken_links.LongerExpiry: 1,
    broken_links.ExpiresUnmade: 1,
    broken_links.AttemptsMore: 1,
    broken_links.AttemptsLess: 1,
    broken_links.AttemptsTooLate: 1,
    AttemptsInPlace: 7,
    broken_links.Unbatched: 1,
    broken_links.NumpyOnly: 1,
    broken_links.SecretPositions: 1,
    broken_arrays.EarlyRounds: 1,
    broken_arrays.RoundsInText: 1,
    broken_arrays.BranchesOnDraws: 1,
    broken_arrays.FirstRowOnly: 1,
    broken_arrays.SharedCapacity: 1,
    broken_draws.DrawsFromNumPy: 4,
    broken_draws.DrawsFromPython: 4,
    broken_draws.DrawsForTheSecond: 4,
    broken_draws.DrawsForPairs: 4,
    broken_draws.DrawsWhenNeeded: 4,
    Unseeded: 4,
    HalfGraded: 4,
    DrawsForTheLiving: 4,
    DrawsForTraffic: 4,
    Clock: 4,
    HiddenMemory: 9,
    GrowsOlder: 9,
    WritesInPlace: 7,
    MutatesState: 7,
    Thawed: 10,
    Undeclared: 10,
    Incomparable: 10,
    HoldsAFunction: 10,
    ComesBackDifferent: 10,
    FailsDifferently: 10,
    Traceback: 11,
}
