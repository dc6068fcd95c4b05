"""The base class of noise models, and what one knows of a round."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from types import ModuleType
from typing import Any, NamedTuple

from failure_api.core.links import Array
from failure_api.core.model import ScopedModel
from failure_api.core.parameters.fields import members_of
from failure_api.core.random.stream import RandomStream


class NoiseContext(NamedTuple):
    """What a noise model may know of the content that it is given.

    Content is a float32 or float64 array `[..., N, K]`: `K` entries from each of `N` agents. Of
    messages it is `[receiver, sender, K]`, of an environment's own observations `[agent, K]`.

    Attributes:
        round: Number of the round; an integer, or an int32 array `[...]` of the batch's shape.
        arrived: Where there is content in this round, bool `[..., N]`; elsewhere its entries mean
            nothing.
        low: Least value of each entry, of the content's dtype; it broadcasts to its shape.
        high: Greatest value of each entry, likewise.
        whole: Which entries are whole numbers, bool; it broadcasts to the content's shape.
        xp: The array namespace that every operation comes from.
        shape: Shape of the content.
        agent_ids: The environment's `possible_agents`, in that order.
        made: Round in which the content was made, int32 `[..., N]`, anything where there is none;
            None where it is always that of this round.
    """

    round: Any
    arrived: Array
    low: Array
    high: Array
    whole: Array
    xp: ModuleType
    shape: tuple[int, ...]
    agent_ids: tuple[Any, ...]
    made: Array | None = None

    def round_over(self) -> Array:
        """Returns the round as an int32 array with as many axes as the content has."""
        round_index = self.xp.asarray(self.round, dtype=self.xp.int32)
        return round_index[(..., *(None,) * (len(self.shape) - round_index.ndim))]


@dataclass(frozen=True, kw_only=True)
class NoiseModel(ScopedModel, ABC):
    """A value that corrupts the content of messages that did arrive.

    Subclasses are frozen, keyword-only dataclasses with pure functions, as failure models are:
    operations of `context.xp` alone, nothing written in place, no branch on what an array holds,
    and a draw for every entry of every message in every round, whatever arrived.

    Args:
        agent_ids: The senders whose messages are corrupted; None takes all. Whoever runs the
            model sees to it: `step` itself need not.
    """

    def prepare(self, context: NoiseContext) -> Any:
        """Returns what is looked up once, and is the same for a whole batch.

        Args:
            context: Says what the entries may be; its arrays are NumPy's, and those of one team.
                It is asked again where the entries have moved.
        """
        return ()

    def init(self, parameters: Any, context: NoiseContext, random: RandomStream) -> Any:
        """Returns the state at the reset.

        Args:
            parameters: What `prepare` returned.
            context: What is known of the content.
            random: The model's own stream.
        """
        return ()

    @abstractmethod
    def step(
        self,
        parameters: Any,
        state: Any,
        content: Array,
        context: NoiseContext,
        random: RandomStream,
    ) -> tuple[Any, Array]:
        """Returns the next state and the content as this model leaves it.

        Args:
            parameters: What `prepare` returned.
            state: What `init` or the last `step` returned.
            content: The content so far, `[..., N, K]`.
            context: What is known of it.
            random: The model's own stream.
        """


def senders(model: NoiseModel, context: NoiseContext) -> Array | None:
    """Returns True for the agents a model is confined to, `[N]`; None where it has all of them."""
    if model.agent_ids is None:
        return None
    inside = members_of(model, context)
    return None if inside.all() else context.xp.asarray(inside)
