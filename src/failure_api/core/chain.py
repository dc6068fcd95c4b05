"""Chains: several models that act as one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, NamedTuple, cast

import numpy as np

from failure_api.core.arrays.libraries import on_arrays_of
from failure_api.core.contract import check_links, check_state, first_field, state_and_links
from failure_api.core.links import Array, Context, Links, mixed
from failure_api.core.model import CommunicationModel, closed_form
from failure_api.core.parameters.fields import members_of
from failure_api.core.parameters.rules import in_order
from failure_api.core.queue import Queue
from failure_api.core.random.stream import RandomStream
from failure_api.core.traits import Asked, QueuePlace, Stage, Traits
from failure_api.errors import InvalidArgumentError, ModelError, invalid, nearest


class Turn(NamedTuple):
    """A model that is asked.

    Attributes:
        position: Where it stands in the chain.
        asked: What it is asked for; None for all of it.
        model: The model.
        name: Its name, which knows its stream.
        occurrence: Number of earlier ones of that name.
        positions: Whether it reads positions.
        first: The first of the fields of `Links` that it may write.
    """

    position: int
    asked: Asked | None
    model: CommunicationModel
    name: str
    occurrence: int
    positions: bool
    first: int


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

    EXAMPLE: ClassVar[Mapping[str, Any]] = {
        "models": [
            {"model": "gilbert_elliott", "p": 0.02, "r": 0.1},
            {"model": "delay_based", "min_delay": 0, "max_delay": 2},
        ]
    }

    models: CommunicationModel | Sequence[CommunicationModel] | Mapping[str, CommunicationModel]
    names: Sequence[str | None] | None = None
    agent_ids: Sequence[Any] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Flattens and checks the models."""
        super().__post_init__()
        flat = flattened(self, FAILURE_MODELS)
        names = tuple(name for name, _ in flat)
        twice = [name for name, count in Counter(names).items() if name and count > 1]
        if twice:
            raise invalid("names", "must give each name once", twice[0], "choose another one")
        object.__setattr__(self, "models", tuple(model for _, model in flat))
        object.__setattr__(self, "names", names if any(names) else None)
        # Queues that differ are refused here.
        _ = self.traits

    def __getitem__(self, name: str) -> CommunicationModel:
        """Returns the model of that name."""
        if isinstance(name, str) and name in self.known_as:
            return self.parts[self.known_as.index(name)]
        known = [known for known in self.known_as if known]
        remedy = nearest(name, known) if known else "give names, as in Chain(models={...})"
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

    @cached_property
    def traits(self) -> Traits:
        """Those of the models, combined."""
        return Traits.combined(model.traits for model in self.parts)

    @property
    def queue(self) -> Queue | None:
        """Where messages wait for a link that is not free; None where none ever has to."""
        return self.traits.queue if self.traits.narrows else None

    @property
    def queue_place(self) -> QueuePlace:
        """Where the first queue stands, seen from a chain that stands alone."""
        return "here" if self.queue else "none"

    @cached_property
    def in_stages(self) -> bool:
        """Whether models have to be asked stage by stage, with the channel acting in between."""
        several = any(len(self._seen(index, self.queue_place)) > 1 for index in self._all)
        return self.traits.narrows or several

    @property
    def _all(self) -> range:
        return range(len(self.parts))

    def _queue_from(self, index: int, queue: QueuePlace) -> QueuePlace:
        """Returns where the first queue stands, seen from one of the models."""
        if queue != "here":
            return queue
        first = next(i for i, model in enumerate(self.parts) if model.traits.queue)
        return "later" if index < first else "here" if index == first else "passed"

    def _seen(self, index: int, queue: QueuePlace) -> Set[Stage]:
        return self.parts[index].stages(self._queue_from(index, queue))

    def stages(self, queue: QueuePlace) -> Set[Stage]:
        """Returns the stages that the models are asked for where the chain stands."""
        return frozenset().union(*(self._seen(index, queue) for index in self._all))

    @cached_property
    def _turns(self) -> dict[Asked | None, tuple[Turn, ...]]:
        return {}

    def turns(self, asked: Asked | None) -> tuple[Turn, ...]:
        """Returns the models that are asked, in order.

        Args:
            asked: A stage; None asks every model once, those of earlier stages first.
        """
        if asked not in self._turns:
            stages = {
                i: self._seen(i, asked.queue if asked else self.queue_place) for i in self._all
            }
            if asked is None:
                order = sorted(self._all, key=lambda index: min(stages[index], default=0))
            else:
                order = [index for index in self._all if asked.stage in stages[index]]
            self._turns[asked] = tuple(
                Turn(
                    index,
                    asked and asked._replace(queue=self._queue_from(index, asked.queue)),
                    *self.placed[index],
                    self.parts[index].traits.positions,
                    first_field([asked.stage] if asked else stages[index]),
                )
                for index in order
            )
        return self._turns[asked]

    @property
    def settings(self) -> tuple[str, ...]:
        """What can be set for any of the models."""
        return tuple(dict.fromkeys(name for model in self.parts for name in model.settings))

    def check_setting(self, name: str, argument: str) -> None:
        """Raises an error unless one of the models takes a setting.

        Args:
            name: The setting.
            argument: What the user gave it as.
        """
        known = self.settings
        if not known:
            raise InvalidArgumentError(
                f"{name} must be taken by a failure model, and {list(self.parts)} take no "
                "settings: put one into ScheduledModel(model=...) or RandomizedModel(model=..., "
                "parameters={...})."
            )
        if name not in known:
            remedy = nearest(name, known)
            raise invalid(argument, f"must name {', '.join(known)}", name, remedy)

    def with_settings(self, settings: Mapping[str, Any]) -> Chain:
        """Returns the chain of the models with these settings."""
        models = [model.with_settings(settings) for model in self.parts]
        return Chain(models=models, names=self.names)

    @cached_property
    def placed(self) -> tuple[tuple[CommunicationModel, str, int], ...]:
        """Each model with the name and the occurrence that know its stream."""
        return placed(zip(self.known_as, self.parts, strict=True))

    def prepare(self, context: Context) -> Any:
        """Returns, for each model, its scope and its parameters."""
        return tuple((_scope(model, context), model.prepare(context)) for model in self.parts)

    def init(self, parameters: Any, context: Context, random: RandomStream) -> Any:
        """Returns each model's state."""
        states = []
        for (model, name, occurrence), (_, own) in zip(self.placed, parameters, strict=True):
            states.append(model.init(own, context, random.child(name, occurrence)))
            check_state(name, states[-1], context)
        return tuple(states)

    def step(
        self, parameters: Any, state: Any, links: Links, context: Context, random: RandomStream
    ) -> tuple[Any, Links]:
        """Returns the next state and the links as the last of the models asked leaves them."""
        following = list(state)
        for index, asked, model, name, occurrence, positions, first in self.turns(context.asked):
            if positions and context.positions is None:
                raise ModelError(
                    f"{name} needs the agents' positions, but the context has none: give them as "
                    "context.positions, an array [..., N, dim]."
                )
            scope, own = parameters[index]
            told = context if asked is None else context._replace(asked=asked)
            result = model.step(own, state[index], links, told, random.child(name, occurrence))
            following[index], worse = state_and_links(name, result)
            check_links(name, worse, links, first, context)
            links = worse if scope is None else mixed(scope, worse, links, context)
        return tuple(following), links

    def attempt(
        self,
        parameters: Any,
        state: Any,
        following: Any,
        links: Links,
        context: Context,
        random: RandomStream,
    ) -> Links:
        """Returns the links as the models asked leave them in a further attempt."""
        for index, asked, model, name, occurrence, *_ in self.turns(context.asked):
            scope, own = parameters[index]
            told = context if asked is None else context._replace(asked=asked)
            stream = random.child(name, occurrence)
            worse = model.attempt(own, state[index], following[index], links, told, stream)
            links = worse if scope is None else mixed(scope, worse, links, context)
        return links

    def expected_loss(self) -> Any:
        r"""Returns $1 - \prod_i (1 - p_i)$ over the models, where they lose independently.

        None where one of them is not known, where two go by the round and may miss or meet each
        other, and where what one loses changes what another one has to do: several that narrow
        links, loss or silence before a queue, interference, and expiry beside other waiting.
        """
        if len(self.parts) == 1:
            return self.parts[0].expected_loss()
        losses = [model.expected_loss() for model in self.parts]
        if any(loss is None for loss in losses) or not self._independent():
            return None
        return closed_form(_together, losses)

    def expected_burst_length(self) -> Any:
        """Returns that of a single model, or of independent losses; None for others."""
        if len(self.parts) == 1:
            return self.parts[0].expected_burst_length()
        memoryless, others = self._memoryless()
        if others or not self._independent():
            return None
        return closed_form(lambda *p: 1.0 / (1.0 - _together(*p)), memoryless)

    def expected_age(self) -> Any:
        """Returns the mean age of information where losses and delays are independent.

        That of any model that knows its age beside independent losses, with all others of these
        and a constant delay in the chain. None elsewhere.
        """
        if len(self.parts) == 1:
            return self.parts[0].expected_age()
        if not self._independent():
            return None
        memoryless, others = self._memoryless()
        loss = closed_form(_together, memoryless)
        constant = [model.constant_delay() for model in others]
        varying = [model for model, rounds in zip(others, constant, strict=True) if rounds is None]
        if len(varying) > 1:
            return None
        memoryless_age = closed_form(lambda p: p / (1.0 - p), [loss])
        age = varying[0].age_with_loss(loss) if varying else memoryless_age
        later = sum(rounds for rounds in constant if rounds is not None)
        return closed_form(lambda a: a + later, [age])

    def _memoryless(self) -> tuple[list[Any], list[CommunicationModel]]:
        """Returns the losses of models that only lose independently, and the other models."""
        losses = [model.memoryless_loss() for model in self.parts]
        pairs = zip(self.parts, losses, strict=True)
        others = [model for model, loss in pairs if loss is None]
        return [loss for loss in losses if loss is not None], others

    def _independent(self) -> bool:
        """Returns whether what one model loses does not change what another one does."""
        all_traits = [model.traits for model in self.parts]
        unsteady = sum(not traits.steady for traits in all_traits)
        narrowing = sum(traits.narrows for traits in all_traits)
        waiting = sum(traits.longest_delay > 0 or traits.in_order for traits in all_traits)
        return not (
            any(model.agent_ids is not None for model in self.parts)
            or unsteady > 1
            or narrowing > 1
            or (self.traits.expires and (waiting > 1 or narrowing))
            or self.traits.hears_interference
            or (narrowing and self.stages(self.queue_place) - {Stage.SERVED, Stage.ON_AIR})
        )

    @property
    def needing_positions(self) -> str | None:
        """Name of the first model that reads positions; None where none does."""
        return next((model.name for model in self.parts if model.traits.positions), None)


