"""Topology: who can hear whom, fixed or on a schedule."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from failure_api.communication_models.trace import entry
from failure_api.core import Array, CommunicationModel, Context, Links, RandomStream, Stage, Traits
from failure_api.core.parameters.frozen import FrozenArray
from failure_api.core.parameters.rules import Rule, check_entries, numbers
from failure_api.core.parameters.types import LARGEST
from failure_api.errors import invalid


class Topology(Rule):
    """An `[N, N]` or `[T, N, N]` array of bandwidths."""

    def normalise(self, name: str, value: Any) -> FrozenArray:
        """Returns the bandwidths as a `[T, N, N]` array, or raises what is wrong with them."""
        matrix = numbers(value, flags=True)
        shape = () if matrix is None else matrix.shape
        if matrix is None or len(shape) not in (2, 3) or shape[-1] != shape[-2] or not matrix.size:
            remedy = "give bandwidths indexed [sender, receiver], or one such matrix for each round"
            raise invalid(name, "must be an [N, N] or [T, N, N] array of numbers", value, remedy)
        diagonal = np.eye(shape[-1], dtype=bool)
        accepted = ((matrix >= 0) & (matrix <= LARGEST)) | diagonal
        remedy = "give messages per round, where 1 is nominal"
        check_entries(name, matrix, accepted, "must be finite and at least 0", remedy)
        return FrozenArray(np.where(diagonal, 0.0, matrix))


@dataclass(frozen=True, kw_only=True)
class MatrixModel(CommunicationModel):
    """A topology that is given: fixed, or one matrix for each round.

    Its text shows matrices of up to 100 entries whole, and shape and digest of larger ones.

    Args:
        matrix: Capacities `[N, N]`, indexed `[sender, receiver]` in the order of
            `possible_agents`, or a schedule `[T, N, N]` whose first matrix belongs to round 0. At 0
            a link is cut and loses what is transmitted; 1 or more is nominal. Booleans and
            adjacency matrices of 0 and 1 are capacities too. The diagonal means
            nothing.
        at_end: What follows the last matrix of a schedule: `"repeat"` starts over, `"hold"`
            keeps the last one.
        agent_ids: Confines the model to links among these agents; None takes all.

    Raises:
        InvalidArgumentError: The array has another shape, or an entry that is negative or not
            finite.

    Example:
        >>> one_way = MatrixModel(matrix=[[0, 1], [0, 0]])
        >>> one_way.expected_loss().tolist()
        [[0.0, 0.0], [1.0, 0.0]]

    Source: adjacency matrices of time-varying graphs; ns-3 `MatrixPropagationLossModel`.
    """

    EXAMPLE: ClassVar = {"matrix": [[0, 1, 0, 1], [1, 0, 1, 0], [0, 1, 0, 1], [1, 0, 1, 0]]}

    matrix: Annotated[ArrayLike, Topology()]
    at_end: Literal["repeat", "hold"] = "repeat"

    @property
    def traits(self) -> Traits:
        """Loss on the air, and capacity where an entry lies between 0 and 1."""
        stage = Stage.SERVED if self._narrows else Stage.ON_AIR
        steady = self.at_end == "hold" or len(self._schedule) == 1
        return Traits(stages={stage}, narrows=self._narrows, steady=steady)

    @cached_property
    def _narrows(self) -> bool:
        """Whether any entry lies between 0 and 1."""
        return bool(((self._schedule > 0) & (self._schedule < 1)).any())

    @cached_property
    def _schedule(self) -> NDArray[np.float32]:
        """The capacities, `[T, N, N]`."""
        schedule = np.array(self.matrix, dtype=np.float32, ndmin=3)
        schedule.flags.writeable = False
        return schedule

    def prepare(self, context: Context) -> Any:
        """Returns where the links are cut in each round, and the capacity of the others."""
        schedule, count = self._schedule, len(context.agent_ids)
        if schedule.shape[-1] != count:
            rule = f"must have one row and one column for each of the {count} agents"
            remedy = f"give an array of shape ({count}, {count}) in the order of possible_agents"
            raise invalid(f"{self.name}.matrix", rule, schedule, remedy)
        # What is cut, and what is nominal or more, has no capacity to speak of.
        capacity = np.where((schedule > 0) & (schedule < 1), schedule, np.float32(np.inf))
        return {"cut": schedule == 0, "capacity": capacity if self._narrows else None}

    def step(
        self, parameters: Any, state: Any, links: Links, context: Context, random: RandomStream
    ) -> tuple[Any, Links]:
        """Returns the links limited by the matrix of this round."""
        xp, at_end = context.xp, self.at_end

        def now(schedule: Array) -> Array:
            return xp.broadcast_to(entry(schedule, context.round, at_end, xp), context.shape)

        links = links.lose(now(parameters["cut"]))
        if self._narrows:
            links = links.narrow(now(parameters["capacity"]), xp)
        return state, links

    def expected_loss(self) -> Any:
        """Returns, for each link, one minus its mean bandwidth in the long run, `[N, N]`.

        The diagonal is 0.
        """
        carried = np.minimum(np.asarray(self.matrix), 1.0)
        if carried.ndim == 3:
            carried = carried.mean(axis=0) if self.at_end == "repeat" else carried[-1]
        return np.where(np.eye(len(carried), dtype=bool), 0.0, 1.0 - carried)
