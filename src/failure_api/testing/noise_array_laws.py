"""Law 1, as it concerns what a noise model does to arrays: any namespace, any batch, any round."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np

from failure_api.testing.array_laws import APART, ERRORS, raise_found
from failure_api.testing.backend_law import Subject
from failure_api.testing.hidden_arrays import HIDDEN
from failure_api.testing.noise_trial import Given, Heard, NoiseTrial, equal_results
from failure_api.testing.state_law import check_elements, check_form
from failure_api.testing.verdict import demand

PAIR = Given(rows=(0, 1), batched=True, portable=True)
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
    trial: NoiseTrial, together: Given, fails: str, differs: str, remedy: str = ""
) -> None:
    try:
        batched = trial.run(given=together)
    except ERRORS as error:
        raise_found(1, error, trial.model, fails, remedy)
    for place, row in enumerate(together.rows):
        start = together.starts[place] if len(together.starts) > 1 else 0
        single = together._replace(rows=(row,), batched=False, starts=(start,))
        for both, one in zip(batched, trial.run(given=single), strict=True):
            beside = both.after[place][both.arrived[place]]
            # Sums may be taken in another order where there is another axis.
            finding = f"{differs}: {remedy}" if remedy else differs
            demand(1, np.allclose(beside, one.result, atol=1e-6), finding)


def check_hidden(trial: NoiseTrial) -> None:
    """Runs on arrays that keep their values to themselves, and have what all libraries have."""
    name = trial.model.name
    try:
        for own in (False, True):
            trial.run(HIDDEN, Given(own=own, counted=True))
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
        runs.append(trial.run(given=PAIR._replace(rows=rows)))
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
