"""Topology: the team falls into groups that cannot reach each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from failure_api.communication_models.partition.patterns import (
    ALWAYS,
    NO_SIDE,
    Groups,
    Pattern,
    Switching,
    across,
    outside_majority,
    shuffled,
    sides,
)
from failure_api.core import Array, CommunicationModel, Context, Links, RandomStream, Traits
from failure_api.core.parameters.fields import index_of, members_of
from failure_api.core.parameters.rules import WholeNumber
from failure_api.errors import invalid


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

    EXAMPLE: ClassVar[Mapping[str, Any]] = {
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
        if self.agent_ids is not None:
            for agent in self._named:
                if agent not in self.agent_ids:
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
        for number, group in enumerate(self.groups or ()):
            for agent in group:
                index = index_of(f"{self.name}.groups", agent, agent_ids)
                found[place_of[index]] = number
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
        cut = self._cut(self._sides(places, names), places, count)
        return int(cut.sum())

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
        pairs = [
            (sender, receiver)
            for earlier, group in enumerate(self.groups)
            for later in self.groups[earlier + 1 :]
            for one in group
            for other in later
            for sender, receiver in ((one, other), (other, one))[: 1 if self.one_way else 2]
        ]
        return dict.fromkeys(pairs, value)
