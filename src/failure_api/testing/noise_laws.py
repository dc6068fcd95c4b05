"""The laws as they concern a noise model by itself."""

from __future__ import annotations

import copy
import dataclasses
import importlib.util
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np

from failure_api.core import NumpyStream
from failure_api.core.model import distinct
from failure_api.core.noise import NoiseModel, senders
from failure_api.core.parameters.fields import inner_rule, rules_of
from failure_api.core.parameters.rules import Number, WholeNumber
from failure_api.errors import FailureApiError, LawError, invalid
from failure_api.testing.array_laws import APART, ERRORS, check_elements, check_form, raise_found
from failure_api.testing.backend_law import Subject, check_backends, chosen
from failure_api.testing.hidden_arrays import HIDDEN
from failure_api.testing.model_laws import check_travel, check_value, global_generators
from failure_api.testing.model_trial import positions_of
from failure_api.testing.noise_trial import NORMAL, Heard, Inputs, NoiseTrial, equal_results
from failure_api.testing.verdict import demand, demand_sentence, same

PAIR = Inputs(rows=(0, 1), batched=True, portable=True)
"""Two teams side by side, each of which draws by itself."""


def check_batch(trial: NoiseTrial) -> None:
    """Runs two different teams side by side, in one round and in two, and each by itself."""
    name = trial.model.name
    for own in (False, True):
        together = PAIR._replace(own=own)
        fails = f"{name} fails on content with a leading batch axis"
        _check_rows(trial, together, fails, f"{name} mixes up the rows of a batch")
        _check_rows(
            trial,
            together._replace(starts=APART),
            f"{name} fails where elements of a batch are in different rounds",
            f"{name} does not give each element of a batch what its own round is for",
            "take context.round_over(), which has as many axes as the content",
        )


def _check_rows(
    trial: NoiseTrial, together: Inputs, fails: str, differs: str, remedy: str = ""
) -> None:
    try:
        batched = trial.run(inputs=together)
    except ERRORS as error:
        raise_found(1, error, trial.model, fails, remedy)
    for place, row in enumerate(together.rows):
        start = together.starts[place] if len(together.starts) > 1 else 0
        single = together._replace(rows=(row,), batched=False, starts=(start,))
        for both, one in zip(batched, trial.run(inputs=single), strict=True):
            beside = both.after[place][both.arrived[place]]
            # Sums may be taken in another order where there is another axis.
            finding = f"{differs}: {remedy}" if remedy else differs
            demand(1, np.allclose(beside, one.result, atol=1e-6), finding)


def check_hidden(trial: NoiseTrial) -> None:
    """Runs on arrays that keep their values to themselves, and have what all libraries have."""
    name = trial.model.name
    try:
        for own in (False, True):
            trial.run(HIDDEN, Inputs(own=own, counted=True))
    except ERRORS as error:
        raise_found(1, error, trial.model, f"{name} fails on arrays without values")


def check_namespace(trial: NoiseTrial, first: list[Heard], xp: ModuleType) -> None:
    """Runs on another namespace."""
    name = trial.model.name
    try:
        strict = trial.run(xp)
    except ERRORS as error:
        raise_found(1, error, trial.model, f"{name} uses what the array API does not have")
    demand(4, equal_results(first, strict), f"{name} differs on {xp.__name__} from NumPy")


def check_state(trial: NoiseTrial) -> None:
    """Looks at what the model carries from round to round in two batches."""
    name, runs = trial.model.name, []
    for rows in ((0, 1), (0, 1, 2)):
        runs.append(trial.run(inputs=PAIR._replace(rows=rows)))
        check_form(name, runs[-1])
    check_elements(name, *runs)


def subject_of(trial: NoiseTrial) -> Subject:
    """Returns the model as a function that any library can run."""
    together = PAIR._replace(starts=APART)

    def init(context: Any, random: Any) -> Any:
        return trial.model.init(trial.prepared(context.xp, together), context, random)

    def step(state: Any, content: Any, context: Any, random: Any) -> Any:
        parameters = trial.prepared(context.xp, together)
        return trial.checked(trial.model.step(parameters, state, content, context, random), content)

    def compared(after: Any, context: Any) -> Sequence[Any]:
        # What did not arrive means nothing.
        return (np.asarray(after)[np.asarray(context.arrived)],)

    return Subject(
        trial.model,
        init,
        step,
        rounds=lambda xp: trial.rounds_of(xp, together),
        draws=lambda xp, number: trial.draws(xp, together, number),
        compared=compared,
    )


