"""Lost entries: parts of a message that did arrive are missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from failure_api.core.links import Array
from failure_api.core.noise import NoiseContext, NoiseModel
from failure_api.core.parameters.types import Entry, Share
from failure_api.core.random.stream import RandomStream


@dataclass(frozen=True, kw_only=True)
class ElementDropoutModel(NoiseModel):
    r"""Loses every entry of a message with the same probability, independently.

    An entry $x$ arrives as $x$ with probability $1 - p$, and as the fill otherwise. What is lost
    at a smaller $p$ is lost at a greater one. Nothing is scaled up in return, as a dropout layer
    would do.

    Args:
        drop_prob: $p$, probability that an entry is lost.
        fill: What stands in the place of a lost entry, in the units of the content; the bounds
            of the content move it to the nearest value that they allow.
        agent_ids: The senders whose messages are corrupted; None takes all.

    Raises:
        InvalidArgumentError: A probability outside of [0, 1], or a fill beyond 1e30.

    Example:
        >>> ElementDropoutModel(drop_prob=0.2)
        ElementDropoutModel(agent_ids=None, drop_prob=0.2, fill=0.0)

    Source: the symbol erasure channel; Cover and Thomas, Elements of Information Theory, 2nd ed.,
    section 7.1.5.
    """

    EXAMPLE: ClassVar[Mapping[str, Any]] = {"drop_prob": 0.1}

    drop_prob: Share
    fill: Entry = 0.0

    def step(
        self,
        parameters: Any,
        state: Any,
        content: Array,
        context: NoiseContext,
        random: RandomStream,
    ) -> tuple[Any, Array]:
        """Returns the content with the fill in place of what is lost."""
        xp = context.xp
        lost = random.bernoulli(self.drop_prob, context.shape)
        # No product: what is lost may be infinite.
        return state, xp.where(lost, xp.asarray(self.fill, dtype=content.dtype), content)
