"""The curves as plotly's plain data: what is drawn for each measure."""

from __future__ import annotations

import html
import math
import textwrap
from collections.abc import Sequence
from typing import Any, TypeAlias, cast

from failure_api.evaluation.reporting.curves import (
    PERFECT_COLOUR,
    Curve,
    at,
    axis_in,
    shared_lines,
    tick_texts,
    title_of_axis,
)
from failure_api.evaluation.reporting.summary import breaking_text
from failure_api.evaluation.reporting.texts import NONE, interval, numbers, printable, shortened
from failure_api.evaluation.results import PERFECT, Results

Trace: TypeAlias = dict[str, Any]
"""What plotly draws of one curve or of several, in the types of JSON."""

_MEASURES = (
    ("mean", "Mean return", "mean return (higher is better)"),
    ("iqm", "IQM", "interquartile mean of the returns (higher is better)"),
    ("cvar", "CVaR", "mean of the worst returns (CVaR; higher is better)"),
    ("drop", "Drop", "drop of the return, seed by seed (lower is better)"),
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
        index of the curve, or a list of those that share a line; "curves", each with what its
        legend needs; "x", the axis.
    """
    drawn = {
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
    return cast(dict[str, Any], _plain(drawn))


def escaped(text: str) -> str:
    """Returns text that plotly shows as it is, though it takes some tags for markup.

    Example:
        >>> escaped("<b>bold</b> & brave")
        '&lt;b&gt;bold&lt;/b&gt; &amp; brave'
    """
    return html.escape(text, quote=False)


def _axis(results: Results) -> dict[str, Any]:
    plain: dict[str, Any] = {"title": escaped(title_of_axis(results, 60))}
    if not results.severities:
        return plain
    limits, ticks, is_logarithmic = axis_in(results)
    if ticks:
        plain |= {"tickvals": ticks, "ticktext": [_folded(text) for text in tick_texts(results)]}
    if is_logarithmic:
        return plain | {"type": "log", "range": [math.log10(end) for end in limits]}
    return plain | {"range": list(limits)}


def _folded(text: str) -> str:
    """Returns a text in short lines, which stand beside each other on a telephone too."""
    return "<br>".join(map(escaped, textwrap.wrap(text, 11, break_long_words=False)))


def _traces(results: Results, curves: Sequence[Curve], column: str, axis: str) -> list[Trace]:
    traces = [_band(curve, column, len(curves)) for curve in curves]
    traces += _perfect(results, curves, column, axis)
    traces += [_line(results, curve, column, axis, len(curves)) for curve in curves]
    if column in ("mean", "drop"):
        traces += [_breaking(results, curve, column) for curve in curves]
    return [trace for trace in traces if trace]


def _trace(curves: Any, mode: str, x: Any, y: Any, hover: Any = "", **style: Any) -> Trace:
    trace = {"type": "scatter", "meta": curves, "mode": mode, "x": x, "y": y, **style}
    if hover:
        return trace | {"hoverinfo": "text", "hovertext": hover}
    return trace | {"hoverinfo": "skip"}


def _band(curve: Curve, column: str, curves: int) -> Trace:
    _, lows, highs = curve.estimates(column)
    xs = curve.positions(curves)
    wide = [run for run in curve.runs(column) if run.stop - run.start > 1]
    if not wide:
        return {}
    around_x = [x for run in wide for x in (*xs[run], *reversed(xs[run]), None)]
    around_y = [y for run in wide for y in (*highs[run], *reversed(lows[run]), None)]
    colour = _faded(curve.mark.colour, 0.18 if curves <= 4 else 0.1)
    style: dict[str, Any] = {"fill": "toself", "fillcolor": colour, "line": {"width": 0}}
    return _trace(curve.index, "lines", around_x, around_y, **style)


def _line(results: Results, curve: Curve, column: str, axis: str, curves: int) -> Trace:
    values, lows, highs = curve.estimates(column)
    if all(map(math.isnan, values)):
        return {}
    # What stands alone has no band, so its interval is a bar.
    alone = {run.start for run in curve.runs(column) if run.stop - run.start == 1}
    above, below = (
        [abs(ends[i] - value) if i in alone else None for i, value in enumerate(values)]
        for ends in (highs, lows)
    )
    # In their own decimals, since the values along a curve may differ by orders of magnitude.
    texts = [numbers(estimate, 4) for estimate in zip(values, lows, highs, strict=True)]
    return _trace(
        curve.index,
        "lines+markers" if curve.is_ordered else "markers",
        curve.positions(curves),
        values,
        [
            f"<b>{_name(curve)}</b><br>{escaped(at(results, severity))}<br>{axis}: {value}"
            + (f" ({interval(low, high)})" if low != NONE else "")
            for severity, (value, low, high) in zip(curve.severities, texts, strict=True)
        ],
        line={"color": curve.mark.colour, "width": 2, "dash": curve.mark.dash},
        marker={"symbol": curve.mark.symbol, "size": 7},
        error_y=_bars(above, below, 4, visible=bool(alone)),
    )


def _perfect(results: Results, curves: Sequence[Curve], column: str, axis: str) -> list[Trace]:
    if not curves or not results.severities:
        return []
    lines = [(0.0, list(curves))] if column == "drop" else shared_lines(curves, column)
    ends, traces = list(axis_in(results).limits), []
    for value, shared in lines:
        colour = shared[0].mark.colour if len(shared) == 1 else PERFECT_COLOUR
        names = [_name(curve) for curve in shared[:4]] + ["…"] * (len(shared) > 4)
        hover = "<br>".join([f"<b>{PERFECT}</b>", f"{axis}: {numbers([value], 4)[0]}", *names])
        line = {"color": colour, "width": 1.5, "dash": "8px,5px"}
        indices = [curve.index for curve in shared]
        traces.append(_trace(indices, "lines", ends, [value, value], hover, line=line))
    return traces


def _breaking(results: Results, curve: Curve, column: str) -> Trace:
    point, *ends = curve.breaking_point
    height = curve.height(column, point)
    if math.isnan(point) or math.isnan(height) or len(results.severities) == 1:
        return {}
    colour, severity = curve.mark.colour, escaped(printable(results.severity))
    # An interval that leaves the grid is drawn up to its edge.
    low, high = sorted(end if math.isfinite(end) else curve.severities[-1] for end in ends)
    return _trace(
        curve.index,
        "markers",
        [point],
        [height],
        f"<b>{_name(curve)}</b><br>breaks at {severity} {breaking_text(curve)}",
        marker={"symbol": "diamond-open", "size": 15, "color": colour, "line": {"width": 2.5}},
        error_x=_bars([max(0.0, high - point)], [max(0.0, point - low)], 5),
    )


def _bars(above: Any, below: Any, width: int, **further: bool) -> dict[str, Any]:
    ends = {"array": above, "arrayminus": below}
    return {**further, "type": "data", **ends, "thickness": 1.5, "width": width}


def _name(curve: Curve) -> str:
    return escaped(shortened(curve.label, 48))


def _faded(colour: str, alpha: float) -> str:
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha})"


def _plain(value: Any) -> Any:
    """Returns plain data with None for every number that JSON does not have."""
    if isinstance(value, dict):
        return {key: _plain(held) for key, held in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(held) for held in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
