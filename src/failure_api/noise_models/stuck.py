"""Stuck content: a faulty sensor or sender that repeats itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

from failure_api.core.links import Array
from failure_api.core.noise import NoiseContext, NoiseModel
from failure_api.core.parameters.types import Share
from failure_api.core.random.stream import RandomStream


class StuckState(NamedTuple):
    """What a stuck link remembers.

    Attributes:
        stuck: Which links are stuck, bool `[..., N]`.
        content: The last content that arrived on each link while it was not, `[..., N, K]`.
        known: Whether there is any, bool `[..., N]`.
    """

    stuck: Array
    content: Array
    known: Array


@dataclass(frozen=True, kw_only=True)
class StuckModel(NoiseModel):
    r"""Each link gets stuck at times, and then repeats its last content until it is released.

    A link is a Markov chain: in every round one that is not stuck gets stuck with probability $p$
    and one that is stuck is released with probability $r$. It is stuck in a share $p / (p + r)$ of
    the rounds, for $1 / r$ rounds in the mean. While it is stuck, whatever arrives has the content
    that arrived last before it got stuck; a link on which nothing has arrived yet has nothing to
    repeat: the first content passes, and is what it then repeats. Messages that do not arrive are
    not made up.

    Args:
        stick_prob: $p$, probability that a link gets stuck in a round.
        release_prob: $r$, probability that a stuck link is released in a round.
        start: "stationary" starts with a share $p / (p + r)$ of the links stuck, "good" with none.
        agent_ids: The senders whose messages are corrupted; None takes all.

    Raises:
        InvalidArgumentError: A probability outside of [0, 1], or another start.

    Example:
        >>> model = StuckModel(stick_prob=0.05, release_prob=0.25)
        >>> round(model.expected_share(), 6)
        0.166667

    Source: stuck-at faults; Isermann, Fault-Diagnosis Systems (2006). The chain is that of Gilbert
    (1960).
    """

    EXAMPLE: ClassVar[Mapping[str, Any]] = {"stick_prob": 0.03, "release_prob": 0.1}

    stick_prob: Share
    release_prob: Share
    start: Literal["stationary", "good"] = "stationary"

    def expected_share(self) -> float:
        """Returns `p / (p + r)`, the share of rounds in which a link is stuck; 0 if `p` is 0."""
        both = self.stick_prob + self.release_prob
        return self.stick_prob / both if both else 0.0

    def init(self, parameters: Any, context: NoiseContext, random: RandomStream) -> StuckState:
        """Returns which links start stuck, and that nothing has arrived yet."""
        xp, links = context.xp, context.shape[:-1]
        share = self.expected_share() if self.start == "stationary" else 0.0
        return StuckState(
            random.bernoulli(share, links),
            xp.zeros(context.shape, dtype=context.low.dtype),
            xp.zeros(links, dtype=xp.bool),
        )

    def step(
        self,
        parameters: Any,
        state: StuckState,
        content: Array,
        context: NoiseContext,
        random: RandomStream,
    ) -> tuple[StuckState, Array]:
        """Returns the content with what stuck links repeat, and who is stuck in the next round."""
        xp = context.xp
        repeats = state.stuck & state.known
        shown = xp.where(repeats[..., None], state.content, content)
        # What did not arrive means nothing, and is not to be remembered.
        kept = xp.where(context.arrived[..., None], shown, state.content)
        # Ordered so that where p + r <= 1, what is stuck stays so at a greater p or a smaller r.
        stays = xp.asarray(1.0 - self.release_prob, dtype=xp.float32)
        sticks = xp.where(state.stuck, stays, xp.asarray(self.stick_prob, dtype=xp.float32))
        stuck = random.bernoulli(sticks, context.shape[:-1])
        return StuckState(stuck, kept, state.known | context.arrived), shown
