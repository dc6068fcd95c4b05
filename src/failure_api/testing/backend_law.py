"""Law 4, as it concerns array libraries: the same draws do the same in all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np

from failure_api.core.arrays.libraries import JAX, NUMPY, TORCH, Library
from failure_api.core.parameters.rules import in_order
from failure_api.core.random.portable_stream import BEFORE
from failure_api.errors import FailureApiError, LawError, invalid
from failure_api.needs import needed
from failure_api.testing.array_laws import APART, check_form, raise_found
from failure_api.testing.model_trial import ModelTrial, Round, alike
from failure_api.testing.verdict import demand

CALLED = {"torch": TORCH, "jax": JAX}
PRECISION = 1e-4
"""Libraries round logarithms and the like differently; a draw or a link is worth far more."""


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


def check_backends(trial: ModelTrial, libraries: Sequence[Library]) -> None:
    """Runs a batch of teams in different rounds in each library, and compares it with NumPy."""
    name, together = trial.model.name, replace(trial.variants[0], **APART)
    expected = _played(trial, np, together) if libraries else []
    for library in libraries:
        run = _compiled if library is JAX else _played
        how = "compiled by JAX" if library is JAX else f"on {library.package}"
        try:
            found = run(trial, library.xp, together)
        except LawError:
            raise
        except FailureApiError as error:
            demand(1, False, f"{name} fails {how}: {error}")
        except Exception as error:
            raise_found(1, error, trial.model, f"{name} fails {how}")
        check_form(name, found)
        for index, (one, other) in enumerate(zip(expected, found, strict=True)):
            equal = alike(trial.compared(one), trial.compared(other), PRECISION)
            demand(4, equal, f"{name} differs {how} from NumPy, first in step {index}")


def _played(trial: ModelTrial, xp: ModuleType, together: Any) -> list[Round]:
    rounds, draws = trial.rounds_of(xp, together), partial(trial.draws, xp, together)
    return trial.played(trial.prepared(xp, together), rounds, draws)


def _compiled(trial: ModelTrial, xp: ModuleType, together: Any) -> list[Round]:
    """Runs compiled functions, the second of which has to do for all rounds."""
    jax, traces = needed(JAX.package, "a trial under JAX", "jax"), [0]
    rounds = trial.rounds_of(xp, together)
    template = rounds[0][0]

    def begun(arrays: dict[str, Any]) -> Any:
        context = template._replace(**arrays)
        stream = trial.draws(xp, together, BEFORE)
        return trial.runs.init(trial.prepared(xp, together), context, stream)

    def advanced(state: Any, inputs: Any, arrays: dict[str, Any]) -> Any:
        traces[0] += 1
        context = template._replace(**arrays)
        stream = trial.draws(xp, together, context.round)
        return trial.step(trial.prepared(xp, together), state, inputs, context, stream)

    def arrays_of(context: Any) -> dict[str, Any]:
        fields = context._asdict().items()
        return {field: value for field, value in fields if isinstance(value, jax.Array)}

    step, played = jax.jit(advanced), []
    state = jax.jit(begun)(arrays_of(template))
    for context, inputs in rounds:
        following, after = step(state, inputs, arrays_of(context))
        states = trial.carried(state), trial.carried(following)
        played.append(Round(context, inputs, after, *states))
        state = following
    # What differs otherwise is named by its place.
    check_form(trial.model.name, played)
    again = "since what init returns follows other rules of promotion than what step returns"
    remedy = "give arrays their types, as in context.xp.zeros(shape, dtype=context.xp.float32)"
    finding = f"{trial.model.name} is compiled anew in a later round, {again}: {remedy}"
    demand(1, traces[0] == 1, finding)
    return played
