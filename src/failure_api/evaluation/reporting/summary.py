"""The answer in plain words: what each policy loses, and where it breaks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from failure_api.evaluation.reporting.curves import Curve, at, value_of
from failure_api.evaluation.reporting.texts import (
    BEYOND,
    NONE,
    SPACE,
    exact,
    interval,
    numbers,
    percents,
    printable,
)
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


_TOLD = 4
_LARGEST_SHARE = 10.0
"""A loss of more than ten times the return is told in the return's own unit."""


class Sentence(NamedTuple):
    """A part of the answer.

    Attributes:
        label: The curve that it tells of; empty where it tells of all.
        text: What it says, to be read after the label.
    """

    label: str
    text: str


def answer(results: Results, curves: Sequence[Curve]) -> list[Sentence]:
    """Returns what a sweep says, each curve in a sentence or two.

    Of many curves only the one that loses least and the one that loses most are told.

    Args:
        results: What was found.
        curves: Its curves.
    """
    told = [curve for curve in curves if math.isfinite(_severest(curve))]
    if not told:
        failed = len(results.failures) == len(results.episodes) > 0
        why = "every episode failed" if failed else "no curve has an episode that was played"
        return [Sentence("", f"Nothing can be said: {why}.")]
    if len(told) <= _TOLD:
        return [
            Sentence(curve.label, _story(results, curve, explain=curve is told[0]))
            for curve in told
        ]
    ranked = sorted(told, key=_loss)
    return [
        Sentence("", f"Of {len(told)} curves, this one loses least:"),
        Sentence(ranked[0].label, _story(results, ranked[0], explain=True)),
        Sentence("", "This one loses most:"),
        Sentence(ranked[-1].label, _story(results, ranked[-1], explain=False)),
        Sentence("", "All of them are in the table of curves."),
    ]


def breaking_text(curve: Curve) -> str:
    """Returns a curve's breaking point with its interval, "beyond the grid" where it has none."""
    point, low, high = _breaking(curve)
    if math.isnan(point):
        return ""
    found = _ordered(curve, low, high)
    # An interval that ends where it begins adds nothing.
    return _point(point) if not found or low == high == point else f"{_point(point)} ({found})"


def breaking_interval(curve: Curve) -> str:
    """Returns the interval of a curve's breaking point, mildest end first; empty for none."""
    _, low, high = _breaking(curve)
    return _ordered(curve, low, high)


def _story(results: Results, curve: Curve, *, explain: bool) -> str:
    return " ".join(filter(None, [_lost(results, curve), _broken(results, curve, explain)]))


def _lost(results: Results, curve: Curve) -> str:
    severity = _severest(curve)
    cell = curve.cells[severity]
    perfect = value_of(curve.perfect, "mean")
    mean = value_of(cell, "mean")
    drops = [value_of(cell, f"drop{end}") for end in ("", "_low", "_high")]
    where = at(results, severity)
    from_perfect, to = numbers([perfect, mean])
    if math.isnan(drops[0]):
        return f"reaches a return of {to} at {where}."
    course = to if math.isnan(perfect) else f"{from_perfect}{SPACE}→{SPACE}{to}"
    if math.isnan(value_of(cell, "relative_drop")):
        unknown = "A return that may be 0 under perfect communication has no shares to lose."
        return f"{_loss_text(drops, 0.0)} at {where} ({course}). {unknown}"
    return f"{_loss_text(drops, perfect)} at {where} ({course})."


def _loss_text(drops: list[float], perfect: float) -> str:
    """Returns what is lost, as a share of the perfect return unless that is 0."""
    shares = [drop / abs(perfect) if perfect else math.inf for drop in drops]
    drop, low, high = drops
    if drop == low == high == 0:
        return "keeps all of its return" if perfect else "keeps the same return"
    gains = high < 0
    if gains:
        drops, shares = [-drop, -high, -low], [-shares[0], -shares[2], -shares[1]]
    if abs(shares[0]) < _LARGEST_SHARE:
        value, *ends = percents(shares)
        what = f"{value} ({interval(*ends)}) of its return"
    else:
        value, *ends = numbers(drops)
        what = f"{value} ({interval(*ends)}) in return"
    what = what.replace(f" ({NONE})", "")
    if gains:
        return f"gains {what}"
    if low <= 0 <= high:
        return f"loses nothing that chance could not explain, {what},"
    return f"loses {what}"


def _broken(results: Results, curve: Curve, explain: bool) -> str:
    point, low, _ = _breaking(curve)
    if math.isnan(point):
        return ""
    share = percents([results.share])[0]
    meaning = f" (loses more than {share})" if explain else ""
    if math.isfinite(point):
        place = breaking_text(curve).replace(exact(point), at(results, point), 1)
        return f"It breaks{meaning} at {place}."
    meaning = meaning.replace("loses", "lose")
    text = f"It does not break{meaning} on this grid"
    return f"{text}, though it may from {exact(low)} on." if math.isfinite(low) else f"{text}."


def _breaking(curve: Curve) -> tuple[float, float, float]:
    point, low, high = (
        value_of(curve.summary, f"breaking_point{end}") for end in ("", "_low", "_high")
    )
    return point, low, high


def _ordered(curve: Curve, low: float, high: float) -> str:
    if math.isnan(low) or math.isnan(high):
        return ""
    falls = curve.severities[0] > curve.severities[-1]
    ends = sorted((low, high), key=lambda end: math.inf if math.isinf(end) else end * (-1) ** falls)
    if all(map(math.isinf, ends)):
        return BEYOND
    return f"{_point(ends[0])} to {_point(ends[1])}"


def _point(severity: float) -> str:
    return BEYOND if math.isinf(severity) else exact(severity)


def _severest(curve: Curve) -> float:
    """Returns the severest severity with a mean; NaN where none has."""
    pairs = zip(curve.severities, curve.values("mean"), strict=True)
    return ([math.nan] + [severity for severity, mean in pairs if math.isfinite(mean)])[-1]


def _loss(curve: Curve) -> float:
    share = value_of(curve.cells[_severest(curve)], "relative_drop")
    return -math.inf if math.isnan(share) else share
