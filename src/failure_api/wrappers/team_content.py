"""A team's content, round by round: over failing links, and as perfect ones would have shown it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from failure_api.core import Channel, Delivery, Links
from failure_api.core.mailbox import Mailbox, MailboxState
from failure_api.errors import NotResetError
from failure_api.exchanges import Exchange, Team
from failure_api.exchanges.exchange import Received, TeamCodec
from failure_api.exchanges.spaces.actions import ByAgent, copy_value
from failure_api.exchanges.spaces.corruption import Corruption, Entries


class TeamContent:
    """Takes what agents say in each round and what of it arrives, and gives each agent's view.

    Args:
        codec: What agents say and how receivers see it.
        missing: What stands in for content that did not arrive.
        channel: What brings the messages; None for links that bring each in its own round.
        noise: What corrupts the content that arrives; None where nothing does.
    """

    def __init__(
        self,
        codec: TeamCodec,
        missing: Any,
        channel: Channel | None = None,
        noise: Corruption | None = None,
    ) -> None:
        self._codec, self._missing, self._noise = codec, missing, noise
        queue = channel.chain.queue if channel else None
        self._fresh = missing == "zero"
        self._moves = type(codec).follow is not TeamCodec.follow
        self._slots = channel.slots if channel else 1
        self._queue_slots = queue.slots if queue else 0
        self._none = np.full((len(codec.agent_ids),) * 2, -1, dtype=np.int32)
        if channel is not None:
            channel.check_memory(self._none.shape, self._bytes())
        self._mailbox: Mailbox | None = None
        if noise is not None:
            noise.place(self._entries)
        self.start()

    def _entries(self) -> Entries:
        """Returns what the numbers may be that the messages are."""
        return self._codec.numbering.entries

    def _bytes(self) -> int:
        """Returns the memory that content takes which waits or is under way."""
        said = self._codec.form
        row, rows = said.itemsize, len(said)
        if said.ndim > 1:
            row, rows = row * said.shape[1], len(self._codec.layout.links)
        history = self._slots * (rows if self._queue_slots else len(said)) if self._slots > 1 else 0
        return int(row * (history + rows * self._queue_slots))

    def start(self) -> None:
        """Forgets everything that was said."""
        self._codec.start()
        self._state: MailboxState | None = None
        self._received: Received | None = None
        self._observations: ByAgent = {}

    def share(
        self, round_index: int, observations: ByAgent, messages: ByAgent, delivery: Delivery
    ) -> None:
        """Takes what the agents say in a round, and what of it arrives.

        Args:
            round_index: The round.
            observations: The environment's observation of each agent that takes part.
            messages: What each agent attached to its last action that attached anything.
            delivery: What the channel brings in this round.
        """
        codec, noise, links = self._codec, self._noise, delivery.links
        noisy = noise is not None and noise.acts(links)
        widened = codec.follow(noisy) if self._moves else None
        said, state, zero = codec.say_team(observations, messages), self._state, codec.zero
        if self._mailbox is None or widened is not None:
            predicted = self._missing not in ("zero", "hold")
            read_by = codec.numbering if predicted else None
            sizes = self._slots, self._queue_slots
            self._mailbox = Mailbox(codec.layout, *sizes, self._missing, read_by)
            if state is not None and widened is not None:
                state = _mapped(state, widened)
        mailbox = self._mailbox
        if state is None:
            state = mailbox.init(said, zero, self._none, 0)
        # NumPy takes longer to find the type of a Python number; nobody asks where all is new.
        all_new = self._slots == 1 and self._fresh
        now = round_index if all_new else np.array(round_index, dtype=np.int32)
        state, content = mailbox.arrive(state, said, delivery, now)
        absent = ~delivery.arrived
        if noisy:
            assert noise is not None
            numbering = codec.numbering
            before = numbering.read(content)
            real = numbering.real(content) & ~absent.T[..., None]
            made, entries = delivery.sent.T, numbering.entries
            after = noise.apply(round_index, before, real, links, entries, made)
            content = numbering.write(content, before, after)
        if self._fresh:
            content = mailbox.layout.chosen(absent, content, zero, True)
        else:
            state, content = mailbox.impute(state, content, absent, delivery, now, zero, np)
        self._state, self._observations = state, observations
        arrived, newest = delivery.arrived, delivery.newest
        self._received = Received(
            round_index, content, self._fresh, arrived, newest, noisy, observations
        )

    def views(self, agents: Iterable[Any]) -> dict[Any, Any]:
        """Returns what agents see that took part in the round, as objects that nobody holds."""
        received, observations = self._received, self._observations
        assert received is not None
        if agents is not observations:
            observations = {agent: observations[agent] for agent in agents}
        views = self._codec.see_team(observations, received)
        # What was cut out of the content is handed out once.
        received.fresh = False
        return views

    def view(self, agent: Any, observation: Any = None) -> Any:
        """Returns what an agent sees, as an object that nobody else holds.

        Args:
            agent: The receiver.
            observation: The agent's own observation, where it has changed since the round or
                the agent took no part in it.
        """
        assert self._received is not None
        if observation is None:
            observation = self._observations[agent]
        return self._codec.see_one(agent, observation, self._received)


def _mapped(state: MailboxState, widened: Any) -> MailboxState:
    """Returns a state whose content is in another layout."""
    kept = {name: getattr(state, name) for name in ("waiting", "history", "last", "earlier")}
    changed = {name: widened(a) for name, a in kept.items() if isinstance(a, np.ndarray)}
    return state._replace(**changed)


class CleanView:
    """The same exchange over perfect links, worked out for the rounds in which somebody asks.

    What it shows does not depend on whether anybody has asked before: what the dead said last is
    kept where the exchange may still show it.

    Args:
        exchange: What agents say to each other and how a receiver sees it.
        team: Who talks.
    """

    def __init__(self, exchange: Exchange, team: Team) -> None:
        self._exchange, self._team = exchange, team
        self._remembers = exchange.missing != "zero"
        # What follows the environment does so in its round: later it has moved on.
        self._at_once = self._remembers and exchange.follows_environment
        self._apart = ~np.eye(len(team.agent_ids), dtype=bool)
        self._content: TeamContent | None = None
        self._round_index = -1

    def start(self) -> None:
        """Forgets everything that was said."""
        self._round_index = -1
        self._newest = np.full(self._apart.shape, -1, dtype=np.int32)
        self._observations: ByAgent = {}
        self._messages: ByAgent = {}
        self._alive: NDArray[np.bool_] | None = None
        if self._content is not None:
            self._content.start()

    def hear(
        self, round_index: int, observations: ByAgent, messages: ByAgent, alive: NDArray[np.bool_]
    ) -> None:
        """Takes what agents observe in a round, what they attached, and who of them is alive."""
        before = self._alive
        if before is not None and alive is not before and not np.array_equal(alive, before):
            # The last round in which these agents talked to each other.
            if self._remembers and not self._at_once:
                self._share()
            self._newest = self._heard()
        if self._remembers:
            observations = {agent: copy_value(seen) for agent, seen in observations.items()}
        self._round_index, self._observations, self._alive = round_index, observations, alive
        self._messages = messages
        if self._at_once:
            self._share()

    def views(self, newer: ByAgent) -> dict[Any, Any]:
        """Returns what each agent would have seen in this round.

        Args:
            newer: Observations that have changed since the round.

        Raises:
            NotResetError: There has been no round yet.
        """
        if self._round_index < 0:
            raise NotResetError("the environment has not been reset: call reset() first.")
        content = self._content if self._at_once and self._content else self._share()
        return {agent: content.view(agent, newer.get(agent)) for agent in self._observations}

    def _share(self) -> TeamContent:
        """Returns the content after this round."""
        if self._content is None:
            codec = self._exchange.bind(self._team)
            self._content = TeamContent(codec, self._exchange.missing)
        talk = self._talking()
        delivery = Delivery(Links(talk), self._round_index, talk, self._heard(), talk, talk)
        self._content.share(self._round_index, self._observations, self._messages, delivery)
        return self._content

    def _talking(self) -> NDArray[np.bool_]:
        """Returns which agents tell each other something in this round, `[sender, receiver]`."""
        assert self._alive is not None
        return self._apart & self._alive[:, None] & self._alive[None, :]

    def _heard(self) -> NDArray[np.int32]:
        """Returns the round of the newest message on each link."""
        return np.where(self._talking(), np.int32(self._round_index), self._newest)
