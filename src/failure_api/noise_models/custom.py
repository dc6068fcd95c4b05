"""Noise of one's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from failure_api.core.links import Array
from failure_api.core.noise import NoiseContext, NoiseModel
from failure_api.core.random.stream import RandomStream
from failure_api.noise_models.functions import check_signature, made_by


@dataclass(frozen=True, kw_only=True)
class CustomNoise(NoiseModel):
    """Corrupts content by a function of one's own.

    Args:
        function: `function(content, context, random)` returns the corrupted content. It gets a
            copy of the content, float32 or float64 `[..., N, K]` with `N` senders and `K` entries,
            for all messages of the round at once; a `NoiseContext`, which knows the round, the
            bounds and what arrived; and a `RandomStream` of its own, to draw from in every round
            alike. It returns an array of the same shape and type. Whole numbers are rounded and
            the bounds applied afterwards. A model with a lambda works, but cannot be pickled.
        agent_ids: The senders whose messages are corrupted; None takes all.

    Raises:
        InvalidArgumentError: What is no function, or one that takes other arguments.
        ModelError: While it runs, where the function returns another shape or type, or numbers
            that are not finite.

    Example:
        >>> def fade(content, context, random):
        ...     return content * random.uniform(context.shape)
        >>> CustomNoise(function=fade).function is fade
        True

    A model with a state is a subclass of `NoiseModel`.
    """

    function: Callable[[Array, NoiseContext, RandomStream], Array]

    def __post_init__(self) -> None:
        """Checks the function."""
        super().__post_init__()
        check_signature("function", self.function, "content", "context", "random")

    def step(
        self,
        parameters: Any,
        state: Any,
        content: Array,
        context: NoiseContext,
        random: RandomStream,
    ) -> tuple[Any, Array]:
        """Returns what the function makes of the content."""
        name = f"{self.name}.function"
        return state, made_by(name, self.function, content, context, context, random)
