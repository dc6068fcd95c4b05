"""The base class of failure models, and closed forms in the form of its parameters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from failure_api.core.links import Context, Links
from failure_api.core.parameters.fields import (
    Drawn,
    inner_rule,
    normalise_fields,
    parameters_of,
    rules_of,
)
from failure_api.core.parameters.rules import in_order
from failure_api.core.random.stream import RandomStream
from failure_api.core.traits import QueuePlace, Stage, Traits
from failure_api.errors import invalid


@dataclass(frozen=True, kw_only=True)
class ScopedModel:
    """What failure models and noise models have in common: a name, and the agents they act on.

    Args:
        agent_ids: Confines the model to these agents; None takes all.
    """

    EXAMPLE: ClassVar[Mapping[str, Any]] = {}
    """Parameters, as plain data, with which the catalogue describes and draws the model, for the
    agents `agent_0` to `agent_3`."""

    agent_ids: Sequence[Any] | None = None

    def __post_init__(self) -> None:
        """Checks and normalises every field that has a rule."""
        normalise_fields(self)
        if self.agent_ids is not None:
            object.__setattr__(self, "agent_ids", distinct(self.agent_ids))

    @property
    def name(self) -> str:
        """What the model's random stream and errors call it."""
        return type(self).__name__


@dataclass(frozen=True, kw_only=True)
class CommunicationModel(ScopedModel, ABC):
    """A value that turns the links of a round into worse links.

    Subclasses are frozen, keyword-only dataclasses with three pure functions, written in
    operations of `context.xp` alone, without writing in place and without branching on what an
    array holds. A model draws for every link in every round, whatever else happened.

    Args:
        agent_ids: Confines the model to links among these agents; None takes all. The chain that
            runs the model sees to it: `step` itself need not.
    """

    @property
    def traits(self) -> Traits:
        """What a chain must know of the model beforehand."""
        return Traits()

    @property
    def components(self) -> tuple[CommunicationModel, ...]:
        """The models that act where this one stands in a chain: itself, or those that it runs."""
        return (self,)

    @property
    def settings(self) -> tuple[str, ...]:
        """Names of what can be set for an episode, as a curriculum does.

        A model that has `severity` among them takes it from `with_settings`, one number for an
        episode, and from `context.severity`, one number for each element of a batch.
        """
        return ()

    def with_settings(self, settings: Mapping[str, Any]) -> CommunicationModel:
        """Returns the model as it is in an episode with these settings.

        It draws from the same streams, and its traits are no more than what this one's say.

        Args:
            settings: Values by the names in `settings`; others are ignored, as they may be for
                another model of the chain.
        """
        return self

    def stages(self, queue: QueuePlace) -> Set[Stage]:
        """Returns the stages that the model is asked for where it stands.

        Args:
            queue: Where the first queue of the chain stands.
        """
        stages = self.traits.stages
        if Stage.ADMITTED in stages and queue != "later":
            return stages - {Stage.ADMITTED} | {Stage.ON_AIR}
        return stages

    def prepare(self, context: Context) -> Any:
        """Returns what is looked up once, and is the same for a whole batch.

        Every field that may differ from link to link or from agent to agent is there by its name,
        as a float32 array. A model that needs more adds it: `{**super().prepare(context), ...}`.

        Args:
            context: Says who the agents are. Its arrays are NumPy's, and those of one batch only.
        """
        parameters = parameters_of(self, context)
        drawn = any(isinstance(getattr(self, name), Drawn) for name in parameters)
        return parameters if drawn else self.derive(parameters)

    def derive(self, parameters: Any) -> Any:
        """Returns parameters with what follows from them, so that no step has to find it again.

        A `RandomizedModel` asks for it again, with what it has drawn in the place of None.

        Args:
            parameters: The fields as arrays, by name, and whatever else `prepare` has found.
        """
        return parameters

    def init(self, parameters: Any, context: Context, random: RandomStream) -> Any:
        """Returns the state at the reset, in its stationary distribution where there is one.

        Every array of a state begins with the axes of the batch, `context.shape[:-2]`.

        Args:
            parameters: What `prepare` returned.
            context: What is known of the first round.
            random: The model's own stream.
        """
        return ()

    @abstractmethod
    def step(
        self, parameters: Any, state: Any, links: Links, context: Context, random: RandomStream
    ) -> tuple[Any, Links]:
        """Returns the next state and the links as this model leaves them.

        Args:
            parameters: What `prepare` returned.
            state: What `init` or the last `step` returned. No array of it is written to, but for
                large rings, as `core.rings` does it.
            links: The links so far in this round.
            context: What is known of the round.
            random: The model's own stream.
        """

    def attempt(
        self,
        parameters: Any,
        state: Any,
        following: Any,
        links: Links,
        context: Context,
        random: RandomStream,
    ) -> Links:
        """Returns the links as this model leaves them in a further attempt of the same round.

        What the model carries from round to round is as in the first attempt, and chance is drawn
        anew. A model that draws anything else in its step than chance and its next state says
        here how to leave that alone.

        Args:
            parameters: What `prepare` returned.
            state: What the step of this round was given.
            following: The state that it returned.
            links: The links that it was given.
            context: What is known of the round.
            random: A stream of this attempt alone, below the model's own.
        """
        return self.step(parameters, state, links, context, random)[1]

    def closed_form(self, function: Callable[..., Any], *names: str) -> Any:
        """Returns a function of link parameters, as `closed_forms.closed_form` does.

        Args:
            function: Maps NumPy float64 arrays to one of the same shape.
            names: The fields that it takes, annotated with link rules.
        """
        rules = rules_of(type(self))
        neutral = [getattr(inner_rule(rules[name]), "neutral", None) for name in names]
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

    def memoryless_loss(self) -> Any:
        """Returns the loss of a model that does nothing else than to lose independently.

        None for every other model.
        """
        return None

    def constant_delay(self) -> int | None:
        """Returns the delay of a model that does nothing else than to delay always as long.

        None for every other model.
        """
        return None

    def age_with_loss(self, loss: Any) -> Any:
        """Returns the mean age where each message is also lost on the air, independently.

        Args:
            loss: Its probability, in the form of a link parameter.

        Returns:
            Rounds, in the form of a link parameter; None where no closed form is known.
        """
        return None


