"""What all models have in common that run another model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

from failure_api.core.chain import Chain
from failure_api.core.model import CommunicationModel
from failure_api.core.queue import Queue


@dataclass(frozen=True, kw_only=True)
class NestedModel(CommunicationModel):
    """A model that runs another one, and is in every respect like it until it says otherwise.

    Args:
        model: The other model, which may be a `Chain`.
        agent_ids: Confines both to links among these agents; None takes all.
    """

    model: CommunicationModel

    @cached_property
    def inner(self) -> Chain:
        """The other model as a chain, which sees to its scope and its stream."""
        return Chain(models=[self.model])

    @property
    def settings(self) -> tuple[str, ...]:
        """What can be set for the other model."""
        return self.model.settings

    def with_settings(self, settings: Mapping[str, Any]) -> Self:
        """Returns this model with the other one as it is in an episode with these settings."""
        return replace(self, model=self.model.with_settings(settings))

    @property
    def longest_delay(self) -> int:
        """That of the other model."""
        return self.inner.longest_delay

    @property
    def queue(self) -> Queue | None:
        """That of the other model, wherever the fractions come from that make messages wait."""
        return next((model.queue for model in self.inner.parts[::-1] if model.queue), None)

    @property
    def components(self) -> tuple[CommunicationModel, ...]:
        """Those of the other model."""
        return self.inner.components

    @property
    def keeps_order(self) -> bool:
        """Whether the other model does."""
        return self.inner.keeps_order

    @property
    def carries_fractions(self) -> bool:
        """Whether the other model does."""
        return self.inner.carries_fractions

    @property
    def needs_positions(self) -> bool:  # type: ignore[override]
        """Whether the other model does."""
        return self.inner.needing_positions is not None
