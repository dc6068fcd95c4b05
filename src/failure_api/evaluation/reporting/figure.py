"""The picture for a paper: mean return against severity, as wide as one column."""

from __future__ import annotations

import io
import math
import unicodedata
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from failure_api.evaluation.reporting.curves import (
    PERFECT_COLOUR,
    Curve,
    axis_in,
    shared_lines,
    tick_texts,
    title_of_axis,
)
from failure_api.evaluation.reporting.texts import shortened
from failure_api.evaluation.results import PERFECT, Results
from failure_api.needs import needed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH, _PANEL, _ROW = 3.5, 2.35, 0.145
_LINE, _COLUMN = 46, 24
"""Letters that fit in the legend's width, and in half of it."""

_FALLBACKS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Noto Sans SC",
    "WenQuanYi Zen Hei",
    "PingFang SC",
    "Hiragino Sans",
    "Microsoft YaHei",
    "Yu Gothic",
    "Malgun Gothic",
    "Noto Emoji",
    "Segoe UI Emoji",
)
_LINES: dict[str, Any] = {"solid": "-", "dash": (0, (4, 1.5)), "dot": ":", "dashdot": "-."}
_STYLE: dict[str, Any] = {
    "font.size": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "legend.fontsize": 7,
    "axes.linewidth": 0.7,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "axes.formatter.limits": (-4, 5),
    # Text stays text, to be searched and set in the paper's own font.
    "svg.fonttype": "none",
    # Without these two the same results would give other bytes every time.
    "svg.hashsalt": "failure_api",
    "savefig.dpi": 300,
}


def draw_curves(results: Results, curves: Sequence[Curve], form: str) -> bytes:
    """Returns the picture of a sweep's curves with their 95 % intervals.

    Args:
        results: What was found.
        curves: Its curves.
        form: "png" or "svg".

    Returns:
        The contents of a file; the same results give the same.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    figures = needed("matplotlib.figure", "The picture of a report", "evaluation")
    styles = needed("matplotlib.style", "The picture of a report", "evaluation")
    family = {"font.family": _fonts("".join(curve.label for curve in curves))}
    # Whatever the user's own settings are, and though no installed font may have some letter.
    with warnings.catch_warnings(action="ignore"), styles.context(["default", _STYLE | family]):
        columns = 2 if all(_wide(curve.label) <= _COLUMN for curve in curves) else 1
        legend_rows = math.ceil((len(curves) + 1) / columns)
        size = (_WIDTH, _PANEL + _ROW * legend_rows)
        # Made without pyplot: no window system and no global state is involved.
        figure: Figure = figures.Figure(figsize=size, layout="constrained")
        axes = figure.subplots()
        handles = [_draw_curve(axes, curve, len(curves)) for curve in curves]
        dashed: dict[str, Any] = {"linewidth": 0.9, "linestyle": (0, (5, 3)), "zorder": 1}
        lines = [value for value, _ in shared_lines(curves, "mean")]
        perfect = [axes.axhline(value, color=PERFECT_COLOUR, **dashed) for value in lines]
        _set_axes(axes, results)
        labels = [_fitted(curve.label) for curve in curves]
        if perfect:
            handles.append(perfect[0])
            labels.append(PERFECT)
        if handles:
            _add_legend(figure, handles, labels, columns)
        file = io.BytesIO()
        figure.savefig(file, format=form, metadata={"Date": None} if form == "svg" else None)
        return file.getvalue()


def _fonts(text: str) -> list[str]:
    """Returns matplotlib's own font, and installed ones for letters that it lacks."""
    if all(ord(letter) < 0x500 for letter in text):
        return ["DejaVu Sans"]
    manager = needed("matplotlib.font_manager", "The picture of a report", "evaluation").fontManager
    installed = set(manager.get_font_names())
    return ["DejaVu Sans", *(name for name in _FALLBACKS if name in installed)]


def _draw_curve(axes: Axes, curve: Curve, curves: int) -> Any:
    xs, colour = curve.positions(curves), curve.mark.colour
    means, lows, highs = curve.estimates("mean")
    for run in curve.runs("mean"):
        ends, alpha = (xs[run], lows[run], highs[run]), 0.2 if curves <= 4 else 0.1
        if run.stop - run.start > 1:
            axes.fill_between(*ends, color=colour, alpha=alpha, linewidth=0)
        else:
            axes.vlines(*ends, color=colour, linewidth=1)
    (line,) = axes.plot(
        xs,
        means,
        color=colour,
        linewidth=1.1,
        linestyle=_LINES[curve.mark.dash] if curve.is_ordered else "none",
        marker=curve.mark.marker,
        markersize=3.6,
        markeredgecolor="white",
        markeredgewidth=0.4,
        # Not every marker where they would touch.
        markevery=max(1, len(xs) // 15) if curve.is_ordered else 1,
    )
    return line


def _set_axes(axes: Axes, results: Results) -> None:
    if results.severities:
        limits, ticks, is_logarithmic = axis_in(results)
        if is_logarithmic:
            axes.set_xscale("log")
            axes.xaxis.set_minor_formatter("")
            axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.set_xlim(*limits)
        if ticks:
            names = tick_texts(results)
            # Words side by side would run into each other.
            turned: dict[str, Any] = {"rotation": 20, "ha": "right"}
            if max(map(len, names)) * len(names) <= _LINE:
                turned = {}
            axes.set_xticks(ticks, names, parse_math=False, **turned)
    axes.set_xlabel(title_of_axis(results, 50), parse_math=False)
    axes.set_ylabel("mean return (higher is better)")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", linewidth=0.4, alpha=0.4)
    axes.set_axisbelow(True)


def _fitted(label: str) -> str:
    """Returns a label that fits in a row of the legend."""
    while _wide(label) > _LINE:
        label = shortened(label, len(label) - 1)
    return label


def _wide(label: str) -> int:
    """Returns how many letters wide a text is; Chinese ones take the place of two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in label)


def _add_legend(figure: Figure, handles: list[Any], labels: list[str], columns: int) -> None:
    legend = figure.legend(
        handles,
        [str(index) for index in range(len(labels))],
        loc="outside lower center",
        ncols=columns,
        frameon=False,
        handlelength=2.6,
        columnspacing=1.2,
        labelspacing=0.25,
        borderpad=0.1,
    )
    # Set afterwards, since a label that begins with "_" would be left out, and one between
    # dollar signs would be read as a formula.
    for text, label in zip(legend.get_texts(), labels, strict=True):
        text.set_parse_math(False)
        text.set_text(label)
