"""A scheduler on a shared channel: the first k of the team speak."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from failure_api.communication_models.medium.protocols import (
    MediumProtocol,
    geometric_age,
    turns_age,
)
from failure_api.core.links import Array, Context
from failure_api.core.parameters.fields import AgentRule, per_agent
from failure_api.core.parameters.rules import WholeNumber
from failure_api.core.parameters.types import LARGEST, AgentValue, Count
from failure_api.core.random.stream import RandomStream
from failure_api.errors import invalid

Priority: TypeAlias = Annotated[
    AgentValue, AgentRule("must be finite", lambda p: abs(p) <= LARGEST, 0.0, "give a number")
]


@dataclass(frozen=True, kw_only=True)
class TopK(MediumProtocol):
    r"""A scheduler lets $k$ of the live agents speak in each round.

    Of $N$ agents each gets through in $k / N$ of the rounds, in turns or at random; by priority
    only the first $k$ do.

    Args:
        count: How many may speak in a round.
        by: Who comes first: `"random"` draws anew in each round, `"age"` takes those who have
            waited longest, `"priority"` those of highest priority, and draws among equals.
        priorities: What `"priority"` goes by: an `[N]` array, or `{agent: priority}`, where
            agents that are not named have 0.

    Raises:
        InvalidArgumentError: A count that is not whole or below 1, a priority that is not finite,
            priorities without `by="priority"`, or that without them.

    Example:
        >>> TopK(count=2, by="age").success_probability(8), TopK(count=2, by="age").expected_age(8)
        (0.25, 1.5)
        >>> TopK(count=1, by="priority", priorities={"leader": 1}).priorities
        {'leader': 1.0}

    Source: Kim et al. (2019), "Learning to schedule communication in multi-agent reinforcement
    learning" (SchedNet), whose weights the priorities are.
    """

    count: Count = 1
    by: Literal["random", "age", "priority"] = "random"
    priorities: Priority = 0.0

    def __post_init__(self) -> None:
        """Checks the fields, and that they go together."""
        super().__post_init__()
        if (self.by == "priority") == (self.priorities == 0.0):
            rule = 'must be given where by="priority", and only there'
            remedy = "give an array or {agent: priority}, or choose another order"
            raise invalid("priorities", rule, self.priorities, remedy)

    def prepare(self, members: NDArray[np.bool_], context: Context) -> Any:
        """Returns where each agent stands before any draw, float32 `[N]`."""
        if self.by == "age":
            return np.arange(len(members), dtype=np.float32)
        given = per_agent("TopK.priorities", self.priorities, 0.0, context)
        ranked = np.unique(-np.broadcast_to(given, members.shape), return_inverse=True)[1]
        return ranked.astype(np.float32)

    def init(self, parameters: Any, context: Context, random: RandomStream) -> Any:
        """Returns where each agent stands, float32 `[..., N]`; nothing where that stays."""
        return context.xp.broadcast_to(parameters, context.shape[:-1]) if self.by == "age" else ()

    def step(
        self, parameters: Any, state: Any, ready: Array, context: Context, random: RandomStream
    ) -> tuple[Any, Array, Array]:
        """Returns the first among those who are ready; by age they go to the end of the queue."""
        xp, agents = context.xp, context.shape[-1]
        drawn = random.uniform(context.shape[:-1])
        standing = state if self.by == "age" else parameters + 0.5 * drawn
        behind = xp.astype(~ready, xp.float32) * (2.0 * agents)
        chosen = (_ranks(standing + behind, xp) < self.count) & ready
        if self.by == "age":
            served = xp.astype(chosen, xp.float32) * float(agents)
            state = xp.astype(_ranks(state + served, xp), xp.float32)
        return state, chosen, chosen

    def success_probability(self, agents: int) -> float | None:
        """Returns `k / N`, at most 1; None by priority, where agents differ."""
        agents = WholeNumber(1).normalise("agents", agents)
        return None if self.by == "priority" else min(1.0, self.count / agents)

    def expected_age(self, agents: int, success: float = 1.0) -> float | None:
        """Returns that of TDMA by age, and at random `(1 - s) / s`; None by priority."""
        probability = self.success_probability(agents)
        if probability is None:
            return None
        if self.by == "age":
            return turns_age(agents, self.count, success)
        return geometric_age(probability, success)


def _ranks(keys: Array, xp: Any) -> Array:
    """Returns the place of each entry among those of its row, the smallest first."""
    order = xp.argsort(keys, axis=-1, stable=True)
    return xp.argsort(order, axis=-1, stable=True)
