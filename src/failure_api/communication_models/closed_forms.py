"""Closed forms over parameters that may be numbers, arrays or mappings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np


def closed_form(function: Callable[..., Any], *parameters: Any) -> Any:
    """Returns a function of link parameters in the parameters' own form.

    Args:
        function: Maps NumPy float64 arrays to one of the same shape.
        parameters: Normalised link parameters of a model.

    Returns:
        A float where all parameters are numbers, an `[N, N]` array where one is an array,
        `{(sender, receiver): value}` where one is a mapping.

    Example:
        >>> closed_form(lambda p: 1.0 / (1.0 - p), {("a", "b"): 0.5})
        {('a', 'b'): 2.0}
    """
    mappings = [p for p in parameters if isinstance(p, Mapping)]
    if mappings:
        pairs = [pair for pair in mappings[0] if all(pair in other for other in mappings)]
        return {
            pair: closed_form(
                function, *(p[pair] if isinstance(p, Mapping) else p for p in parameters)
            )
            for pair in pairs
        }
    with np.errstate(divide="ignore", invalid="ignore"):
        result = np.asarray(function(*(np.asarray(p, dtype=np.float64) for p in parameters)))
    return float(result) if result.ndim == 0 else result
