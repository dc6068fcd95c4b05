"""What an agent's reward counts for: a number, or what a scalarization makes of several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from failure_api.errors import reason
from failure_api.serialization.paths import refused
from failure_api.user_code import ANYTHING

_PATH = ("scalarization",)


class Scalarization:
    """Makes a number of the reward of an agent.

    A reward of one entry is a number. Of a vector with an entry for each objective, weights make
    a sum, and a function whatever it returns.

    Args:
        by: Weights, one for each objective; a function of the vector; or None, for environments
            whose rewards are numbers.

    Example:
        >>> Scalarization([0.5, 2.0])(np.array([4.0, 1.0]))
        4.0
        >>> Scalarization(None)(np.array([3.0]))
        3.0
    """

    def __init__(self, by: Sequence[float] | Callable[[Any], Any] | None) -> None:
        self._by = by
        self._weights = None if by is None or callable(by) else np.array(by)

    def __call__(self, reward: Any) -> float:
        """Returns what a reward counts for.

        Raises:
            PlainDataError: A vector where nothing says what it counts for, as many weights as it
                has no entries, or a function that returns no number.
        """
        if isinstance(reward, int | float):
            return float(reward)
        vector = np.asarray(reward, dtype=np.float64)
        if self._weights is not None and vector.shape == self._weights.shape:
            return float(self._weights @ vector)
        if vector.size == 1:
            return float(vector.reshape(()))
        if callable(self._by):
            try:
                return float(self._by(vector))
            except ANYTHING as error:
                rule = f"must make a number of the reward {vector} ({reason(error)})"
                raise refused(_PATH, rule, self._by, "fix the function") from error
        if self._weights is None:
            rule = f"must be given where a reward has {vector.size} entries, as {vector} has"
            equal = [round(1 / vector.size, 3)] * vector.size
            remedy = f"name a weight for each, as in {equal}, or a function as 'module:function'"
            raise refused(_PATH, rule, None, remedy)
        rule = f"must hold a weight for each of the {vector.size} entries of a reward"
        raise refused(_PATH, rule, self._by, "give as many weights")
