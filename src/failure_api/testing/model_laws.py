"""The laws as they concern a communication model by itself."""

from __future__ import annotations

import copy
import dataclasses
import importlib.util
import pickle
from collections.abc import Sequence
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from failure_api.core import Chain, CommunicationModel, Context, Links, RandomStream
from failure_api.core.random import EpisodeStreams
from failure_api.errors import FailureApiError, invalid
from failure_api.testing.verdict import demand, demand_sentence, same


def check_model(
    model: CommunicationModel,
    *,
    agent_ids: Sequence[Any] = ("a", "b", "c"),
    rounds: int = 20,
    seed: int = 0,
) -> None:
    """Checks that a communication model keeps the laws.

    The model runs with its own stream, on NumPy arrays that cannot be written to, with a leading
    batch axis, and on `array-api-strict` where that is installed.

    Args:
        model: The model.
        agent_ids: Agents of the team that it is tried on.
        rounds: Rounds in each trial.
        seed: Seed of the trials.

    Raises:
        LawError: The model breaks a law; the text says which, and how.

    Example:
        >>> from failure_api import ProbabilisticModel
        >>> check_model(ProbabilisticModel(failure_prob=0.5))
    """
    if not isinstance(model, CommunicationModel):
        raise invalid("model", "must be a CommunicationModel", model, "give an instance of one")
    trial = _Trial(model, tuple(agent_ids), rounds, seed)
    first = trial.run()
    _check_links(trial, first)
    _check_determinism(trial, first)
    _check_purity(trial)
    _check_travel(trial, first)
    _check_values(model)
    _check_batch(trial)
    if importlib.util.find_spec("array_api_strict"):
        _check_namespace(trial, first, importlib.import_module("array_api_strict"))


class _Round(NamedTuple):
    """What a model was given and what it made of it."""

    before: Links
    after: Links


