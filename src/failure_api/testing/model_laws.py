"""The laws as they concern a communication model by itself."""

from __future__ import annotations

import copy
import dataclasses
import importlib.util
import pickle
import random
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, TypeVar

import numpy as np

from failure_api.core import (
    Chain,
    CommunicationModel,
    Context,
    Links,
    NumpyStream,
    RandomStream,
    Traits,
)
from failure_api.core.arrays.rings import LARGE
from failure_api.core.arrays.trees import map_leaves
from failure_api.core.links import NEVER
from failure_api.core.model import distinct
from failure_api.core.noise import NoiseModel
from failure_api.core.parameters.fields import LinkRule, rules_of
from failure_api.core.parameters.rules import WholeNumber
from failure_api.core.random.numpy_stream import EpisodeStreams
from failure_api.errors import FailureApiError, invalid
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
from failure_api.testing.closed_form_law import check_closed_forms
from failure_api.testing.model_trial import (
    Circumstances,
    ModelTrial,
    Round,
    equal_rounds,
    positions_of,
)
from failure_api.testing.verdict import demand, demand_sentence, same

Model = TypeVar("Model", CommunicationModel, NoiseModel)


def check_value(model: CommunicationModel | NoiseModel) -> None:
    """Raises unless a model is a frozen dataclass that its fields make and tell from others."""
    try:
        model.agent_ids = model.agent_ids  # type: ignore[misc]
    except dataclasses.FrozenInstanceError:
        pass
    else:
        demand(10, False, f"{model.name} is not a frozen dataclass")
    try:
        equal = dataclasses.replace(model) == model
    except Exception as error:
        demand(10, False, f"{model.name} is not made and compared by its fields alone: {error}")
    demand(10, equal, f"{model.name} is changed by replace()")


def check_travel(model: Model, does_the_same: Callable[[Model], bool]) -> None:
    """Raises unless what comes back from a pickle or a copy is the model.

    Args:
        model: The model.
        does_the_same: Whether the twin that it is given does what the model has done.
    """
    twins: dict[str, Callable[[], Any]] = {
        "pickled": lambda: pickle.loads(pickle.dumps(model)),
        "deep-copied": lambda: copy.deepcopy(model),
    }
    for how, twin in twins.items():
        try:
            travelled = twin()
        except Exception as error:
            demand(10, False, f"{model.name} cannot be {how}: {error}")
        try:
            equal = travelled == model
        except Exception as error:
            demand(10, False, f"{model.name} cannot be compared: {error}")
        demand(10, equal, f"{model.name} is not equal to itself after being {how}")
        demand(10, does_the_same(travelled), f"{model.name} does something else after being {how}")


def check_draws(trial: ModelTrial, first: list[Round]) -> None:
    """Repeats a run, and looks how much is drawn while traffic, deaths and parameters differ."""
    name = trial.model.name
    # Another library's generators are nobody's to use.
    before = global_generators()
    again = trial.run()
    demand(4, same(before, global_generators()), f"{name} draws from a global random generator")
    demand(4, equal_rounds(first, again), f"{name} gives other links from the same seed")
    shape = trial.contexts()[0].shape
    nothing = trial.links(np, shape)._replace(sends=np.zeros(shape, dtype=bool))
    quiet = _draws(trial, Circumstances(everyone=False), first_links=nothing)
    demand(
        4,
        quiet == _draws(trial),
        f"{name} draws more or less often depending on traffic or on who is alive",
    )
    _check_parameters(trial)


def _check_parameters(trial: ModelTrial) -> None:
    """Replaces every probability, since sweeps compare runs that draw alike.

    A stream that a run does not use at all disturbs nobody; one that two runs use must be used
    alike.
    """
    model = trial.model
    expected = _draws(trial)
    for field in dataclasses.fields(model):
        rule = rules_of(type(model)).get(field.name)
        if not isinstance(rule, LinkRule) or not rule.accepts(np.array([0.0, 0.5, 1.0])).all():
            continue
        for value in (0.0, 0.5, 1.0):
            replaced = _replaced(model, field.name, value)
            if replaced is None:
                continue
            found = _draws(trial._replace(model=replaced))
            both = expected.keys() & found.keys()
            demand(
                4,
                all(expected[path] == found[path] for path in both),
                f"{model.name} draws more or less often depending on its {field.name}",
            )


