"""The laws that models of both kinds keep: as values, in their draws, and on arrays of any kind."""

from __future__ import annotations

import copy
import dataclasses
import functools
import importlib
import importlib.util
import pickle
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np

from failure_api.core import NumpyStream
from failure_api.core.arrays.rings import LARGE
from failure_api.core.arrays.trees import map_leaves
from failure_api.errors import FailureApiError
from failure_api.testing.hidden_arrays import HIDDEN, NumpyCodeError
from failure_api.testing.model_trial import ModelTrial, Round, alike, first_sentence, source_line
from failure_api.testing.verdict import demand, demand_sentence, same


def check_form(name: str, rounds: Sequence[Round]) -> None:
    """Raises unless a state is a tree of arrays whose shapes and types never change.

    Args:
        name: Whose state it is.
        rounds: A run of the model, in any library.
    """
    first = forms_in(rounds[0].state)
    for path, form in first.items():
        if form.startswith("a "):
            remedy = "make it an array with context.xp.asarray, or a field of the model"
            demand(1, False, f"{name} carries {form} in {path}, which is no array: {remedy}")
        wide = form.startswith(("float64", "complex"))
        remedy = "make it with dtype=context.xp.float32"
        demand(1, not wide, f"{name} carries {form} in {path}: {remedy}")
    for index, each in enumerate(rounds):
        now = forms_in(each.following)
        for path in first | now:
            before, after = first.get(path, "nothing"), now.get(path, "nothing")
            finding = f"{name} carries {before} in {path} from init, but {after} from step"
            remedy = "let both return arrays of the same shapes and types"
            demand(1, before == after, f"{finding} in round {index}: {remedy}")


def check_elements(name: str, small: Sequence[Round], large: Sequence[Round]) -> None:
    """Raises unless each array in a state has the batch in front.

    Args:
        name: Whose state it is.
        small: A run of two teams side by side, on NumPy.
        large: A run of three.
    """
    beside = dict(leaves_in(large[0].state))
    for path, leaf in leaves_in(small[0].state):
        shapes = np.shape(leaf), np.shape(beside[path])
        fronted = shapes[0][:1] == (2,) and shapes[1] == (3, *shapes[0][1:])
        remedy = "let its shape begin with context.shape[:-2], or return it from prepare"
        finding = f"{name} carries an array of shape {shapes[0]} in {path} for a batch of 2"
        demand(1, fronted, f"{finding}, and of shape {shapes[1]} for one of 3: {remedy}")


def leaves_in(state: Any, path: str = "its state") -> Iterator[tuple[str, Any]]:
    """Returns all that is no branch of a state, with its path.

    Example:
        >>> [path for path, _ in leaves_in((1, {"a": (2, 3)}))]
        ['its state[0]', "its state[1]['a'][0]", "its state[1]['a'][1]"]
    """
    if isinstance(state, dict):
        for key, branch in state.items():
            yield from leaves_in(branch, f"{path}[{key!r}]")
    elif isinstance(state, tuple | list):
        names = getattr(state, "_fields", None)
        for index, branch in enumerate(state):
            step = f"[{index}]" if names is None else f".{names[index]}"
            yield from leaves_in(branch, f"{path}{step}")
    elif state is not None:
        yield path, state


def forms_in(state: Any) -> dict[str, str]:
    """Returns the type and the shape of each array in a state, by its path.

    Example:
        >>> forms_in((np.zeros(3), 1))
        {'its state[0]': 'float64 of shape (3,)', 'its state[1]': 'a Python int'}
    """
    return {path: _form(leaf) for path, leaf in leaves_in(state)}


def _form(leaf: Any) -> str:
    shape, dtype = getattr(leaf, "shape", None), getattr(leaf, "dtype", None)
    if shape is None or dtype is None:
        kind = type(leaf)
        return f"a {'Python ' if kind.__module__ == 'builtins' else ''}{kind.__name__}"
    return f"{str(dtype).rpartition('.')[2]} of shape {tuple(shape)}"


ERRORS = (AttributeError, TypeError, IndexError, ValueError)
PAIR: dict[str, Any] = {"rows": (0, 1), "batched": True, "portable": True}
"""Two teams side by side, each of which draws by itself."""
APART = {**PAIR, "starts": (0, 7)}
"""Two whose episodes begin in different rounds; no short period tells them the same."""


