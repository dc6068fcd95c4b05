"""Byzantine senders: agents that say what is not true."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

import numpy as np

from failure_api.core.links import Array
from failure_api.core.noise import NoiseContext, NoiseModel, senders
from failure_api.core.parameters.component import Component
from failure_api.core.parameters.types import Entry, Level, Share
from failure_api.core.random.stream import RandomStream
from failure_api.errors import invalid
from failure_api.noise_models.custom import check_signature, made_by


@dataclass(frozen=True, kw_only=True)
class Attack(Component, ABC):
    """What a sender says in place of the truth, where it depends on more than truth and round."""

    @abstractmethod
    def __call__(self, content: Array, context: NoiseContext, random: RandomStream) -> Array:
        """Returns false content of the same shape and type.

        Args:
            content: The content as the noise models before leave it, `[..., N, K]`.
            context: What is known of it.
            random: A stream of the attack's own, to draw from in every round alike.
        """


@dataclass(frozen=True, kw_only=True)
class FlipSign(Attack):
    r"""Sends $-s x$ in place of $x$: the opposite of the truth.

    Args:
        strength: $s$; above 1 it also exaggerates.

    Example:
        >>> FlipSign()
        FlipSign(strength=1.0)

    Source: the sign-flipping attack of Li et al., RSA, AAAI (2019).
    """

    strength: Level = 1.0

    def __call__(self, content: Array, context: NoiseContext, random: RandomStream) -> Array:
        """Returns the content times `-strength`."""
        return -self.strength * content


@dataclass(frozen=True, kw_only=True)
class SendConstant(Attack):
    """Sends the same number in every entry, whatever the truth is.

    Args:
        value: The number, in the units of the content.

    Example:
        >>> SendConstant(value=0.0)
        SendConstant(value=0.0)

    Source: the same-value attack of Li et al., RSA, AAAI (2019).
    """

    value: Entry

    def __call__(self, content: Array, context: NoiseContext, random: RandomStream) -> Array:
        """Returns the number in every entry."""
        return context.xp.full(context.shape, self.value, dtype=content.dtype)


@dataclass(frozen=True, kw_only=True)
class SendRandom(Attack):
    """Sends numbers drawn evenly between two bounds, anew for every message and entry.

    Args:
        low: Least number, in the units of the content.
        high: Greatest number, in the units of the content.
        same_for_all: Whether a message says the same to everyone who is told a false one, in
            whichever rounds it arrives.

    Raises:
        InvalidArgumentError: `high` below `low`.

    Example:
        >>> SendRandom(low=-1.0, high=1.0)
        SendRandom(low=-1.0, high=1.0, same_for_all=False)
    """

    low: Entry
    high: Entry
    same_for_all: bool = False

    def __post_init__(self) -> None:
        """Checks that the bounds are in order."""
        super().__post_init__()
        if self.high < self.low:
            raise invalid("high", f"must be at least low={self.low}", self.high, "exchange the two")

    def __call__(self, content: Array, context: NoiseContext, random: RandomStream) -> Array:
        """Returns draws from the bounds."""
        xp = context.xp
        if self.same_for_all:
            # A function of the message alone: its sender, its round and the place of the entry.
            agents, width = context.shape[-2:]
            made = context.made
            if made is None:
                made = context.round_over()[..., 0] + xp.zeros(context.shape[:-1], dtype=xp.int32)
            entries = xp.reshape(xp.arange(agents * width, dtype=xp.int32), (agents, width))
            uniform = random.child("message").uniform_at(made[..., None], entries)
        else:
            uniform = random.uniform(context.shape)
        return self.low + (self.high - self.low) * xp.astype(uniform, content.dtype)


class ByzantineState(NamedTuple):
    """How often the named senders have lied.

    Attributes:
        arrived: How many of their messages arrived on each link, int32 `[..., N]`.
        attacked: How many of these were false, int32 `[..., N]`.
    """

    arrived: Array
    attacked: Array


@dataclass(frozen=True, kw_only=True)
class ByzantineModel(NoiseModel):
    r"""Named senders replace what they say by a function of the truth and the round.

    Each message of a named sender is replaced with probability $q$, independently: a sender may
    tell one receiver the truth and another one not. What the receivers are told is counted; see
    `attack_share`.

    Args:
        agent_ids: The senders that lie.
        attack: A ready-made attack (`FlipSign()`, `SendConstant(value=...)`,
            `SendRandom(low=..., high=...)`), or `function(content, round)`, which gets a copy of
            the true content, float32 or float64 `[..., N, K]` with `N` senders and `K` entries,
            for all messages of the round at once, and returns an array of the same shape and type.
            (Behind other noise models it gets what they leave; the round is that of arrival, an
            integer, or in batches an array that broadcasts to the content.)
            Of the result, the named senders' messages are used. Whole numbers are rounded and the
            bounds applied afterwards.
        attack_rate: $q$, probability that a message is replaced; what is false at a smaller rate
            is false at a greater one.

    Raises:
        InvalidArgumentError: No agent ids, what is neither attack nor function, a function that
            takes other arguments, or a rate outside of [0, 1].
        ModelError: While it runs, where the function returns another shape or type, or numbers
            that are not finite.

    Example:
        >>> from failure_api.noise_models import FlipSign
        >>> ByzantineModel(agent_ids=["agent_0"], attack=FlipSign(), attack_rate=0.5)
        ByzantineModel(agent_ids=('agent_0',), attack=FlipSign(strength=1.0), attack_rate=0.5)

    Source: Lamport, Shostak and Pease, The Byzantine Generals Problem (1982).
    """

    EXAMPLE: ClassVar[Mapping[str, Any]] = {
        "agent_ids": ["agent_0"],
        "attack": {"type": "flip_sign"},
        "attack_rate": 0.2,
    }

    agent_ids: Sequence[Any] = field()
    attack: Callable[..., Array]
    attack_rate: Share = 1.0

    def __post_init__(self) -> None:
        """Checks the senders and the attack."""
        super().__post_init__()
        if self.agent_ids is None:
            raise invalid("agent_ids", "must name the senders that lie", None, "give their names")
        if isinstance(self.attack, type) and issubclass(self.attack, Attack):
            remedy = f"write {self.attack.__name__}(...)"
            raise invalid("attack", "must be an instance", self.attack, remedy)
        if not isinstance(self.attack, Attack):
            check_signature("attack", self.attack, "content", "round")

    def init(self, parameters: Any, context: NoiseContext, random: RandomStream) -> ByzantineState:
        """Returns counts of 0."""
        nothing = context.xp.zeros(context.shape[:-1], dtype=context.xp.int32)
        return ByzantineState(nothing, nothing)

    def step(
        self,
        parameters: Any,
        state: ByzantineState,
        content: Array,
        context: NoiseContext,
        random: RandomStream,
    ) -> tuple[ByzantineState, Array]:
        """Returns the counts, and the content with false messages in place of some."""
        xp, further = context.xp, [context.round]
        if isinstance(self.attack, Attack):
            further = [context, random.child("attack")]
        elif not isinstance(context.round, int):
            further = [context.round_over()]
        false = made_by(f"{self.name}.attack", self.attack, content, context, *further)
        attacked = random.child("message").bernoulli(self.attack_rate, context.shape[:-1])
        named, arrived = senders(self, context), context.arrived
        if named is not None:
            attacked, arrived = attacked & named, arrived & named
        counts = ByzantineState(
            state.arrived + xp.astype(arrived, xp.int32),
            state.attacked + xp.astype(arrived & attacked, xp.int32),
        )
        return counts, xp.where(attacked[..., None], false, content)

    def attack_share(self, state: ByzantineState) -> float:
        """Returns the share of the named senders' messages that were false.

        Args:
            state: The state after the rounds that are counted.

        Returns:
            The share among those that arrived; NaN where none did.
        """
        counts = self.report(state)
        return counts["attacked"] / counts["arrived"] if counts["arrived"] else math.nan

    def report(self, state: ByzantineState) -> dict[str, int]:
        """Returns how many of the named senders' messages arrived, and how many were false."""
        return {name: int(np.asarray(count).sum()) for name, count in state._asdict().items()}
