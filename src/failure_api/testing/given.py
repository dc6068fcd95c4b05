"""What models of both kinds are given in a trial, in any array library."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np

from failure_api.core.arrays.libraries import LIBRARIES
from failure_api.core.random.sources import source_of
from failure_api.core.random.stream import RandomStream
from failure_api.testing.hidden_arrays import HiddenArray


def read_only(xp: ModuleType, array: Any) -> Any:
    """Returns an array that a model may not write to."""
    return locked(xp.asarray(np.array(array)))


def locked(value: Any) -> Any:
    """Makes every NumPy array within a state read-only."""
    if isinstance(value, np.ndarray):
        value.flags.writeable = False
    elif isinstance(value, tuple | list):
        for item in value:
            locked(item)
    elif isinstance(value, dict):
        locked(tuple(value.values()))
    return value


def round_of(xp: ModuleType, number: int, starts: Sequence[int], counted: bool) -> Any:
    """Returns the round as a model is told it.

    Args:
        xp: The array namespace.
        number: Rounds since the first one.
        starts: The number of the first round; of each row, where there are several.
        counted: Whether one number is an array, too.
    """
    numbers = [number + start for start in starts]
    if len(numbers) > 1:
        return xp.asarray(np.array(numbers, dtype=np.int32))
    return xp.asarray(numbers[0], dtype=xp.int32) if counted else numbers[0]


def portable_draws(
    xp: ModuleType, seed: int, rows: Sequence[int], batch: tuple[int, ...], number: Any
) -> RandomStream:
    """Returns the portable stream of a round: each row of a batch has its own seed."""
    seeds = np.array([seed + row & 0x7FFFFFFF for row in rows], dtype=np.int32)
    library = next(one for one in LIBRARIES if one.namespace == xp.__name__)
    source = source_of(xp.asarray(seeds.reshape(batch)), batch, "portable", library, None)
    return source.in_round(number, xp)


def plain(array: Any) -> Any:
    """Returns an array of any library as one of NumPy."""
    return array.shown() if isinstance(array, HiddenArray) else np.asarray(array)
