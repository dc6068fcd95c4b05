"""The curves as plotly's plain data: what is drawn for each measure."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from typing import Any

from failure_api.evaluation.reporting.curves import (
    PERFECT_COLOUR,
    Curve,
    at,
    height_at,
    is_logarithmic,
    limits,
    places,
    runs,
    shared_lines,
    ticks_of,
    value_of,
)
from failure_api.evaluation.reporting.summary import breaking_text
from failure_api.evaluation.reporting.texts import NONE, interval, numbers, printable, shortened
from failure_api.evaluation.results import PERFECT, Results

_MEASURES = (
    ("mean", "Mean return", "mean return"),
    ("iqm", "IQM", "interquartile mean of the returns"),
    ("cvar", "CVaR", "mean of the worst returns (CVaR)"),
    ("drop", "Drop", "drop of the return, seed by seed"),
    ("delivery_ratio", "Delivery", "share of messages that arrived"),
    ("mean_age", "Age", "mean age of information (rounds)"),
    ("news", "News", "share of rounds that brought a link something newer"),
    ("overtaken", "Overtaken", "share of arrivals after a newer message"),
)


def plot_of(results: Results, curves: Sequence[Curve]) -> dict[str, Any]:
    """Returns what plotly draws, in the types of JSON.

    Args:
        results: What was found.
        curves: Its curves.

    Returns:
        "measures", each with its name, the title of its axis and its traces, whose "meta" is the
        number of the curve, or a list of those that share a line; "curves", each with what its
        legend needs; "x", the axis.
    """
    return {
        "measures": [
            {"name": name, "axis": axis, "traces": _traces(results, curves, column, axis)}
            for column, name, axis in _MEASURES
        ],
        "curves": [
            {"label": curve.label, "colour": curve.mark.colour, "glyph": curve.mark.glyph}
            for curve in curves
        ],
        "x": _axis(results),
    }


def escaped(text: str) -> str:
    """Returns text that plotly shows as it is, though it takes some tags for markup.

    Example:
        >>> escaped("<b>bold</b> & brave")
        '&lt;b&gt;bold&lt;/b&gt; &amp; brave'
    """
    return html.escape(text, quote=False)


def _axis(results: Results) -> dict[str, Any]:
    axis: dict[str, Any] = {"title": escaped(shortened(printable(results.severity), 60))}
    severities = results.severities
    if not severities:
        return axis
    low, high = limits(severities)
    if ticks := ticks_of(severities):
        axis |= {"tickvals": ticks, "ticktext": [f"{severity:g}" for severity in ticks]}
    if is_logarithmic(severities):
        axis["type"] = "log"
        low, high = math.log10(low), math.log10(high)
    return axis | {"range": [low, high]}


def _traces(
    results: Results, curves: Sequence[Curve], column: str, axis: str
) -> list[dict[str, Any]]:
    traces = [_band(curve, column, len(curves)) for curve in curves]
    traces += _perfect_lines(results, curves, column, axis)
    traces += [_line(results, curve, column, axis, len(curves)) for curve in curves]
    if column in ("mean", "drop"):
        traces += [_breaking(results, curve, column) for curve in curves]
    return [trace for trace in traces if trace]


def _band(curve: Curve, column: str, curves: int) -> dict[str, Any]:
    lows, highs = curve.values(f"{column}_low"), curve.values(f"{column}_high")
    xs = places(curve, curves)
    around_x: list[float | None] = []
    around_y: list[float | None] = []
    for run in runs(lows):
        if run.stop - run.start > 1:
            around_x += [*xs[run], *reversed(xs[run]), None]
            around_y += [*highs[run], *reversed(lows[run]), None]
    if not around_x:
        return {}
    return {
        "type": "scatter",
        "meta": curve.number,
        "mode": "lines",
        "x": around_x,
        "y": around_y,
        "fill": "toself",
        "fillcolor": _faded(curve.mark.colour, 0.18 if curves <= 4 else 0.1),
        "line": {"width": 0},
        "hoverinfo": "skip",
    }


def _line(results: Results, curve: Curve, column: str, axis: str, curves: int) -> dict[str, Any]:
    values = curve.values(column)
    if all(map(math.isnan, values)):
        return {}
    lows, highs = curve.values(f"{column}_low"), curve.values(f"{column}_high")
    # What stands alone has no band, so its interval is a bar.
    alone = {run.start for run in runs(lows) if run.stop - run.start == 1}
    above, below = (
        [_plain(abs(ends[i] - value)) if i in alone else None for i, value in enumerate(values)]
        for ends in (highs, lows)
    )
    return {
        "type": "scatter",
        "meta": curve.number,
        "mode": "lines+markers",
        "x": places(curve, curves),
        "y": [_plain(value) for value in values],
        "line": {"color": curve.mark.colour, "width": 2, "dash": curve.mark.dash},
        "marker": {"symbol": curve.mark.symbol, "size": 7},
        "error_y": {
            "visible": bool(alone),
            "type": "data",
            "array": above,
            "arrayminus": below,
            "thickness": 1.5,
            "width": 4,
        },
        "hoverinfo": "text",
        "hovertext": _hover(results, curve, column, axis),
    }


def _hover(results: Results, curve: Curve, column: str, axis: str) -> list[str]:
    ends = [curve.values(column + end) for end in ("", "_low", "_high")]
    # In their own decimals, since the values along a curve may differ by orders of magnitude.
    texts = [numbers(found, 4) for found in zip(*ends, strict=True)]
    return [
        "<br>".join(
            [
                f"<b>{escaped(shortened(curve.label, 48))}</b>",
                escaped(at(results, severity)),
                f"{axis}: {value}" + (f" ({interval(low, high)})" if low != NONE else ""),
            ]
        )
        for severity, (value, low, high) in zip(curve.severities, texts, strict=True)
    ]


def _perfect_lines(
    results: Results, curves: Sequence[Curve], column: str, axis: str
) -> list[dict[str, Any]]:
    if not results.severities:
        return []
    lines = [(0.0, list(curves))] if column == "drop" else shared_lines(curves, column)
    return [
        {
            "type": "scatter",
            "meta": [curve.number for curve in shared],
            "mode": "lines",
            "x": list(limits(results.severities)),
            "y": [value, value],
            "line": {
                "color": shared[0].mark.colour if len(shared) == 1 else PERFECT_COLOUR,
                "width": 1.5,
                "dash": "8px,5px",
            },
            "hoverinfo": "text",
            "hovertext": f"<b>{PERFECT}</b><br>{axis}: {numbers([value], 4)[0]}<br>"
            + "<br>".join(escaped(shortened(curve.label, 48)) for curve in shared[:4])
            + ("<br>…" if len(shared) > 4 else ""),
        }
        for value, shared in lines
        if shared
    ]


def _breaking(results: Results, curve: Curve, column: str) -> dict[str, Any]:
    point = value_of(curve.summary, "breaking_point")
    height = height_at(curve, column, point)
    if math.isnan(height) or len(results.severities) == 1:
        return {}
    low, high = (value_of(curve.summary, f"breaking_point_{end}") for end in ("low", "high"))
    # An interval that leaves the grid is drawn up to its edge.
    edge = curve.severities[-1]
    low, high = sorted(edge if not math.isfinite(end) else end for end in (low, high))
    return {
        "type": "scatter",
        "meta": curve.number,
        "mode": "markers",
        "x": [point],
        "y": [height],
        "marker": {
            "symbol": "diamond-open",
            "size": 15,
            "color": curve.mark.colour,
            "line": {"width": 2.5},
        },
        "error_x": {
            "type": "data",
            "array": [max(0.0, high - point)],
            "arrayminus": [max(0.0, point - low)],
            "thickness": 1.5,
            "width": 5,
        },
        "hoverinfo": "text",
        "hovertext": f"<b>{escaped(shortened(curve.label, 48))}</b><br>breaks at "
        f"{escaped(printable(results.severity))} {breaking_text(curve)}",
    }


def _faded(colour: str, alpha: float) -> str:
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha})"


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None
