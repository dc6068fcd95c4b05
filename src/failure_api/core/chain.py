"""How several models become one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

from failure_api.core.contract import check_links, state_and_links
from failure_api.core.links import Array, Context, Links
from failure_api.core.members import members_of
from failure_api.core.model import CommunicationModel
from failure_api.core.queue import Queue
from failure_api.core.random import RandomStream
from failure_api.errors import ModelError, invalid, nearest


@dataclass(frozen=True, kw_only=True)
class Chain(CommunicationModel):
    """Models that act one after the other, each on the links that the last one left.

    A chain within a chain is flattened. Each model draws from a stream that its name and the
    number of earlier models of that name determine.

    Args:
        models: The models, in order; or `{name: model}`, where the name stands for the class in
            the model's random stream, and finds it again, as in `chain["loss"]`.
        names: The same names beside a list of models, None for a model without one; None where no
            model has a name. A mapping brings its own.

    Raises:
        InvalidArgumentError: Something in `models` is not a communication model, or a name is
            given twice or to a chain.

    Example:
        >>> Chain(models=[Chain(models=[])])
        Chain(models=(), names=None)
        >>> from failure_api import ProbabilisticModel
        >>> Chain(models={"loss": ProbabilisticModel(failure_prob=0.1)})["loss"].failure_prob
        0.1
    """

    models: CommunicationModel | Sequence[CommunicationModel] | Mapping[str, CommunicationModel]
    names: Sequence[str | None] | None = None
    agent_ids: Sequence[Any] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Flattens and checks the models."""
        super().__post_init__()
        if self.agent_ids is not None:
            raise invalid(
                "agent_ids", "belongs to the models of a chain", self.agent_ids, "give it to them"
            )
        flat: list[tuple[str | None, CommunicationModel]] = []
        for name, model in _named(_listed(self.models), self.names):
            if isinstance(model, Chain):
                if name is not None:
                    rule, remedy = "must be those of models", "name the models within the chain"
                    raise invalid("names", rule, f"{name!r} for a chain", remedy)
                flat.extend(zip(model.known_as, model.parts, strict=True))
            else:
                flat.append((name, _checked(model)))
        names = tuple(name for name, _ in flat)
        twice = [name for name, count in Counter(names).items() if name and count > 1]
        if twice:
            raise invalid("names", "must give each name once", twice[0], "choose another one")
        object.__setattr__(self, "models", tuple(model for _, model in flat))
        object.__setattr__(self, "names", names if any(names) else None)

    def __getitem__(self, name: str) -> CommunicationModel:
        """Returns the model of that name."""
        if name is not None and name in self.known_as:
            return self.parts[self.known_as.index(name)]
        known = [known for known in self.known_as if known]
        remedy = nearest(str(name), known) if known else "give names, as in Chain(models={...})"
        raise invalid("name", "must be that of a named model", name, remedy)

    @property
    def known_as(self) -> tuple[str | None, ...]:
        """The name that each of the models was given."""
        return cast("tuple[str | None, ...]", self.names or (None,) * len(self.parts))

    @property
    def parts(self) -> tuple[CommunicationModel, ...]:
        """The models, flattened and in order."""
        return cast("tuple[CommunicationModel, ...]", self.models)

    @property
    def components(self) -> tuple[CommunicationModel, ...]:
        """The models, and those that they run in place of themselves."""
        return tuple(inner for model in self.parts for inner in model.components)

    @property
    def longest_delay(self) -> int:
        """The sum of the models' longest delays."""
        return sum(model.longest_delay for model in self.parts)

    @property
    def longest_journey(self) -> int:
        """The most rounds between the sending of a message and its arrival, queues included."""
        return self.longest_delay + (self.queue.max_wait if self.queue else 0)

    @cached_property
    def queue(self) -> Queue | None:
        """The queue of the last model that has one; None where no message ever waits."""
        if not self.carries_fractions:
            return None
        return next((model.queue for model in self.parts[::-1] if model.queue), None)

    @property
    def carries_fractions(self) -> bool:
        """Whether any model may leave a bandwidth between 0 and 1."""
        return any(model.carries_fractions for model in self.parts)

    @property
    def keeps_order(self) -> bool:
        """Whether any model may have links on which no message overtakes another."""
        return any(model.keeps_order for model in self.parts)

    @property
    def settings(self) -> tuple[str, ...]:
        """What can be set for any of the models."""
        return tuple(dict.fromkeys(name for model in self.parts for name in model.settings))

    def with_settings(self, settings: Mapping[str, Any]) -> Chain:
        """Returns the chain of the models with these settings."""
        models = [model.with_settings(settings) for model in self.parts]
        return Chain(models=models, names=self.names)

    @cached_property
    def placed(self) -> tuple[tuple[CommunicationModel, str, int], ...]:
        """Each model with the name and the occurrence that know its stream."""
        seen: Counter[str] = Counter()
        placed = []
        for given, model in zip(self.known_as, self.parts, strict=True):
            name = given or model.name
            placed.append((model, name, seen[name]))
            seen[name] += 1
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

    def expected_loss(self) -> Any:
        """Returns that of a single model; None for several, which may fail together."""
        return self.parts[0].expected_loss() if len(self.parts) == 1 else None

    def expected_burst_length(self) -> Any:
        """Returns that of a single model; None for several."""
        return self.parts[0].expected_burst_length() if len(self.parts) == 1 else None

    def expected_age(self) -> Any:
        """Returns that of a single model; None for several."""
        return self.parts[0].expected_age() if len(self.parts) == 1 else None

    @property
    def needing_positions(self) -> str | None:
        """Name of the first model that reads positions; None where none does."""
        return next((model.name for model in self.parts if model.needs_positions), None)


def _listed(models: Any) -> list[tuple[str | None, Any]]:
    """Returns the models with the names that they are given."""
    if isinstance(models, CommunicationModel):
        return [(None, models)]
    if isinstance(models, Mapping):
        return list(models.items())
    if isinstance(models, str) or not isinstance(models, Iterable):
        raise invalid(
            "failure_models",
            "must be a communication model or a list of them",
            models,
            "give one such as ProbabilisticModel(failure_prob=0.1), or a list",
        )
    return [(None, model) for model in models]


def _named(models: list[tuple[str | None, Any]], names: Any) -> list[tuple[str | None, Any]]:
    if names is not None and not any(name for name, _ in models):
        listed = isinstance(names, Sequence) and not isinstance(names, str)
        if not listed or len(names) != len(models):
            raise invalid("names", f"must be {len(models)}, one a model", names, "leave them out")
        models = [(name, model) for name, (_, model) in zip(names, models, strict=True)]
    for name, _ in models:
        if name is not None and not (isinstance(name, str) and name):
            raise invalid("names", "must be words", name, "give text")
    return models


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
    inside = members_of(model, context)
    return None if inside.all() else context.xp.asarray(inside[:, None] & inside[None, :])


def _confine(scope: Array, worse: Links, links: Links, context: Context) -> Links:
    """Returns `worse` inside the scope and `links` outside of it."""
    where, zeros = context.xp.where, context.xp.zeros
    chosen = {"bandwidth": where(scope, worse.bandwidth, links.bandwidth)}
    for name in Links._fields[1:]:
        new, old = getattr(worse, name), getattr(links, name)
        if new is None:
            chosen[name] = old
        else:
            old = zeros(context.shape, dtype=new.dtype) if old is None else old
            chosen[name] = where(scope, new, old)
    return Links(**chosen)
