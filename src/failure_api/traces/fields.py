"""What the fields of a trace must satisfy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from failure_api.core.kinds import LONGEST_DELAY
from failure_api.core.model import distinct
from failure_api.core.rules import numbers
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
    name: str, value: Any, dtype: Any, shape: tuple[int | None, ...], remedy: str
) -> NDArray[Any]:
    """Returns a checked, read-only array with a diagonal of 0.

    One that is read-only and its own owner already is taken as it is, where nothing is to change.
    """
    try:
        given = np.asarray(value)
    except (TypeError, ValueError, OverflowError):
        given = np.asarray(None)
    kinds = "biuf" if dtype is np.float32 else "biu"
    fits = given.ndim == 3 and given.size > 0
    fits = fits and all(s in (None, g) for s, g in zip(shape, given.shape, strict=True))
    if given.dtype.kind not in kinds or not fits:
        wanted = ", ".join("T" if length is None else str(length) for length in shape)
        what = "numbers" if dtype is np.float32 else "whole numbers"
        remedy = "give one row and one column for each agent, in every round"
        raise invalid(name, f"must be an array [{wanted}] of {what}", value, remedy)
    diagonal = range(given.shape[-1])
    finished = given.dtype == dtype and given.flags.owndata and given.flags.c_contiguous
    finished = finished and not (given.flags.writeable or given[:, diagonal, diagonal].any())
    if not finished or (given.dtype.kind == "f" and np.signbit(given).any()):
        # Adding 0 makes minus zeros plain ones, which compare equal but have other bytes.
        checked = np.ascontiguousarray(given + given.dtype.type(0))
        checked[:, diagonal, diagonal] = 0
    else:
        checked = given
    limit = np.finfo(np.float32).max if dtype is np.float32 else LONGEST_DELAY
    # Comparisons with the extremes need no arrays of their own, and NaN fails them.
    if not (checked.min() >= 0 and checked.max() <= limit):
        place = np.argwhere(~((checked >= 0) & (checked <= limit)))[0].tolist()
        rule = "must be finite and at least 0"
        if dtype is np.int32:
            rule = f"must lie in 0 to {LONGEST_DELAY}"
        raise invalid(f"{name}{place}", rule, given[tuple(place)].item(), remedy)
    checked = checked.astype(dtype, copy=False)
    checked.flags.writeable = False
    return checked