@contextmanager
def naming(model: Any, finding: str, remedy: str = "") -> Iterator[None]:
    """Says of which law an error within a block is a breach, and which line to fix."""
    try:
        yield
    except ERRORS as error:
        raise_found(1, error, model, finding, remedy)


def check_batch(trial: ModelTrial) -> None:
    """Runs two different teams side by side, in one round and in two, and each by itself."""
    name, remedy = trial.model.name, trial.round_remedy
    alone = functools.cache(lambda circumstances: trial.run(circumstances=circumstances))
    for each in trial.variants:
        fails = f"{name} fails on {trial.takes} with a leading batch axis"
        with naming(trial.model, fails):
            finding = f"{name} mixes up the rows of a batch"
            _check_rows(trial, replace(each, **PAIR), alone, finding)
        fails = f"{name} fails where elements of a batch are in different rounds"
        with naming(trial.model, fails, remedy):
            finding = f"{name} does not give each element of a batch what its own round is for"
            _check_rows(trial, replace(each, **APART), alone, f"{finding}: {remedy}")


def _check_rows(
    trial: ModelTrial, together: Any, alone: Callable[[Any], list[Round]], finding: str
) -> None:
    batched = trial.run(circumstances=together)
    for index in range(len(together.rows)):
        for both, one in zip(batched, alone(together.alone(index)), strict=True):
            # Sums may be taken in another order where there is another axis.
            beside, single = trial.compared(both, index), trial.compared(one)
            demand(1, alike(beside, single, 1e-5, trial.absolute), finding)


def check_state(trial: ModelTrial) -> None:
    """Looks at what the model carries from round to round in two batches."""
    runs = []
    for rows in ((0, 1), (0, 1, 2)):
        together = replace(trial.variants[0], **PAIR | {"rows": rows})
        runs.append(trial.run(circumstances=together))
        check_form(trial.model.name, runs[-1])
    check_elements(trial.model.name, *runs)


def check_array_rounds(trial: ModelTrial, first: list[Round]) -> None:
    """Numbers the rounds by 0-d arrays, which a model must take like integers."""
    name = trial.model.name
    with naming(trial.model, f"{name} fails where the round is a 0-d array"):
        equal = trial.equal(first, trial.run(circumstances=replace(trial.normal, counted=True)))
    demand(1, equal, f"{name} {trial.differs} where the round is a 0-d array")


def check_hidden(trial: ModelTrial) -> None:
    """Runs on arrays that keep their values to themselves, and have what all libraries have."""
    with naming(trial.model, f"{trial.model.name} fails on arrays without values"):
        for each in trial.variants:
            trial.run(HIDDEN, replace(each, counted=True))


def check_namespace(trial: ModelTrial, first: list[Round], xp: ModuleType) -> None:
    """Runs on another namespace."""
    name = trial.model.name
    for counted in (False, True):
        with naming(trial.model, f"{name} uses what the array API does not have"):
            equal = trial.equal(first, trial.run(xp, replace(trial.normal, counted=counted)))
        demand(4, equal, f"{name} {trial.other} on {xp.__name__} than on NumPy")


def raise_found(law: int, error: Exception, model: Any, finding: str, remedy: str = "") -> None:
    """Raises the error for a law that an error shows to be broken, with the line to fix."""
    place = source_line(error, model)
    if isinstance(error, NumpyCodeError):
        demand(law, False, f"{model.name} {error.what}{place}: {error.remedy}")
    advice = f"; {remedy}" if remedy else ""
    demand(law, False, f"{finding}{place}: {first_sentence(error)}{advice}")


