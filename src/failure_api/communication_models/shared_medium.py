"""Capacity: one channel for all, on which agents are in each other's way."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from failure_api.core import Array, CommunicationModel, Context, Links, RandomStream, Stage, Traits
from failure_api.core.parameters.component import Component
from failure_api.core.parameters.fields import AgentRule, members_of, per_agent
from failure_api.core.parameters.rules import WholeNumber
from failure_api.core.parameters.types import LARGEST, SHARE, AgentValue, Count, Share
from failure_api.errors import invalid


@dataclass(frozen=True, kw_only=True)
class MediumProtocol(Component, ABC):
    """Who may use a shared channel in a round."""

    def prepare(self, members: NDArray[np.bool_], context: Context) -> Any:
        """Returns what is looked up once.

        Args:
            members: Which agents share the channel, bool `[N]`.
            context: Says who the agents are.
        """
        return ()

    def init(self, parameters: Any, context: Context, random: RandomStream) -> Any:
        """Returns the state before the first round.

        Args:
            parameters: What `prepare` returned.
            context: What is known of the first round.
            random: The model's own stream.
        """
        return ()

    @abstractmethod
    def step(
        self, parameters: Any, state: Any, ready: Array, context: Context, random: RandomStream
    ) -> tuple[Any, Array, Array]:
        """Returns the next state, who has a turn, and whose broadcasts then get through.

        Both are bool `[..., N]`, and the same array where all of them do.

        Args:
            parameters: What `prepare` returned.
            state: What `init` or the last `step` returned.
            ready: Which agents share the channel and have something to send, bool `[..., N]`.
            context: What is known of the round.
            random: The model's own stream.
        """

    @abstractmethod
    def success_probability(self, agents: int) -> float | None:
        """Returns the share of rounds in which an agent's broadcast gets through.

        Args:
            agents: How many share the channel.
        """

    @abstractmethod
    def expected_age(self, agents: int, success: float = 1.0) -> float | None:
        """Returns the mean age of information in rounds; None where none is known.

        Args:
            agents: How many share the channel.
            success: Probability that a broadcast then survives whatever else may fail, anew in
                each round.
        """

    def throughput(self, agents: int) -> float | None:
        """Returns the mean number of broadcasts that get through in a round.

        Args:
            agents: How many share the channel.
        """
        probability = self.success_probability(agents)
        return None if probability is None else agents * probability


@dataclass(frozen=True, kw_only=True)
class SlottedAloha(MediumProtocol):
    r"""Everyone transmits at random; a broadcast gets through if it is the only one.

    Of $N$ agents that transmit with probability $p$, one gets through with $p (1 - p)^{N - 1}$,
    which is greatest at $p = 1 / N$. The channel carries $N p (1 - p)^{N - 1}$ a round, at most
    $1 / e$ for many agents. Who transmits hears nothing.

    Args:
        transmit_prob: Probability that an agent transmits in a round.

    Raises:
        InvalidArgumentError: A probability outside of [0, 1].

    Example:
        >>> aloha = SlottedAloha(transmit_prob=0.1)
        >>> round(aloha.success_probability(10), 7), round(aloha.throughput(10), 6)
        (0.038742, 0.38742)

    Source: Roberts (1975), "ALOHA packet system with and without slots and capture".
    """

    transmit_prob: Share

    def step(
        self, parameters: Any, state: Any, ready: Array, context: Context, random: RandomStream
    ) -> tuple[Any, Array, Array]:
        """Returns who transmits, and who is alone."""
        xp = context.xp
        transmits = random.bernoulli(self.transmit_prob, context.shape[:-1]) & ready
        count = xp.sum(xp.astype(transmits, xp.int32), axis=-1, keepdims=True)
        return state, transmits, transmits & (count == 1)

    def success_probability(self, agents: int) -> float:
        """Returns `p (1 - p)^(N - 1)`."""
        others = WholeNumber(1).normalise("agents", agents) - 1
        return float(self.transmit_prob * (1.0 - self.transmit_prob) ** others)

    def expected_age(self, agents: int, success: float = 1.0) -> float:
        """Returns `(1 - s) / s`, where `s` is the probability of success in all."""
        return geometric_age(self.success_probability(agents), success)


@dataclass(frozen=True, kw_only=True)
class TDMA(MediumProtocol):
    r"""Agents take turns, in the order of `possible_agents`.

    With $k$ slots a round, $k$ agents at a time get through, so that each does in $k / N$ of the
    rounds. If that makes cycles of $M = N / k$ rounds, and a broadcast survives whatever else
    may fail with probability $s$, the mean age is $(M - 1) / 2 + M (1 - s) / s$. The slot of an
    agent that is dead stays empty.

    Args:
        slots_per_round: Slots in a round.

    Raises:
        InvalidArgumentError: A number of slots that is not whole or below 1.

    Example:
        >>> TDMA().success_probability(5), TDMA().expected_age(5)
        (0.2, 2.0)

    Source: time-division multiple access with static slots, as in Bertsekas and Gallager (1992),
    "Data Networks", chapter 4.
    """

    slots_per_round: Count = 1

    def prepare(self, members: NDArray[np.bool_], context: Context) -> Any:
        """Returns each agent's turn in the cycle, and the number of turns."""
        turns = (np.cumsum(members) - 1).astype(np.int32)
        return {"turn": turns, "count": members.sum(dtype=np.int32)}

    def step(
        self, parameters: Any, state: Any, ready: Array, context: Context, random: RandomStream
    ) -> tuple[Any, Array, Array]:
        """Returns whose turn it is."""
        turn, count = parameters["turn"], parameters["count"]
        first = (context.round_over(1) * self.slots_per_round) % count
        # A remainder of negative numbers is one that libraries disagree on.
        chosen = ((turn - first + count) % count < self.slots_per_round) & ready
        return state, chosen, chosen

    def success_probability(self, agents: int) -> float:
        """Returns `k / N`, at most 1."""
        return min(1.0, self.slots_per_round / WholeNumber(1).normalise("agents", agents))

    def expected_age(self, agents: int, success: float = 1.0) -> float | None:
        """Returns `(M - 1) / 2 + M (1 - s) / s`.

        Where the slots do not divide the agents an agent waits for unequal numbers of rounds: the
        mean is known for `success=1`, and None else.
        """
        return turns_age(agents, self.slots_per_round, success)