def check_noise_model(
    model: NoiseModel,
    *,
    agent_ids: Sequence[Any] = ("a", "b", "c"),
    rounds: int = 20,
    seed: int = 0,
    backends: Sequence[str] = (),
) -> None:
    """Checks that a noise model keeps the laws.

    The model runs with its own stream on messages and on what agents see themselves, float32 and
    float64, of real and whole numbers, of which some did not arrive; on NumPy arrays that cannot
    be written to, on ones that keep their values to themselves as arrays do while a function is
    compiled, on batches whose elements are in the same round and in different ones, on
    `array-api-strict` where that is installed, on PyTorch's tensors, and compiled by JAX. What
    only NumPy can run is named with the line to fix.

    Args:
        model: The model. Whom it is confined to must be among `agent_ids`.
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
        >>> from failure_api.noise_models import GaussianNoiseModel
        >>> check_noise_model(GaussianNoiseModel(standard_deviation=0.1))
    """
    if not isinstance(model, NoiseModel):
        raise invalid("model", "must be a NoiseModel", model, "give an instance of one")
    libraries = chosen(backends)
    rounds = WholeNumber(1, "rounds").normalise("rounds", rounds)
    seed = WholeNumber().normalise("seed", seed)
    trial = NoiseTrial(model, distinct(agent_ids), rounds, seed)
    first = trial.run()
    _check_draws(trial, first)
    _check_contents(trial, first)
    check_hidden(trial)
    _check_purity(trial)
    check_value(model)
    _check_scope(trial)
    check_travel(model, lambda twin: equal_results(first, trial._replace(model=twin).run()))
    check_batch(trial)
    check_state(trial)
    if importlib.util.find_spec("array_api_strict"):
        check_namespace(trial, first, importlib.import_module("array_api_strict"))
    check_backends(subject_of(trial), libraries)


def _check_contents(trial: NoiseTrial, first: list[Heard]) -> None:
    name = trial.model.name
    for inputs in (
        Inputs(),
        Inputs(own=True),
        Inputs(dtype="float64"),
        Inputs(own=True, dtype="float64"),
        Inputs(scale=-7.3),
    ):
        try:
            rounds = trial.run(inputs=inputs)
        except ERRORS as error:
            what = "what agents see themselves" if inputs.own else "messages"
            raise_found(1, error, trial.model, f"{name} fails on {what} in {inputs.dtype}")
        for heard in rounds:
            finite = np.isfinite(heard.result).all()
            demand(1, finite, f"{name} makes finite content infinite or no number")
    _check_unbounded(trial)
    other = trial.run(inputs=Inputs(nothing=0.25))
    demand(1, equal_results(first, other), f"{name} lets content matter that did not arrive")
    try:
        counted = trial.run(inputs=Inputs(counted=True))
    except ERRORS as error:
        raise_found(1, error, trial.model, f"{name} fails where the round is a 0-d array")
    demand(1, equal_results(first, counted), f"{name} differs where the round is a 0-d array")


def _check_unbounded(trial: NoiseTrial) -> None:
    """Takes away the bounds, without which a model may refuse to start."""
    inputs = Inputs(bounded=False)
    try:
        trial.prepared(inputs=inputs)
    except FailureApiError:
        return
    for heard in trial.run(inputs=inputs):
        finite = np.isfinite(heard.result).all()
        demand(1, finite, f"{trial.model.name} fails on content that has no bounds")


def _check_draws(trial: NoiseTrial, first: list[Heard]) -> None:
    name = trial.model.name
    # Another library's generators are nobody's to use.
    before = global_generators()
    again = trial.run()
    demand(4, same(before, global_generators()), f"{name} draws from a global random generator")
    demand(4, equal_results(first, again), f"{name} makes other content from the same seed")
    expected = _draws(trial)
    for inputs in (Inputs(everything=True), Inputs(scale=0.0)):
        alike = expected == _draws(trial, inputs)
        demand(4, alike, f"{name} draws more or less often depending on what arrives")
    for field, rule in rules_of(type(trial.model)).items():
        single = inner_rule(rule)
        given_one = getattr(trial.model, field) is not None
        for value in (0.0, 0.5, 1.0) if isinstance(single, Number) and given_one else ():
            changes: dict[str, Any] = {field: value}
            try:
                found = _draws(trial._replace(model=dataclasses.replace(trial.model, **changes)))
            except (FailureApiError, LawError):
                # The other fields do not go with this value.
                continue
            demand(4, expected == found, f"{name} draws more or less often depending on {field}")


def _draws(trial: NoiseTrial, inputs: Inputs = NORMAL) -> dict[tuple[int, ...], Any]:
    """Returns where a run leaves its streams."""
    stream = NumpyStream(trial.seed)
    trial.run(inputs=inputs, stream=stream)
    return positions_of(stream)


def _check_purity(trial: NoiseTrial) -> None:
    """Asks the same question twice, and looks whether the question has changed."""
    model, name = trial.model, trial.model.name
    context, content = trial.rounds_of(inputs=Inputs(everything=True))[0]
    parameters = trial.prepared()
    state = model.init(parameters, context, NumpyStream(trial.seed))
    kept, answers = copy.deepcopy(state), []
    for _ in range(2):
        # A state need not be made of arrays alone, and lists can be written to.
        once = copy.deepcopy(kept)
        draws = NumpyStream(trial.seed + 1)
        answers.append(model.step(parameters, once, content, context, draws)[1])
        demand(7, same(once, kept), f"{name} changes the state that it is given")
    demand(9, same(*answers), f"{name} remembers past its state")
    again = model.init(parameters, context, NumpyStream(trial.seed))
    demand(9, same(again, kept), f"{name} starts an episode differently after another one")


def _check_scope(trial: NoiseTrial) -> None:
    model = trial.model
    demand_sentence(
        f"{model.name} scoped to an agent that does not exist",
        lambda: senders(dataclasses.replace(model, agent_ids=("nobody",)), trial.rounds_of()[0][0]),
    )
