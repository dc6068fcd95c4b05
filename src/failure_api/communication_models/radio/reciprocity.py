"""Reciprocity: what a channel does in one direction it does in the other one too."""

from __future__ import annotations

from typing import Any

from failure_api.core.links import Array


def upper_triangle(count: int, xp: Any) -> Array:
    """Returns 1 above the diagonal and 0 elsewhere, float32 `[count, count]`."""
    return xp.triu(xp.ones((count, count), dtype=xp.float32), k=1)


def mirrored(values: Array, upper: Array, xp: Any) -> Array:
    """Returns values that are the same in both directions of a link, and 0 on the diagonal.

    Those above the diagonal are kept, so that as much is drawn as without reciprocity.

    Args:
        values: Float32 `[..., N, N]`.
        upper: From `upper_triangle`.
        xp: The array namespace that every operation comes from.

    Example:
        >>> import numpy as np
        >>> values = np.asarray([[1.0, 2.0], [3.0, 4.0]])
        >>> mirrored(values, upper_triangle(2, np), np).tolist()
        [[0.0, 2.0], [2.0, 0.0]]
    """
    # A product, because xp.triu makes its mask anew and selects by it in every call.
    kept = values * upper
    return kept + xp.matrix_transpose(kept)
