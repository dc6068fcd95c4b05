"""Capacity: so many messages in a window of time, for each sender and each receiver."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, TypeAlias

import numpy as np

from failure_api.core import Array, CommunicationModel, Context, Links, RandomStream, Stage, Traits
from failure_api.core.arrays.libraries import of_type, running_sum
from failure_api.core.arrays.rings import at_slots, with_put
from failure_api.core.parameters.fields import AgentRule, members_of
from failure_api.core.parameters.rules import WholeNumber
from failure_api.core.parameters.types import AgentValue, Period
from failure_api.errors import invalid

MOST_BYTES = 2**30
"""Most memory that the counts of a window may take."""

Messages: TypeAlias = Annotated[
    AgentValue,
    AgentRule(
        "must be at least 0",
        lambda m: m >= 0,
        np.inf,
        "give messages, infinite for no limit",
        "messages per window",
    ),
]
"""How many messages each agent has; agents that a mapping does not name have no limit."""


class RateState(NamedTuple):
    """What has been counted, of senders before receivers where both are.

    Attributes:
        spent: Messages that count in the coming round, int32 `[..., 1 or 2, N]`.
        rounds: Those of each of the rounds before it in its window, at the place of the round's
            number, int32 `[..., window - 1, 1 or 2, N]`; () where the window is one round.
    """

    spent: Array
    rounds: Any


@dataclass(frozen=True, kw_only=True)
class RateLimitModel(CommunicationModel):
    r"""In any $W$ rounds in a row an agent sends no more than $B$ messages, or gets no more.

    Every receiver of a message counts by itself: what an agent says to all of a team of $N$ counts
    $N - 1$ times. What is left of a sender's budget in the window goes to its links in the order of
    `possible_agents`, one message on each; a link that gets nothing carries nothing in this round,
    so that its message waits where the chain has a queue and is lost elsewhere. What is
    transmitted counts, whether or not it arrives. A receiver's budget is taken by what is not lost
    on its way, from senders in the same order, and what comes beyond it is lost.

    In a team of $N$ that sends all the time a share $1 - \min\{1, B / (W (N - 1))\}$ is lost for
    good, whether senders or receivers count.

    Args:
        messages: How many messages $B$ an agent has in a window: a number, an `[N]` array, or
            `{agent: messages}`, where agents that are not named have no limit.
        window: Rounds $W$ of the window, the present one among them. It slides: what was counted
            $W$ rounds ago no longer counts.
        count: Who has the budget: every `"sender"`, every `"receiver"`, or `"both"`. What
            receivers get is counted behind the models that stand before this one.
        agent_ids: Confines the model to links among these agents, and counts these alone; None
            takes all.

    Raises:
        InvalidArgumentError: A number of messages below 0, a window that is no positive number of
            rounds; at the reset, counts that take more than 1 GiB.

    Example:
        >>> limit = RateLimitModel(messages=5, window=10)
        >>> limit.team_loss(agents=3)
        0.75

    Source: the sliding window of `subt_communication_model` in osrf/subt on GitHub.
    """

    EXAMPLE: ClassVar = {"messages": 20, "window": 10}

    messages: Messages
    window: Period = 1
    count: Literal["sender", "receiver", "both"] = "sender"

    @property
    def traits(self) -> Traits:
        """No capacity for a sender without budget; loss on the air for such a receiver."""
        if self.count == "receiver":
            return Traits()
        # What is transmitted is known, and counted, on the air.
        return Traits(stages={Stage.SERVED, Stage.ON_AIR}, narrows=True)

    @property
    def _axes(self) -> tuple[int, ...]:
        """The axes of a link array along which each counter's messages stand."""
        return {"sender": (-1,), "receiver": (-2,), "both": (-1, -2)}[self.count]

    def prepare(self, context: Context) -> Any:
        """Returns the budgets, and the links that count."""
        members = members_of(self, context)
        among = members[:, None] & members & ~np.eye(len(members), dtype=bool)
        return {**super().prepare(context), "among": among}

    def init(self, parameters: Any, context: Context, random: RandomStream) -> RateState:
        """Returns that nothing has been counted."""
        xp, batch, agents = context.xp, context.shape[:-2], context.shape[-1]
        counted, before = (len(self._axes), agents), self.window - 1
        if 4 * math.prod((*batch, before, *counted)) > MOST_BYTES:
            rule = f"must keep the counts of {agents} agents within 1 GiB"
            raise invalid(f"{self.name}.window", rule, self.window, "shorten it")
        spent = xp.zeros((*batch, *counted), dtype=xp.int32)
        rounds = xp.zeros((*batch, before, *counted), dtype=xp.int32) if before else ()
        return RateState(spent, rounds)

    def step(
        self, parameters: Any, state: Any, links: Links, context: Context, random: RandomStream
    ) -> tuple[Any, Links]:
        """Returns the links within their budgets, and what has been counted after the round."""
        links, counts = self._limited(parameters, state, links, context)
        before = self.window - 1
        if counts is None or not before:
            return state, links
        xp, (spent, rounds) = context.xp, state
        slot = context.round_over(2) % before + xp.zeros_like(counts)
        expired = at_slots(rounds, slot, xp)
        # Whatever the counts are, they take that slot.
        rounds = with_put(rounds, slot, counts >= 0, counts, xp)
        return RateState(spent + counts - expired, rounds), links

    def attempt(
        self,
        parameters: Any,
        state: Any,
        following: Any,
        links: Links,
        context: Context,
        random: RandomStream,
    ) -> Links:
        """Returns the links within what was left before the round."""
        return self._limited(parameters, state, links, context)[0]

    def _limited(
        self, parameters: Any, state: Any, links: Links, context: Context
    ) -> tuple[Links, Array | None]:
        """Returns the links within their budgets, and what is counted, as in the state."""
        xp, asked, axes = context.xp, context.asked, self._axes
        left = parameters["messages"] - of_type(state.spent, xp.float32, xp)
        passes = links.sends & parameters["among"]
        if -1 in axes and (asked is None or asked.stage == Stage.SERVED):
            if links.capacity is not None:
                passes = passes & (links.capacity > 0)
            passes = _first(passes, left[..., 0, :], -1, xp)
            links = links.narrow(of_type(passes, xp.float32, xp), xp)
        if asked is not None and asked.stage != Stage.ON_AIR:
            return links, None
        counts = [_number(passes, -1, xp)] if -1 in axes else []
        if -2 in axes:
            comes = passes if links.lost is None else passes & ~links.lost
            read = _first(comes, left[..., -1, :], -2, xp)
            links = links.lose(comes & ~read)
            counts.append(_number(read, -2, xp))
        return links, xp.concat(counts, axis=-2) if len(counts) > 1 else counts[0]

    def team_loss(self, agents: int) -> float | None:
        """Returns the share that is lost for good where all agents send all the time.

        None where `messages` is no single number, and where both ends count: the order in which
        the senders' budgets are spent then decides.

        Args:
            agents: Number of agents that the model concerns.
        """
        links = WholeNumber(1).normalise("agents", agents) - 1
        if not isinstance(self.messages, float) or self.count == "both":
            return None
        if not links or math.isinf(self.messages):
            return 0.0
        return 1.0 - min(1.0, math.floor(self.messages) / (self.window * links))


def _first(comes: Array, left: Array, axis: int, xp: Any) -> Array:
    """Returns as many of the messages along an axis as are left, the first ones.

    Args:
        comes: Where a message comes, bool `[..., N, N]`.
        left: How many each sender or receiver has left, float32 `[..., N]`.
        axis: Which axis the messages of one stand along.
        xp: The array namespace.
    """
    over = (..., slice(None), None) if axis == -1 else (..., None, slice(None))
    position = running_sum(of_type(comes, xp.int32, xp), axis, xp)
    return comes & (of_type(position, xp.float32, xp) <= left[over])


def _number(messages: Array, axis: int, xp: Any) -> Array:
    """Returns how many messages there are along an axis, int32 `[..., 1, N]`."""
    return xp.sum(of_type(messages, xp.int32, xp), axis=axis, dtype=xp.int32)[..., None, :]
