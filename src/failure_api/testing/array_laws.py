"""Law 1, as it concerns what a model does to arrays: any namespace, any batch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

from failure_api.core import Links, RandomStream
from failure_api.testing.model_trial import (
    Circumstances,
    ModelTrial,
    Round,
    equal_rounds,
    positions_of,
)
from failure_api.testing.verdict import demand

_ERRORS = (AttributeError, TypeError, IndexError, ValueError)


class ValueReadError(TypeError):
    """An array was asked for its value."""


def check_batch(trial: ModelTrial) -> None:
    """Runs two different teams side by side, and each by itself."""
    name, rows = trial.model.name, (0, 1)
    damaged = [trial.damaged(row) for row in rows]
    stacked = Links(*(np.stack(arrays) for arrays in zip(*damaged, strict=True)))
    stream = RandomStream(trial.seed)
    together = Circumstances(everyone=False, rows=rows, batched=True)
    try:
        # Links without delay, noise and interference are a case of their own.
        trial.run(circumstances=together)
        batched = trial.run(circumstances=together, stream=stream, first_links=stacked)
    except _ERRORS as error:
        demand(1, False, f"{name} fails on links with a leading batch axis: {error}")
    if positions_of(stream):
        # Rows draw different numbers, and a row by itself others again.
        return
    for row in rows:
        alone = trial.run(
            circumstances=Circumstances(everyone=False, rows=(row,)), first_links=damaged[row]
        )
        for beside, single in zip(batched, alone, strict=True):
            for both, one in zip(beside.after, single.after, strict=True):
                # Sums may be taken in another order where there is another axis.
                alike = both is one is None or np.allclose(both[row], one, atol=1e-6)
                demand(1, alike, f"{name} mixes up the rows of a batch")


def check_array_rounds(trial: ModelTrial, first: list[Round]) -> None:
    """Numbers the rounds by 0-d arrays, which a model must take like integers."""
    name = trial.model.name
    try:
        equal = equal_rounds(first, trial.run(circumstances=Circumstances(counted=True)))
    except _ERRORS as error:
        demand(1, False, f"{name} fails where the round is a 0-d array: {error}")
    demand(1, equal, f"{name} gives other links where the round is a 0-d array")


def check_namespace(trial: ModelTrial, first: list[Round], xp: ModuleType) -> None:
    """Runs on another namespace, at last with arrays that keep their values to themselves."""
    name = trial.model.name
    for counted in (False, True):
        try:
            strict = trial.run(xp, Circumstances(counted=counted))
        except _ERRORS as error:
            demand(1, False, f"{name} uses what the array API does not have: {error}")
        for numpy_round, strict_round in zip(first, strict, strict=True):
            for one, other in zip(numpy_round.after, strict_round.after, strict=True):
                equal = one is other is None or np.array_equal(one, np.asarray(other))
                demand(4, equal, f"{name} gives other links on {xp.__name__} than on NumPy")
    try:
        with values_hidden(type(xp.asarray(0))):
            trial.run(xp, Circumstances(counted=True))
    except ValueReadError as error:
        demand(1, False, f"{name} branches on what an array holds: {error}")


@contextmanager
def values_hidden(kind: Any) -> Iterator[None]:
    """Lets arrays refuse to become Python values, as they do where a function is traced."""

    def refuse(method: str) -> Any:
        def refused(array: Any) -> Any:
            raise ValueReadError(f"it calls {method} of one, where context.xp.where would serve")

        return refused

    methods = ("__bool__", "__int__", "__float__", "__index__")
    kept = {method: getattr(kind, method) for method in methods}
    try:
        for method in methods:
            setattr(kind, method, refuse(method))
        yield
    finally:
        for method, original in kept.items():
            setattr(kind, method, original)
