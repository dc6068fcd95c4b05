"""Closed forms over parameters that may be numbers, arrays or mappings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np


def closed_form(function: Callable[..., Any], values: Sequence[Any], neutral: Sequence[Any]) -> Any:
    """Returns a function of link parameters in the parameters' own form.

    Args:
        function: Maps NumPy float64 arrays to one of the same shape.
        values: Normalised link parameters.
        neutral: For each of them, what holds for links that a mapping does not name.

    Returns:
        A float where all parameters are numbers; an `[N, N]` array where one is an array;
        `{(sender, receiver): value}` where one is a mapping, for every link that one names; None
        where there are both, since an array does not say whose its rows are, and where a parameter
        is None.

    Example:
        >>> closed_form(lambda p, b: p * b, [{("a", "b"): 0.5}, 2.0], [0.0, 1.0])
        {('a', 'b'): 1.0}
    """
    if any(value is None for value in values):
        return None
    mappings = [value for value in values if isinstance(value, Mapping)]
    if mappings:
        if any(np.ndim(value) for value in values if not isinstance(value, Mapping)):
            return None
        pairs = dict.fromkeys(pair for mapping in mappings for pair in mapping)
        return {pair: closed_form(function, _at(pair, values, neutral), neutral) for pair in pairs}
    with np.errstate(divide="ignore", invalid="ignore"):
        result = np.asarray(function(*(np.asarray(value, dtype=np.float64) for value in values)))
    return float(result) if result.ndim == 0 else result


def _at(pair: Any, values: Sequence[Any], neutral: Sequence[Any]) -> list[Any]:
    return [
        value.get(pair, default) if isinstance(value, Mapping) else value
        for value, default in zip(values, neutral, strict=True)
    ]