class ChainOf(NamedTuple):
    """What chains of one kind of models call them.

    Attributes:
        argument: The argument that takes them.
        kind: The class of the models.
        noun: What one is called.
        example: One of them.
        remedy: What to do with what is none of them.
    """

    argument: str
    kind: type
    noun: str
    example: str
    remedy: str


FAILURE_MODELS = ChainOf(
    "failure_models",
    CommunicationModel,
    "communication model",
    "ProbabilisticModel(failure_prob=0.1)",
    "make it an instance of a CommunicationModel, as in ProbabilisticModel(failure_prob=0.1)",
)


def flattened(chain: Any, of: ChainOf) -> list[tuple[str | None, Any]]:
    """Returns the models of a chain with the names that they are given, none of them a chain.

    Args:
        chain: A chain, with `models` as they were given.
        of: What it is a chain of.

    Raises:
        InvalidArgumentError: Something is no such model, a chain has a name, or the chain is
            confined to some agents.
    """
    if chain.agent_ids is not None:
        remedy = "give it to them"
        raise invalid("agent_ids", "belongs to the models of a chain", chain.agent_ids, remedy)
    flat: list[tuple[str | None, Any]] = []
    for name, model in _named(chain.models, getattr(chain, "names", None), of):
        if isinstance(model, type(chain)):
            if name is not None:
                rule, remedy = "must be those of models", "name the models within the chain"
                raise invalid("names", rule, f"{name!r} for a chain", remedy)
            names = getattr(model, "known_as", (None,) * len(model.parts))
            flat.extend(zip(names, model.parts, strict=True))
        elif isinstance(model, of.kind):
            flat.append((name, model))
        else:
            raise invalid(of.argument, f"must hold {of.noun}s", model, of.remedy)
    return flat


