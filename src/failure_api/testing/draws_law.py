"""Law 4, as it concerns a communication model: draws come from its stream, always as many."""

from __future__ import annotations

import dataclasses
import random
from typing import Any

import numpy as np

from failure_api.core import CommunicationModel, NumpyStream
from failure_api.core.parameters.fields import LinkRule, rules_of
from failure_api.errors import FailureApiError
from failure_api.testing.model_trial import (
    Circumstances,
    ModelTrial,
    Round,
    equal_rounds,
    positions_of,
)
from failure_api.testing.verdict import demand, same


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