def check_draws(trial: ModelTrial, first: list[Round]) -> None:
    """Repeats a run, and looks how much is drawn while inputs, deaths and parameters differ.

    Every number in [0, 1] is replaced, since sweeps compare runs that draw alike.
    """
    name = trial.model.name
    # Another library's generators are nobody's to use.
    before = global_generators()
    again = trial.run()
    demand(4, same(before, global_generators()), f"{name} draws from a global random generator")
    demand(4, trial.equal(first, again), f"{name} {trial.other} from the same seed")
    expected, depending = trial.drawn(), f"{name} draws more or less often depending on"
    for each in trial.quiet:
        demand(4, trial.drawn(each) == expected, f"{depending} {trial.traffic}")
    for field, called in trial.swept().items():
        for value in (0.0, 0.5, 1.0):
            try:
                other = replace(trial, model=replace(trial.model, **{field: value}))
                other.prepared()
            except (FailureApiError, TypeError):
                # The other fields do not go with this value, or it cannot be replaced.
                continue
            found = other.drawn()
            # A stream that a run does not use at all disturbs nobody.
            streams = expected.keys() if trial.every_stream else expected.keys() & found.keys()
            alike = all(expected[path] == found.get(path) for path in streams)
            demand(4, alike, f"{depending} {called}")


def global_generators() -> Any:
    """Returns where the generators stand that Python and NumPy share with everyone."""
    return random.getstate(), np.random.get_state()  # noqa: NPY002


def check_purity(trial: ModelTrial) -> None:
    """Asks the same question twice, and looks whether the question has changed."""
    name, parameters = trial.model.name, trial.prepared()
    context, inputs = trial.rounds_of()[0]
    state = trial.runs.init(parameters, context, NumpyStream(trial.seed))
    kept, answers = copy.deepcopy(state), []
    for _ in range(2):
        # A state need not be made of arrays alone, and lists can be written to.
        once, stream = copy.deepcopy(kept), NumpyStream(trial.seed + 1)
        following, after = trial.step(parameters, once, inputs, context, stream)
        answers.append(trial.compared(Round(context, inputs, after, once, following)))
        changed = not same(_without_rings(once), _without_rings(kept))
        demand(7, not changed, f"{name} changes the state that it is given")
    demand(9, same(*answers), f"{name} remembers past its state")
    again = trial.runs.init(parameters, context, NumpyStream(trial.seed))
    demand(9, same(again, kept), f"{name} starts an episode differently after another one")


def _without_rings(state: Any) -> Any:
    """Returns a state without what is so large that `core.rings` writes to it."""
    return map_leaves(lambda leaf: getattr(leaf, "nbytes", 0) < LARGE and leaf, state)


def check_value(model: Any) -> None:
    """Raises unless a model is a frozen dataclass that its fields make and tell from others."""
    try:
        model.agent_ids = model.agent_ids
    except dataclasses.FrozenInstanceError:
        pass
    else:
        demand(10, False, f"{model.name} is not a frozen dataclass")
    try:
        equal = replace(model) == model
    except Exception as error:
        demand(10, False, f"{model.name} is not made and compared by its fields alone: {error}")
    demand(10, equal, f"{model.name} is changed by replace()")


TRAVELS: dict[str, Callable[[Any], Any]] = {
    "pickled": lambda value: pickle.loads(pickle.dumps(value)),
    "deep-copied": copy.deepcopy,
}


def check_travel(trial: ModelTrial, first: list[Round]) -> None:
    """Raises unless what comes back from a pickle or a copy is the model, and does the same."""
    model = trial.model
    for how, travel in TRAVELS.items():
        try:
            twin = travel(model)
        except Exception as error:
            demand(10, False, f"{model.name} cannot be {how}: {error}")
        try:
            equal = twin == model
        except Exception as error:
            demand(10, False, f"{model.name} cannot be compared: {error}")
        demand(10, equal, f"{model.name} is not equal to itself after being {how}")
        alike = trial.equal(first, replace(trial, model=twin).run())
        demand(10, alike, f"{model.name} does something else after being {how}")


def check_common(trial: ModelTrial, first: list[Round], prepare: Callable[[Any], Any]) -> None:
    """Checks what models of both kinds have in common, once they run.

    Args:
        trial: The model.
        first: A run of it.
        prepare: Looks up what a model is confined to.
    """
    check_purity(trial)
    check_value(trial.model)
    demand_sentence(
        f"{trial.model.name} scoped to an agent that does not exist",
        lambda: prepare(replace(trial.model, agent_ids=("nobody",))),
    )
    check_travel(trial, first)
    check_batch(trial)
    check_state(trial)
    if importlib.util.find_spec("array_api_strict"):
        check_namespace(trial, first, importlib.import_module("array_api_strict"))
