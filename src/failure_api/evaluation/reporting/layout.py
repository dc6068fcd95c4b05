"""Where the curves stand in a picture: places along the severity, runs of cells, shared lines."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from failure_api.evaluation.reporting.curves import Curve, is_logarithmic, value_of


def places(curve: Curve, curves: int) -> list[float]:
    """Returns where a curve's points stand along the axis.

    The curves of a single severity stand beside each other.

    Args:
        curve: The curve.
        curves: How many there are.
    """
    if len(curve.severities) != 1:
        return list(curve.severities)
    severity = curve.severities[0]
    spread = (curve.number + 0.5) / curves - 0.5
    return [severity + 0.8 * spread * (abs(severity) or 1.0)]


def limits(severities: Sequence[float]) -> tuple[float, float]:
    """Returns the ends of the axis, from the mildest severity to the severest.

    Example:
        >>> limits([0, 0.5, 1])
        (-0.03, 1.03)
        >>> limits([10, 5])
        (10.15, 4.85)
    """
    first, last = severities[0], severities[-1]
    if len(severities) == 1:
        room = 0.6 * (abs(first) or 1.0)
        return first - room, first + room
    if is_logarithmic(severities):
        factor = (last / first) ** 0.03
        return first / factor, last * factor
    room = 0.03 * (last - first)
    return first - room, last + room


def ticks_of(severities: Sequence[float]) -> list[float]:
    """Returns where the axis has ticks; none where that is best left to who draws it.

    Example:
        >>> ticks_of([10, 1, 0.1]), ticks_of([0, 0.5, 1])
        ([10, 1, 0.1], [])
    """
    few = len(severities) == 1 or (len(severities) <= 8 and is_logarithmic(severities))
    return list(severities) if few else []


def runs(values: Sequence[float]) -> Iterator[slice]:
    """Yields the longest stretches of values without a gap.

    Example:
        >>> list(runs([1, float("nan"), 2, 3]))
        [slice(0, 1, None), slice(2, 4, None)]
    """
    start = None
    for index, value in enumerate([*values, math.nan]):
        if math.isfinite(value):
            start = index if start is None else start
        elif start is not None:
            yield slice(start, index)
            start = None


def height_at(curve: Curve, column: str, severity: float) -> float:
    """Returns a column's value at any severity, on the straight line between two cells."""
    pairs = zip(curve.severities, curve.values(column), strict=True)
    known = sorted((x, y) for x, y in pairs if math.isfinite(y))
    if not known or not math.isfinite(severity) or not known[0][0] <= severity <= known[-1][0]:
        return math.nan
    return float(np.interp(severity, [x for x, _ in known], [y for _, y in known]))


def shared_lines(curves: Sequence[Curve], column: str) -> list[tuple[float, list[Curve]]]:
    """Returns the values under perfect communication, each with the curves that have it."""
    lines: list[tuple[float, list[Curve]]] = []
    for curve in curves:
        value = value_of(curve.perfect, column)
        near = (shared for known, shared in lines if math.isclose(known, value, rel_tol=1e-6))
        shared = next(near, None)
        if shared is not None:
            shared.append(curve)
        elif math.isfinite(value):
            lines.append((value, [curve]))
    return lines
