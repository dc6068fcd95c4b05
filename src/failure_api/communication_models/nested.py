"""The base class of models that run another model."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

from failure_api.core import Chain, CommunicationModel, Stage, Traits
from failure_api.core.traits import QueuePlace
from failure_api.errors import invalid

DEEPEST = 20
"""Most models that run each other: each takes some calls within calls."""


@dataclass(frozen=True, kw_only=True)
class NestedModel(CommunicationModel):
    """A model that runs another one, and is in every respect like it until it says otherwise.

    Args:
        model: The other model, which may be a `Chain`.
        agent_ids: Confines both to links among these agents; None takes all.
    """

    model: CommunicationModel

    def __post_init__(self) -> None:
        """Checks the fields, and that not too many models run each other."""
        super().__post_init__()
        if self.depth > DEEPEST:
            rule = f"must hold at most {DEEPEST} models within each other"
            raise invalid("model", rule, self.depth, "put them beside each other in a chain")

    @cached_property
    def depth(self) -> int:
        """How many models run each other, this one among them."""
        models = self.model.parts if isinstance(self.model, Chain) else (self.model,)
        return 1 + max((getattr(model, "depth", 0) for model in models), default=0)

    @cached_property
    def inner(self) -> Chain:
        """The other model as a chain, which sees to its scope and its stream."""
        return Chain(models=[self.model])

    @cached_property
    def traits(self) -> Traits:
        """Those of the other model."""
        return self.inner.traits

    def stages(self, queue: QueuePlace) -> Set[Stage]:
        """Returns the stages that the other model is asked for."""
        return self.inner.stages(queue)

    @property
    def components(self) -> tuple[CommunicationModel, ...]:
        """Those of the other model."""
        return self.inner.components

    @property
    def settings(self) -> tuple[str, ...]:
        """What can be set for the other model."""
        return self.model.settings

    def with_settings(self, settings: Mapping[str, Any]) -> Self:
        """Returns this model with the other one as it is in an episode with these settings."""
        return replace(self, model=self.model.with_settings(settings))
