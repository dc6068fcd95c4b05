"""Byzantine senders: agents that say what is not true."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from failure_api.core.links import Array
from failure_api.core.noise import NoiseContext, NoiseModel, senders
from failure_api.core.parameters.types import Share
from failure_api.core.random.stream import RandomStream
from failure_api.errors import invalid
from failure_api.noise_models.attacks import Attack
from failure_api.noise_models.functions import check_signature, made_by


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

    agent_ids: Sequence[Any] = field()
    attack: Callable[..., Array]
    attack_rate: Share = 1.0

    def __post_init__(self) -> None:
        """Checks the senders and the attack."""
        super().__post_init__()
        if self.agent_ids is None:
            raise invalid("agent_ids", "must name the senders that lie", None, "give their names")
        if isinstance(self.attack, type) and issubclass(self.attack, Attack):
            raise invalid(
                "attack", "must be an instance", self.attack, f"write {self.attack.__name__}(...)"
            )
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
        xp, name = context.xp, f"{self.name}.attack"
        if isinstance(self.attack, Attack):
            further: tuple[Any, ...] = (context, random.child("attack"))
        else:
            number = context.round
            further = (number if isinstance(number, int) else context.round_over(),)
        false = made_by(name, self.attack, content, context, *further)
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
