"""Law 4, as it concerns array libraries: the same draws do the same in all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from failure_api.core.arrays.libraries import JAX, NUMPY, TORCH, Library
from failure_api.core.parameters.rules import in_order
from failure_api.core.random.portable_stream import BEFORE
from failure_api.core.random.stream import RandomStream
from failure_api.errors import FailureApiError, LawError, invalid
from failure_api.needs import needed
from failure_api.testing.array_laws import check_form, raise_found
from failure_api.testing.verdict import demand

CALLED = {"torch": TORCH, "jax": JAX}
PRECISION = 1e-4
"""Libraries round logarithms and the like differently; a draw or a link is worth far more."""


class Subject(NamedTuple):
    """A model of either kind, as a function that any library can run.

    Attributes:
        model: The model.
        init: Takes a context and a stream, and returns a state.
        step: Takes a state, links or content, a context and a stream, and returns the next state
            and what becomes of the second.
        rounds: Returns, in a namespace, the context of each round and what is given in it.
        draws: Returns, in a namespace, the portable stream of a round by its number.
        compared: Returns the arrays that count of what a round gave.
    """

    model: Any
    init: Callable[..., Any]
    step: Callable[..., Any]
    rounds: Callable[[ModuleType], Sequence[tuple[Any, Any]]]
    draws: Callable[[ModuleType, Any], RandomStream]
    compared: Callable[[Any, Any], Sequence[Any]]


class Carried(NamedTuple):
    """A round in some library.

    Attributes:
        state: What the model carried into it.
        following: What it carries into the next one.
        arrays: What came of it, as NumPy arrays.
    """

    state: Any
    following: Any
    arrays: list[Any]


def chosen(backends: Sequence[str]) -> list[Library]:
    """Returns the array libraries that models are tried on beside NumPy.

    Args:
        backends: Some of "numpy", "torch" and "jax".

    Raises:
        InvalidArgumentError: Another name.
        MissingDependencyError: One that is not installed.
    """
    found = []
    remedy = 'choose from "numpy", "torch" and "jax"'
    inputs = [backends] if isinstance(backends, str) else backends
    for name in in_order("backends", inputs, "a list of array libraries", remedy):
        if not isinstance(name, str) or name not in (NUMPY.package, *CALLED):
            raise invalid("backends", "must name array libraries", name, remedy)
        if name in CALLED:
            for package in (name, CALLED[name].namespace):
                needed(package, f"a trial on {name}", name)
            found.append(CALLED[name])
    return found


def check_backends(subject: Subject, libraries: Sequence[Library]) -> None:
    """Runs a batch of teams in different rounds in each library, and compares it with NumPy."""
    model = subject.model
    if not libraries:
        return
    expected = _played(subject, np)
    for library in libraries:
        run = _compiled if library is JAX else _played
        how = "compiled by JAX" if library is JAX else f"on {library.package}"
        try:
            found = run(subject, library.xp)
        except LawError:
            raise
        except FailureApiError as error:
            demand(1, False, f"{model.name} fails {how}: {error}")
        except Exception as error:
            raise_found(1, error, model, f"{model.name} fails {how}")
        check_form(model.name, found)
        for number, (one, other) in enumerate(zip(expected, found, strict=True)):
            equal = all(map(_alike, one.arrays, other.arrays))
            demand(4, equal, f"{model.name} differs {how} from NumPy, first in step {number}")


def _played(subject: Subject, xp: ModuleType) -> list[Carried]:
    rounds = subject.rounds(xp)
    state = subject.init(rounds[0][0], subject.draws(xp, BEFORE))
    played = []
    for context, inputs in rounds:
        draws = subject.draws(xp, context.round)
        following, after = subject.step(state, inputs, context, draws)
        played.append(_carried(subject, state, following, after, context))
        state = following
    return played


def _compiled(subject: Subject, xp: ModuleType) -> list[Carried]:
    """Runs compiled functions, the second of which has to do for all rounds."""
    jax, traces = needed(JAX.package, "a trial under JAX", "jax"), [0]
    rounds = subject.rounds(xp)
    template = rounds[0][0]

    def begun(arrays: dict[str, Any]) -> Any:
        return subject.init(template._replace(**arrays), subject.draws(xp, BEFORE))

    def advanced(state: Any, inputs: Any, arrays: dict[str, Any]) -> Any:
        traces[0] += 1
        context = template._replace(**arrays)
        return subject.step(state, inputs, context, subject.draws(xp, context.round))

    start, step = jax.jit(begun), jax.jit(advanced)
    arrays = [
        {name: part for name, part in context._asdict().items() if isinstance(part, jax.Array)}
        for context, _ in rounds
    ]
    state = start(arrays[0])
    played = []
    for (context, inputs), parts in zip(rounds, arrays, strict=True):
        following, after = step(state, inputs, parts)
        played.append(_carried(subject, state, following, after, context))
        state = following
    # What differs otherwise is named by its place.
    check_form(subject.model.name, played)
    again = "since what init returns follows other rules of promotion than what step returns"
    remedy = "give arrays their types, as in context.xp.zeros(shape, dtype=context.xp.float32)"
    finding = f"{subject.model.name} is compiled anew in a later round, {again}: {remedy}"
    demand(1, traces[0] == 1, finding)
    return played


def _carried(subject: Subject, state: Any, following: Any, after: Any, context: Any) -> Carried:
    arrays = subject.compared(after, context)
    return Carried(state, following, [None if one is None else np.asarray(one) for one in arrays])


def _alike(one: Any, other: Any) -> bool:
    """Returns whether two arrays are of the same type, and the same up to rounding."""
    if one is None or other is None:
        return one is other
    # What is measured in milliwatts may be very small.
    within = PRECISION * np.abs(one[np.isfinite(one)]).max(initial=0)
    exact = one.dtype == other.dtype and one.shape == other.shape
    return exact and np.allclose(one, other, rtol=PRECISION, atol=within)
