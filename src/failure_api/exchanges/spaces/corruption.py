"""Noise on content, once a round, with the state of the noise models of one environment."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
from gymnasium.spaces import Space
from numpy.typing import NDArray

from failure_api.core import Links, NumpyStream, RandomStream
from failure_api.core.links import Array
from failure_api.core.noise import NoiseContext
from failure_api.core.noise_chain import NoiseChain
from failure_api.errors import InvalidArgumentError, ModelError
from failure_api.exchanges.spaces.numbers import Numbers

N = TypeVar("N", bound=Numbers)


class Entries(NamedTuple):
    """What the entries of the content may be.

    Attributes:
        shape: Of the content: `[receiver, sender, K]`, or `[agent, K]` of what agents observe.
        low: Least values, float32 or float64 as the content is to be; broadcasts to the shape.
        high: Greatest values, likewise.
        whole: Which entries are whole numbers, likewise.
    """

    shape: tuple[int, ...]
    low: Array
    high: Array
    whole: NDArray[np.bool_]


class Corruption:
    """Corrupts the content that arrives, for whoever delivers it.

    Whoever delivers it says once what the entries of the content may be, and has every round's
    corrupted as it arrives. Nothing happens, and nothing is drawn, while there are no noise models
    and no link adds noise.

    Args:
        chain: The noise models.
        agent_ids: All agents.
    """

    def __init__(self, chain: NoiseChain, agent_ids: tuple[Any, ...]) -> None:
        self.chain = chain
        self._agent_ids = agent_ids
        self._models = bool(chain.parts)
        self._entries: Entries | None = None
        self._describe: Callable[[], Entries]
        self._episode: RandomStream
        self.start(NumpyStream(0))

    def place(self, describe: Callable[[], Entries]) -> None:
        """Takes what the content is, and sees whether the models suit it.

        Args:
            describe: Called once, where there is noise.

        Raises:
            InvalidArgumentError: A model does not suit the environment.
        """
        self._describe, self._entries = describe, None
        if self._models and self.entries.shape[-1]:
            nothing = np.zeros(self.entries.shape[:-1], dtype=bool)
            context = self._context(0, nothing, self.entries)
            self.chain.init(self.chain.prepare(context), context, NumpyStream(0))

    @property
    def entries(self) -> Entries:
        """What the entries of the content may be."""
        if self._entries is None:
            self._entries = self._describe()
        return self._entries

    def start(self, episode: RandomStream) -> None:
        """Begins an episode, in which all noise comes from a stream of its own."""
        self._episode = episode
        self._random: RandomStream | None = None
        self._state: Any = None
        self._prepared: tuple[Any, Any] = (None, ())

    def acts(self, links: Links | None = None) -> bool:
        """Returns whether content is corrupted in a round with these links."""
        return self._models or (links is not None and links.noise is not None)

    def apply(
        self,
        round_index: int,
        content: Array,
        real: NDArray[np.bool_],
        links: Links | None = None,
        entries: Entries | None = None,
        made: NDArray[np.int32] | None = None,
    ) -> Array:
        """Returns the content of a round as the noise leaves it, in the type that it had.

        What is not real, the noise leaves as it is, and does not see.

        Args:
            round_index: The round.
            content: Numbers, of the shape that `Entries` say or one that broadcasts to it.
            real: Which entries arrive in this round; broadcasts likewise.
            links: The links of the round, where messages come over links.
            entries: What the entries may be in this round, where that changes.
            made: The round in which each message was made, `[receiver, sender]`.
        """
        entries = entries or self.entries
        if not entries.shape[-1]:
            return content
        if len(entries.shape) == 3:
            # What an agent knows of itself needs no link.
            real = real & ~np.eye(len(self._agent_ids), dtype=bool)[..., None]
        real = np.broadcast_to(real, entries.shape)
        context = self._context(round_index, np.asarray(real.any(axis=-1)), entries, made)
        # Where the entries that others fill move about, their limits move with them.
        if self._prepared[0] is not entries.low:
            self._prepared = entries.low, self.chain.prepare(context)
        parameters = self._prepared[1]
        if self._random is None:
            self._random = self._episode.child("noise")
            self._state = self.chain.init(parameters, context, self._random)
        variance = None if links is None or links.noise is None else links.noise.T

        def watch(name: str, then: Array, now: Array) -> None:
            if np.isfinite(now).all():
                return
            wrong = np.argwhere(real & np.isfinite(then) & ~np.isfinite(now)).tolist()
            if wrong:
                first, sender = now[tuple(wrong[0])], self._agent_ids[wrong[0][-2]]
                raise ModelError(
                    f"{name} must leave every number of the content finite, but in round "
                    f"{round_index} it made {first} of one from {sender!r}: let it keep to numbers."
                )

        self._state, after = self.chain.corrupt(
            parameters, self._state, content, real, context, self._random, variance, watch
        )
        return after

    def snapshot(self) -> Corruption:
        """Returns one that will do to the next content what this one will do."""
        twin = copy.copy(self)
        # The state is never written to; streams are.
        twin._episode, twin._random = copy.deepcopy((self._episode, self._random))
        return twin

    def reports(self) -> dict[str, dict[str, Any]]:
        """Returns what the noise models have counted in this episode, by name."""
        return {} if self._state is None else self.chain.reports(self._state)

    def _context(
        self, round_index: int, arrived: NDArray[np.bool_], entries: Entries, made: Any = None
    ) -> NoiseContext:
        shape, low, high, whole = entries
        for array in (arrived, low, high, whole):
            # What a user's function is shown is not for it to change.
            array.flags.writeable = False
        ids = self._agent_ids
        return NoiseContext(round_index, arrived, low, high, whole, np, shape, ids, made)


def numbers_of(agent: Any, space: Space[Any], kind: type[N] = Numbers) -> N:  # type: ignore[assignment]
    """Returns how an agent's observations are numbers, or raises that they are none."""
    try:
        return kind(space)
    except TypeError:
        raise InvalidArgumentError(
            f"noise and predictions must be of numbers, but what agent {agent!r} observes or says "
            f"is {space}: leave them out, or flatten the space first."
        ) from None


def padded(all_numbers: Sequence[Numbers], shape: tuple[int, ...]) -> Entries:
    """Returns what the entries are where each agent has a row, filled up to equal lengths.

    Args:
        all_numbers: How each agent's observations are numbers.
        shape: Of the content, less its last axis.
    """
    width = max(numbers.width for numbers in all_numbers)
    dtype = np.result_type(*(numbers.dtype for numbers in all_numbers))
    rows = len(all_numbers), width
    low, high, whole = np.zeros(rows, dtype), np.ones(rows, dtype), np.zeros(rows, dtype=bool)
    for agent, numbers in enumerate(all_numbers):
        entries = agent, slice(numbers.width)
        low[entries], high[entries], whole[entries] = numbers.low, numbers.high, numbers.whole
    return Entries((*shape, width), low, high, whole)
