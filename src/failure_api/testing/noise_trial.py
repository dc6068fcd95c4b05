"""A noise model under trial: what content it is given, and what it makes of that."""

from __future__ import annotations

from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from failure_api.core import RandomStream
from failure_api.core.noise import NoiseContext, NoiseModel
from failure_api.errors import FailureApiError
from failure_api.testing.verdict import demand, same

LOW = [-1.0, -100.0, 0.0, -3.0, 0.0, 0.0]
HIGH = [1.0, 50.0, 5.0, 3.0, 1.0, 0.0]
WHOLE = [False, False, True, True, True, True]
"""Entries of every kind: reals, whole numbers, a flag, and one that can have but one value."""


class Given(NamedTuple):
    """What differs from one run of a trial to another.

    Attributes:
        dtype: Type of the content.
        own: Whether it is what agents see themselves, `[N, K]`; else messages, `[N, N, K]`.
        rows: Teams that differ in what they say.
        batched: Whether these stand along a leading batch axis; otherwise there is one.
        counted: Whether rounds are numbered by 0-d arrays, as they are under tracing.
        everything: Whether all messages arrive; otherwise about two thirds do.
        nothing: What stands where nothing arrived.
        bounded: Whether entries have bounds.
        scale: What content within its bounds is multiplied by.
    """

    dtype: str = "float32"
    own: bool = False
    rows: tuple[int, ...] = (0,)
    batched: bool = False
    counted: bool = False
    everything: bool = False
    nothing: float = np.nan
    bounded: bool = True
    scale: float = 1.0


NORMAL = Given()


class Heard(NamedTuple):
    """What arrived in a round, as NumPy arrays, and what a model made of it."""

    arrived: NDArray[np.bool_]
    before: NDArray[Any]
    after: NDArray[Any]

    @property
    def result(self) -> NDArray[Any]:
        """What the model made of the messages that arrived, one row each."""
        return self.after[self.arrived]


class NoiseTrial(NamedTuple):
    """A noise model and the circumstances that it is tried in."""

    model: NoiseModel
    agent_ids: tuple[Any, ...]
    rounds: int
    seed: int

    def rounds_of(
        self, xp: ModuleType = np, given: Given = NORMAL
    ) -> list[tuple[NoiseContext, Any]]:
        """Returns what is known of each round, and its content."""
        count = len(self.agent_ids)
        shape = (count, len(LOW)) if given.own else (count, count, len(LOW))
        low, high = (np.tile(np.array(b, given.dtype), (count, 1)) for b in (LOW, HIGH))
        # A generator for each row, so that a row is the same whatever stands beside it.
        generators = [np.random.default_rng(self.seed + row) for row in given.rows]
        batch = (len(given.rows),) if given.batched else ()
        rounds = []
        for number in range(self.rounds):
            contents, arrivals = [], []
            for generator in generators:
                content = generator.uniform(low, high, shape)
                content = np.where(WHOLE, np.round(content), content) * given.scale
                arrived = (generator.random(shape[:-1]) < 2 / 3) | given.everything
                contents.append(np.where(arrived[..., None], content, given.nothing))
                arrivals.append(arrived)
            content = np.reshape(contents, (*batch, *shape)).astype(given.dtype)
            context = NoiseContext(
                round=xp.asarray(number) if given.counted else number,
                arrived=_given(xp, np.reshape(arrivals, (*batch, *shape[:-1]))),
                low=_given(xp, low if given.bounded else np.full_like(low, -np.inf)),
                high=_given(xp, high if given.bounded else np.full_like(high, np.inf)),
                whole=_given(xp, np.array(WHOLE) & given.bounded),
                xp=xp,
                shape=(*batch, *shape),
                agent_ids=self.agent_ids,
            )
            rounds.append((context, _given(xp, content)))
        return rounds

    def run(
        self, xp: ModuleType = np, given: Given = NORMAL, stream: RandomStream | None = None
    ) -> list[Heard]:
        """Runs the model through all rounds."""
        stream = stream or RandomStream(self.seed, xp=xp)
        rounds = self.rounds_of(xp, given)
        try:
            state = self.model.init(rounds[0][0], stream)
            heard = []
            for context, content in rounds:
                result = self.model.step(_locked(state), content, context, stream)
                state, after = self._checked(result, content)
                heard.append(Heard(*map(np.asarray, (context.arrived, content, after))))
        except FailureApiError as error:
            demand(1, False, str(error))
        except ValueError as error:
            demand(7, "read-only" not in str(error), f"{self.model.name} writes to its input")
            raise
        return heard

    def _checked(self, result: Any, content: Any) -> tuple[Any, Any]:
        name = self.model.name
        pair = type(result) is tuple and len(result) == 2
        demand(1, pair, f"{name}.step does not return the pair (state, content)")
        state, after = result
        kind, right = type(after), type(content)
        demand(1, kind is right, f"{name} returns a {kind.__name__}, not {right.__module__} arrays")
        same_shape, same_dtype = after.shape == content.shape, after.dtype == content.dtype
        demand(1, same_shape, f"{name} returns shape {after.shape}, not {content.shape}")
        demand(1, same_dtype, f"{name} returns {after.dtype}, not {content.dtype}")
        return state, after


def equal_results(one: list[Heard], other: list[Heard]) -> bool:
    """Returns whether two runs made the same of what arrived, in every round."""
    return all(same(a.result, b.result) for a, b in zip(one, other, strict=True))


def _given(xp: ModuleType, array: Any) -> Any:
    array = np.array(array)
    array.flags.writeable = False
    return xp.asarray(array)


def _locked(value: Any) -> Any:
    """Makes every NumPy array within a state read-only."""
    if isinstance(value, np.ndarray):
        value.flags.writeable = False
    elif isinstance(value, tuple | list):
        for item in value:
            _locked(item)
    return value
