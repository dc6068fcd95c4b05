"""What the tests of the core and of the models share: contexts, played rounds, sentences."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from failure_api.core import (
    Chain,
    Channel,
    CommunicationModel,
    Context,
    Links,
    NumpyStream,
    Stage,
    Traits,
)
from failure_api.core.queue import Queue

FALSE_ALARM = 1e-6
"""Probability that a statistical test of correct code fails, were its seed not fixed."""


@dataclass(frozen=True, kw_only=True)
class Scripted(CommunicationModel):
    """Plays back links `[T, ..., N, N]` that a test wrote down; None says nothing of a field."""

    silent: Any = None
    capacities: Any = None
    rejected: Any = None
    lost: Any = None
    delays: Any = None
    in_order: Any = None
    expiries: Any = None
    noises: Any = None
    deaf: Any = None
    queue: Queue | None = None

    @property
    def traits(self):
        stages = {
            Stage.SENT: self.silent,
            Stage.SERVED: self.capacities,
            Stage.ADMITTED: self.rejected,
        }
        said = [stage for stage, script in stages.items() if script is not None]
        narrows = self.capacities is not None and bool((np.asarray(self.capacities) < 1).any())
        return Traits(
            stages={min(said, default=Stage.ON_AIR)},
            longest_delay=0 if self.delays is None else int(np.max(self.delays, initial=1)),
            queue=self.queue,
            narrows=narrows,
            in_order=self.in_order is not None,
            expires=self.expiries is not None,
        )

    def step(self, parameters, state, links, context, random):
        xp = context.xp

        def now(script, dtype):
            entry = np.broadcast_to(np.asarray(script)[context.round], context.shape)
            return xp.asarray(np.array(entry), dtype=dtype)

        if self.silent is not None:
            links = links.silence(now(self.silent, xp.bool))
        if self.capacities is not None:
            links = links.narrow(now(self.capacities, xp.float32), xp)
        if self.rejected is not None:
            # What is lost at the stage of admission never enters the queue.
            links = links.lose(now(self.rejected, xp.bool))
        if self.lost is not None:
            links = links.lose(now(self.lost, xp.bool))
        if self.delays is not None:
            links = links.slow(now(self.delays, xp.int32))
        if self.in_order is not None:
            ordered = now(self.in_order, xp.bool)
            ordered = ordered if links.in_order is None else links.in_order | ordered
            links = links._replace(in_order=ordered)
        if self.expiries is not None:
            expiry = now(self.expiries, xp.int32)
            expiry = expiry if links.expiry is None else xp.minimum(links.expiry, expiry)
            links = links._replace(expiry=expiry)
        if self.noises is not None:
            noise = now(self.noises, xp.float32)
            links = links._replace(noise=noise if links.noise is None else links.noise + noise)
        if self.deaf is not None:
            links = links.deafen(now(self.deaf, xp.bool))
        return state, links


class Played(NamedTuple):
    """The rounds of one episode as NumPy arrays `[T, ..., N, N]`; None as in `Links`."""

    sent: Any
    newest: Any
    sends: Any
    capacity: Any
    lost: Any
    delay: Any
    in_order: Any
    expiry: Any
    noise: Any
    hears: Any
    arrivals: Any

    @property
    def arrived(self):
        return self.sent >= 0

    @property
    def up(self):
        """Where something was transmitted that is not lost, towards who hears in that round."""
        up = self.sends
        up = up if self.lost is None else up & ~self.lost
        return up if self.hears is None else up & self.hears

    @property
    def age(self):
        """Rounds since the newest arrived message was sent; round + 1 before the first."""
        rounds = np.arange(len(self.newest)).reshape(-1, *(1,) * (self.newest.ndim - 1))
        return rounds - self.newest


def context_of(
    agents=3,
    *,
    batch=(),
    alive=None,
    positions=None,
    number=0,
    xp=np,
):
    """Returns the context of one round, with agents called a, b, c, ..."""
    shape = (*batch, agents, agents)
    alive = np.ones(shape[:-1], dtype=bool) if alive is None else np.array(alive)
    if positions is not None:
        positions = xp.asarray(np.array(positions, dtype=np.float32))
    agent_ids = tuple(f"agent_{index}" for index in range(agents))
    return Context(number, xp.asarray(alive), positions, xp, shape, agent_ids)


def label(value):
    """Returns what a test calls one of its values, the same in every process."""
    return getattr(value, "__name__", None) or re.sub(r"^<(.*) object at .*>$", r"\1", repr(value))


def lock(tree):
    """Makes every NumPy array within nested tuples read-only."""
    if isinstance(tree, np.ndarray):
        tree.flags.writeable = False
    elif isinstance(tree, tuple | dict):
        for branch in tree.values() if isinstance(tree, dict) else tree:
            lock(branch)
    return tree


def play(
    *models,
    rounds=1,
    agents=3,
    batch=(),
    seed=0,
    alive=None,
    positions=None,
    xp=np,
    read_only=False,
):
    """Plays an episode; `alive` and `positions` may have one entry for each round."""
    channel = Channel(chain=Chain(models=models))
    random = NumpyStream(seed, xp=xp)
    deliveries = []
    parameters = state = None
    for number in range(rounds):
        context = context_of(
            agents,
            batch=batch,
            alive=None if alive is None else np.asarray(alive)[number],
            positions=None if positions is None else np.asarray(positions)[number],
            number=number,
            xp=xp,
        )
        if read_only:
            lock(context)
        if state is None:
            parameters = channel.prepare(context)
            parameters = lock(parameters) if read_only else parameters
            state = channel.init(parameters, context, random)
        state = lock(state) if read_only else state
        state, delivery = channel.step(parameters, state, context, random)
        deliveries.append(delivery)
    links = {
        name: _stack([getattr(delivery.links, name) for delivery in deliveries])
        for name in Played._fields
        if name in Links._fields
    }
    return Played(
        sent=_stack([delivery.sent for delivery in deliveries]),
        newest=_stack([delivery.newest for delivery in deliveries]),
        arrivals=_stack([delivery.arrivals for delivery in deliveries]),
        **links,
    )


def assert_same(one, other):
    """Raises unless two episodes agree on every link; the diagonal means nothing."""
    for name in Played._fields:
        first, second = getattr(one, name), getattr(other, name)
        if first is None or second is None:
            assert first is second, name
        else:
            np.testing.assert_array_equal(
                off_diagonal(first), off_diagonal(second), err_msg=name, strict=True
            )


def off_diagonal(array):
    """Returns the links between different agents, `[..., N * (N - 1)]`."""
    array = np.asarray(array)
    return array[..., ~np.eye(array.shape[-1], dtype=bool)]


def assert_one_sentence(error, *words):
    """Raises unless an error is one sentence that holds the words, a rule and a remedy."""
    text = str(error)
    assert "\n" not in text, text
    assert text.endswith((".", "?")), text
    rule, colon, remedy = text.rpartition(": ")
    assert colon, text
    assert len(remedy.split()) >= 2, text
    assert any(word in rule for word in (" must ", " belongs to ")), text
    for word in words:
        assert word in text, text


def _stack(arrays):
    if any(array is None for array in arrays):
        return None
    return np.stack([np.asarray(array) for array in arrays])
