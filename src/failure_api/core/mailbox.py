"""The mailbox: what each receiver has of each sender, late, held, predicted or missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple, Protocol

from failure_api.core.channel import Delivery
from failure_api.core.links import Array
from failure_api.core.parameters.fields import normalise_fields
from failure_api.core.parameters.rules import Rule
from failure_api.core.parameters.types import Count
from failure_api.errors import ModelError, invalid, nearest


@dataclass(frozen=True, kw_only=True)
class Predict:
    r"""Goes on in a straight line from the last two contents that arrived.

    $$ \hat x(t) = x_1 + (x_1 - x_0) \, \frac{\min(t - t_1, \text{horizon})}{t_1 - t_0} $$

    where $x_0$ and $x_1$ were made in rounds $t_0 < t_1$. Entries that are not continuous are held,
    and the bounds of the space are kept. With fewer than two contents the last one is held, zero
    before the first.

    Args:
        horizon: Rounds after $t_1$ up to which the line goes on; afterwards it stays where it is.

    Raises:
        InvalidArgumentError: A horizon that is no whole number, 1 or more.

    Example:
        >>> Predict(horizon=5)
        Predict(horizon=5)

    Source: dead reckoning, as in IEEE 1278 (distributed interactive simulation).
    """

    horizon: Count = 10

    def __post_init__(self) -> None:
        """Checks the horizon."""
        normalise_fields(self)


class MissingRule(Rule):
    """What stands in for content that did not arrive."""

    words = ("zero", "hold", "predict")

    def normalise(self, name: str, value: Any) -> Any:
        """Returns the word, the prediction or the function, or raises what is wrong with it."""
        if isinstance(value, Predict) or (isinstance(value, str) and value in self.words):
            return value
        if callable(value) and not isinstance(value, type):
            return value
        listed = " or ".join(map(repr, self.words))
        rule = f"must be {listed}, a Predict, or a function of content and age"
        raise invalid(name, rule, value, nearest(value, self.words))


Missing = Annotated[Any, MissingRule()]
"""`"zero"`, `"hold"` for the newest content that ever arrived, `"predict"` for `Predict()`, a
`Predict`, or a function `(content, age) -> content`: of the newest content that ever arrived,
`[..., receiver, sender, K]`, and its age in rounds, int32 `[..., receiver, sender, 1]`."""


class Numbering(Protocol):
    """How content is read as numbers, `[..., receiver, sender, K]`, and written again."""

    def read(self, content: Array) -> Array:
        """Returns the numbers that content stands for."""

    def write(self, content: Array, before: Array, after: Array) -> Array:
        """Returns content whose numbers have changed; what has not is as it was."""

    def within(self, numbers: Array, last: Array) -> Array:
        """Returns numbers within their bounds; those that are not continuous as they were last."""


class Layout(Protocol):
    """How the content of all links lies in memory, and how it is reached by link.

    Places and flags are of links, `[..., sender, receiver]`.
    """

    def filled(self, said: Array, zero: Array | None) -> Array:
        """Returns content of all links that is zero, in memory of its own."""

    def ring(self, said: Array, length: int) -> Array:
        """Returns so many zeros for the content of all links."""

    def on_links(self, said: Array) -> Array:
        """Returns what is said as the content of each link."""

    def put(self, ring: Array, slots: Array, where: Array, content: Array) -> Array:
        """Returns a ring of contents with those of some links at a place of each."""

    def take(self, ring: Array, slots: Array) -> Array:
        """Returns for each link the content at a place of its own."""

    def history(self, said: Array, rounds: int, queued: bool) -> Any:
        """Returns rounds in which nothing was said.

        Args:
            said: Content of the form that it will have.
            rounds: How many.
            queued: Whether each link has content of its own by then.
        """

    def recall(self, history: Any, clock: Any, said: Array, ago: Array) -> tuple[Any, Array]:
        """Returns the history with this round, and for each link what was said so many rounds ago.

        Args:
            history: From `history`, or from the last round.
            clock: The number of this round, less whole turns of the history.
            said: What is said in this round.
            ago: int32; anything where nothing arrives.
        """

    def chosen(self, absent: Array, content: Array, standing: Array | None, kept: bool) -> Array:
        """Returns content, and where it is absent what stands in for it.

        Args:
            absent: Where it did not arrive.
            content: What arrives, used up.
            standing: What stands in; None for zeros.
            kept: Whether what stands in is needed as it is.
        """

    def spread(self, of_links: Array) -> Array:
        """Returns what is known of links in the shape of their content's numbers."""


class MailboxState(NamedTuple):
    """What a mailbox carries from round to round; () for what it does not need.

    Attributes:
        clock: The number of the coming round, less whole turns of the history.
        waiting: What waits in the queues, by their places.
        history: What was transmitted in the last rounds.
        last: The newest content that has arrived on each link.
        earlier: The newest before it.
        made: Rounds in which the two were made, int32 `[..., sender, receiver]` each, -1 for none.
    """

    clock: Any
    waiting: Any
    history: Any
    last: Any
    earlier: Any
    made: Any


