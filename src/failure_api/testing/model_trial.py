"""A communication model under trial: what it is given, and what it makes of that."""

from __future__ import annotations

from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from failure_api.core import Chain, CommunicationModel, Context, Links, RandomStream
from failure_api.errors import FailureApiError
from failure_api.testing.verdict import demand, same


class Round(NamedTuple):
    """What a model was given and what it made of it."""

    before: Links
    after: Links


class Circumstances(NamedTuple):
    """What differs from one run of a trial to another.

    Attributes:
        everyone: Whether all agents live; otherwise everyone alone, and every group of them.
        placed: Whether it is known where the agents are.
        counted: Whether rounds are numbered by 0-d arrays, as they are under tracing.
        rows: Teams that differ in where they are and who of them is alive.
        batched: Whether these stand along a leading batch axis; otherwise there is one.
    """

    everyone: bool = True
    placed: bool = True
    counted: bool = False
    rows: tuple[int, ...] = (0,)
    batched: bool = False


NORMAL = Circumstances()


class ModelTrial(NamedTuple):
    """A model and the circumstances that it is tried in."""

    model: CommunicationModel
    agent_ids: tuple[Any, ...]
    rounds: int
    seed: int

    def contexts(self, xp: ModuleType = np, circumstances: Circumstances = NORMAL) -> list[Context]:
        """Returns what is known of each round: agents that move about, and some that die."""
        count = len(self.agent_ids)
        everyone, placed, counted, rows, batched = circumstances
        batch = (len(rows),) if batched else ()
        # A stream for each row, so that a row is the same whatever stands beside it.
        generators = [np.random.default_rng(self.seed + row) for row in rows]
        contexts = []
        for number in range(self.rounds):
            places = np.stack([g.uniform(-1, 1, (count, 2)) for g in generators])
            alive = np.ones((len(rows), count), dtype=bool)
            if not everyone:
                # Everyone alone, and every group of them, as the bits of a number.
                bits = np.array(rows)[:, None] + number >> np.arange(count)
                alive = bits & 1 == 0
            alive = alive.reshape(*batch, count).copy()
            positions = places.astype(np.float32).reshape(*batch, count, 2)
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

    def damaged(self, row: int = 0) -> Links:
        """Returns links that other models have left lossy, late, noisy, disturbed and in order."""
        shape = (len(self.agent_ids),) * 2
        generator = np.random.default_rng(self.seed + row)
        return Links(
            bandwidth=generator.choice([0.0, 0.5, 1.0], shape).astype(np.float32),
            delay=generator.integers(0, 3, shape).astype(np.int32),
            noise=generator.random(shape, dtype=np.float32),
            interference=1e-6 * generator.random(shape, dtype=np.float32),
            in_order=generator.random(shape) < 0.5,
        )

    def run(
        self,
        xp: ModuleType = np,
        circumstances: Circumstances = NORMAL,
        *,
        stream: RandomStream | None = None,
        first_links: Links | None = None,
    ) -> list[Round]:
        """Runs the model through all rounds."""
        stream = stream or RandomStream(self.seed, xp=xp)
        contexts = self.contexts(xp, circumstances)
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


def equal_rounds(one: list[Round], other: list[Round]) -> bool:
    """Returns whether two runs left the same links in every round."""
    return all(same(tuple(a.after), tuple(b.after)) for a, b in zip(one, other, strict=True))


def positions_of(stream: RandomStream) -> dict[tuple[int, ...], Any]:
    """Returns how far each stream has been used, of those that anything was drawn from."""
    place = stream._generator.bit_generator.state
    fresh = RandomStream(stream.seed, stream.path)._generator.bit_generator.state
    found = {} if place == fresh else {stream.path: place}
    for child in stream._children.values():
        found |= positions_of(child)
    return found
