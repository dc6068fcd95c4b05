"""Law 1, as it concerns what a model does to arrays: any namespace, any batch, any round."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any, Protocol

import numpy as np

from failure_api.core import Links
from failure_api.testing.hidden_arrays import HIDDEN, NumpyCodeError
from failure_api.testing.model_trial import (
    Circumstances,
    ModelTrial,
    Round,
    alike,
    equal_rounds,
    first_sentence,
    source_line,
)
from failure_api.testing.verdict import demand


class Carrying(Protocol):
    """A round of a trial, with what the model carried into it and out of it."""

    @property
    def state(self) -> Any:
        """What the model carried into the round."""

    @property
    def following(self) -> Any:
        """What it carries into the next one."""


def check_form(name: str, rounds: Sequence[Carrying]) -> None:
    """Raises unless a state is a tree of arrays whose shapes and types never change.

    Args:
        name: Whose state it is.
        rounds: A run of the model, in any library.
    """
    first = forms_in(rounds[0].state)
    for place, form in first.items():
        if form.startswith("a "):
            remedy = "make it an array with context.xp.asarray, or a field of the model"
            demand(1, False, f"{name} carries {form} in {place}, which is no array: {remedy}")
        wide = form.startswith(("float64", "complex"))
        remedy = "make it with dtype=context.xp.float32"
        demand(1, not wide, f"{name} carries {form} in {place}: {remedy}")
    for number, each in enumerate(rounds):
        now = forms_in(each.following)
        for place in first | now:
            before, after = first.get(place, "nothing"), now.get(place, "nothing")
            finding = f"{name} carries {before} in {place} from init, but {after} from step"
            remedy = "let both return arrays of the same shapes and types"
            demand(1, before == after, f"{finding} in round {number}: {remedy}")


def check_elements(name: str, small: Sequence[Carrying], large: Sequence[Carrying]) -> None:
    """Raises unless each array in a state has the batch in front.

    Args:
        name: Whose state it is.
        small: A run of two teams side by side, on NumPy.
        large: A run of three.
    """
    beside = dict(leaves_in(large[0].state))
    for place, leaf in leaves_in(small[0].state):
        shapes = np.shape(leaf), np.shape(beside[place])
        fronted = shapes[0][:1] == (2,) and shapes[1] == (3, *shapes[0][1:])
        remedy = "let its shape begin with context.shape[:-2], or return it from prepare"
        finding = f"{name} carries an array of shape {shapes[0]} in {place} for a batch of 2"
        demand(1, fronted, f"{finding}, and of shape {shapes[1]} for one of 3: {remedy}")


def leaves_in(state: Any, place: str = "its state") -> Iterator[tuple[str, Any]]:
    """Returns all that is no branch of a state, with its place.

    Example:
        >>> [place for place, _ in leaves_in((1, {"a": (2, 3)}))]
        ['its state[0]', "its state[1]['a'][0]", "its state[1]['a'][1]"]
    """
    if isinstance(state, dict):
        for key, branch in state.items():
            yield from leaves_in(branch, f"{place}[{key!r}]")
    elif isinstance(state, tuple | list):
        names = getattr(state, "_fields", None)
        for index, branch in enumerate(state):
            step = f"[{index}]" if names is None else f".{names[index]}"
            yield from leaves_in(branch, f"{place}{step}")
    elif state is not None:
        yield place, state


def forms_in(state: Any) -> dict[str, str]:
    """Returns the type and the shape of each array in a state, by its place.

    Example:
        >>> forms_in((np.zeros(3), 1))
        {'its state[0]': 'float64 of shape (3,)', 'its state[1]': 'a Python int'}
    """
    return {place: _form(leaf) for place, leaf in leaves_in(state)}


def _form(leaf: Any) -> str:
    shape, dtype = getattr(leaf, "shape", None), getattr(leaf, "dtype", None)
    if shape is None or dtype is None:
        kind = type(leaf)
        return f"a {'Python ' if kind.__module__ == 'builtins' else ''}{kind.__name__}"
    return f"{str(dtype).rpartition('.')[2]} of shape {tuple(shape)}"


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
    """Raises the error for a law that an error shows to be broken, with the line to fix."""
    place = source_line(error, model)
    if isinstance(error, NumpyCodeError):
        demand(law, False, f"{model.name} {error.what}{place}: {error.remedy}")
    advice = f"; {remedy}" if remedy else ""
    demand(law, False, f"{finding}{place}: {first_sentence(error)}{advice}")