def _replaced(model: CommunicationModel, name: str, value: float) -> CommunicationModel | None:
    try:
        changes: dict[str, Any] = {name: value}
        return dataclasses.replace(model, **changes)
    except (FailureApiError, TypeError):
        # The other fields do not go with this value, or it is no field that can be replaced.
        return None


def _draws(trial: ModelTrial, *options: Any, **further: Any) -> dict[tuple[int, ...], Any]:
    """Returns where a run leaves its streams."""
    stream = NumpyStream(trial.seed)
    trial.run(np, *options, stream=stream, **further)
    return positions_of(stream)


def global_generators() -> Any:
    """Returns where the generators stand that Python and NumPy share with everyone."""
    return random.getstate(), np.random.get_state()  # noqa: NPY002


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
    if not isinstance(model, CommunicationModel):
        raise invalid("model", "must be a CommunicationModel", model, "give an instance of one")
    libraries = chosen(backends)
    rounds = WholeNumber(1, "rounds").normalise("rounds", rounds)
    seed = WholeNumber().normalise("seed", seed)
    trial = ModelTrial(model, distinct(agent_ids), rounds, seed)
    _check_positions(trial)
    first = trial.run()
    _check_links(trial, first)
    _check_links(trial, trial.run(first_links=trial.damaged()))
    check_draws(trial, first)
    check_hidden(trial)
    check_array_rounds(trial, first)
    _check_attempts(trial)
    _check_severity(trial)
    _check_purity(trial)
    check_value(model)
    _check_scope(model)
    check_travel(model, lambda twin: equal_rounds(first, trial._replace(model=twin).run()))
    check_batch(trial)
    check_apart(trial)
    check_state(trial)
    check_closed_forms(model, trial.agent_ids, seed)
    if importlib.util.find_spec("array_api_strict"):
        check_namespace(trial, first, importlib.import_module("array_api_strict"))
    check_backends(_subject(trial), libraries)


def _subject(trial: ModelTrial) -> Subject:
    """Returns the model within a chain, on links that other models have left as they may be."""
    chain, together = trial.chain, PAIR._replace(starts=APART)

    def rounds(xp: ModuleType) -> list[tuple[Context, Links]]:
        links = trial.damaged(xp, together)
        return [(context, links) for context in trial.contexts(xp, together)]

    def init(context: Context, random: RandomStream) -> Any:
        return chain.init(trial.prepared(context.xp), context, random)

    def step(state: Any, links: Links, context: Context, random: RandomStream) -> Any:
        return chain.step(trial.prepared(context.xp), state, links, context, random)

    return Subject(
        trial.model,
        init,
        step,
        rounds,
        draws=lambda xp, number: trial.draws(xp, together, number),
        compared=lambda links, context: links,
    )


def _check_links(trial: ModelTrial, rounds: list[Round]) -> None:
    name, traits = trial.model.name, trial.model.traits
    for before, after, *_ in rounds:
        _check_worse(name, traits, before, after)


def _check_worse(name: str, traits: Traits, before: Links, after: Links) -> None:
    """Raises unless links are no better than those that a model was given, and as it says."""

    def was(field: str, otherwise: Any) -> Any:
        value = getattr(before, field)
        return otherwise if value is None else value

    demand(1, (before.sends | ~after.sends).all(), f"{name} lets agents send that do not")
    if after.capacity is not None:
        demand(1, (after.capacity >= 0).all(), f"{name} returns a capacity that is negative")
        inputs = was("capacity", np.inf)
        demand(
            1, (after.capacity <= inputs).all(), f"{name} returns more capacity than it was given"
        )
        narrower = ((after.capacity < 1) & (after.capacity < inputs)).any()
        told = traits.narrows or not narrower
        demand(1, told, f"{name} leaves a capacity below 1, but its traits.narrows is False")
    for field in ("rejected", "lost"):
        if getattr(after, field) is not None:
            kept = (getattr(after, field) | ~was(field, np.False_)).all()
            demand(1, kept, f"{name} brings back what was {field}")
    if after.hears is not None:
        demand(1, (was("hears", np.True_) | ~after.hears).all(), f"{name} lets the deaf hear")
    if after.expiry is not None:
        sooner = (after.expiry <= was("expiry", NEVER)).all() and (after.expiry >= 0).all()
        demand(1, sooner, f"{name} lets messages expire later, or before they are made")
        told = traits.expires or before.expiry is not None
        demand(1, told, f"{name} lets messages expire, but its traits.expires is False")
    if after.delay is not None:
        added = after.delay - was("delay", 0)
        within = (added >= 0) & (added <= traits.longest_delay)
        limit = traits.longest_delay
        demand(1, within.all(), f"{name} adds a delay outside of 0 to its longest_delay {limit}")
    if after.in_order is not None:
        kept = (after.in_order | ~was("in_order", np.False_)).all()
        demand(1, kept, f"{name} lets messages overtake where they were in order")
        said = traits.in_order or before.in_order is not None
        demand(1, said, f"{name} keeps links in order, but its traits.in_order is False")
    for field in ("noise", "interference"):
        if getattr(after, field) is not None:
            added = getattr(after, field) - was(field, 0)
            demand(1, (added >= 0).all(), f"{name} takes away some of the {field}")


