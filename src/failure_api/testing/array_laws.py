"""Law 1, as it concerns what a model does to arrays: any namespace, any batch, any round."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from failure_api.core import Links
from failure_api.testing.hidden_arrays import HIDDEN
from failure_api.testing.hidden_errors import NumpyCodeError
from failure_api.testing.model_trial import Circumstances, ModelTrial, Round, alike, equal_rounds
from failure_api.testing.source_line import first_sentence, source_line
from failure_api.testing.state_law import check_elements, check_form
from failure_api.testing.verdict import demand

ERRORS = (AttributeError, TypeError, IndexError, ValueError)
PAIR = Circumstances(everyone=False, rows=(0, 1), batched=True, portable=True)
"""Two teams side by side, each of which draws by itself."""
APART = (0, 7)
"""Rounds in which two elements of a batch begin; no short period tells them the same."""


def check_batch(trial: ModelTrial) -> None:
    """Runs two different teams side by side, and each by itself."""
    name = trial.model.name
    _check_rows(
        trial,
        PAIR,
        f"{name} fails on links with a leading batch axis",
        f"{name} mixes up the rows of a batch",
    )


def check_apart(trial: ModelTrial) -> None:
    """Runs two teams side by side that are in different rounds, and each by itself."""
    name = trial.model.name
    remedy = "take context.round_over(2) beside arrays [..., N, N]"
    _check_rows(
        trial,
        PAIR._replace(starts=APART),
        f"{name} fails where elements of a batch are in different rounds",
        f"{name} does not give each element of a batch what its own round is for",
        remedy,
    )


def _check_rows(
    trial: ModelTrial, together: Circumstances, fails: str, differs: str, remedy: str = ""
) -> None:
    try:
        # Links without delay, noise and interference are a case of their own.
        trial.run(circumstances=together)
        batched = trial.run(circumstances=together, first_links=trial.damaged(np, together))
    except ERRORS as error:
        raise_found(1, error, trial.model, fails, remedy)
    for place, row in enumerate(together.rows):
        start = together.starts[place] if len(together.starts) > 1 else 0
        single = together._replace(rows=(row,), batched=False, starts=(start,))
        alone = trial.run(circumstances=single, first_links=trial.damaged(np, single))
        for beside, one in zip(batched, alone, strict=True):
            mine = Links(*(None if both is None else both[place] for both in beside.after))
            # Sums may be taken in another order where there is another axis.
            finding = f"{differs}: {remedy}" if remedy else differs
            demand(1, alike(mine, one.after), finding)


def check_state(trial: ModelTrial) -> None:
    """Looks at what the model carries from round to round in two batches."""
    name, runs = trial.model.name, []
    for rows in ((0, 1), (0, 1, 2)):
        circumstances = PAIR._replace(rows=rows)
        first_links = trial.damaged(np, circumstances)
        runs.append(trial.run(circumstances=circumstances, first_links=first_links))
        check_form(name, runs[-1])
    check_elements(name, *runs)


def check_array_rounds(trial: ModelTrial, first: list[Round]) -> None:
    """Numbers the rounds by 0-d arrays, which a model must take like integers."""
    name = trial.model.name
    try:
        equal = equal_rounds(first, trial.run(circumstances=Circumstances(counted=True)))
    except ERRORS as error:
        raise_found(1, error, trial.model, f"{name} fails where the round is a 0-d array")
    demand(1, equal, f"{name} gives other links where the round is a 0-d array")


def check_hidden(trial: ModelTrial) -> None:
    """Runs on arrays that keep their values to themselves, and have what all libraries have."""
    circumstances = Circumstances(everyone=False, counted=True)
    try:
        for links in (None, trial.damaged(HIDDEN)):
            trial.run(HIDDEN, circumstances, first_links=links)
    except ERRORS as error:
        raise_found(1, error, trial.model, f"{trial.model.name} fails on arrays without values")


def check_namespace(trial: ModelTrial, first: list[Round], xp: ModuleType) -> None:
    """Runs on another namespace."""
    name = trial.model.name
    for counted in (False, True):
        try:
            strict = trial.run(xp, Circumstances(counted=counted))
        except ERRORS as error:
            raise_found(1, error, trial.model, f"{name} uses what the array API does not have")
        for numpy_round, strict_round in zip(first, strict, strict=True):
            for one, other in zip(numpy_round.after, strict_round.after, strict=True):
                equal = one is other is None or np.array_equal(one, np.asarray(other))
                demand(4, equal, f"{name} gives other links on {xp.__name__} than on NumPy")


def raise_found(law: int, error: Exception, model: Any, finding: str, remedy: str = "") -> None:
    """Raises the error for a law that an error shows to be broken, with the line to mend."""
    place = source_line(error, model)
    if isinstance(error, NumpyCodeError):
        demand(law, False, f"{model.name} {error.what}{place}: {error.remedy}")
    advice = f"; {remedy}" if remedy else ""
    demand(law, False, f"{finding}{place}: {first_sentence(error)}{advice}")
