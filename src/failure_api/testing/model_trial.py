"""A communication model under trial: what it is given, and what it makes of that."""

from __future__ import annotations

from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from failure_api.core import Chain, CommunicationModel, Context, Links, RandomStream
from failure_api.errors import FailureApiError
from failure_api.testing.verdict import demand


class Round(NamedTuple):
    """What a model was given and what it made of it."""

    before: Links
    after: Links


class ModelTrial(NamedTuple):
    """A model and the circumstances that it is tried in."""

    model: CommunicationModel
    agent_ids: tuple[Any, ...]
    rounds: int
    seed: int

    def contexts(
        self,
        xp: ModuleType = np,
        batch: tuple[int, ...] = (),
        everyone: bool = True,
        placed: bool = True,
        counted: bool = False,
    ) -> list[Context]:
        """Returns what is known of each round: agents that move about, and some that die."""
        count = len(self.agent_ids)
        generator = np.random.default_rng(self.seed)
        contexts = []
        for number in range(self.rounds):
            positions = generator.uniform(-1, 1, (count, 2)).astype(np.float32)
            alive = np.ones(count, dtype=bool)
            if not everyone:
                # Everyone alone, and every group of them, as the bits of a number.
                alive = np.array([number >> place & 1 == 0 for place in range(count)])
            alive, positions = (
                np.broadcast_to(array, batch + array.shape).copy() for array in (alive, positions)
            )
            alive.flags.writeable = positions.flags.writeable = False
            contexts.append(
                Context(
                    xp.asarray(number) if counted else number,
                    xp.asarray(alive),
                    xp.asarray(positions) if placed else None,
                    xp,
                    (*batch, count, count),
                    self.agent_ids,
                )
            )
        return contexts

    def links(self, xp: ModuleType, shape: tuple[int, ...]) -> Links:
        """Returns links that are as good as can be."""
        bandwidth = np.ones(shape, dtype=np.float32)
        bandwidth.flags.writeable = False
        return Links(bandwidth=xp.asarray(bandwidth))

    def damaged(self) -> Links:
        """Returns links that other models have left lossy, late, noisy and disturbed."""
        shape = (len(self.agent_ids),) * 2
        generator = np.random.default_rng(self.seed)
        return Links(
            bandwidth=generator.choice([0.0, 0.5, 1.0], shape).astype(np.float32),
            delay=generator.integers(0, 3, shape).astype(np.int32),
            noise=generator.random(shape, dtype=np.float32),
            interference=1e-6 * generator.random(shape, dtype=np.float32),
        )

    def run(
        self,
        xp: ModuleType = np,
        batch: tuple[int, ...] = (),
        *,
        everyone: bool = True,
        placed: bool = True,
        counted: bool = False,
        stream: RandomStream | None = None,
        first_links: Links | None = None,
    ) -> list[Round]:
        """Runs the model through all rounds; `counted` makes their numbers arrays."""
        stream = stream or RandomStream(self.seed, xp=xp)
        contexts = self.contexts(xp, batch, everyone, placed, counted)
        chain = Chain(models=[self.model])
        links = first_links or self.links(xp, contexts[0].shape)
        try:
            state = chain.init(contexts[0], stream)
            seen = []
            for context in contexts:
                state, after = chain.step(_locked(state), links, context, stream)
                seen.append(Round(links, after))
        except FailureApiError as error:
            demand(1, False, str(error))
        except ValueError as error:
            demand(7, "read-only" not in str(error), f"{self.model.name} writes to its input")
            raise
        return seen


def _locked(value: Any) -> Any:
    """Makes every NumPy array within a state read-only."""
    if isinstance(value, np.ndarray):
        value.flags.writeable = False
    elif isinstance(value, tuple | list):
        for item in value:
            _locked(item)
    elif isinstance(value, dict):
        _locked(tuple(value.values()))
    return value
