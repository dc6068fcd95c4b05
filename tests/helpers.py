"""What the tests of the core and of the models share: contexts, played rounds, sentences."""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from failure_api.core import (
    Chain,
    Channel,
    CommunicationModel,
    Context,
    Links,
    NumpyStream,
    RandomStream,
)

FALSE_ALARM = 1e-6
"""Probability that a statistical test of correct code fails, were its seed not fixed."""


@dataclass(frozen=True, kw_only=True)
class Scripted(CommunicationModel):
    """Plays back links `[T, ..., N, N]` that a test wrote down."""

    bandwidths: Any = None
    delays: Any = None
    noises: Any = None

    @property
    def longest_delay(self) -> int:
        return 0 if self.delays is None else int(np.max(self.delays, initial=1))

    def step(
        self, state: Any, links: Links, context: Context, random: RandomStream
    ) -> tuple[Any, Links]:
        xp = context.xp

        def now(script: Any, dtype: Any) -> Any:
            entry = np.broadcast_to(np.asarray(script)[context.round], context.shape)
            return xp.asarray(np.array(entry), dtype=dtype)

        if self.bandwidths is not None:
            bandwidth = xp.minimum(links.bandwidth, now(self.bandwidths, xp.float32))
            links = links._replace(bandwidth=bandwidth)
        if self.delays is not None:
            delay = now(self.delays, xp.int32)
            links = links._replace(delay=delay if links.delay is None else links.delay + delay)
        if self.noises is not None:
            noise = now(self.noises, xp.float32)
            links = links._replace(noise=noise if links.noise is None else links.noise + noise)
        return state, links


class Played(NamedTuple):
    """The rounds of one episode as NumPy arrays `[T, ..., N, N]`."""

    sent: Any
    newest: Any
    bandwidth: Any
    delay: Any
    noise: Any

    @property
    def arrived(self) -> Any:
        return self.sent >= 0

    @property
    def age(self) -> Any:
        """Rounds since the newest arrived message was sent; round + 1 before the first."""
        rounds = np.arange(len(self.newest)).reshape(-1, *(1,) * (self.newest.ndim - 1))
        return rounds - self.newest


def context_of(
    agents: int = 3,
    *,
    batch: tuple[int, ...] = (),
    alive: Any = None,
    positions: Any = None,
    number: Any = 0,
    xp: ModuleType = np,
) -> Context:
    """Returns the context of one round, with agents called a, b, c, ..."""
    shape = (*batch, agents, agents)
    alive = np.ones(shape[:-1], dtype=bool) if alive is None else np.array(alive)
    if positions is not None:
        positions = xp.asarray(np.array(positions, dtype=np.float32))
    agent_ids = tuple(f"agent_{index}" for index in range(agents))
    return Context(number, xp.asarray(alive), positions, xp, shape, agent_ids)


def label(value: Any) -> str:
    """Returns what a test calls one of its values, the same in every process."""
    return getattr(value, "__name__", None) or re.sub(r"^<(.*) object at .*>$", r"\1", repr(value))


def lock(tree: Any) -> Any:
    """Makes every NumPy array within nested tuples read-only."""
    if isinstance(tree, np.ndarray):
        tree.flags.writeable = False
    elif isinstance(tree, tuple):
        for branch in tree:
            lock(branch)
    return tree


def play(
    *models: CommunicationModel,
    rounds: int = 1,
    agents: int = 3,
    batch: tuple[int, ...] = (),
    seed: int = 0,
    alive: Any = None,
    positions: Any = None,
    xp: ModuleType = np,
    read_only: bool = False,
) -> Played:
    """Plays an episode; `alive` and `positions` may have one entry for each round."""
    channel = Channel(chain=Chain(models=models))
    random = NumpyStream(seed, xp=xp)
    deliveries = []
    state = None
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
        state = channel.init(context, random) if state is None else state
        state, delivery = channel.step(lock(state) if read_only else state, context, random)
        deliveries.append(delivery)
    return Played(
        sent=_stack(deliveries, lambda delivery: delivery.sent),
        newest=_stack(deliveries, lambda delivery: delivery.newest),
        bandwidth=_stack(deliveries, lambda delivery: delivery.links.bandwidth),
        delay=_stack(deliveries, lambda delivery: delivery.links.delay),
        noise=_stack(deliveries, lambda delivery: delivery.links.noise),
    )


def assert_same(one: Played, other: Played) -> None:
    """Raises unless two episodes agree on every link; the diagonal means nothing."""
    for name in Played._fields:
        first, second = getattr(one, name), getattr(other, name)
        if first is None or second is None:
            assert first is second, name
        else:
            np.testing.assert_array_equal(
                off_diagonal(first), off_diagonal(second), err_msg=name, strict=True
            )


def off_diagonal(array: Any) -> Any:
    """Returns the links between different agents, `[..., N * (N - 1)]`."""
    array = np.asarray(array)
    return array[..., ~np.eye(array.shape[-1], dtype=bool)]


def assert_one_sentence(error: BaseException, *words: str) -> None:
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


def _stack(deliveries: list[Any], field: Any) -> Any:
    arrays = [field(delivery) for delivery in deliveries]
    if any(array is None for array in arrays):
        return None
    return np.stack([np.asarray(array) for array in arrays])
