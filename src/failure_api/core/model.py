"""What a failure model is, and how several become one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from failure_api.core.closed_forms import closed_form
from failure_api.core.contract import check_links, state_and_links
from failure_api.core.links import Array, Context, Links
from failure_api.core.parameters import LinkRule, index_of, normalise_fields, per_link, rules_of
from failure_api.core.random import RandomStream
from failure_api.errors import ModelError, invalid


@dataclass(frozen=True, kw_only=True)
class CommunicationModel(ABC):
    """A value that turns the links of a round into worse links.

    Subclasses are frozen, keyword-only dataclasses with two pure functions, written in
    operations of `context.xp` alone, without writing in place and without branching on what an
    array holds. A model draws for every link in every round, whatever else happened.

    Args:
        agent_ids: Confines the model to links among these agents; None takes all. The chain that
            runs the model sees to it: `step` itself need not.
    """

    agent_ids: tuple[Any, ...] | None = None

    needs_positions: ClassVar[bool] = False
    """Whether `step` reads `context.positions`."""

    def __post_init__(self) -> None:
        """Checks and normalises every field that has a rule."""
        normalise_fields(self)
        if self.agent_ids is not None:
            object.__setattr__(self, "agent_ids", _distinct(self.agent_ids))

    @property
    def name(self) -> str:
        """What the model's random stream and errors call it."""
        return type(self).__name__

    @property
    def longest_delay(self) -> int:
        """The most rounds that this model adds to any link's delay."""
        return 0

    @property
    def carries_fractions(self) -> bool:
        """Whether a link may be left with a bandwidth between 0 and 1.

        True is always right; False spares the channel some bookkeeping.
        """
        return True

    def init(self, context: Context, random: RandomStream) -> Any:
        """Returns the state at the reset, in its stationary distribution where there is one."""
        return ()

    @abstractmethod
    def step(
        self, state: Any, links: Links, context: Context, random: RandomStream
    ) -> tuple[Any, Links]:
        """Returns the next state and the links as this model leaves them.

        Args:
            state: What `init` or the last `step` returned.
            links: The links so far in this round.
            context: What is known of the round.
            random: The model's own stream.
        """

    def per_link(self, name: str, context: Context) -> Array:
        """Returns a parameter as a float32 array, `[N, N]` or 0-d.

        Args:
            name: The field, annotated with a link rule.
            context: Says who the agents are.
        """
        rule = rules_of(type(self))[name]
        assert isinstance(rule, LinkRule)
        return per_link(f"{self.name}.{name}", getattr(self, name), rule.neutral, context)

    def closed_form(self, function: Callable[..., Any], *names: str) -> Any:
        """Returns a function of link parameters, as `closed_forms.closed_form` does.

        Args:
            function: Maps NumPy float64 arrays to one of the same shape.
            names: The fields that it takes, annotated with link rules.
        """
        rules = rules_of(type(self))
        neutral = [getattr(rules[name], "neutral", None) for name in names]
        return closed_form(function, [getattr(self, name) for name in names], neutral)

    def expected_loss(self) -> Any:
        """Returns the long-run share of messages lost on a link; None where none is known."""
        return None

    def expected_burst_length(self) -> Any:
        """Returns the mean number of losses in a row, in rounds; None where none is known."""
        return None

    def expected_age(self) -> Any:
        """Returns the mean age of information in rounds; None where none is known."""
        return None


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
        Chain(agent_ids=None, models=())
    """

    models: Sequence[CommunicationModel]

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
            flat.extend(model.models if isinstance(model, Chain) else (_checked(model),))
        object.__setattr__(self, "models", tuple(flat))

    @property
    def longest_delay(self) -> int:
        """The sum of the models' longest delays."""
        return sum(model.longest_delay for model in self.models)

    @property
    def carries_fractions(self) -> bool:
        """Whether any model may leave a bandwidth between 0 and 1."""
        return any(model.carries_fractions for model in self.models)

    @cached_property
    def placed(self) -> tuple[tuple[CommunicationModel, str, int], ...]:
        """Each model with the name and the occurrence that know its stream."""
        seen: Counter[str] = Counter()
        placed = []
        for model in self.models:
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
        return next((model.name for model in self.models if model.needs_positions), None)


def _distinct(agent_ids: Any) -> tuple[Any, ...]:
    remedy = "give the names of the agents, as in agent_ids=env.possible_agents"
    if isinstance(agent_ids, str | bytes) or not hasattr(agent_ids, "__iter__"):
        raise invalid("agent_ids", "must be a list of agent ids", agent_ids, remedy)
    distinct = tuple(agent_ids)
    if not all(isinstance(agent, Hashable) for agent in distinct):
        raise invalid("agent_ids", "must be a flat list of agent ids", agent_ids, remedy)
    if len(set(distinct)) != len(distinct) or not distinct:
        raise invalid("agent_ids", "must name at least one agent, each once", agent_ids, remedy)
    return distinct


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
