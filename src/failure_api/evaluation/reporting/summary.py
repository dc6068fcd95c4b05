"""The answer in plain words: what each policy loses, and where it breaks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from failure_api.evaluation.reporting import texts
from failure_api.evaluation.reporting.curves import Curve, at, estimate_of, severity_text, value_of
from failure_api.evaluation.results import PERFECT, Results


def title_of(results: Results) -> str:
    """Returns the environment's name."""
    return texts.printable(results.specification.get("environment", "A sweep"))


def subtitle_of(results: Results, curves: Sequence[Curve]) -> str:
    """Returns what was varied, and how often each cell was played."""
    parts = [_span(results), _policies(curves)]
    for name in results.settings:
        found = list(dict.fromkeys(curve.setting[name] for curve in curves))
        parts.append(f"{name}: {', '.join(found[:6])}{', …' if len(found) > 6 else ''}")
    if episodes := int(results.specification.get("episodes", 0)):
        parts.append(f"{episodes_text(episodes)} in each cell")
    return texts.printable(" · ".join(filter(None, parts)))


def episodes_text(count: int) -> str:
    """Returns how many episodes there are: "1 episode", "2,000 episodes"."""
    return f"{count:,} episode{'' if count == 1 else 's'}"


def _span(results: Results) -> str:
    severities = results.severities
    if not severities:
        return results.severity
    if len(severities) == 1:
        return f"{results.severity} {severity_text(results, severities[0])}"
    if results.severity_labels:
        return f"{results.severity}: {', '.join(results.severity_labels)}"
    first, last = texts.exact(severities[0]), texts.exact(severities[-1])
    return f"{results.severity} from {first} to {last}, {len(severities)} values"


def _policies(curves: Sequence[Curve]) -> str:
    names = list(dict.fromkeys(curve.policy for curve in curves))
    if len(names) > 4:
        return f"{len(names)} policies"
    return f"polic{'y' if len(names) == 1 else 'ies'}: {', '.join(names)}" if names else ""


_TOLD = 4
_SCENARIOS_TOLD = 6
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
        return [_story(results, curve, explain=curve is told[0]) for curve in told]
    ranked = sorted(told, key=_loss)
    counted = "" if results.is_ordered else ", on the average of the scenarios"
    return [
        Sentence("", f"Of {len(told)} curves, this one loses least{counted}:"),
        _story(results, ranked[0], explain=True),
        Sentence("", "This one loses most:"),
        _story(results, ranked[-1], explain=False),
        Sentence("", "All of them are in the tables."),
    ]


def breaking_text(curve: Curve) -> str:
    """Returns a curve's breaking point with its interval, "beyond the grid" where it has none."""
    point, low, high = curve.breaking_point
    if math.isnan(point):
        return ""
    found = breaking_interval(curve)
    # An interval that ends where it begins adds nothing.
    bare = found == texts.NONE or low == high == point
    return point_text(curve, point) if bare else f"{point_text(curve, point)} ({found})"


def breaking_interval(curve: Curve) -> str:
    """Returns the interval of a curve's breaking point, mildest end first; a dash for none."""
    _, *ends = curve.breaking_point
    if all(map(math.isinf, ends)):
        return texts.BEYOND
    falls = curve.severities[:1] > curve.severities[-1:]
    ends.sort(key=lambda end: math.inf if math.isinf(end) else end * (-1) ** falls)
    return texts.interval(*(point_text(curve, end) for end in ends))


def point_text(curve: Curve, severity: float) -> str:
    """Returns a breaking point: "beyond the grid" for infinity, a dash for none."""
    if math.isnan(severity):
        return texts.NONE
    return texts.BEYOND if math.isinf(severity) else curve.severity_text(severity)


def _story(results: Results, curve: Curve, *, explain: bool) -> Sentence:
    if not results.is_ordered:
        return Sentence(curve.label, _scenarios(curve))
    parts = [_lost(results, curve), _broken(results, curve, explain)]
    return Sentence(curve.label, " ".join(filter(None, parts)))


def _lost(results: Results, curve: Curve) -> str:
    severity = _severest(curve)
    cell = curve.cells[severity]
    perfect, drops = value_of(curve.perfect, "mean"), estimate_of(cell, "drop")
    where = at(results, severity)
    from_perfect, to = texts.numbers([perfect, value_of(cell, "mean")])
    if math.isnan(drops[0]):
        return f"reaches a return of {to} at {where}."
    course = to if math.isnan(perfect) else f"{from_perfect}{texts.SPACE}→{texts.SPACE}{to}"
    if math.isnan(value_of(cell, "relative_drop")):
        unknown = "A return that may be 0 under perfect communication has no shares to lose."
        return f"{_loss_text(drops, 0.0)} at {where} ({course}). {unknown}"
    return f"{_loss_text(drops, perfect)} at {where} ({course})."


