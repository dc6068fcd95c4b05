"""Checks of the fields of a trace."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from failure_api.core.model import distinct
from failure_api.core.parameters.rules import as_array, holds_flags, numbers
from failure_api.errors import invalid


def duration(value: Any, name: str = "round_duration") -> float:
    """Returns seconds as a float, or raises what is wrong with them."""
    number = numbers(value)
    if number is None or number.ndim or not 0 < number < math.inf:
        raise invalid(name, "must be finite and greater than 0", value, "give seconds")
    return float(number)


def names(agent_ids: Any) -> tuple[str | int, ...]:
    """Returns agent ids that a file can hold, or raises what is wrong with them."""
    ids = distinct(agent_ids)
    if all(isinstance(name, str) for name in ids):
        if any("\0" in name for name in ids):
            raise invalid("agent_ids", "must hold no zero bytes", agent_ids, "leave them out")
        return tuple(map(str, ids))
    whole = all(isinstance(n, int | np.integer) and not isinstance(n, bool) for n in ids)
    if whole and all(abs(int(name)) < 2**63 for name in ids):
        return tuple(map(int, ids))
    remedy = "a trace is saved under names of these two kinds alone"
    raise invalid("agent_ids", "must be all text or all whole numbers", agent_ids, remedy)


def frozen(
    name: str,
    value: Any,
    dtype: Any,
    shape: tuple[int | None, ...],
    remedy: str,
    *,
    most: float,
    diagonal: float = 0,
) -> NDArray[Any]:
    """Returns a checked, read-only array.

    One that is read-only and its own owner already is taken as it is, where nothing is to change.

    Args:
        name: What errors call it.
        value: What was given.
        dtype: Its type.
        shape: Its shape, None for any length.
        remedy: What the user can do.
        most: The greatest entry.
        diagonal: What stands on the diagonal, which means nothing.
    """
    array = np.asarray(as_array(value))
    real = np.dtype(dtype).kind == "f"
    fits = array.ndim == 3 and array.size > 0
    fits = fits and all(s in (None, g) for s, g in zip(shape, array.shape, strict=True))
    kinds = {"f": "iuf", "b": "biu"}.get(np.dtype(dtype).kind, "iu")
    if array.dtype.kind not in kinds or not fits or ("b" not in kinds and holds_flags(value)):
        wanted = ", ".join("T" if length is None else str(length) for length in shape)
        rule = f"must be an array [{wanted}] of {'numbers' if real else 'whole numbers'}"
        remedy = "give one row and one column for each agent, in every round"
        raise invalid(name, rule, value, remedy)
    agents = np.arange(array.shape[-1])
    flags, negative = array.flags, array.dtype.kind == "f" and np.signbit(array).any()
    finished = flags.owndata and flags.c_contiguous and not flags.writeable and not negative
    checked = array
    if not (finished and array.dtype == dtype and (array[:, agents, agents] == diagonal).all()):
        # Adding 0 makes minus zeros plain ones, which compare equal but have other bytes.
        checked = np.ascontiguousarray(array + array.dtype.type(0))
        checked[:, agents, agents] = diagonal
    # Comparisons with the extremes need no arrays of their own, and NaN fails them.
    if not (checked.min() >= 0 and checked.max() <= most):
        index = np.argwhere(~((checked >= 0) & (checked <= most)))[0].tolist()
        rule = "must be at least 0" if np.isinf(most) else f"must lie in 0 to {most:g}"
        raise invalid(f"{name}{index}", rule, array[tuple(index)].item(), remedy)
    with np.errstate(over="ignore"):
        checked = checked.astype(dtype, copy=False)
    checked.flags.writeable = False
    return checked
