"""An episode of a few agents that walk about, to draw a model with."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from failure_api.catalogue.examples import AGENTS
from failure_api.core.chain import Chain
from failure_api.core.channel import Channel
from failure_api.core.links import Context
from failure_api.core.model import CommunicationModel
from failure_api.core.noise import NoiseContext, NoiseModel, senders
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
    channel, random = Channel(chain=Chain(models=[model])), NumpyStream(seed)
    alive = np.ones(count, dtype=bool)
    positions = walks(rounds)
    bits = np.full((count, count), MESSAGE_BITS, dtype=np.float32)
    sent, newest = [], []
    state: Any = None
    parameters: Any = None
    for number in range(rounds):
        context = Context(number, alive, positions[number], np, bits.shape, AGENTS, bits)
        if number == 0:
            parameters = channel.prepare(context)
            state = channel.init(parameters, context, random)
        state, delivery = channel.step(parameters, state, context, random)
        sent.append(delivery.sent)
        newest.append(delivery.newest)
    links = np.argwhere(~np.eye(count, dtype=bool))
    chosen = (slice(None), links[:, 0], links[:, 1])
    times = np.arange(rounds)[:, None]
    arriving = np.stack(sent)[chosen]
    received = np.where(arriving < 0, NOTHING, np.where(arriving < times, LATE, CURRENT))
    return LinkHistory(links, received.T, (times - np.stack(newest)[chosen]).T)


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
    whole, arrived = np.zeros(content.shape[1:], dtype=bool), np.ones(count, dtype=bool)
    random = NumpyStream(seed).child(model.name)
    state: Any = None
    parameters: Any = None
    after = []
    for number in range(rounds):
        now = content[number]
        context = NoiseContext(number, arrived, low, high, whole, np, now.shape, AGENTS)
        if number == 0:
            parameters = model.prepare(context)
            state = model.init(parameters, context, random)
        state, noisy = model.step(parameters, state, now.copy(), context, random)
        inside = senders(model, context)
        noisy = noisy if inside is None else np.where(inside[:, None], noisy, now)
        after.append(np.clip(noisy, low, high)[0])
    return NoiseHistory(content[:, 0], np.stack(after))


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
