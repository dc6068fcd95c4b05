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
    given = distinct(agent_ids)
    if all(isinstance(name, str) for name in given):
        if any("\0" in name for name in given):
            raise invalid("agent_ids", "must hold no zero bytes", agent_ids, "leave them out")
        return tuple(map(str, given))
    whole = all(isinstance(n, int | np.integer) and not isinstance(n, bool) for n in given)
    if whole and all(abs(int(name)) < 2**63 for name in given):
        return tuple(map(int, given))
    raise invalid(
        "agent_ids",
        "must be all text or all whole numbers",
        agent_ids,
        "a trace is saved under names of these two kinds alone",
    )


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
    array = as_array(value)
    given = np.asarray(None) if array is None else array
    kinds = {"f": "iuf", "b": "biu"}.get(np.dtype(dtype).kind, "iu")
    fits = given.ndim == 3 and given.size > 0
    fits = fits and all(s in (None, g) for s, g in zip(shape, given.shape, strict=True))
    if given.dtype.kind not in kinds or not fits or ("b" not in kinds and holds_flags(value)):
        wanted = ", ".join("T" if length is None else str(length) for length in shape)
        what = "numbers" if "f" in kinds else "whole numbers"
        remedy = "give one row and one column for each agent, in every round"
        raise invalid(name, f"must be an array [{wanted}] of {what}", value, remedy)
    places = range(given.shape[-1])
    finished = given.dtype == dtype and given.flags.owndata and given.flags.c_contiguous
    finished = finished and not given.flags.writeable
    finished = finished and bool((given[:, places, places] == diagonal).all())
    if not finished or (given.dtype.kind == "f" and np.signbit(given).any()):
        # Adding 0 makes minus zeros plain ones, which compare equal but have other bytes.
        checked = np.ascontiguousarray(given + given.dtype.type(0))
        checked[:, places, places] = diagonal
    else:
        checked = given
    # Comparisons with the extremes need no arrays of their own, and NaN fails them.
    if not (checked.min() >= 0 and checked.max() <= most):
        place = np.argwhere(~((checked >= 0) & (checked <= most)))[0].tolist()
        rule = "must be at least 0" if np.isinf(most) else f"must lie in 0 to {most:g}"
        raise invalid(f"{name}{place}", rule, given[tuple(place)].item(), remedy)
    with np.errstate(over="ignore"):
        checked = checked.astype(dtype, copy=False)
    checked.flags.writeable = False
    return checked
