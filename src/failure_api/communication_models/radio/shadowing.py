"""Reciprocity: what a channel does in one direction it does in the other one too."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

import numpy as np
from scipy.special import ndtr

from failure_api.communication_models.radio.path_loss import Floats, Length, between
from failure_api.core import Array, Context, RandomStream
from failure_api.core.parameters.component import Component


def upper_triangle(count: int, xp: Any) -> Array:
    """Returns 1 above the diagonal and 0 elsewhere, float32 `[count, count]`."""
    return xp.triu(xp.ones((count, count), dtype=xp.float32), k=1)


def mirrored(values: Array, upper: Array, xp: Any) -> Array:
    """Returns values that are the same in both directions of a link, and 0 on the diagonal.

    Those above the diagonal are kept, so that as much is drawn as without reciprocity.

    Args:
        values: Float32 `[..., N, N]`.
        upper: From `upper_triangle`.
        xp: The array namespace that every operation comes from.

    Example:
        >>> import numpy as np
        >>> values = np.asarray([[1.0, 2.0], [3.0, 4.0]])
        >>> mirrored(values, upper_triangle(2, np), np).tolist()
        [[0.0, 2.0], [2.0, 0.0]]
    """
    # A product, because xp.triu makes its mask anew and selects by it in every call.
    kept = values * upper
    return kept + xp.matrix_transpose(kept)


@dataclass(frozen=True, kw_only=True)
class Shadowing(Component, ABC):
    """How the surroundings change a signal, slowly and by place. The base of every shadowing."""

    def prepare(self, context: Context) -> Any:
        """Returns what is looked up once."""
        return ()

    @abstractmethod
    def init(self, parameters: Any, context: Context, random: RandomStream) -> Any:
        """Returns the state at the reset, in its stationary distribution."""

    @abstractmethod
    def step(
        self, parameters: Any, state: Any, context: Context, metres: float, random: RandomStream
    ) -> Any:
        """Returns the state of this round, after the agents' movement.

        Args:
            parameters: What `prepare` returned.
            state: What `init` or the last `step` returned.
            context: What is known of the round.
            metres: How many metres one unit of the positions is.
            random: The stream of the shadowing.
        """

    def attempt(
        self, parameters: Any, following: Any, context: Context, random: RandomStream
    ) -> Any:
        """Returns the state of a further attempt in a round, whose first had `following`."""
        return following

    @abstractmethod
    def gain(self, state: Any) -> Array:
        """Returns by how many dB each link gains, float32 `[..., N, N]`."""

    @abstractmethod
    def survival(self, gain: Floats) -> Floats:
        """Returns the probability that a link gains more than so many dB."""

    @abstractmethod
    def levels(self) -> tuple[Floats, Floats]:
        """Returns gains in dB and their weights, which add up to 1, to take means with."""


@dataclass(frozen=True, kw_only=True)
class NormalShadowing(Shadowing, ABC):
    r"""A normal number of decibels for each link. The base of every such shadowing.

    Args:
        standard_deviation: $\sigma$, in dB.
    """

    standard_deviation: Annotated[float, between(0.0, 100.0, "dB")]

    def prepare(self, context: Context) -> Any:
        """Returns 1 above the diagonal, float32 `[N, N]`."""
        return upper_triangle(context.shape[-1], context.xp)

    def survival(self, gain: Floats) -> Floats:
        r"""Returns $Q(x / \sigma)$."""
        if self.standard_deviation == 0.0:
            return np.asarray(gain <= 0.0, dtype=np.float64)
        return np.asarray(ndtr(-gain / self.standard_deviation))

    def levels(self) -> tuple[Floats, Floats]:
        """Returns equally spaced gains, with the density as weights."""
        # The trapezoidal rule, which for smooth functions of a normal number is hard to better.
        deviations = np.linspace(-6.0, 6.0, 301)
        density = np.exp(-0.5 * deviations**2)
        return deviations * self.standard_deviation, density / density.sum()


class ShadowingState(NamedTuple):
    """What shadowing carries from round to round.

    Attributes:
        positions: Where the agents were in the last round, `[..., N, dim]`.
        field: What each link gains, in standard deviations, float32 `[..., N, N]`.
    """

    positions: Array
    field: Array


@dataclass(frozen=True, kw_only=True)
class LogNormalShadowing(NormalShadowing):
    r"""A normal number of decibels for each link, which changes as the link's ends move.

    $$ S_{t+1} = R\,S_t + \sqrt{1 - R^2}\,\sigma N, \qquad R = e^{-\Delta / d_{cor}} $$

    where $N$ is standard normal and $\Delta$ the sum of the distances by which the two ends have
    moved since the last round, since each of them leaves its own surroundings. The start is
    stationary. Agents that stand still keep the shadowing that they have.

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

    decorrelation_distance: Length
    reciprocal: bool = True

    def init(self, parameters: Any, context: Context, random: RandomStream) -> ShadowingState:
        """Returns a field that is drawn for the place where the agents are."""
        return ShadowingState(context.positions, self._draw(parameters, context, random))

    def step(
        self, parameters: Any, state: Any, context: Context, metres: float, random: RandomStream
    ) -> ShadowingState:
        """Returns the field after the agents' movement."""
        xp = context.xp
        moved = (context.positions - state.positions) * (metres / self.decorrelation_distance)
        ends = xp.exp(-xp.sqrt(xp.sum(moved * moved, axis=-1)))
        kept = ends[..., :, None] * ends[..., None, :]
        new = xp.sqrt(1.0 - kept * kept) * self._draw(parameters, context, random)
        return ShadowingState(context.positions, kept * state.field + new)

    def gain(self, state: Any) -> Array:
        """Returns the field in dB."""
        return state.field * self.standard_deviation

    def _draw(self, upper: Array, context: Context, random: RandomStream) -> Array:
        normal = random.normal(context.shape)
        return mirrored(normal, upper, context.xp) if self.reciprocal else normal


@dataclass(frozen=True, kw_only=True)
class IndependentShadowing(NormalShadowing):
    r"""A normal number of decibels for each link, drawn anew for every message.

    Nothing is left of what surroundings do, whether or not agents move: the same link is good in
    one round and bad in the next one. For hills and houses, which stay, take `LogNormalShadowing`.

    Args:
        standard_deviation: $\sigma$, in dB.
        reciprocal: Whether both directions of a link have the same shadowing in a round.

    Raises:
        InvalidArgumentError: A deviation outside of [0, 100] dB.

    Example:
        >>> IndependentShadowing(standard_deviation=3.0)
        IndependentShadowing(standard_deviation=3.0, reciprocal=False)

    Source: `subt_communication_model` in osrf/subt on GitHub.
    """

    reciprocal: bool = False

    def init(self, parameters: Any, context: Context, random: RandomStream) -> Array:
        """Returns no gain: every round draws its own."""
        return context.xp.zeros(context.shape, dtype=context.xp.float32)

    def step(
        self, parameters: Any, state: Any, context: Context, metres: float, random: RandomStream
    ) -> Array:
        """Returns what is drawn for the round."""
        return self.attempt(parameters, state, context, random)

    def attempt(
        self, parameters: Any, following: Any, context: Context, random: RandomStream
    ) -> Array:
        """Returns what is drawn for a message by itself, in standard deviations."""
        normal = random.normal(context.shape)
        return mirrored(normal, parameters, context.xp) if self.reciprocal else normal

    def gain(self, state: Any) -> Array:
        """Returns what was drawn, in dB."""
        return state * self.standard_deviation
