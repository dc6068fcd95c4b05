"""Law 10 as it concerns a model of either kind: a value that can be copied and sent."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Callable
from typing import Any, TypeVar

from failure_api.core import CommunicationModel
from failure_api.core.noise import NoiseModel
from failure_api.testing.verdict import demand

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
