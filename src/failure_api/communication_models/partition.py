"""Topology: the team falls into groups that cannot reach each other, all the time or now and then.

What compares places or sides works on arrays of any namespace, NumPy's at the reset included.
"""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from failure_api.communication_models.scheduled import window
from failure_api.core import Array, CommunicationModel, Context, Links, RandomStream, Traits
from failure_api.core.parameters.component import Component
from failure_api.core.parameters.fields import index_of, members_of
from failure_api.core.parameters.rules import Rule, WholeNumber
from failure_api.core.parameters.types import MeanTime, Period, Rounds
from failure_api.errors import invalid

Pattern: TypeAlias = Literal["halves", "isolate", "bridge", "majorities_ring", "minority_third"]

NO_SIDE = -1
"""The side of those who are connected to everyone."""

MANY = 2**30 - 1
"""More sides than any team has; its bits are common to it and to -1."""


class Groups(Rule):
    """Groups of agents, as a list of lists of agent ids."""

    def normalise(self, name: str, value: Any) -> tuple[tuple[Any, ...], ...]:
        """Returns the groups as tuples, or raises what is wrong with them."""
        remedy = 'give lists of agent ids, as in [["a", "b"], ["c"]]'
        rule = "must be two or more groups of agent ids"
        if not is_list(value) or len(value) < 2 or not all(map(is_list, value)):
            raise invalid(name, rule, value, remedy)
        groups = tuple(map(tuple, value))
        if not all(groups):
            raise invalid(name, "must have an agent in every group", value, remedy)
        named = [agent for group in groups for agent in group]
        if not all(isinstance(agent, Hashable) for agent in named):
            raise invalid(name, rule, value, remedy)
        if len(set(named)) != len(named):
            raise invalid(name, "must name each agent once", value, "leave it in one group alone")
        return groups


