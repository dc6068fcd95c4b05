"""Warnings that a reader needs before believing the numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from failure_api.errors import FailureApiError
from failure_api.evaluation.plan import Plan
from failure_api.evaluation.reading import specification_from_dict
from failure_api.evaluation.reporting.curves import (
    Curve,
    at,
    is_perfect,
    key_of,
    label_of,
    rows_of,
    value_of,
)
from failure_api.evaluation.reporting.texts import printable, shortened
from failure_api.evaluation.results import Results, reason_of

_LISTED = 20


@dataclass(frozen=True)
class Failure:
    """Episodes that ended in the same error.

    Attributes:
        title: How many, where and with which error.
        traceback: What one of them left.
    """

    title: str
    traceback: str


@dataclass(frozen=True)
class Warnings:
    """What a reader has to know before believing the numbers.

    Attributes:
        unfinished: What is missing; empty where nothing is.
        failed: How many episodes failed; empty where none did.
        failures: The kinds of errors.
    """

    unfinished: str = ""
    failed: str = ""
    failures: Sequence[Failure] = field(default_factory=tuple)


def warnings_of(results: Results, curves: Sequence[Curve]) -> Warnings:
    """Returns what is to be said of a sweep's episodes.

    Args:
        results: What was found.
        curves: Its curves.
    """
    failures = _failures(results)
    failed = len(results.failures)
    listed = failures[:_LISTED]
    more = "" if len(listed) == len(failures) else f" The first {_LISTED} kinds are listed."
    return Warnings(
        unfinished=_unfinished(results, curves),
        failed=(
            f"{_episodes(failed)} of {len(results.episodes):,} ended in an error and "
            f"{'is' if failed == 1 else 'are'} left out of every number below.{more}"
            if failed
            else ""
        ),
        failures=listed,
    )


def _unfinished(results: Results, curves: Sequence[Curve]) -> str:
    planned, played = _planned(results, curves), len(results.episodes)
    if played >= planned:
        return ""
    empty = sum(math.isnan(mean) for curve in curves for mean in curve.values("mean"))
    gaps = f" {empty:,} of the points have no episode yet." if empty else ""
    return (
        f"This sweep is not finished: {played:,} of {planned:,} episodes have been played.{gaps} "
        "Everything below tells of those; give its command again to go on."
    )


def _planned(results: Results, curves: Sequence[Curve]) -> int:
    """Returns how many episodes the specification asks for."""
    try:
        return Plan(specification_from_dict(results.specification)).episodes
    except FailureApiError:
        # The environment may be missing here; then what has been begun is all that is known.
        references = sum(is_perfect(row) for row in rows_of(results.cells))
        cells = references + len(curves) * len(results.severities)
        return cells * int(results.specification.get("episodes", 0))


def _failures(results: Results) -> list[Failure]:
    kinds: dict[str, list[dict[str, object]]] = {}
    for row in rows_of(results.failures):
        kinds.setdefault(printable(reason_of(str(row["error"]))), []).append(row)
    return [
        Failure(_title(results, kind, rows), printable(rows[0]["error"]).strip())
        for kind, rows in sorted(kinds.items(), key=lambda item: -len(item[1]))
    ]


def _title(results: Results, kind: str, rows: list[dict[str, object]]) -> str:
    first = rows[0]
    label = label_of(results, key_of(results, first))
    where = f"{label}, {at(results, value_of(first, 'severity'))}, seed {first['seed']}"
    if len(rows) > 1:
        where = f"{_episodes(len(rows))}, the first in {where}"
    return f"{shortened(kind, 300)} ({where})"


def _episodes(count: int) -> str:
    return f"{count:,} episode{'' if count == 1 else 's'}"
