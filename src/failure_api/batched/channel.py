"""The channel over batches: payloads in, what each receiver has of each sender out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple, cast

import numpy as np

from failure_api.batched.call import Call, batch_of, call_of, check_done, check_same_form
from failure_api.batched.content import Content, ContentState, Received, handed_out
from failure_api.batched.limits import Entries, Limits
from failure_api.core import Chain, Channel, ChannelState, CommunicationModel
from failure_api.core.arrays import libraries
from failure_api.core.arrays.trees import chosen, map_leaves
from failure_api.core.contract import check_heard
from failure_api.core.links import Array
from failure_api.core.mailbox import Missing
from failure_api.core.model import distinct
from failure_api.core.noise import NoiseModel
from failure_api.core.noise_chain import NoiseChain
from failure_api.core.parameters.fields import normalise_fields
from failure_api.core.random.portable_stream import BEFORE
from failure_api.core.random.sources import Source, source_of
from failure_api.errors import invalid


class BatchedState(NamedTuple):
    """Everything that a batch of teams carries from round to round.

    It is a tree of arrays, so that JAX compiles, maps and scans functions of it.

    Attributes:
        round: The round that comes next: an integer while all elements are in the same round and
            nothing is traced, else an int32 array `[...]`.
        channel: The state of the links and of what is in flight.
        content: What is kept of what was said.
        source: Where the draws come from.
        severity: How severe failures are in each element's episode, float32 `[...]`; None where
            the state began without.
    """

    round: Any
    channel: ChannelState
    content: ContentState
    source: Source
    severity: Array | None = None


@dataclass(frozen=True, kw_only=True)
class BatchedChannel:
    """Messages on failing links, for whole batches of teams, under NumPy, PyTorch or JAX.

    The first call of `step` is round 0. `init`, `step` and `reset_where` are pure: all that changes
    is in the state, save for generators of NumPy and PyTorch, which go on. They can be traced by
    `jax.jit`, `jax.vmap` and `jax.lax.scan`. Gradients flow through content that was delivered,
    also late, and are zero through content that was not.

    Args:
        failure_models: One communication model, or several that act in order.
        agent_ids: The team's agents, in the order of the arrays.
        noise_models: One noise model, or several, that corrupt the content that arrives.
        missing: What stands in for content that did not arrive: `"zero"` takes the field `zero`;
            `"hold"` the newest content that ever arrived on the link, `zero` before the first;
            `"predict"` or `Predict(...)` a straight line through the last two; or a function
            `(content, age) -> content` of it, `[..., receiver, sender, D]` and int32
            `[..., receiver, sender, 1]`.
        low: Least values of the content, which broadcast to `[receiver, sender, D]`. Noise keeps
            to them.
        high: Greatest values, likewise.
        whole: Which entries are whole numbers, likewise.
        zero: What there is where nothing has arrived, likewise.
        per_link: Whether agents say something else to each receiver, so that payloads are
            `[..., sender, receiver, D]`, and else `[..., N, D]`.
        entry_links: For payloads and received content that are one row of entries `[..., K]`: the
            sender and the receiver of each entry, and its index in their message, `[K, 3]`. None
            where each message is a row of its own.
        streams: `"native"` draws as the array library does best. `"portable"` draws the same, bit
            for bit, with NumPy, PyTorch and JAX, and an element of a batch as it does alone; it
            costs more on arrays that are small.

    Raises:
        InvalidArgumentError: A model or another argument breaks its rule.

    Example:
        >>> from failure_api import ProbabilisticModel
        >>> channel = BatchedChannel(
        ...     failure_models=ProbabilisticModel(failure_prob=0.5), agent_ids=("a", "b", "c")
        ... )
        >>> payloads = np.ones((1000, 3, 2), dtype=np.float32)
        >>> state = channel.init(0, payloads)
        >>> state, received = channel.step(state, payloads)
        >>> received.content.shape, received.flags.shape
        ((1000, 3, 3, 2), (1000, 3, 3))
        >>> bool(abs(received.flags.mean() - 1 / 3) < 0.05)
        True
    """

    failure_models: CommunicationModel | Iterable[CommunicationModel]
    agent_ids: Sequence[Any]
    noise_models: NoiseModel | Iterable[NoiseModel] = ()
    missing: Missing = "zero"
    low: Any = -np.inf
    high: Any = np.inf
    whole: Any = False
    zero: Any = 0.0
    per_link: bool = False
    entry_links: Any = None
    streams: Literal["native", "portable"] = "native"

    def __post_init__(self) -> None:
        """Checks the fields, and that the models go together and suit the team."""
        normalise_fields(self)
        object.__setattr__(self, "agent_ids", distinct(self.agent_ids))
        self._limits.check()
        _ = self._entries
        check_heard(self.chain)
        # The noise models are checked where they are made a chain, too.
        _ = self.noise

    @cached_property
    def chain(self) -> Chain:
        """The failure models."""
        return Chain(models=cast("Any", self.failure_models))

    @cached_property
    def noise(self) -> NoiseChain:
        """The noise models."""
        return NoiseChain(models=cast("Any", self.noise_models))

    @cached_property
    def _channel(self) -> Channel:
        return Channel(chain=self.chain)

    @cached_property
    def _content(self) -> Content:
        fields = self._limits, self.missing, self._ids, self._axes, self._entries
        return Content(self._channel, self.noise, *fields)

    @cached_property
    def _entries(self) -> Entries | None:
        return None if self.entry_links is None else Entries.of(self.entry_links, len(self._ids))

    @property
    def _axes(self) -> tuple[int, ...]:
        """The axes of agents that payloads have."""
        if self._entries is not None:
            return ()
        return (len(self._ids),) * (2 if self.per_link else 1)

    @property
    def _limits(self) -> Limits:
        return Limits(self.low, self.high, self.whole, self.zero)

    @property
    def _ids(self) -> tuple[Any, ...]:
        return cast("tuple[Any, ...]", self.agent_ids)

    def init(
        self,
        random: Any,
        payloads: Array,
        *,
        positions: Array = None,
        alive: Array = None,
        severity: Any = None,
    ) -> BatchedState:
        """Returns the state before round 0.

        Args:
            random: A seed, of which each element of the batch has one of its own; with portable
                draws, a signed integer array `[...]` with a seed for each; with JAX, a key or one
                for each element; with native draws of PyTorch, a `torch.Generator`.
            payloads: As for `step`; only their form counts: shape, type, library and device.
            positions: Where the agents are as the episode begins, `[..., N, dim]`; needed where a
                model needs them. Nothing lies further than 1e18 from 0: NumPy's arrays are
                refused where a live agent does, and in those of other libraries, which may be
                traced, it lies there.
            alive: Which agents take part, bool `[..., N]`; None for all.
            severity: How severe failures are, as `set_severity` of the wrappers says: a number in
                [0, 1], or an array `[...]` of one for each element of the batch, which may be
                traced; None leaves the models as they are. What lies outside is refused where
                values can be read, as those of numbers and of arrays in the host's memory; where
                a function is traced, and on other devices, it is the nearest of 0 and 1.

        Raises:
            InvalidArgumentError: An array has a wrong shape, a mask, is of another library or on
                another device than the payloads, positions are missing or too far off, or no
                model takes a severity.
        """
        width = None if self._entries is None else len(self._entries.links)
        batch = batch_of(payloads, self._axes, width)
        call = call_of(self.chain, self._ids, batch, {"payloads": payloads}, positions, alive)
        with libraries.on_device_of(payloads):
            call = call.graded(severity, self.chain)
            source = source_of(random, batch, self.streams, call.library, call.device)
            form = call.xp.zeros((1, *payloads.shape[len(batch) :]), dtype=payloads.dtype)
            begun = self._begun(source, call, form)
            kept = random, payloads, positions, alive, severity
            return cast("BatchedState", libraries.apart(begun, call.library, *kept))

    def step(
        self, state: BatchedState, payloads: Array, *, positions: Array = None, alive: Array = None
    ) -> tuple[BatchedState, Received]:
        """Runs a round and returns the next state and what each receiver has of each sender.

        Args:
            state: What `init`, `step` or `reset_where` returned.
            payloads: What each agent says, `[..., N, D]`, or where `per_link`
                `[..., sender, receiver, D]`.
            positions: Where the agents are, `[..., N, dim]`; needed where a model needs them.
            alive: Which agents take part, bool `[..., N]`; None for all.

        Raises:
            InvalidArgumentError: As for `init`, or the payloads are of another form than before.
        """
        state, received = self.run_round(state, payloads, positions=positions, alive=alive)
        return state, handed_out(received)

    def run_round(
        self, state: BatchedState, payloads: Array, *, positions: Array = None, alive: Array = None
    ) -> tuple[BatchedState, Received]:
        """Does what `step` does, for who writes to nothing of the delivery: part of it is kept.

        Args:
            state: As for `step`.
            payloads: As for `step`.
            positions: As for `step`.
            alive: As for `step`.
        """
        if libraries.is_compiled() and isinstance(state, BatchedState):
            state = _with_tensors(state)
        state = self._checked(state, payloads=payloads)
        batch = tuple(state.channel.newest.shape[:-2])
        arrays = {"payloads": payloads, "state": state.channel.newest}
        call = call_of(self.chain, self._ids, batch, arrays, positions, alive)
        call = call._replace(severity=state.severity)
        check_same_form(payloads, batch, state.content.form)
        with libraries.on_device_of(payloads):
            round_index, channel, content, source, severity = state
            kept = self._content.kept(content.form, call)
            random = source.in_round(round_index, call.xp)
            channel, delivery = self._channel.step(
                kept.models, channel, call.context(round_index), random
            )
            content, received = self._content.received(
                content, payloads, delivery, round_index, call, kept, random
            )
            following = BatchedState(round_index + 1, channel, content, source, severity)
            owned = payloads, positions, alive
            state, received = libraries.apart((following, received), call.library, *owned)
            return state, received

    def reset_where(
        self,
        state: BatchedState,
        done: Array,
        *,
        positions: Array = None,
        alive: Array = None,
        severity: Any = None,
    ) -> BatchedState:
        """Returns the state with some elements of the batch before round 0 of a new episode.

        They are exactly as `init` would have them, and draw what has not been drawn before.

        Args:
            state: What `init`, `step` or `reset_where` returned.
            done: Which elements start anew, bool `[...]`.
            positions: As for `init`.
            alive: As for `init`.
            severity: As for `init`, of the elements that start anew; None leaves each as it was.

        Raises:
            InvalidArgumentError: As for `init`, or the state began without a severity.
        """
        state = self._checked(state, done=done)
        batch = tuple(state.channel.newest.shape[:-2])
        check_done(done, batch)
        arrays = {"done": done, "state": state.channel.newest}
        call = call_of(self.chain, self._ids, batch, arrays, positions, alive)
        xp = call.xp
        if severity is not None and state.severity is None:
            rule = "must be given to init where reset_where is to change it"
            raise invalid("severity", rule, severity, "begin with init(..., severity=1.0)")
        with libraries.on_device_of(done):
            call = call._replace(severity=state.severity).graded(severity, self.chain)
            source = state.source.restarted(done, xp)
            fresh = self._begun(source, call, state.content.form)
            numbers = xp.zeros(batch, dtype=xp.int32)
            fresh = fresh._replace(round=numbers)
            old = state._replace(round=numbers + state.round, source=source)
            found, kept = chosen(done, fresh, old, xp), (done, positions, alive, severity)
            return cast("BatchedState", libraries.apart(found, call.library, *kept))

    def set_back(self, state: BatchedState) -> BatchedState:
        """Returns a state before round 0 whose rings stand one place earlier than those given.

        After its round 0 it goes together with elements that have had no round meanwhile.

        Args:
            state: What `reset_where` returned for all elements.
        """
        channel, content, slots = state.channel, state.content, self._channel.slots
        way, box = channel.under_way, content.mailbox
        if way is not None:
            way = way._replace(clock=(way.clock - 1) % slots)
        box = box._replace(clock=(box.clock - 1) % slots)
        return state._replace(
            channel=channel._replace(under_way=way),
            content=content._replace(mailbox=box),
            source=state.source.aside(),
        )

    def detached(self, state: BatchedState) -> BatchedState:
        """Returns a state through which no gradient flows, to learn from a few rounds at a time."""
        return cast("BatchedState", map_leaves(libraries.without_gradient, state))

    def _checked(self, state: Any, **beside: Array) -> BatchedState:
        """Returns a state, or raises an error for what is none of this channel.

        Args:
            state: The state. What has come back from a file as NumPy's arrays is converted.
            beside: An array that says in which library it is needed, by its name.
        """
        whole = isinstance(state, BatchedState) and (
            isinstance(state.channel, ChannelState) and isinstance(state.content, ContentState)
        )
        fits = whole and (
            state.channel.newest.shape[-1] == len(self._ids)
            and len(state.channel.models) == len(self.chain.parts)
            and self._content.fits(state.content)
        )
        if not fits:
            what = "one of another channel" if isinstance(state, BatchedState) else state
            rule = "must be what this channel's init, step or reset_where returned"
            raise invalid("state", rule, what, "begin with init(random, payloads)")
        if isinstance(state.channel.newest, np.ndarray):
            xp, drawn = libraries.library_of(beside).xp, getattr(state.source, "stream", None)
            # Another library's generator could not go on.
            if drawn is None or drawn.xp is xp:
                with libraries.on_device_of(next(iter(beside.values()))):
                    state = libraries.on_arrays_of(xp, state)
        return cast("BatchedState", state)

    def _begun(self, source: Source, call: Call, form: Array) -> BatchedState:
        """Returns the state before round 0."""
        xp = call.xp
        kept = self._content.kept(form, call)
        random = source.in_round(BEFORE, xp)
        # While a function is traced the round is an array, as it is in every step.
        first = xp.zeros(call.batch, dtype=xp.int32) if call.library.traces else 0
        channel = self._channel.init(kept.models, call.context(first), random)
        return BatchedState(
            round=first,
            channel=channel,
            content=self._content.begun(form, call, kept, random),
            source=source,
            severity=call.severity,
        )


def _with_tensors(state: BatchedState) -> BatchedState:
    """Returns a state with tensors for integers, which PyTorch would compile as constants."""
    round_index, channel, content, way = state.round, state.channel, state.content, None
    batch = channel.newest[..., 0, 0]
    if isinstance(round_index, int):
        round_index = batch * 0 + round_index
    # Whatever the batch, there is one of these.
    zero = batch.flatten()[:0].sum(dtype=batch.dtype)
    if channel.under_way is not None:
        way = channel.under_way._replace(clock=zero + channel.under_way.clock)
    mailbox = content.mailbox._replace(clock=zero + content.mailbox.clock)
    return state._replace(
        round=round_index,
        channel=channel._replace(under_way=way),
        content=content._replace(mailbox=mailbox),
    )