def _loss_text(drops: tuple[float, float, float], perfect: float) -> str:
    """Returns what is lost, as a share of the perfect return unless that is 0."""
    drop, low, high = drops
    if drop == low == high == 0:
        return "keeps all of its return" if perfect else "keeps the same return"
    gains = high < 0
    if gains:
        drops = (-drop, -high, -low)
    if abs(drop) < _LARGEST_SHARE * abs(perfect):
        (value, *ends), of = texts.percents([drop / abs(perfect) for drop in drops]), "of its"
    else:
        (value, *ends), of = texts.numbers(drops), "in"
    what = f"{value} ({texts.interval(*ends)}) {of} return".replace(f" ({texts.NONE})", "")
    if gains:
        return f"gains {what}"
    if low <= 0 <= high:
        return f"loses nothing that chance could not explain, {what},"
    return f"loses {what}"


def _broken(results: Results, curve: Curve, explain: bool) -> str:
    point, low, _ = curve.breaking_point
    if math.isnan(point):
        return ""
    share = texts.percents([results.share])[0]
    meaning = f" (loses more than {share})" if explain else ""
    if math.isfinite(point):
        where = breaking_text(curve).replace(point_text(curve, point), at(results, point), 1)
        return f"It breaks{meaning} at {where}."
    text = f"It does not break{meaning.replace('loses', 'lose')} on this grid"
    return (
        f"{text}, though it may from {point_text(curve, low)} on."
        if math.isfinite(low)
        else f"{text}."
    )


def _severest(curve: Curve) -> float:
    """Returns the severest severity with a mean; NaN where none has."""
    pairs = zip(curve.severities, curve.values("mean"), strict=True)
    return ([math.nan] + [severity for severity, mean in pairs if math.isfinite(mean)])[-1]


def _scenarios(curve: Curve) -> str:
    """Returns what is lost in each scenario; of many, where least is lost and where most."""
    means = zip(curve.severities, curve.values("mean"), strict=True)
    played = [severity for severity, mean in means if math.isfinite(mean)]
    perfect = value_of(curve.perfect, "mean")
    start, end = "", "."
    if math.isfinite(perfect):
        start = f"returns {texts.numbers([perfect])[0]} under {PERFECT}; it "
    if len(played) > _SCENARIOS_TOLD:
        end = f"; of {len(played)} scenarios these cost it least and most."
        played.sort(key=lambda severity: value_of(curve.cells[severity], "drop"))
        played = [played[0], played[-1]]
    told = [
        f"{_scenario(curve.cells[severity], perfect)} in {curve.severity_text(severity)}"
        for severity in played
    ]
    return f"{start}{_listed(told)}{end}"


def _scenario(cell: Mapping[str, Any], perfect: float) -> str:
    """Returns what is lost in one scenario, in a few words."""
    drop, low, high = drops = estimate_of(cell, "drop")
    if math.isnan(drop):
        return f"reaches {texts.numbers([value_of(cell, 'mean')])[0]}"
    if drop == low == high == 0:
        return "loses nothing"
    verb = "loses" if drop >= 0 else "gains"
    if low <= 0 <= high:
        verb = f"may by chance {verb.removesuffix('s')}"
    ends = drops if drop >= 0 else (-drop, -high, -low)
    relative = abs(value_of(cell, "relative_drop")) < _LARGEST_SHARE
    shown = texts.percents([end / abs(perfect) for end in ends]) if relative else None
    value, *interval = shown or texts.numbers(ends)
    return f"{verb} {value} ({texts.interval(*interval)})".replace(f" ({texts.NONE})", "")


def _listed(parts: Sequence[str]) -> str:
    """Returns parts of a sentence side by side.

    Example:
        >>> _listed(["a", "b", "c"])
        'a, b and c'
    """
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last


def _loss(curve: Curve) -> float:
    if curve.is_ordered:
        share = value_of(curve.cells[_severest(curve)], "relative_drop")
    else:
        shares = [value_of(cell, "relative_drop") for cell in curve.cells.values()]
        share = sum(shares) / len(shares)
    return -math.inf if math.isnan(share) else share