class _Trial(NamedTuple):
    """A model and the circumstances that it is tried in."""

    model: CommunicationModel
    agent_ids: tuple[Any, ...]
    rounds: int
    seed: int

    def contexts(
        self, xp: ModuleType = np, batch: tuple[int, ...] = (), everyone: bool = True
    ) -> list[Context]:
        """Returns what is known of each round: agents that move about, and some that die."""
        count = len(self.agent_ids)
        generator = np.random.default_rng(self.seed)
        contexts = []
        for number in range(self.rounds):
            positions = generator.uniform(-1, 1, (count, 2)).astype(np.float32)
            alive = np.ones(count, dtype=bool)
            alive[0] = everyone or number < self.rounds // 2
            alive, positions = (
                np.broadcast_to(array, batch + array.shape).copy() for array in (alive, positions)
            )
            alive.flags.writeable = positions.flags.writeable = False
            contexts.append(
                Context(
                    number,
                    xp.asarray(alive),
                    xp.asarray(positions),
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

    def run(
        self,
        xp: ModuleType = np,
        batch: tuple[int, ...] = (),
        *,
        everyone: bool = True,
        stream: RandomStream | None = None,
        first_links: Links | None = None,
    ) -> list[_Round]:
        """Runs the model through all rounds."""
        stream = stream or RandomStream(self.seed, xp=xp)
        contexts = self.contexts(xp, batch, everyone)
        chain = Chain(models=[self.model])
        links = first_links or self.links(xp, contexts[0].shape)
        try:
            state = chain.init(contexts[0], stream)
            seen = []
            for context in contexts:
                state, after = chain.step(_locked(state), links, context, stream)
                seen.append(_Round(links, after))
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


def _check_links(trial: _Trial, rounds: list[_Round]) -> None:
    name, limit = trial.model.name, trial.model.longest_delay
    for before, after in rounds:
        good = np.isfinite(after.bandwidth) & (after.bandwidth >= 0)
        demand(1, good.all(), f"{name} returns a bandwidth that is negative or not finite")
        worse = (after.bandwidth <= before.bandwidth).all()
        demand(1, worse, f"{name} returns more bandwidth than it was given")
        whole = (after.bandwidth == 0) | (after.bandwidth >= 1)
        truthful = trial.model.carries_fractions or whole.all()
        demand(1, truthful, f"{name} returns fractions, but its carries_fractions is False")
        if after.delay is not None:
            within = (after.delay >= 0) & (after.delay <= limit)
            demand(
                1, within.all(), f"{name} returns a delay outside of 0 to its longest_delay {limit}"
            )
        if after.noise is not None:
            demand(1, (after.noise >= 0).all(), f"{name} returns a negative noise variance")


def _check_determinism(trial: _Trial, first: list[_Round]) -> None:
    name = trial.model.name
    demand(4, _equal(first, trial.run()), f"{name} gives other links from the same seed")
    one, other = RandomStream(trial.seed), RandomStream(trial.seed)
    trial.run(stream=one)
    nothing = trial.links(np, trial.contexts()[0].shape)._replace(
        bandwidth=np.zeros(trial.contexts()[0].shape, dtype=np.float32)
    )
    trial.run(stream=other, everyone=False, first_links=nothing)
    after = [stream.child(name).uniform((4,)).tolist() for stream in (one, other)]
    demand(
        4,
        after[0] == after[1],
        f"{name} draws more or less often depending on traffic or on who is alive",
    )


def _check_purity(trial: _Trial) -> None:
    """Asks the same question twice, and looks whether the question has changed."""
    name = trial.model.name
    context = trial.contexts()[0]
    links = trial.links(np, context.shape)
    streams = EpisodeStreams()
    state = trial.model.init(context, streams.start(trial.seed))
    stream = streams.start(trial.seed)
    kept = copy.deepcopy((state, stream))
    answers = []
    for _ in range(2):
        once, draws = copy.deepcopy((state, kept[1]))
        answers.append(trial.model.step(once, links, context, draws)[1])
        demand(7, same(once, kept[0]), f"{name} changes the state that it is given")
    demand(9, same(tuple(answers[0]), tuple(answers[1])), f"{name} remembers past its state")
    again = trial.model.init(context, EpisodeStreams().start(trial.seed))
    demand(9, same(again, kept[0]), f"{name} starts an episode differently after another one")


def _check_travel(trial: _Trial, first: list[_Round]) -> None:
    model = trial.model
    for how, twin in (
        ("pickled", lambda: pickle.loads(pickle.dumps(model))),
        ("deep-copied", lambda: copy.deepcopy(model)),
    ):
        try:
            travelled = twin()
        except Exception as error:
            demand(10, False, f"{model.name} cannot be {how}: {error}")
        demand(10, travelled == model, f"{model.name} is not equal to itself after being {how}")
        rounds = trial._replace(model=travelled).run()
        demand(10, _equal(first, rounds), f"{model.name} fails differently after being {how}")


def _check_values(model: CommunicationModel) -> None:
    frozen = getattr(type(model), "__dataclass_params__", None)
    demand(10, frozen is not None and frozen.frozen, f"{model.name} is not a frozen dataclass")
    demand(10, dataclasses.replace(model) == model, f"{model.name} is changed by replace()")
    demand_sentence(
        f"{model.name} scoped to an agent that does not exist",
        lambda: Chain(models=[dataclasses.replace(model, agent_ids=("nobody",))]).init(
            Context(0, np.ones(2, dtype=bool), None, np, (2, 2), ("a", "b")), RandomStream(0)
        ),
    )


def _check_batch(trial: _Trial) -> None:
    try:
        trial.run(batch=(2,))
    except (IndexError, TypeError, ValueError) as error:
        demand(1, False, f"{trial.model.name} fails on links with a leading batch axis: {error}")


def _check_namespace(trial: _Trial, first: list[_Round], xp: ModuleType) -> None:
    name = trial.model.name
    try:
        strict = trial.run(xp)
    except (AttributeError, TypeError, IndexError, ValueError) as error:
        demand(1, False, f"{name} uses what the array API does not have: {error}")
    for numpy_round, strict_round in zip(first, strict, strict=True):
        for one, other in zip(numpy_round.after, strict_round.after, strict=True):
            equal = one is other is None or np.array_equal(one, np.asarray(other))
            demand(4, equal, f"{name} gives other links on {xp.__name__} than on NumPy")


def _equal(one: list[_Round], other: list[_Round]) -> bool:
    return all(same(tuple(a.after), tuple(b.after)) for a, b in zip(one, other, strict=True))
