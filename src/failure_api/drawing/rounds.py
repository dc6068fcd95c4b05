"""An episode of a few agents that walk about, to draw a model with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from failure_api.catalogue.examples import AGENTS
from failure_api.core.chain import Chain
from failure_api.core.channel import Channel
from failure_api.core.links import Context
from failure_api.core.model import CommunicationModel
from failure_api.core.noise import NoiseContext, NoiseModel
from failure_api.core.noise_chain import NoiseChain
from failure_api.core.random.numpy_stream import NumpyStream

ROUNDS = 200

MESSAGE_BITS = 32
"""Bits of what the agents say to each other: one number."""

NOTHING, LATE, CURRENT = 0, 1, 2
"""What a receiver gets in a round: no message, one sent earlier, the one sent now."""


class LinkHistory(NamedTuple):
    """What happened on every link between two different agents.

    Attributes:
        links: The places of sender and receiver, one row a link, int `[L, 2]`.
        received: NOTHING, LATE or CURRENT, int `[L, T]`.
        age: Rounds since the newest message that has arrived was sent, counted from one round
            before the first where none has; int `[L, T]`.
    """

    links: NDArray[np.int64]
    received: NDArray[np.int64]
    age: NDArray[np.int64]

    @property
    def shares(self) -> tuple[float, float, float]:
        """The shares of link rounds with nothing, with a late and with a current message."""
        nothing, late, current = (float(np.mean(self.received == what)) for what in range(3))
        return nothing, late, current


class NoiseHistory(NamedTuple):
    """What an agent said, and what became of it; float `[T, K]`."""

    before: NDArray[np.float32]
    after: NDArray[np.float32]


def play_links(model: CommunicationModel, rounds: int = ROUNDS, seed: int = 0) -> LinkHistory:
    """Returns what a failure model does to the links of four agents.

    Args:
        model: The model.
        rounds: Length of the episode.
        seed: Seed of the model's draws.
    """
    count = len(AGENTS)
    alive = np.ones(count, dtype=bool)
    bits = np.full((count, count), MESSAGE_BITS, dtype=np.float32)
    contexts = [
        Context(index, alive, positions, np, bits.shape, AGENTS, bits)
        for index, positions in enumerate(walks(rounds))
    ]
    deliveries = _played(Channel(chain=Chain(models=[model])), contexts, seed)
    both = np.array([(delivery.sent, delivery.newest) for delivery in deliveries])
    links = np.argwhere(~np.eye(count, dtype=bool))
    senders, receivers = links.T
    sent, newest = both[..., senders, receivers].transpose(1, 2, 0)
    times = np.arange(rounds)
    received = np.where(sent < 0, NOTHING, np.where(sent < times, LATE, CURRENT))
    return LinkHistory(links, received, times - newest)


def play_noise(model: NoiseModel, rounds: int = ROUNDS, seed: int = 0) -> NoiseHistory:
    """Returns what a noise model does to what the first agent says.

    The agents say a slow and a fast oscillation between -1 and 1 in a space from -2 to 2.

    Args:
        model: The model.
        rounds: Length of the episode.
        seed: Seed of the model's draws.
    """
    count, times = len(AGENTS), np.arange(rounds)
    phase = np.arange(count)[:, None]
    signals = [np.sin(2 * np.pi * times / period + phase) for period in (100, 40)]
    content = np.stack(signals, axis=-1).transpose(1, 0, 2).astype(np.float32)
    low, high = np.full((2, *content.shape[1:]), [[[-2.0]], [[2.0]]], dtype=np.float32)
    whole, arrived = np.zeros(low.shape, dtype=bool), np.ones(count, dtype=bool)
    contexts = [
        NoiseContext(index, arrived, low, high, whole, np, low.shape, AGENTS)
        for index in range(rounds)
    ]
    after = _played(NoiseChain(models=[model]), contexts, seed, content.copy())
    return NoiseHistory(content[:, 0], np.stack([noisy[0] for noisy in after]))


def _played(process: Any, contexts: Sequence[Any], seed: int, *inputs: Any) -> Iterator[Any]:
    """Yields what a channel or a chain of noise models returns in each round."""
    random = NumpyStream(seed)
    parameters = process.prepare(contexts[0])
    state = process.init(parameters, contexts[0], random)
    for arguments in zip(*inputs, contexts, strict=True):
        state, result = process.step(parameters, state, *arguments, random)
        yield result


def walks(rounds: int) -> NDArray[np.float32]:
    """Returns where four agents are that walk about in a square from -1 to 1, `[T, 4, 2]`.

    Example:
        >>> walks(200).shape, bool(abs(walks(200)).max() <= 1)
        ((200, 4, 2), True)
    """
    time = np.arange(rounds)[:, None, None] * 2 * np.pi / ROUNDS
    # Each agent goes its own closed curve, so that all distances occur.
    turns = np.array([[1, 2], [2, 1], [1, 3], [3, 2]])
    starts = np.array([[0.0, 0.5], [1.5, 2.0], [3.0, 1.0], [4.5, 3.5]])
    where: NDArray[np.float32] = (0.9 * np.sin(turns * time + starts)).astype(np.float32)
    return where