def placed(named: Iterable[tuple[str | None, Any]]) -> tuple[tuple[Any, str, int], ...]:
    """Returns each model with the name and the occurrence that know its stream.

    Args:
        named: The models, each with the name that it is given.
    """
    seen: Counter[str] = Counter()
    found = []
    for known_as, model in named:
        name = known_as or model.name
        found.append((model, name, seen[name]))
        seen[name] += 1
    return tuple(found)


def _named(models: Any, names: Any, of: ChainOf) -> list[tuple[str | None, Any]]:
    """Returns the models with the names that they are given."""
    if isinstance(models, Mapping) and of is FAILURE_MODELS:
        named = list(models.items())
    else:
        example, rule = (
            f"give one such as {of.example}, or a list",
            f"a {of.noun} or a list of them",
        )
        one = isinstance(models, of.kind)
        listed = [models] if one else in_order(of.argument, models, rule, example)
        named = [(None, model) for model in listed]
    if names is not None and not any(name for name, _ in named):
        if isinstance(names, str) or not isinstance(names, Sequence) or len(names) != len(named):
            raise invalid("names", f"must be {len(named)}, one a model", names, "leave them out")
        named = [(name, model) for name, (_, model) in zip(names, named, strict=True)]
    for name, _ in named:
        if name is not None and not (isinstance(name, str) and name):
            raise invalid("names", "must be words", name, "give text")
    return named


