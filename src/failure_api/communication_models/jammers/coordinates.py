"""Coordinates of jammers, as a parameter and as an array."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from failure_api.core.links import Array, Context
from failure_api.core.parameters.frozen import FrozenArray
from failure_api.core.parameters.rules import Rule, numbers
from failure_api.errors import invalid

FARTHEST = 1e9
"""Coordinates beyond this have squares that float32 does not tell apart."""


@dataclass(frozen=True)
class Coordinates(Rule):
    """An array of coordinates, one row for each jammer.

    Args:
        form: The shape, as the error says it; its axes are counted.
    """

    form: str
    unit: str = "the environment's units"

    def normalise(self, name: str, value: Any) -> FrozenArray:
        """Returns the coordinates, or raises what is wrong with them."""
        array = numbers(value)
        axes = self.form.count(",") + 1
        if array is None or array.ndim != axes or not array.size:
            remedy = "give one row of coordinates for each jammer, as in [[0.0, 1.0]]"
            raise invalid(name, f"must be an array {self.form} of numbers", value, remedy)
        if not (np.abs(array) <= FARTHEST).all():
            raise invalid(
                name, "must be finite, within 1e9 of 0", value, "give the environment's units"
            )
        return FrozenArray(array)


def coordinates(name: str, value: Any, context: Context) -> Array:
    """Returns coordinates as a float32 array, or raises where the agents have other axes."""
    array: NDArray[np.float32] = np.array(value, dtype=np.float32)
    axes = None if context.positions is None else context.positions.shape[-1]
    if axes is not None and array.shape[-1] != axes:
        raise invalid(
            name, f"must have {axes} coordinates, as the agents do", array, "give as many"
        )
    return context.xp.asarray(array)
