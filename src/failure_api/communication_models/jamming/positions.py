"""Coordinates of jammers, as a parameter and as an array."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from failure_api.communication_models.trace import entry
from failure_api.core import Array, Context
from failure_api.core.model import distinct
from failure_api.core.parameters.component import Component
from failure_api.core.parameters.fields import index_of
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
            remedy = "give the environment's units"
            raise invalid(name, "must be finite, within 1e9 of 0", value, remedy)
        return FrozenArray(array)


@dataclass(frozen=True, kw_only=True)
class Jammers(Component, ABC):
    """How many jammers there are, and where. The base of all of them."""

    @abstractmethod
    def prepare(self, context: Context) -> Any:
        """Returns what `positions_now` needs, as arrays."""

    @abstractmethod
    def positions_now(self, prepared: Any, context: Context) -> Array:
        """Returns where they are in this round, float32 `[..., J, dim]`."""

    @abstractmethod
    def count(self) -> int:
        """Returns how many there are, `J`."""

    def working(self, prepared: Any, context: Context) -> Array:
        """Returns which of them work, bool `[..., J]`."""
        return context.xp.ones((self.count(),), dtype=context.xp.bool)

    def others(self, prepared: Any, context: Context) -> Array:
        """Returns which agents are not their carriers, bool `[J, N]`."""
        return context.xp.ones((self.count(), context.shape[-1]), dtype=context.xp.bool)


@dataclass(frozen=True, kw_only=True)
class PlacedJammers(Jammers):
    """Jammers whose positions are given. The base of those that no agent carries.

    Args:
        positions: Coordinates `[..., J, dim]`, in the environment's units.
    """

    positions: ArrayLike

    def count(self) -> int:
        """Returns the number of rows, in each round if there are several."""
        return int(np.shape(self.positions)[-2])

    def prepare(self, context: Context) -> Any:
        """Returns the positions as a float32 array, or raises where the agents have other axes."""
        array: NDArray[np.float32] = np.array(self.positions, dtype=np.float32)
        axes = None if context.positions is None else context.positions.shape[-1]
        if axes is not None and array.shape[-1] != axes:
            rule = f"must have {axes} coordinates, as the agents do"
            raise invalid("positions", rule, array, "give as many")
        return context.xp.asarray(array)


@dataclass(frozen=True, kw_only=True)
class FixedJammers(PlacedJammers):
    """Jammers that stay where they are.

    Args:
        positions: Where, `[J, dim]`, in the environment's units.

    Raises:
        InvalidArgumentError: Not an array `[J, dim]` of finite numbers.

    Example:
        >>> FixedJammers(positions=[[0.0, 0.5], [1.0, 1.0]]).count()
        2
    """

    positions: Annotated[ArrayLike, Coordinates("[J, dim]")]

    def positions_now(self, prepared: Any, context: Context) -> Array:
        """Returns the positions."""
        return prepared


@dataclass(frozen=True, kw_only=True)
class MovingJammers(PlacedJammers):
    r"""Jammers that move straight on, and back from the walls where there are any.

    Args:
        positions: Where they are in round 0, `[J, dim]`, in the environment's units.
        velocity: How far they move in each round, `[J, dim]`.
        bounds: The walls, `[2, dim]`: least coordinates, then greatest ones; None for none.

    Raises:
        InvalidArgumentError: Shapes that do not fit together, walls in the wrong order, or a
            jammer that starts outside of them.

    Example:
        >>> MovingJammers(positions=[[0.0]], velocity=[[0.3]], bounds=[[0.0], [1.0]])
        MovingJammers(positions=[[0.0]], velocity=[[0.3]], bounds=[[0.0], [1.0]])
    """

    positions: Annotated[ArrayLike, Coordinates("[J, dim]")]
    velocity: Annotated[ArrayLike, Coordinates("[J, dim]")]
    bounds: Annotated[ArrayLike, Coordinates("[2, dim]")] | None = None

    def __post_init__(self) -> None:
        """Checks the fields, and that they fit together."""
        super().__post_init__()
        start, velocity = np.asarray(self.positions), np.asarray(self.velocity)
        if velocity.shape != start.shape:
            rule = f"must have the shape {start.shape} of positions"
            raise invalid("velocity", rule, velocity, "give one row for each jammer")
        if self.bounds is None:
            return
        bounds = np.asarray(self.bounds)
        if bounds.shape != (2, start.shape[1]) or not (bounds[0] < bounds[1]).all():
            rule = f"must be the least and then the greatest {start.shape[1]} coordinates"
            raise invalid("bounds", rule, bounds, "give two rows, as in [[0, 0], [1, 1]]")
        if not ((bounds[0] <= start) & (start <= bounds[1])).all():
            raise invalid("positions", "must lie within bounds", start, "start inside of the walls")

    def prepare(self, context: Context) -> Any:
        """Returns positions, velocities and, where there are walls, those."""
        velocity = context.xp.asarray(np.asarray(self.velocity, dtype=np.float32))
        bounds = () if self.bounds is None else np.asarray(self.bounds, dtype=np.float32)
        return super().prepare(context), velocity, *bounds

    def positions_now(self, prepared: Any, context: Context) -> Array:
        """Returns where this round finds them: a line, folded at the walls."""
        xp = context.xp
        start, velocity, *walls = prepared
        place = start + velocity * xp.astype(context.round_over(2), xp.float32)
        if not walls:
            return place
        low, high = walls
        span = high - low
        return high - xp.abs(xp.remainder(place - low, 2.0 * span) - span)


@dataclass(frozen=True, kw_only=True)
class ScheduledJammers(PlacedJammers):
    """Jammers whose place in every round is given.

    Args:
        positions: Where, `[T, J, dim]`, in the environment's units; the first entry belongs to
            round 0.
        at_end: What follows the last round: `"repeat"` starts over, `"hold"` stays.

    Raises:
        InvalidArgumentError: Not an array `[T, J, dim]` of finite numbers.

    Example:
        >>> ScheduledJammers(positions=[[[0.0, 0.0]], [[1.0, 0.0]]], at_end="hold").count()
        1
    """

    positions: Annotated[ArrayLike, Coordinates("[T, J, dim]")]
    at_end: Literal["repeat", "hold"] = "repeat"

    def positions_now(self, prepared: Any, context: Context) -> Array:
        """Returns the entry of this round."""
        return entry(prepared, context.round, self.at_end, context.xp)


@dataclass(frozen=True, kw_only=True)
class CarriedJammers(Jammers):
    """Jammers on board of agents: where the agent is, and silent once it is dead.

    Args:
        agent_ids: The agents that carry one each.

    Raises:
        InvalidArgumentError: No list of distinct agent ids, or, at the reset, an agent that the
            environment does not know.

    Example:
        >>> CarriedJammers(agent_ids=["adversary_0"])
        CarriedJammers(agent_ids=('adversary_0',))
    """

    agent_ids: Sequence[Any]

    def __post_init__(self) -> None:
        """Checks the agent ids."""
        super().__post_init__()
        object.__setattr__(self, "agent_ids", distinct(self.agent_ids))

    def count(self) -> int:
        """Returns the number of carriers."""
        return len(self.agent_ids)

    def prepare(self, context: Context) -> Any:
        """Returns the carriers' places among the agents, and which agents they are not."""
        known = context.agent_ids
        index = np.asarray([index_of("agent_ids", one, known) for one in self.agent_ids])
        others = index[:, None] != np.arange(len(known))
        return context.xp.asarray(index), context.xp.asarray(others)

    def positions_now(self, prepared: Any, context: Context) -> Array:
        """Returns the carriers' positions."""
        return context.xp.take(context.positions, prepared[0], axis=-2)

    def working(self, prepared: Any, context: Context) -> Array:
        """Returns which carriers are alive."""
        return context.xp.take(context.alive, prepared[0], axis=-1)

    def others(self, prepared: Any, context: Context) -> Array:
        """Returns which agents are not the carrier."""
        return prepared[1]