def _scope(model: CommunicationModel, context: Context) -> Array | None:
    """Returns True for the links a model is confined to; None where it has all of them."""
    if model.agent_ids is None:
        return None
    inside = members_of(model, context)
    return None if inside.all() else context.xp.asarray(inside[:, None] & inside[None, :])


def _together(*losses: Any) -> Any:
    """Returns the loss of all of some independent losses."""
    kept: Any = 1.0
    for loss in losses:
        kept = kept * (1.0 - loss)
    return 1.0 - kept


def prepared(chain: Chain, context: Context) -> Any:
    """Returns what the models of a chain look up once, as arrays of the context's namespace.

    Args:
        chain: The models.
        context: Says who the agents are, and with how many coordinates they move.
    """
    xp, agents = context.xp, len(context.agent_ids)
    positions, bits = context.positions, context.message_bits
    columns = None if positions is None else positions.shape[-1]
    on_host = Context(
        round=0,
        alive=np.ones(agents, dtype=bool),
        positions=None if columns is None else np.zeros((agents, columns), dtype=np.float32),
        xp=np,
        shape=(agents, agents),
        agent_ids=context.agent_ids,
        message_bits=None if bits is None else np.asarray(bits),
    )
    return on_arrays_of(xp, chain.prepare(on_host))