def geometric_age(probability: float, success: float) -> float:
    """Returns the mean age where every round brings a message with the same probability."""
    heard = probability * SHARE.normalise("success", success)
    return (1.0 - heard) / heard if heard else np.inf


def turns_age(agents: int, slots: int, success: float) -> float | None:
    """Returns the mean age where `slots` of the agents speak in each round, in turns."""
    agents = WholeNumber(1).normalise("agents", agents)
    slots = min(slots, agents)
    rounds, longer = divmod(agents, slots)
    lost_turns = geometric_age(1.0, success)
    if lost_turns:
        return None if longer else (rounds - 1) / 2 + rounds * lost_turns
    # Of every `slots` turns in a row, `longer` come a round later than the others.
    shorter = slots - longer
    return (shorter * rounds * (rounds - 1) + longer * (rounds + 1) * rounds) / (2 * agents)


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
        priorities = per_agent("TopK.priorities", self.priorities, 0.0, context)
        ranked = np.unique(-np.broadcast_to(priorities, members.shape), return_inverse=True)[1]
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


@dataclass(frozen=True, kw_only=True)
class SharedMediumModel(CommunicationModel):
    r"""All agents broadcast on one channel, and a protocol says who gets through in a round.

    An agent contends for the channel while any of its links there has something to send. Its turn
    serves all of them, each as far as it has capacity; without a turn a message waits where the
    chain has a queue, and is lost elsewhere. What collides is lost on the air.

    Loss and age depend on how many share the channel: the protocol's
    `success_probability(agents)`, `throughput(agents)` and `expected_age(agents)` know them, and
    the loss of a link is one minus the first.

    Args:
        protocol: Who gets through: `SlottedAloha(...)`, `TDMA(...)` or `TopK(...)`.
        agent_ids: Who shares the channel, and only links among these agents are affected; None
            takes all. Several models with different agents are several channels.

    Raises:
        InvalidArgumentError: The protocol is none.

    Example:
        >>> from failure_api.communication_models.shared_medium import TDMA
        >>> model = SharedMediumModel(protocol=TDMA(slots_per_round=2))
        >>> 1 - model.protocol.success_probability(8)
        0.75

    Source: Abramson (1970), "The ALOHA system"; Bertsekas and Gallager (1992), "Data Networks",
    chapter 4.
    """

    EXAMPLE: ClassVar = {"protocol": {"type": "slotted_aloha", "transmit_prob": 0.25}}

    protocol: MediumProtocol

    @property
    def traits(self) -> Traits:
        """Whose turn it is."""
        return Traits(stages={Stage.SERVED}, narrows=True)

    def prepare(self, context: Context) -> Any:
        """Returns which links share the channel, and what the protocol looks up once."""
        members = members_of(self, context)
        among = members[:, None] & members
        return {"among": among, "protocol": self.protocol.prepare(members, context)}

    def init(self, parameters: Any, context: Context, random: RandomStream) -> Any:
        """Returns the protocol's state."""
        return self.protocol.init(parameters["protocol"], context, random)

    def step(
        self, parameters: Any, state: Any, links: Links, context: Context, random: RandomStream
    ) -> tuple[Any, Links]:
        """Returns the links with no capacity without a turn, and lost where broadcasts collide."""
        xp, shape = context.xp, context.shape
        # Who has nothing to send on the channel is in nobody's way there.
        ready = xp.any(links.sends & parameters["among"], axis=-1)
        known = parameters["protocol"]
        state, turns, heard = self.protocol.step(known, state, ready, context, random)
        # What a turn lets through is for others to say.
        nothing = xp.astype(turns, xp.float32)[..., :, None]
        capacity = xp.where(nothing > 0, xp.full_like(nothing, xp.inf), nothing)
        links = links.narrow(xp.broadcast_to(capacity, shape), xp)
        if heard is not turns:
            links = links.lose(xp.broadcast_to((turns & ~heard)[..., :, None], shape))
        return state, links
