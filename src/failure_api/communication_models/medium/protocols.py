"""Who may use a shared channel in a round: slotted ALOHA and TDMA."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from failure_api.core.links import Array, Context
from failure_api.core.parameters.component import Part
from failure_api.core.parameters.rules import WholeNumber
from failure_api.core.parameters.types import SHARE, Count, Share
from failure_api.core.random.stream import RandomStream


@dataclass(frozen=True, kw_only=True)
class MediumProtocol(Part, ABC):
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
