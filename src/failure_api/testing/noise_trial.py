"""A noise model under trial: what content it is given, and what it makes of that."""

from __future__ import annotations

from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from failure_api.core import NumpyStream, RandomStream
from failure_api.core.arrays.libraries import on_arrays_of
from failure_api.core.noise import NoiseContext, NoiseModel
from failure_api.core.random.portable_stream import BEFORE
from failure_api.errors import FailureApiError, LawError
from failure_api.testing.model_trial import (
    locked,
    plain,
    portable_draws,
    read_only,
    round_of,
    source_line,
    with_name,
)
from failure_api.testing.verdict import demand, same

LOW = [-1.0, -100.0, 0.0, -3.0, 0.0, 0.0]
HIGH = [1.0, 50.0, 5.0, 3.0, 1.0, 0.0]
WHOLE = [False, False, True, True, True, True]
"""Entries of every kind: reals, whole numbers, a flag, and one that can have but one value."""


class Inputs(NamedTuple):
    """What differs from one run of a trial to another.

    Attributes:
        dtype: Type of the content.
        own: Whether it is what agents see themselves, `[N, K]`; else messages, `[N, N, K]`.
        rows: Teams that differ in what they say.
        batched: Whether these stand along a leading batch axis; otherwise there is one.
        counted: Whether rounds are numbered by arrays, as they are where a function is compiled.
        starts: The number of each row's first round.
        portable: Whether draws are a function of the row and its round, whatever stands beside it.
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
    starts: tuple[int, ...] = (0,)
    portable: bool = False

    @property
    def batch(self) -> tuple[int, ...]:
        """Shape of the batch."""
        return (len(self.rows),) if self.batched else ()


NORMAL = Inputs()


class Heard(NamedTuple):
    """What arrived in a round, as NumPy arrays, and what a model made of it.

    Attributes:
        arrived: Where there is content.
        before: The content that the model was given.
        after: The content as it left it.
        state: What it carried into the round, in its own arrays.
        following: What it carries into the next one.
    """

    arrived: NDArray[np.bool_]
    before: NDArray[Any]
    after: NDArray[Any]
    state: Any
    following: Any

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
        self, xp: ModuleType = np, inputs: Inputs = NORMAL
    ) -> list[tuple[NoiseContext, Any]]:
        """Returns what is known of each round, and its content."""
        count = len(self.agent_ids)
        shape = (count, len(LOW)) if inputs.own else (count, count, len(LOW))
        low, high = (np.tile(np.array(b, inputs.dtype), (count, 1)) for b in (LOW, HIGH))
        # A generator for each row, so that a row is the same whatever stands beside it.
        generators = [np.random.default_rng(self.seed + row) for row in inputs.rows]
        batch = inputs.batch
        rounds = []
        for number in range(self.rounds):
            contents, arrivals = [], []
            for generator in generators:
                content = generator.uniform(low, high, shape)
                content = np.where(WHOLE, np.round(content), content) * inputs.scale
                arrived = (generator.random(shape[:-1]) < 2 / 3) | inputs.everything
                contents.append(np.where(arrived[..., None], content, inputs.nothing))
                arrivals.append(arrived)
            content = np.reshape(contents, (*batch, *shape)).astype(inputs.dtype)
            context = NoiseContext(
                round=round_of(xp, number, inputs.starts, inputs.counted),
                arrived=read_only(xp, np.reshape(arrivals, (*batch, *shape[:-1]))),
                low=read_only(xp, low if inputs.bounded else np.full_like(low, -np.inf)),
                high=read_only(xp, high if inputs.bounded else np.full_like(high, np.inf)),
                whole=read_only(xp, np.array(WHOLE) & inputs.bounded),
                xp=xp,
                shape=(*batch, *shape),
                agent_ids=self.agent_ids,
            )
            rounds.append((context, read_only(xp, content)))
        return rounds

    def prepared(self, xp: ModuleType = np, inputs: Inputs = NORMAL) -> Any:
        """Returns what the model looks up once."""
        alone = inputs._replace(rows=inputs.rows[:1], batched=False, starts=(0,))
        return on_arrays_of(xp, self.model.prepare(self.rounds_of(np, alone)[0][0]))

    def run(
        self, xp: ModuleType = np, inputs: Inputs = NORMAL, stream: RandomStream | None = None
    ) -> list[Heard]:
        """Runs the model through all rounds."""
        stream = stream or NumpyStream(self.seed, xp=xp)
        rounds = self.rounds_of(xp, inputs)

        def draws(number: Any) -> RandomStream:
            return self.draws(xp, inputs, number) if inputs.portable else stream

        try:
            parameters = self.prepared(xp, inputs)
            state = self.model.init(parameters, rounds[0][0], draws(BEFORE))
            heard = []
            for context, content in rounds:
                stream_now = draws(context.round)
                result = self.model.step(parameters, locked(state), content, context, stream_now)
                following, after = self.checked(result, content)
                arrived, before, made = map(plain, (context.arrived, content, after))
                heard.append(Heard(arrived, before, made, state, following))
                state = following
        except LawError:
            raise
        except FailureApiError as error:
            demand(1, False, with_name(error, self.model))
        except ValueError as error:
            writes, place = "read-only" in str(error), source_line(error, self.model)
            remedy = "make another array, as in context.xp.where(condition, other, content)"
            demand(7, not writes, f"{self.model.name} writes to its input{place}: {remedy}")
            raise
        return heard

    def draws(self, xp: ModuleType, inputs: Inputs, number: Any) -> RandomStream:
        """Returns the portable stream of a round: each row of a batch has its own seed."""
        return portable_draws(xp, self.seed, inputs.rows, inputs.batch, number)

    def checked(self, result: Any, content: Any) -> tuple[Any, Any]:
        """Returns what the model returned, or raises what is wrong with its form."""
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