def distinct(agent_ids: Any) -> tuple[Any, ...]:
    """Returns agent ids as a tuple, or raises what is wrong with them."""
    remedy = "give the names of the agents, as in agent_ids=env.possible_agents"
    listed = in_order("agent_ids", agent_ids, "a list of agent ids", remedy)
    try:
        count = len(set(listed))
    except TypeError:
        rule = "must be a flat list of agent ids"
        raise invalid("agent_ids", rule, agent_ids, remedy) from None
    if count != len(listed) or not listed:
        raise invalid("agent_ids", "must name at least one agent, each once", agent_ids, remedy)
    return tuple(listed)


def closed_form(
    function: Callable[..., Any], values: Sequence[Any], neutral: Sequence[Any] | None = None
) -> Any:
    """Returns a function of link parameters in the parameters' own form.

    Args:
        function: Maps NumPy float64 arrays to one of the same shape.
        values: Normalised link parameters.
        neutral: For each of them, what holds for links that a mapping does not name; None for 0.

    Returns:
        A float where all parameters are numbers; an `[N, N]` array where one is an array;
        `{(sender, receiver): value}` where one is a mapping, for every link that one names; None
        where there are both, since an array does not say whose its rows are, and where a parameter
        is None.

    Example:
        >>> closed_form(lambda p, b: p * b, [{("a", "b"): 0.5}, 2.0], [0.0, 1.0])
        {('a', 'b'): 1.0}
    """
    if any(value is None for value in values):
        return None
    mappings = [value for value in values if isinstance(value, Mapping)]
    if mappings:
        if any(np.ndim(value) for value in values if not isinstance(value, Mapping)):
            return None
        defaults = [0.0] * len(values) if neutral is None else neutral

        def at(pair: Any) -> list[Any]:
            return [
                value.get(pair, default) if isinstance(value, Mapping) else value
                for value, default in zip(values, defaults, strict=True)
            ]

        pairs = dict.fromkeys(pair for mapping in mappings for pair in mapping)
        return {pair: closed_form(function, at(pair)) for pair in pairs}
    with np.errstate(divide="ignore", invalid="ignore"):
        result = np.asarray(function(*(np.asarray(value, dtype=np.float64) for value in values)))
    return float(result) if result.ndim == 0 else result


def either(loss: Any, other: Any) -> Any:
    """Returns the probability of a loss for one of two independent reasons, as a closed form.

    Example:
        >>> either(0.5, 0.5)
        0.75
    """
    return closed_form(lambda one, two: one + (1.0 - one) * two, [loss, other], [0.0, 0.0])
