"""Warnings that a reader needs before believing the numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from failure_api.errors import FailureApiError
from failure_api.evaluation.plan import Plan
from failure_api.evaluation.reading import specification_from_dict
from failure_api.evaluation.reporting.curves import Curve, at, is_perfect, label_of, rows_of
from failure_api.evaluation.reporting.summary import episodes_text
from failure_api.evaluation.reporting.texts import printable, shortened
from failure_api.evaluation.results import Results, reason_of

_LISTED = 20


class Failure(NamedTuple):
    """Episodes that ended in the same error.

    Attributes:
        title: How many, where and with which error.
        traceback: What one of them left.
    """

    title: str
    traceback: str


class Notice(NamedTuple):
    """What a reader has to know before believing the numbers.

    Attributes:
        title: What it is about: "Unfinished.", "Failed episodes."
        text: What is missing, or how many episodes failed.
        failures: The kinds of errors.
    """

    title: str
    text: str
    failures: Sequence[Failure] = ()


def warnings_of(results: Results, curves: Sequence[Curve]) -> list[Notice]:
    """Returns what is to be said of a sweep's episodes; nothing where all is as planned.

    Args:
        results: What was found.
        curves: Its curves.
    """
    warnings = []
    planned, played = _planned(results, curves), len(results.episodes)
    if played < planned:
        empty = sum(math.isnan(mean) for curve in curves for mean in curve.values("mean"))
        text = (
            f"This sweep is not finished: {played:,} of {planned:,} episodes have been played."
            f"{f' {empty:,} of the points have no episode yet.' if empty else ''} "
            "Everything below tells of those; give its command again to go on."
        )
        warnings.append(Notice("Unfinished.", text))
    failures, failed = _failures(results), len(results.failures)
    if failed:
        more = f" The first {_LISTED} kinds are listed." if len(failures) > _LISTED else ""
        text = (
            f"{episodes_text(failed)} of {played:,} ended in an error and "
            f"{'is' if failed == 1 else 'are'} left out of every number below.{more}"
        )
        warnings.append(Notice("Failed episodes.", text, failures[:_LISTED]))
    return warnings


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
