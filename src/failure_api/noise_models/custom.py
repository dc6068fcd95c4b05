"""Noise of one's own."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from failure_api.core.links import Array
from failure_api.core.noise import NoiseContext, NoiseModel
from failure_api.core.random.stream import RandomStream
from failure_api.errors import ModelError, invalid


def check_signature(name: str, function: Callable[..., Any], *arguments: str) -> None:
    """Raises an error for a function that cannot be called with these arguments by place."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        # Some functions written in C do not say what they take.
        return
    try:
        signature.bind(*arguments)
    except TypeError:
        listed = ", ".join(arguments)
        rule = f"must take {len(arguments)} arguments ({listed})"
        received = f"{getattr(function, '__name__', type(function).__name__)}{signature}"
        raise invalid(name, rule, received, f"write it as def function({listed})") from None


def made_by(
    name: str, function: Callable[..., Any], content: Array, context: NoiseContext, *further: Any
) -> Array:
    """Returns what a function makes of the content, or raises what is wrong with it.

    Args:
        name: What errors call the function.
        function: It is given a copy of the content that it may write to, and `further`.
        content: The content as the models before leave it.
        context: What is known of it.
        further: Its other arguments.

    Raises:
        ModelError: The result has another shape or type than the content; on NumPy arrays also
            where it is not finite although the content is.
    """
    xp = context.xp
    result = function(xp.asarray(content, copy=True), *further)
    like_content = isinstance(result, type(content)) and result.shape == content.shape
    if not like_content or result.dtype != content.dtype:
        dtype = getattr(result, "dtype", type(result).__name__)
        raise ModelError(
            f"{name} must return {content.dtype} of shape {content.shape}, as the content is, but "
            f"returned {dtype} of shape {getattr(result, 'shape', None)}: compute it from the "
            "content, and convert it to content.dtype."
        )
    if xp is np and not np.isfinite(result).all():
        # Content that is infinite itself, or did not arrive, may stay as it is.
        known = np.isfinite(content) & context.arrived[..., None]
        if (known & ~np.isfinite(result)).any():
            raise ModelError(
                f"{name} must return finite numbers for finite content, but returned some that "
                "are not: look for divisions by 0 and logarithms, or clip the result."
            )
    return result


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

    EXAMPLE: ClassVar[Mapping[str, Any]] = {"function": "failure_api.noise_models.custom:dim"}

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
        made = made_by(f"{self.name}.function", self.function, content, context, context, random)
        return state, made


def dim(content: Any, context: Any, random: Any) -> Any:
    """Halves what is said in every second span of 25 rounds: an example of `CustomNoise`."""
    second = context.xp.astype(context.round_over() // 25 % 2, content.dtype)
    return content * (1.0 - 0.5 * second)
