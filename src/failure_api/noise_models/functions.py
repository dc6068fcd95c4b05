"""Functions of the user's that make content: what they take, and what they must return."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from failure_api.core.links import Array
from failure_api.core.noise import NoiseContext
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
        raise invalid(
            name,
            f"must take {len(arguments)} arguments ({listed})",
            f"{getattr(function, '__name__', type(function).__name__)}{signature}",
            f"write it as def function({listed})",
        ) from None


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
    if (
        not isinstance(result, type(content))
        or result.shape != content.shape
        or result.dtype != content.dtype
    ):
        kind = getattr(result, "dtype", type(result).__name__)
        raise ModelError(
            f"{name} must return {content.dtype} of shape {content.shape}, as the content is, but "
            f"returned {kind} of shape {getattr(result, 'shape', None)}: compute it from the "
            "content, and convert it to content.dtype."
        )
    if xp is np and not np.isfinite(result).all():
        # Content that is infinite itself, or did not arrive, may stay as it is.
        given = np.isfinite(content) & context.arrived[..., None]
        if (given & ~np.isfinite(result)).any():
            raise ModelError(
                f"{name} must return finite numbers for finite content, but returned some that "
                "are not: look for divisions by 0 and logarithms, or clip the result."
            )
    return result
