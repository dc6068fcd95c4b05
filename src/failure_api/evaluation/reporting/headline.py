"""What a report is about, in a title and a line below it."""

from __future__ import annotations

from collections.abc import Sequence

from failure_api.evaluation.reporting.curves import Curve
from failure_api.evaluation.reporting.texts import exact, printable
from failure_api.evaluation.results import Results


def title_of(results: Results) -> str:
    """Returns the environment's name."""
    return printable(results.specification.get("environment", "A sweep"))


def subtitle_of(results: Results, curves: Sequence[Curve]) -> str:
    """Returns what was varied, and how often each cell was played."""
    parts = [_span(results), _policies(curves)]
    for name in results.settings:
        found = list(dict.fromkeys(curve.setting[name] for curve in curves))
        parts.append(f"{name}: {', '.join(found[:6])}{', …' if len(found) > 6 else ''}")
    episodes = int(results.specification.get("episodes", 0))
    if episodes:
        parts.append(f"{episodes:,} episode{'' if episodes == 1 else 's'} in each cell")
    return printable(" · ".join(part for part in parts if part))


def _span(results: Results) -> str:
    severities = results.severities
    if not severities:
        return results.severity
    if len(severities) == 1:
        return f"{results.severity} {exact(severities[0])}"
    first, last = exact(severities[0]), exact(severities[-1])
    return f"{results.severity} from {first} to {last}, {len(severities)} values"


def _policies(curves: Sequence[Curve]) -> str:
    names = list(dict.fromkeys(curve.policy for curve in curves))
    if len(names) > 4:
        return f"{len(names)} policies"
    return f"polic{'y' if len(names) == 1 else 'ies'}: {', '.join(names)}" if names else ""
