"""Shadowing: what hills, houses and bodies in between do to a signal."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from failure_api.communication_models.distance import squared_distances
from failure_api.communication_models.radio.reciprocity import mirrored, upper_triangle
from failure_api.communication_models.radio.units import Length, between
from failure_api.core.links import Array, Context
from failure_api.core.part import Part
from failure_api.core.random import RandomStream


@dataclass(frozen=True, kw_only=True)
class Shadowing(Part, ABC):
    """How the surroundings change a signal, slowly and by place. The base of every shadowing."""

    @abstractmethod
    def init(self, context: Context, random: RandomStream) -> Any:
        """Returns the state at the reset, in its stationary distribution."""

    @abstractmethod
    def step(
        self, state: Any, context: Context, metres_per_unit: float, random: RandomStream
    ) -> tuple[Any, Array]:
        """Returns the next state and by how many dB each link gains, float32 `[..., N, N]`."""

    @abstractmethod
    def survival(self, gain: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns the probability that a link gains more than so many dB."""

    @abstractmethod
    def levels(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Returns gains in dB and their weights, which add up to 1, to take means with."""


class ShadowingState(NamedTuple):
    """What shadowing carries from round to round.

    Attributes:
        positions: Where the agents were in the last round, `[..., N, dim]`.
        field: What each link gains, in standard deviations, float32 `[..., N, N]`.
        upper: 1 above the diagonal, float32 `[N, N]`.
    """

    positions: Array
    field: Array
    upper: Array


@dataclass(frozen=True, kw_only=True)
class LogNormalShadowing(Shadowing):
    r"""A normal number of decibels for each link, which changes as the link's ends move.

    $$ S_{t+1} = R\,S_t + \sqrt{1 - R^2}\,\sigma N, \qquad R = e^{-\Delta / d_{cor}} $$

    where $N$ is standard normal and $\Delta$ the distance by which the two ends have moved
    relative to each other since the last round. The start is stationary. Agents that stand still,
    or move side by side, keep the shadowing that they have.

    Args:
        standard_deviation: $\sigma$, in dB; 3GPP has 4 to 8.
        decorrelation_distance: $d_{cor}$, in metres, over which the correlation falls to $1 / e$;
            3GPP has 6 to 10 indoors, 10 to 13 in streets, 37 to 120 in the country.
        reciprocal: Whether both directions of a link have the same shadowing.

    Raises:
        InvalidArgumentError: A deviation outside of [0, 100] dB, or a distance outside of
            [1e-6, 1e9] m.

    Example:
        >>> LogNormalShadowing(standard_deviation=4.0, decorrelation_distance=10.0)
        LogNormalShadowing(standard_deviation=4.0, decorrelation_distance=10.0, reciprocal=True)

    Source: Gudmundson (1991); 3GPP TR 38.901, table 7.4.1-1 and section 7.4.4.
    """

    standard_deviation: Annotated[float, between(0.0, 100.0, "dB")]
    decorrelation_distance: Length
    reciprocal: bool = True

    def init(self, context: Context, random: RandomStream) -> ShadowingState:
        """Returns a field that is drawn for the place where the agents are."""
        upper = upper_triangle(context.shape[-1], context.xp)
        return ShadowingState(context.positions, self._draw(upper, context, random), upper)

    def step(
        self, state: Any, context: Context, metres_per_unit: float, random: RandomStream
    ) -> tuple[Any, Array]:
        """Returns the state after the agents' movement, and the gain of each link in dB."""
        xp = context.xp
        moved = (context.positions - state.positions) * (
            metres_per_unit / self.decorrelation_distance
        )
        kept = xp.exp(-xp.sqrt(squared_distances(moved, xp)))
        new = xp.sqrt(1.0 - kept * kept) * self._draw(state.upper, context, random)
        field = kept * state.field + new
        state = ShadowingState(context.positions, field, state.upper)
        return state, field * self.standard_deviation

    def survival(self, gain: NDArray[np.float64]) -> NDArray[np.float64]:
        r"""Returns $Q(x / \sigma)$."""
        if self.standard_deviation == 0.0:
            return np.asarray(gain <= 0.0, dtype=np.float64)
        return np.asarray(ndtr(-gain / self.standard_deviation))

    def levels(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Returns equally spaced gains, with the density as weights."""
        # The trapezoidal rule, which for smooth functions of a normal number is hard to better.
        deviations = np.linspace(-6.0, 6.0, 301)
        density = np.exp(-0.5 * deviations**2)
        return deviations * self.standard_deviation, density / density.sum()

    def _draw(self, upper: Array, context: Context, random: RandomStream) -> Array:
        normal = random.normal(context.shape)
        return mirrored(normal, upper, context.xp) if self.reciprocal else normal
