"""What Byzantine senders say in place of the truth."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from failure_api.core.links import Array
from failure_api.core.noise import NoiseContext
from failure_api.core.parameters.component import Part
from failure_api.core.random.stream import RandomStream
from failure_api.errors import invalid
from failure_api.noise_models.kinds import Entry, Level


@dataclass(frozen=True, kw_only=True)
class Attack(Part, ABC):
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
            place = xp.reshape(xp.arange(agents * width, dtype=xp.int32), (agents, width))
            uniform = random.child("message").uniform_at(made[..., None], place)
        else:
            uniform = random.uniform(context.shape)
        return self.low + (self.high - self.low) * xp.astype(uniform, content.dtype)