def sides(pattern: str, agents: int) -> NDArray[np.int32]:
    """Returns the side of the cut on which each place of an order is, int32 `[agents]`.

    Args:
        pattern: One of those that cut a team into sides: all but the ring of majorities.
        agents: Number of places.

    Example:
        >>> sides("bridge", 5).tolist()
        [0, 0, -1, 1, 1]
    """
    half = agents // 2
    # A third is a minority when it is less than a third: what tolerates a third survives it.
    first = {"halves": half, "bridge": half, "isolate": 1, "minority_third": (agents - 1) // 3}
    found = (np.arange(agents) >= first[pattern]).astype(np.int32)
    if pattern == "bridge":
        found[half] = NO_SIDE
    return found


def across(sender: Array, receiver: Array, one_way: bool) -> Array:
    """Returns whether a cut is between two sides; one way, from the earlier side alone.

    Args:
        sender: The side of each sender, integers that broadcast against the receivers'.
        receiver: The side of each receiver.
        one_way: Whether the other direction stays.
    """
    # Those without a side count as -1 at one end and, bit by bit, as MANY at the other. Only a
    # comparison for each link takes time.
    forth = (sender & MANY) < receiver
    return forth if one_way else forth | ((receiver & MANY) < sender)


def outside_majority(sender: Array, receiver: Array, agents: int, one_way: bool) -> Array:
    """Returns whether a sender is outside of the majority that a receiver hears.

    On a ring of places every receiver stands in the middle of as many neighbours as make a
    majority with it.

    Args:
        sender: The place of each sender, integers that broadcast against the receivers'.
        receiver: The place of each receiver.
        agents: Number of places on the ring.
        one_way: Whether the direction from a later place to an earlier one stays.
    """
    majority = agents // 2 + 1
    behind = majority // 2
    # Comparisons, because a remainder takes as long as fifty of them.
    ahead_by = sender - receiver
    beyond = (ahead_by >= majority - behind) & (ahead_by < agents - behind)
    before = (ahead_by < -behind) & (ahead_by >= majority - behind - agents)
    return before if one_way else beyond | before


def shuffled(members: Array, context: Context, random: RandomStream) -> Array:
    """Returns a random place for each agent, int32 `[..., N]`, those of members before others.

    Args:
        members: Who is shuffled, bool `[N]`.
        context: Says how many agents there are, and in which batch.
        random: The model's own stream; one below it is used.
    """
    xp = context.xp
    drawn = random.child("shuffle").uniform(context.shape[:-1])
    order = xp.argsort(drawn + xp.astype(~members, xp.float32), axis=-1, stable=True)
    return xp.astype(xp.argsort(order, axis=-1, stable=True), xp.int32)


def switched(on: Array, begins: Any, stays: Any, context: Context, random: RandomStream) -> Array:
    """Returns what is on in the next round, of the shape of what is on now.

    Args:
        on: What is on now, bool.
        begins: The probability that what is off goes on.
        stays: The probability that what is on stays on.
        context: What is known of the round.
        random: The stream that decides.
    """
    now = context.xp.astype(on, context.xp.float32)
    return random.bernoulli((1.0 - now) * begins + now * stays, on.shape)


def is_list(value: Any) -> bool:
    """Returns whether a value is a sequence, and no text."""
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


@dataclass(frozen=True, kw_only=True)
class Switching(Component, ABC):
    """When a team is cut."""

    steady: ClassVar[bool] = True
    """Whether a cut is as likely in every round, whatever its number."""

    def init(self, context: Context, random: RandomStream) -> Any:
        """Returns the state before the first round."""
        return ()

    @abstractmethod
    def step(self, state: Any, context: Context, random: RandomStream) -> tuple[Any, Array, Array]:
        """Returns the next state, and whether there is a cut and whether it is a new one.

        Both are bool arrays that broadcast to `[..., 1, 1]` and have these two axes.
        """

    @property
    def back_to_back(self) -> bool:
        """Whether one cut follows the other without a round between them."""
        return False

    @abstractmethod
    def expected_share(self) -> float:
        """Returns the long-run share of rounds with a cut."""

    @abstractmethod
    def expected_duration(self) -> float:
        """Returns how many rounds a cut lasts in the mean; infinite if it stays."""

    @abstractmethod
    def expected_age(self) -> float:
        """Returns the mean age of information, in rounds, on a link that every cut takes."""


@dataclass(frozen=True, kw_only=True)
class AlwaysCut(Switching):
    """There is a cut in every round, and it is always the same one.

    Example:
        >>> AlwaysCut().expected_share()
        1.0
    """

    def step(self, state: Any, context: Context, random: RandomStream) -> tuple[Any, Array, Array]:
        """Returns that there is a cut, which is no new one."""
        xp = context.xp
        return state, xp.ones((1, 1), dtype=xp.bool), xp.zeros((1, 1), dtype=xp.bool)

    def expected_share(self) -> float:
        """Returns 1."""
        return 1.0

    def expected_duration(self) -> float:
        """Returns infinity."""
        return np.inf

    def expected_age(self) -> float:
        """Returns infinity."""
        return np.inf


ALWAYS = AlwaysCut()


@dataclass(frozen=True, kw_only=True)
class CutOnSchedule(Switching):
    r"""There is a cut from one round to another, once or in every period.

    In a period of $T$ rounds a cut of $L < T$ rounds makes the mean age of information
    $L (L + 1) / (2 T)$ on the links that it takes.

    Args:
        start: First round with a cut, counted from the start of the episode or of the period.
        stop: First round without one; None keeps the cut until the episode or the period ends.
        period: Rounds after which all starts over; None for a single cut. A cut that fills its
            period is followed by a new one, so that a shuffled team is cut elsewhere.

    Raises:
        InvalidArgumentError: A number of rounds that is negative or not whole, or `start`,
            `stop` and `period` out of order.

    Example:
        >>> CutOnSchedule(start=10, stop=15, period=20).expected_share()
        0.25
    """

    start: Rounds = 0
    stop: Rounds | None = None
    period: Period | None = None

    # It goes by the round.
    steady: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Checks the fields, and that they are in order."""
        super().__post_init__()
        if self.stop is not None and self.stop <= self.start:
            raise invalid("stop", f"must be above start={self.start}", self.stop, "put it later")
        end = self.start + 1 if self.stop is None else self.stop
        if self.period is not None and self.period < end:
            rule = f"must be at least {end}, so that the cut fits into it"
            raise invalid("period", rule, self.period, "lengthen it, or stop earlier")

    def step(self, state: Any, context: Context, random: RandomStream) -> tuple[Any, Array, Array]:
        """Returns what the round's number says."""
        time, cut = window(context, self.start, self.stop, self.period)
        return state, cut, time == self.start

    @property
    def back_to_back(self) -> bool:
        """Whether the cut fills its period."""
        return self._length == self.period

    def expected_share(self) -> float:
        """Returns the share of the period; without a period, 1 for a cut that stays, else 0."""
        if self.period is None:
            return 1.0 if self.stop is None else 0.0
        return self._length / self.period

    def expected_duration(self) -> float:
        """Returns the rounds from `start` to `stop`."""
        return self._length

    def expected_age(self) -> float:
        """Returns `L (L + 1) / (2 T)`; without a period, infinity for a cut that stays, else 0."""
        length = self._length
        if length == np.inf or self.back_to_back:
            return np.inf
        return 0.0 if self.period is None else length * (length + 1) / (2 * self.period)

    @property
    def _length(self) -> float:
        end = self.stop or self.period
        return np.inf if end is None else float(end - self.start)


@dataclass(frozen=True, kw_only=True)
class CutAtRandom(Switching):
    r"""Cuts form and heal at random, after geometric times.

    A two-state chain for the whole team: with mean times $1/p$ and $1/r$ there is a cut in
    $p / (p + r)$ of the rounds, and the mean age of information on the links that it takes is
    $p / (r (p + r))$.

    Args:
        mean_time_to_partition: Mean number of rounds without a cut.
        mean_time_to_heal: Mean number of rounds with one.
        start: Where an episode begins: `"stationary"` draws whether there is a cut in round 0 by
            the long-run share, `"whole"` begins without one.

    Raises:
        InvalidArgumentError: A time below 1 round or not finite.

    Example:
        >>> CutAtRandom(mean_time_to_partition=30, mean_time_to_heal=10).expected_share()
        0.25

    Source: Gilbert (1960), with one chain for all links.
    """

    mean_time_to_partition: MeanTime
    mean_time_to_heal: MeanTime
    start: Literal["stationary", "whole"] = "stationary"

    def init(self, context: Context, random: RandomStream) -> Any:
        """Returns whether round 0 has a cut, and that it is a new one."""
        share = self.expected_share() if self.start == "stationary" else 0.0
        cut = random.bernoulli(share, (*context.shape[:-2], 1, 1))
        return cut, cut

    def step(self, state: Any, context: Context, random: RandomStream) -> tuple[Any, Array, Array]:
        """Returns the state as it is, and draws that of the next round."""
        cut, new = state
        forms, stays = 1.0 / self.mean_time_to_partition, 1.0 - 1.0 / self.mean_time_to_heal
        following = switched(cut, forms, stays, context, random)
        return (following, following & ~cut), cut, new

    def expected_share(self) -> float:
        """Returns the share of the mean time to heal in the sum of both."""
        return self.mean_time_to_heal / (self.mean_time_to_partition + self.mean_time_to_heal)

    def expected_duration(self) -> float:
        """Returns the mean time to heal."""
        return self.mean_time_to_heal

    def expected_age(self) -> float:
        """Returns the share of rounds with a cut times the mean time to heal."""
        return self.expected_share() * self.mean_time_to_heal


@dataclass(frozen=True, kw_only=True)
class PartitionModel(CommunicationModel):
    r"""The team is cut into groups: links between groups are down, links within them stay.

    With `groups` the agents of different groups cannot reach each other; agents in no group stay
    connected to everyone. A `pattern` takes the $N$ agents in the order of `possible_agents`:

    - `"halves"`: the first $\lfloor N / 2 \rfloor$ against the rest.
    - `"isolate"`: the first agent against the rest.
    - `"minority_third"`: the first $\lfloor (N - 1) / 3 \rfloor$ against the rest.
    - `"bridge"`: as halves, but the first agent of the rest reaches both sides.
    - `"majorities_ring"`: on a ring, every agent hears the neighbours that make a majority with
      it, $\lfloor N / 2 \rfloor$ of them, so that everyone hears a majority, each another one.

    Where a share $c$ of the $N (N - 1)$ links is cut while there is a cut, and there is one in a
    share $s$ of the rounds, the team loses $c s$ of its messages.

    Args:
        groups: The groups, lists of agent ids; or None for a pattern.
        pattern: The shape of the cut; or None for groups.
        shuffle: Whether every new cut takes the agents in a new random order, in place of that
            of `possible_agents`. Groups keep their sizes then, not their members.
        one_way: Whether a cut takes one direction alone: messages from an earlier group to a
            later one are lost, those back arrive. The small side of a pattern comes first; on a
            ring the places are groups of one.
        switching: When there is a cut: `AlwaysCut()`, `CutOnSchedule(...)`, `CutAtRandom(...)`.
        agent_ids: Confines the model to links among these agents; None takes all. Patterns count
            these agents alone.

    Raises:
        InvalidArgumentError: Neither or both of `groups` and `pattern`, fewer than two groups, an
            agent in two groups.

    Example:
        >>> PartitionModel(groups=[["a", "b"], ["c"]], one_way=True).expected_loss()
        {('a', 'c'): 1.0, ('b', 'c'): 1.0}
        >>> PartitionModel(pattern="halves").cut_links(5)
        12

    Source: the nemeses of Jepsen (jepsen.io); Bailis and Kingsbury (2014), "The network is
    reliable".
    """

    EXAMPLE: ClassVar = {
        "pattern": "halves",
        "switching": {"type": "cut_on_schedule", "start": 40, "stop": 80, "period": 100},
    }

    groups: Annotated[Sequence[Sequence[Any]], Groups()] | None = None
    pattern: Pattern | None = None
    shuffle: bool = False
    one_way: bool = False
    switching: Switching = ALWAYS

    def __post_init__(self) -> None:
        """Checks the fields, and that they go together."""
        super().__post_init__()
        if (self.groups is None) == (self.pattern is None):
            rule = "must be given where groups is not, and only there"
            raise invalid("pattern", rule, self.pattern, "give one of the two")
        for agent in self._named:
            if self.agent_ids is not None and agent not in self.agent_ids:
                rule = "must name agents among agent_ids"
                raise invalid("groups", rule, agent, "add it there, or leave it out here")

    @property
    def traits(self) -> Traits:
        """Loss on the air."""
        return Traits(steady=self.switching.steady)

    def prepare(self, context: Context) -> Any:
        """Returns who stands where in the cut, and which links it takes where that stays."""
        members = members_of(self, context)
        # Members first, so that a pattern sees them alone.
        order = np.argsort(~members, kind="stable")
        standing = self._sides(order[: members.sum()], context.agent_ids)
        if self.shuffle:
            return {"standing": standing, "members": members}
        places = np.argsort(order).astype(np.int32)
        return {"cut": self._cut(standing[places], places, int(members.sum()))}

    def init(self, parameters: Any, context: Context, random: RandomStream) -> Any:
        """Returns the switching's state, and each agent's place where they are shuffled."""
        switching = self.switching.init(context, random.child("switching"))
        places = shuffled(parameters["members"], context, random) if self.shuffle else ()
        return switching, places

    def step(
        self, parameters: Any, state: Any, links: Links, context: Context, random: RandomStream
    ) -> tuple[Any, Links]:
        """Returns the links with what crosses the cut lost."""
        switching, places = state
        switching, there, new = self.switching.step(switching, context, random.child("switching"))
        if self.shuffle:
            again = context.xp.astype(new[..., 0], context.xp.int32)
            places = places + (shuffled(parameters["members"], context, random) - places) * again
        return (switching, places), links.lose(self._lost(parameters, places, there, context))

    def attempt(
        self,
        parameters: Any,
        state: Any,
        following: Any,
        links: Links,
        context: Context,
        random: RandomStream,
    ) -> Links:
        """Returns the links as in the first attempt: the cut is the same."""
        _, there, _ = self.switching.step(state[0], context, random)
        return links.lose(self._lost(parameters, following[1], there, context))

    def _lost(self, parameters: Any, places: Any, there: Array, context: Context) -> Array:
        """Returns which links are cut in this round, bool `[..., N, N]`."""
        xp = context.xp
        if not self.shuffle:
            return xp.broadcast_to(there & parameters["cut"], context.shape)
        # Nothing is cut between agents that all stand in one place.
        stand = places * xp.astype(there[..., 0], xp.int32)
        flat = xp.reshape(stand, (-1,))
        on_side = xp.reshape(xp.take(parameters["standing"], flat, axis=0), stand.shape)
        return self._cut(on_side, stand, len(self.agent_ids or context.agent_ids))

    def _cut(self, on_side: Array, places: Array, agents: int) -> Array:
        """Returns which links a cut takes, bool `[..., N, N]`."""
        if self.pattern == "majorities_ring":
            sender, receiver = places[..., :, None], places[..., None, :]
            return outside_majority(sender, receiver, agents, self.one_way)
        return across(on_side[..., :, None], on_side[..., None, :], self.one_way)

    def _sides(self, order: NDArray[np.int_], agent_ids: tuple[Any, ...]) -> NDArray[np.int32]:
        """Returns the side of each place, int32 `[N]`; `order` has the members' indices."""
        found = np.full(len(agent_ids), NO_SIDE, dtype=np.int32)
        place_of = {index: place for place, index in enumerate(order.tolist())}
        for side, group in enumerate(self.groups or ()):
            for agent in group:
                index = index_of(f"{self.name}.groups", agent, agent_ids)
                found[place_of[index]] = side
        if self.pattern is not None and self.pattern != "majorities_ring":
            found[: len(order)] = sides(self.pattern, len(order))
        return found

    @property
    def _named(self) -> list[Any]:
        return [agent for group in self.groups or () for agent in group]

    def cut_links(self, agents: int) -> int:
        """Returns how many directed links a cut takes in a team of that size.

        Args:
            agents: Number of agents that the model concerns.
        """
        count = WholeNumber(max(1, len(self._named))).normalise("agents", agents)
        names = (*self._named, *((None, place) for place in range(count - len(self._named))))
        places = np.arange(count)
        return int(self._cut(self._sides(places, names), places, count).sum())

    def team_loss(self, agents: int) -> float:
        """Returns the long-run share of messages lost in a team of that size.

        If the team is shuffled this is the loss of every link, over all episodes.

        Args:
            agents: Number of agents that the model concerns.
        """
        return self._share_cut(agents) * self.switching.expected_share()

    def team_age(self, agents: int) -> float:
        """Returns the mean age of information in a team of that size, in rounds.

        Args:
            agents: Number of agents that the model concerns.
        """
        share = self._share_cut(agents)
        if not share:
            return 0.0
        if self.shuffle and self.switching.back_to_back and share < 1.0:
            # A geometric number of cuts in a row takes the same link.
            length = self.switching.expected_duration()
            return share * (length * (1.0 + share) / (1.0 - share) + 1.0) / 2.0
        return share * self.switching.expected_age()

    def _share_cut(self, agents: int) -> float:
        return self.cut_links(agents) / max(1, agents * (agents - 1))

    def expected_loss(self) -> Any:
        """Returns `{(sender, receiver): loss}` for the links that groups cut.

        None for a pattern and for shuffled groups, where it depends on the size of the team:
        `team_loss` knows that.
        """
        return self._of_cut_links(self.switching.expected_share())

    def expected_burst_length(self) -> Any:
        """Returns how many rounds a cut lasts; infinite if the same links stay cut.

        None where shuffled cuts follow each other without a round between them.
        """
        if self.switching.back_to_back:
            return None if self.shuffle else np.inf
        return self.switching.expected_duration()

    def expected_age(self) -> Any:
        """Returns `{(sender, receiver): age}` for the links that groups cut, as for the loss."""
        return self._of_cut_links(self.switching.expected_age())

    def _of_cut_links(self, value: float) -> Any:
        if self.groups is None or self.shuffle:
            return None
        return {
            pair: value
            for earlier, later in itertools.combinations(self.groups, 2)
            for one, other in itertools.product(earlier, later)
            for pair in [(one, other), (other, one)][: 1 if self.one_way else 2]
        }
