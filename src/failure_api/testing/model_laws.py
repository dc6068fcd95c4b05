"""The laws as they concern a communication model by itself."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from failure_api.core import Chain, CommunicationModel, Context, Links, NumpyStream, Traits
from failure_api.core.links import UNSAID
from failure_api.core.model import distinct
from failure_api.core.parameters.rules import WholeNumber
from failure_api.errors import invalid
from failure_api.testing.array_laws import (
    check_array_rounds,
    check_common,
    check_draws,
    check_hidden,
)
from failure_api.testing.backend_law import check_backends, chosen
from failure_api.testing.closed_form_law import check_closed_forms
from failure_api.testing.model_trial import LinkCircumstances, LinkTrial, ModelTrial, Round
from failure_api.testing.verdict import demand, same

Trial = TypeVar("Trial", bound=ModelTrial)


def trial_of(
    trial: type[Trial], kind: type, model: Any, agent_ids: Any, rounds: Any, seed: Any
) -> Trial:
    """Returns a model under trial, or raises what is wrong with the arguments.

    Args:
        trial: The class of the trial.
        kind: The class that the model must derive from.
        model: The model.
        agent_ids: Agents of the team.
        rounds: Rounds in each run.
        seed: Seed of the runs.
    """
    if not isinstance(model, kind):
        raise invalid("model", f"must be a {kind.__name__}", model, "give an instance of one")
    length = WholeNumber(1, "rounds").normalise("rounds", rounds)
    return trial(model, distinct(agent_ids), length, WholeNumber().normalise("seed", seed))


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
    line to fix.

    What it returns from `expected_loss`, `expected_burst_length` and `expected_age` must be
    possible, and what a simulation finds; right values are refused at a rate of at most 1e-6 over
    all seeds. None says that no closed form is known.

    Args:
        model: The model.
        agent_ids: Agents of the team that it is tried on.
        rounds: Rounds in each trial.
        seed: Seed of the trials.
        backends: Further array libraries to try it on, of "torch" and "jax": to import them takes
            seconds, and to compile a model some tenths of one.

    Raises:
        InvalidArgumentError: An argument is something else.
        MissingDependencyError: One of `backends` is not installed.
        LawError: The model breaks a law; the text says which, and how.

    Example:
        >>> from failure_api import ProbabilisticModel
        >>> check_model(ProbabilisticModel(failure_prob=0.5))
    """
    trial = trial_of(LinkTrial, CommunicationModel, model, agent_ids, rounds, seed)
    libraries = chosen(backends)
    _check_positions(trial)
    first = trial.run()
    for seen in (first, trial.run(circumstances=LinkCircumstances(damaged=True))):
        _check_links(trial, seen)
    check_draws(trial, first)
    check_hidden(trial)
    check_array_rounds(trial, first)
    _check_attempts(trial)
    _check_severity(trial)
    team = Context(0, np.ones(2, dtype=bool), None, np, (2, 2), ("a", "b"))
    check_common(trial, first, lambda scoped: Chain(models=[scoped]).prepare(team))
    check_closed_forms(model, trial.agent_ids, trial.seed)
    check_backends(trial, libraries)


def _check_links(trial: LinkTrial, rounds: list[Round]) -> None:
    for seen in rounds:
        _check_worse(trial.model.name, trial.model.traits, seen.before, seen.after)


def _check_worse(name: str, traits: Traits, before: Links, after: Links) -> None:
    """Raises unless links are no better than those that a model was given, and as it says."""
    old, new = _said(before), _said(after)
    narrower = (new.capacity < 1) & (new.capacity < old.capacity)
    expires = after.expiry is not None and before.expiry is None
    in_order = after.in_order is not None and before.in_order is None
    limit, late = traits.longest_delay, new.delay <= old.delay + traits.longest_delay
    holding = {
        "lets agents send that do not": old.sends | ~new.sends,
        "returns a capacity that is negative": new.capacity >= 0,
        "returns more capacity than it was given": new.capacity <= old.capacity,
        "leaves a capacity below 1, but its traits.narrows is False": traits.narrows | ~narrower,
        "brings back what was rejected": new.rejected | ~old.rejected,
        "brings back what was lost": new.lost | ~old.lost,
        "lets the deaf hear": old.hears | ~new.hears,
        "lets messages expire later, or before they are made": (
            (new.expiry <= old.expiry) & (new.expiry >= 0)
        ),
        "lets messages expire, but its traits.expires is False": traits.expires or not expires,
        f"adds a delay outside of 0 to its longest_delay {limit}": (new.delay >= old.delay) & late,
        "lets messages overtake where they were in order": new.in_order | ~old.in_order,
        "keeps links in order, but its traits.in_order is False": traits.in_order or not in_order,
        "takes away some of the noise": new.noise >= old.noise,
        "takes away some of the interference": new.interference >= old.interference,
    }
    for finding, holds in holding.items():
        demand(1, np.all(holds), f"{name} {finding}")


def _said(links: Links) -> Any:
    """Returns links with what holds where nobody says anything."""
    unsaid = {name: np.asarray(UNSAID.get(name, False)) for name in Links._fields}
    return links._replace(**{n: array for n, array in unsaid.items() if getattr(links, n) is None})


def _check_attempts(trial: LinkTrial) -> None:
    """Asks for a further attempt in every round, which may do no more than the first."""
    parameters, name, stream = trial.prepared(), trial.model.name, NumpyStream(trial.seed)
    rounds = trial.rounds_of()
    state = trial.runs.init(parameters, rounds[0][0], stream)
    for context, links in rounds:
        following, first = trial.step(parameters, state, links, context, stream)
        kept = copy.deepcopy((state, following))
        again = stream.child("attempt", context.round)
        second = trial.runs.attempt(parameters, state, following, links, context, again)
        _check_worse(name, trial.model.traits, links, second)
        demand(7, same(kept, (state, following)), f"{name}.attempt changes a state")
        written = ([field is not None for field in attempt] for attempt in (first, second))
        finding = f"{name}.attempt writes other fields of the links than its step"
        demand(1, same(*written), finding)
        state = following


def _check_severity(trial: LinkTrial) -> None:
    """Raises unless a severity of a batch's element is what a wrapper's is."""
    name, graded = trial.model.name, "severity" in trial.model.settings
    for severity in (0.0, 0.5) if graded else ():
        model = trial.model.with_settings({"severity": severity})
        told = trial.run(circumstances=LinkCircumstances(severity=severity))
        why = f"{name} makes of context.severity {severity} what with_settings does not"
        demand(4, trial.equal(replace(trial, model=model).run(), told), f"{why}: take it in both")


def _check_positions(trial: LinkTrial) -> None:
    if trial.runs.needing_positions is not None:
        return
    try:
        trial.run(circumstances=LinkCircumstances(placed=False))
    except (TypeError, AttributeError, IndexError):
        # With positions: what goes wrong now has nothing to do with them, and goes to the user.
        trial.run()
        name = trial.model.name
        demand(1, False, f"{name} reads positions, but its traits.positions is False")
