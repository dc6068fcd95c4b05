"""What a distribution of delays is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from failure_api.core.links import Array
from failure_api.core.parameters.component import Part


@dataclass(frozen=True, kw_only=True)
class DelayDistribution(Part, ABC):
    """How delays are distributed."""

    @property
    def greatest(self) -> float | None:
        """The longest delay that occurs, in rounds; None where there is none."""
        return None

    def table(self, xp: Any) -> Any:
        """Returns what `draw` looks up; None where it looks up nothing."""
        return None

    @abstractmethod
    def draw(self, uniform: Array, table: Any, xp: Any) -> Array:
        """Returns delays in rounds, float32, from as many uniform numbers in [0, 1).

        Args:
            uniform: One number for each link, `[..., N, N]`; the diagonal means nothing.
            table: What `table` returned.
            xp: The array namespace.
        """

    @abstractmethod
    def cumulative(self, whole: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns the probability that a delay, rounded, is at most each of these numbers."""