class Mailbox:
    """Says which content each receiver has of each sender, for one team or for a batch of them.

    Args:
        layout: How content lies in memory.
        slots: One more than the most rounds that a message is under way.
        queue_slots: Places in a link's queue; 0 where there is none.
        missing: What stands in for content that did not arrive, as `Missing` has it.
        numbering: How content is read as numbers, for what stands in as a function of them.
    """

    def __init__(
        self,
        layout: Layout,
        slots: int,
        queue_slots: int,
        missing: Any = "zero",
        numbering: Numbering | None = None,
    ) -> None:
        self.layout, self.missing = layout, missing
        self._slots, self._queue_slots, self._holds = slots, queue_slots, missing != "zero"
        predict = Predict() if missing == "predict" else missing
        self._predicts = isinstance(predict, Predict)
        self._horizon = predict.horizon if self._predicts else None
        self._numbering = numbering

    def init(self, said: Array, zero: Array | None, links: Array, clock: Any) -> MailboxState:
        """Returns the state before round 0, in which nothing has been said.

        Args:
            said: Content of the form that it will have.
            zero: What there is before anything has arrived, which broadcasts; None for zeros.
            links: int32 `[..., sender, receiver]`, -1 throughout.
            clock: 0, as an array where a function is traced.
        """
        layout = self.layout
        return MailboxState(
            clock=clock,
            waiting=layout.ring(said, self._queue_slots) if self._queue_slots else (),
            history=layout.history(said, self._slots, bool(self._queue_slots))
            if self._slots > 1
            else (),
            last=layout.filled(said, zero) if self._holds else (),
            earlier=layout.filled(said, zero) if self._predicts else (),
            made=(links, links + 0) if self._predicts else (),
        )

    def arrive(
        self, state: MailboxState, said: Array, delivery: Delivery, round_index: Any
    ) -> tuple[MailboxState, Array]:
        """Returns the state, and the content that each link brings, anything where it brings none.

        Args:
            state: What `init` or the last `impute` returned.
            said: What is said in this round.
            delivery: What the channel brings.
            round_index: The round; an integer, or an array that broadcasts to the links.
        """
        layout, served, waiting = self.layout, delivery.served, state.waiting
        if self._queue_slots and served is not None:
            content = layout.on_links(said)
            waiting = layout.put(waiting, served.entered.slot, served.entered.where, content)
            said = layout.take(waiting, served.slot)
        if self._slots == 1:
            # Written out, since it happens in every round.
            state = state if waiting is state.waiting else state._replace(waiting=waiting)
            return state, layout.on_links(said)
        history, content = layout.recall(
            state.history, state.clock, said, round_index - delivery.left
        )
        clock = (state.clock + 1) % self._slots
        _, _, _, last, earlier, made = state
        return MailboxState(clock, waiting, history, last, earlier, made), content

    def impute(
        self,
        state: MailboxState,
        content: Array,
        absent: Array,
        delivery: Delivery,
        round_index: Any,
        zero: Array | None,
        xp: Any,
    ) -> tuple[MailboxState, Array]:
        """Returns the state, and what each receiver has of each sender.

        Args:
            state: What `arrive` returned.
            content: What arrived, used up.
            absent: Where nothing arrived, bool `[..., sender, receiver]`.
            delivery: What the channel brings.
            round_index: The round, as in `arrive`.
            zero: As in `init`.
            xp: The array namespace.
        """
        if not self._holds:
            return state, self.layout.chosen(absent, content, zero, True)
        if self._predicts:
            newest, before = state.made
            made = xp.where(absent, newest, delivery.sent), xp.where(absent, before, newest)
            earlier = self.layout.chosen(~absent, state.earlier, state.last, True)
            state = state._replace(earlier=earlier, made=made)
        clock, waiting, history, last, earlier, made = state
        last = self.layout.chosen(absent, content, last, self._predicts)
        state = MailboxState(clock, waiting, history, last, earlier, made)
        if self.missing == "hold":
            return state, last
        return state, self._estimated(state, absent, round_index - delivery.newest, round_index, xp)

    def _estimated(
        self, state: MailboxState, absent: Array, age: Array, round_index: Any, xp: Any
    ) -> Array:
        """Returns the newest content with what stands in for it as a function of numbers."""
        layout, numbering = self.layout, self._numbering
        assert numbering is not None
        last = numbering.read(state.last)
        if self._predicts:
            newest, earlier = state.made
            ahead = xp.minimum(round_index - newest, xp.full_like(newest, self._horizon))
            two = earlier >= 0
            apart = xp.where(two, newest - earlier, xp.ones_like(newest))
            ahead = xp.astype(xp.where(two, ahead, xp.zeros_like(ahead)), last.dtype)
            slope = ahead / xp.astype(apart, last.dtype)
            found = last + (last - numbering.read(state.earlier)) * layout.spread(slope)
        else:
            found = self.missing(last, layout.spread(age))
            if getattr(found, "shape", None) != last.shape:
                shape = getattr(found, "shape", type(found).__name__)
                raise ModelError(
                    f"missing must return content of the shape {tuple(last.shape)} that it was "
                    f"given, but returned {shape}: let it work entry by entry."
                )
            found = xp.astype(found, last.dtype)
        found = xp.where(layout.spread(absent), numbering.within(found, last), last)
        return numbering.write(state.last, last, found)
