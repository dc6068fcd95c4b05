"""How several models become one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

import numpy as np

from failure_api.core.contract import check_links, state_and_links
from failure_api.core.links import Array, Context, Links
from failure_api.core.model import CommunicationModel
from failure_api.core.parameters import index_of
from failure_api.core.random import RandomStream
from failure_api.errors import ModelError, invalid


@dataclass(frozen=True, kw_only=True)
class Chain(CommunicationModel):
    """Models that act one after the other, each on the links that the last one left.

    A chain within a chain is flattened. Each model draws from a stream that its name and the
    number of earlier models of that name determine.

    Args:
        models: The models, in order.

    Raises:
        InvalidArgumentError: Something in `models` is not a communication model.

    Example:
        >>> Chain(models=[Chain(models=[])])
        Chain(models=())
    """

    models: CommunicationModel | Sequence[CommunicationModel]
    agent_ids: Sequence[Any] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Flattens and checks the models."""
        super().__post_init__()
        if self.agent_ids is not None:
            raise invalid(
                "agent_ids", "belongs to the models of a chain", self.agent_ids, "give it to them"
            )
        models = (self.models,) if isinstance(self.models, CommunicationModel) else self.models
        flat: list[CommunicationModel] = []
        for model in _listed(models):
            flat.extend(model.parts if isinstance(model, Chain) else (_checked(model),))
        object.__setattr__(self, "models", tuple(flat))

    @property
    def parts(self) -> tuple[CommunicationModel, ...]:
        """The models, flattened and in order."""
        return cast("tuple[CommunicationModel, ...]", self.models)

    @property
    def longest_delay(self) -> int:
        """The sum of the models' longest delays."""
        return sum(model.longest_delay for model in self.parts)

    @property
    def carries_fractions(self) -> bool:
        """Whether any model may leave a bandwidth between 0 and 1."""
        return any(model.carries_fractions for model in self.parts)

    @cached_property
    def placed(self) -> tuple[tuple[CommunicationModel, str, int], ...]:
        """Each model with the name and the occurrence that know its stream."""
        seen: Counter[str] = Counter()
        placed = []
        for model in self.parts:
            placed.append((model, model.name, seen[model.name]))
            seen[model.name] += 1
        return tuple(placed)

    def init(self, context: Context, random: RandomStream) -> Any:
        """Returns, for each model, its scope and its state."""
        return tuple(
            (_scope(model, context), model.init(context, random.child(name, occurrence)))
            for model, name, occurrence in self.placed
        )

    def step(
        self, state: Any, links: Links, context: Context, random: RandomStream
    ) -> tuple[Any, Links]:
        """Returns the next state and the links as the last model leaves them."""
        following = []
        for (model, name, occurrence), (scope, own) in zip(self.placed, state, strict=False):
            if model.needs_positions and context.positions is None:
                raise ModelError(
                    f"{name} needs the agents' positions, but the context has none: give them as "
                    "context.positions, an array [..., N, dim]."
                )
            result = model.step(own, links, context, random.child(name, occurrence))
            own, worse = state_and_links(name, result)
            check_links(name, worse, context)
            links = worse if scope is None else _confine(scope, worse, links, context)
            following.append((scope, own))
        return tuple(following), links

    @property
    def needing_positions(self) -> str | None:
        """Name of the first model that reads positions; None where none does."""
        return next((model.name for model in self.parts if model.needs_positions), None)


def _listed(models: Any) -> list[Any]:
    if isinstance(models, str | Mapping) or not hasattr(models, "__iter__"):
        raise invalid(
            "failure_models", "must be a model or a list of models", models, "give a list"
        )
    return list(models)


def _checked(model: Any) -> CommunicationModel:
    if isinstance(model, CommunicationModel):
        return model
    raise invalid(
        "failure_models",
        "must hold communication models",
        model,
        "make it an instance of a CommunicationModel, as in ProbabilisticModel(failure_prob=0.1)",
    )


def _scope(model: CommunicationModel, context: Context) -> Array | None:
    """Returns True for the links a model is confined to; None where it has all of them."""
    if model.agent_ids is None:
        return None
    inside = np.zeros(len(context.agent_ids), dtype=bool)
    for agent_id in model.agent_ids:
        inside[index_of(f"{model.name}.agent_ids", agent_id, context.agent_ids)] = True
    return None if inside.all() else context.xp.asarray(inside[:, None] & inside[None, :])


def _confine(scope: Array, worse: Links, links: Links, context: Context) -> Links:
    """Returns `worse` inside the scope and `links` outside of it."""
    where, zeros = context.xp.where, context.xp.zeros
    chosen = {"bandwidth": where(scope, worse.bandwidth, links.bandwidth)}
    for name in ("delay", "noise"):
        new, old = getattr(worse, name), getattr(links, name)
        if new is None:
            chosen[name] = old
        else:
            old = zeros(context.shape, dtype=new.dtype) if old is None else old
            chosen[name] = where(scope, new, old)
    return Links(**chosen)
