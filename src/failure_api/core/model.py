"""What a failure model is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from failure_api.core.closed_forms import closed_form
from failure_api.core.links import Array, Context, Links
from failure_api.core.parameters import (
    AgentRule,
    LinkRule,
    normalise_fields,
    per_agent,
    per_link,
    rules_of,
)
from failure_api.core.queue import Queue
from failure_api.core.random import RandomStream
from failure_api.errors import invalid


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

    agent_ids: Sequence[Any] | None = None

    needs_positions: ClassVar[bool] = False
    """Whether `step` reads `context.positions`."""

    def __post_init__(self) -> None:
        """Checks and normalises every field that has a rule."""
        normalise_fields(self)
        if self.agent_ids is not None:
            object.__setattr__(self, "agent_ids", distinct(self.agent_ids))

    @property
    def name(self) -> str:
        """What the model's random stream and errors call it."""
        return type(self).__name__

    @property
    def longest_delay(self) -> int:
        """The most rounds that this model adds to any link's delay."""
        return 0

    @property
    def queue(self) -> Queue | None:
        """Where messages wait for a link that is not free; None where they are lost."""
        return None

    @property
    def components(self) -> tuple[CommunicationModel, ...]:
        """The models that act where this one stands in a chain: itself, or those that it runs."""
        return (self,)

    @property
    def raises_interference(self) -> bool:
        """Whether the model's effect is the interference that later models take into account."""
        return False

    @property
    def hears_interference(self) -> bool:
        """Whether the model takes into account the interference that earlier models raise."""
        return False

    @property
    def keeps_order(self) -> bool:
        """Whether there may be links on which no message overtakes another."""
        return False

    @property
    def carries_fractions(self) -> bool:
        """Whether a link may be left with a bandwidth between 0 and 1.

        True is always right; False spares the channel some bookkeeping.
        """
        return True

    @property
    def settings(self) -> tuple[str, ...]:
        """Names of what can be set for an episode, as a curriculum does."""
        return ()

    def with_settings(self, settings: Mapping[str, Any]) -> CommunicationModel:
        """Returns the model as it is in an episode with these settings.

        It draws from the same streams, and what it says beforehand of delays and queues is no more
        than what this one says.

        Args:
            settings: Values by the names in `settings`; others are ignored, as they may be for
                another model of the chain.
        """
        return self

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
        """Returns a parameter as a float32 array, `[N, N]`, 0-d, or `[..., 1, 1]` if drawn.

        Args:
            name: The field, annotated with a link rule.
            context: Says who the agents are.
        """
        rule = rules_of(type(self))[name]
        assert isinstance(rule, LinkRule)
        return per_link(f"{self.name}.{name}", getattr(self, name), rule.neutral, context)

    def per_agent(self, name: str, context: Context) -> Array:
        """Returns a parameter as a float32 array, `[N]` or 0-d.

        Args:
            name: The field, annotated with an agent rule.
            context: Says who the agents are.
        """
        rule = rules_of(type(self))[name]
        assert isinstance(rule, AgentRule)
        return per_agent(f"{self.name}.{name}", getattr(self, name), rule.neutral, context)

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


def distinct(agent_ids: Any) -> tuple[Any, ...]:
    """Returns agent ids as a tuple, or raises what is wrong with them."""
    remedy = "give the names of the agents, as in agent_ids=env.possible_agents"
    try:
        distinct = None if isinstance(agent_ids, str | bytes) else tuple(agent_ids)
    except TypeError:
        distinct = None
    if distinct is None:
        raise invalid("agent_ids", "must be a list of agent ids", agent_ids, remedy)
    if not all(isinstance(agent, Hashable) for agent in distinct):
        raise invalid("agent_ids", "must be a flat list of agent ids", agent_ids, remedy)
    if len(set(distinct)) != len(distinct) or not distinct:
        raise invalid("agent_ids", "must name at least one agent, each once", agent_ids, remedy)
    return distinct
