"""Warnings that a reader needs before believing the numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from failure_api.errors import FailureApiError
from failure_api.evaluation.plan import Plan
from failure_api.evaluation.reading import specification_from_dict
from failure_api.evaluation.reporting.curves import Curve, at, is_perfect, label_of, rows_of
from failure_api.evaluation.reporting.summary import episodes_text
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

    unfinished: str
    failed: str
    failures: Sequence[Failure]


def warnings_of(results: Results, curves: Sequence[Curve]) -> Warnings:
    """Returns what is to be said of a sweep's episodes.

    Args:
        results: What was found.
        curves: Its curves.
    """
    failures, count = _failures(results), len(results.failures)
    failed = ""
    if count:
        failed = (
            f"{episodes_text(count)} of {len(results.episodes):,} ended in an error and "
            f"{'is' if count == 1 else 'are'} left out of every number below."
        )
    if len(failures) > _LISTED:
        failed += f" The first {_LISTED} kinds are listed."
    return Warnings(_unfinished(results, curves), failed, failures[:_LISTED])


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
    by_reason: dict[str, list[dict[str, Any]]] = {}
    for row in rows_of(results.failures):
        by_reason.setdefault(printable(reason_of(str(row["error"]))), []).append(row)
    return [
        Failure(_title(results, reason, rows), printable(rows[0]["error"]).strip())
        for reason, rows in sorted(by_reason.items(), key=lambda item: -len(item[1]))
    ]


def _title(results: Results, reason: str, rows: list[dict[str, Any]]) -> str:
    first = rows[0]
    where = f"{label_of(results, first)}, {at(results, first['severity'])}, seed {first['seed']}"
    if len(rows) > 1:
        where = f"{episodes_text(len(rows))}, the first in {where}"
    return f"{shortened(reason, 300)} ({where})"