def _check_attempts(trial: ModelTrial) -> None:
    """Asks for a further attempt in every round, which may do no more than the first."""
    chain, parameters, name = trial.chain, trial.prepared(), trial.model.name
    stream, contexts = NumpyStream(trial.seed), trial.contexts()
    links = trial.links(np, contexts[0].shape)
    state = chain.init(parameters, contexts[0], stream)
    for context in contexts:
        following, first = chain.step(parameters, state, links, context, stream)
        kept = copy.deepcopy((state, following))
        again = stream.child("attempt", context.round)
        second = chain.attempt(parameters, state, following, links, context, again)
        _check_worse(name, trial.model.traits, links, second)
        demand(7, same(kept, (state, following)), f"{name}.attempt changes a state")
        written = [field is not None for field in second], [field is not None for field in first]
        alike = written[0] == written[1]
        demand(1, alike, f"{name}.attempt writes other fields of the links than its step")
        state = following


def _check_severity(trial: ModelTrial) -> None:
    """Raises unless a severity of a batch's element is what a wrapper's is."""
    if "severity" not in trial.model.settings:
        return
    for severity in (0.0, 0.5):
        model = trial.model.with_settings({"severity": severity})
        graded = trial.run(circumstances=Circumstances(severity=severity))
        alike = equal_rounds(trial._replace(model=model).run(), graded)
        name = trial.model.name
        why = f"{name} makes of context.severity {severity} what with_settings does not"
        demand(4, alike, f"{why}: take it in both")


def _check_positions(trial: ModelTrial) -> None:
    if Chain(models=[trial.model]).needing_positions is not None:
        return
    try:
        trial.run(circumstances=Circumstances(placed=False))
    except (TypeError, AttributeError, IndexError):
        # With positions: what goes wrong now has nothing to do with them, and goes to the user.
        trial.run()
        name = trial.model.name
        demand(1, False, f"{name} reads positions, but its traits.positions is False")


def _check_purity(trial: ModelTrial) -> None:
    """Asks the same question twice, and looks whether the question has changed."""
    name = trial.model.name
    context = trial.contexts()[0]
    links = trial.links(np, context.shape)
    streams = EpisodeStreams()
    parameters = trial.prepared()
    # A chain is prepared as it is; any other model by the chain around it, with its scope.
    parameters = parameters if isinstance(trial.model, Chain) else parameters[0][1]
    state = trial.model.init(parameters, context, streams.start(trial.seed))
    stream = streams.start(trial.seed)
    kept = copy.deepcopy((state, stream))
    answers = []
    for _ in range(2):
        once, draws = copy.deepcopy((state, kept[1]))
        answers.append(trial.model.step(parameters, once, links, context, draws)[1])
        changed = not same(_without_rings(once), _without_rings(kept[0]))
        demand(7, not changed, f"{name} changes the state that it is given")
    demand(9, same(tuple(answers[0]), tuple(answers[1])), f"{name} remembers past its state")
    again = trial.model.init(parameters, context, EpisodeStreams().start(trial.seed))
    demand(9, same(again, kept[0]), f"{name} starts an episode differently after another one")


def _without_rings(state: Any) -> Any:
    """Returns a state without what is so large that `core.rings` writes to it."""
    return map_leaves(lambda leaf: getattr(leaf, "nbytes", 0) < LARGE and leaf, state)


def _check_scope(model: CommunicationModel) -> None:
    demand_sentence(
        f"{model.name} scoped to an agent that does not exist",
        lambda: Chain(models=[dataclasses.replace(model, agent_ids=("nobody",))]).prepare(
            Context(0, np.ones(2, dtype=bool), None, np, (2, 2), ("a", "b"))
        ),
    )
