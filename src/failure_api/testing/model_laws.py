"""The laws as they concern a communication model by itself."""

from __future__ import annotations

import copy
import dataclasses
import importlib.util
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np

from failure_api.core import Chain, CommunicationModel, Context, Links, NumpyStream
from failure_api.core.numpy_stream import EpisodeStreams
from failure_api.errors import invalid
from failure_api.testing.array_laws import (
    APART,
    PAIR,
    check_apart,
    check_array_rounds,
    check_batch,
    check_hidden,
    check_namespace,
    check_state,
)
from failure_api.testing.backend_law import Subject, check_backends, chosen
from failure_api.testing.draws_law import check_draws
from failure_api.testing.model_trial import Circumstances, ModelTrial, Round, equal_rounds
from failure_api.testing.value_law import check_travel, check_value
from failure_api.testing.verdict import demand, demand_sentence, same


def check_model(
    model: CommunicationModel,
    *,
    agent_ids: Sequence[Any] = ("a", "b", "c"),
    rounds: int = 20,
    seed: int = 0,
    backends: Sequence[str] = (),
) -> None:
    """Checks that a communication model keeps the laws.

    The model runs with its own stream on NumPy arrays that cannot be written to, on ones that
    keep their values to themselves as arrays do while a function is compiled, on batches whose
    elements are in the same round and in different ones, on `array-api-strict` where that is
    installed, on PyTorch's tensors, and compiled by JAX. What only NumPy can run is named with the
    line to mend.

    Args:
        model: The model.
        agent_ids: Agents of the team that it is tried on.
        rounds: Rounds in each trial.
        seed: Seed of the trials.
        backends: Further array libraries to try it on, of "torch" and "jax": to import them takes
            seconds, and to compile a model some tenths of one.

    Raises:
        InvalidArgumentError: `model` or `backends` is something else.
        MissingDependencyError: One of `backends` is not installed.
        LawError: The model breaks a law; the text says which, and how.

    Example:
        >>> from failure_api import ProbabilisticModel
        >>> check_model(ProbabilisticModel(failure_prob=0.5))
    """
    if not isinstance(model, CommunicationModel):
        raise invalid("model", "must be a CommunicationModel", model, "give an instance of one")
    libraries = chosen(backends)
    trial = ModelTrial(model, tuple(agent_ids), rounds, seed)
    _check_positions(trial)
    first = trial.run()
    _check_links(trial, first)
    _check_links(trial, trial.run(first_links=trial.damaged()))
    check_draws(trial, first)
    check_hidden(trial)
    check_array_rounds(trial, first)
    _check_purity(trial)
    check_value(model)
    _check_scope(model)
    check_travel(model, lambda twin: equal_rounds(first, trial._replace(model=twin).run()))
    check_batch(trial)
    check_apart(trial)
    check_state(trial)
    if importlib.util.find_spec("array_api_strict"):
        check_namespace(trial, first, importlib.import_module("array_api_strict"))
    check_backends(_subject(trial), libraries)


def _subject(trial: ModelTrial) -> Subject:
    """Returns the model within a chain, on links that other models have left as they may be."""
    chain, together = Chain(models=[trial.model]), PAIR._replace(starts=APART)

    def rounds(xp: ModuleType) -> list[tuple[Context, Links]]:
        links = trial.damaged(xp, together)
        return [(context, links) for context in trial.contexts(xp, together)]

    return Subject(
        trial.model,
        chain.init,
        chain.step,
        rounds,
        draws=lambda xp, number: trial.draws(xp, together, number),
        compared=lambda links, context: links,
    )


def _check_links(trial: ModelTrial, rounds: list[Round]) -> None:
    name, limit = trial.model.name, trial.model.longest_delay
    for before, after, *_ in rounds:
        good = np.isfinite(after.bandwidth) & (after.bandwidth >= 0)
        demand(1, good.all(), f"{name} returns a bandwidth that is negative or not finite")
        worse = (after.bandwidth <= before.bandwidth).all()
        demand(1, worse, f"{name} returns more bandwidth than it was given")
        whole = (after.bandwidth == 0) | (after.bandwidth >= 1)
        given = (before.bandwidth > 0) & (before.bandwidth < 1)
        truthful = trial.model.carries_fractions or (whole | given).all()
        demand(1, truthful, f"{name} returns fractions, but its carries_fractions is False")
        for what in before._fields[1:]:
            lost = getattr(before, what) is not None and getattr(after, what) is None
            demand(1, not lost, f"{name} takes away the {what} that it was given")
        if after.delay is not None:
            added = after.delay - (0 if before.delay is None else before.delay)
            within = (added >= 0) & (added <= limit)
            demand(
                1, within.all(), f"{name} adds a delay outside of 0 to its longest_delay {limit}"
            )
        if after.in_order is not None:
            kept = before.in_order is None or (after.in_order | ~before.in_order).all()
            demand(1, kept, f"{name} lets messages overtake where they were in order")
            said = trial.model.keeps_order or before.in_order is not None
            demand(1, said, f"{name} keeps links in order, but its keeps_order is False")
        for what in ("noise", "interference"):
            new, old = getattr(after, what), getattr(before, what)
            if new is not None:
                added = new - (0 if old is None else old)
                demand(1, (added >= 0).all(), f"{name} takes away some of the {what}")


def _check_positions(trial: ModelTrial) -> None:
    if Chain(models=[trial.model]).needing_positions is not None:
        return
    try:
        trial.run(circumstances=Circumstances(placed=False))
    except (TypeError, AttributeError, IndexError):
        # With positions: what goes wrong now has nothing to do with them, and goes to the user.
        trial.run()
        demand(1, False, f"{trial.model.name} reads positions, but its needs_positions is False")


def _check_purity(trial: ModelTrial) -> None:
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


def _check_scope(model: CommunicationModel) -> None:
    demand_sentence(
        f"{model.name} scoped to an agent that does not exist",
        lambda: Chain(models=[dataclasses.replace(model, agent_ids=("nobody",))]).init(
            Context(0, np.ones(2, dtype=bool), None, np, (2, 2), ("a", "b")), NumpyStream(0)
        ),
    )
