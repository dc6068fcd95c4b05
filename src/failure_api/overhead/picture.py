"""The picture of a measurement: overhead and step time against the number of agents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from failure_api.overhead.result import OverheadResult, OverheadRow

_BARE, _WRAPPED = "#7a7a7a", "#0b6fa4"
_FASTER, _SLOWER = "#e8f3e8", "#faecea"


def draw_overhead(result: OverheadResult, path: Path) -> None:
    """Draws the overhead with its confidence interval, and the step times behind it.

    Args:
        result: What was measured; at least one row.
        path: A file to write; its ending says the format.
    """
    rows = sorted(result.rows, key=lambda row: row.agents)
    # Made without pyplot: no window system and no global state is involved.
    figure = Figure(figsize=(11, 5.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    _draw_percent(left, rows)
    _draw_times(right, rows, "median" if result.protocol == "paired" else "mean")
    for axes in (left, right):
        axes.set_xlabel("number of agents, N")
        axes.set_xticks([row.agents for row in rows])
        span = max(rows[-1].agents - rows[0].agents, 1)
        axes.set_xlim(rows[0].agents - 0.15 * span, rows[-1].agents + 0.25 * span)
        axes.spines[["top", "right"]].set_visible(False)
        # Below the panel, where it can hide nothing.
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=2, frameon=False)
    figure.suptitle(_title(result), fontsize=12)
    figure.savefig(path, dpi=150)


def _draw_percent(axes: Axes, rows: list[OverheadRow]) -> None:
    agents = [row.agents for row in rows]
    values = np.array([row.overhead_percent for row in rows])
    known = any(row.interval_percent for row in rows)
    lows, highs = np.array(
        [row.interval_percent or (row.overhead_percent, row.overhead_percent) for row in rows]
    ).T
    axes.plot(agents, values, color=_WRAPPED, linewidth=1.5, zorder=2)
    # A percentile interval can miss the median by a rounding error.
    bars = np.maximum(0.0, (values - lows, highs - values)) if known else None
    label = "wrapped, with 95 % confidence interval" if known else "wrapped"
    style: dict[str, Any] = {"fmt": "o", "color": _WRAPPED, "capsize": 5, "zorder": 3}
    axes.errorbar(agents, values, yerr=bars, label=label, **style)
    low, high = min(0.0, *values, *lows), max(0.0, *values, *highs)
    room = 0.25 * max(high - low, 4.0)
    axes.set_ylim(low - room, high + room)
    axes.axhline(0, color="black", linewidth=1, label="bare environment", zorder=1)
    axes.axhspan(low - room, 0, color=_FASTER, zorder=0)
    axes.axhspan(0, high + room, color=_SLOWER, zorder=0)
    for count, value, top in zip(agents, values, np.maximum(values, highs), strict=True):
        box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.6, "pad": 1}
        style = {"xytext": (0, 6), "textcoords": "offset points", "ha": "center", "bbox": box}
        axes.annotate(f"{value:+.1f} %", (count, top), **style)
    axes.text(0.99, 0.01, "wrapped is faster", transform=axes.transAxes, ha="right", va="bottom")
    axes.text(0.99, 0.99, "wrapped is slower", transform=axes.transAxes, ha="right", va="top")
    axes.set_title("What wrapping adds to a step")
    axes.set_ylabel("overhead (% of the bare step time)")


def _draw_times(axes: Axes, rows: list[OverheadRow], average: str) -> None:
    agents = [row.agents for row in rows]
    bare = [row.bare.time_ms for row in rows]
    wrapped = [row.wrapped.time_ms for row in rows]
    axes.plot(agents, bare, "s--", color=_BARE, label="bare")
    axes.plot(agents, wrapped, "o-", color=_WRAPPED, label="wrapped")
    # Step times grow with the square of N: on a linear axis the small teams would all be zero.
    axes.set_yscale("log")
    axes.set_ylim(0.4 * min(*bare, *wrapped), 2 * max(*bare, *wrapped))
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_title("How long a step takes")
    axes.set_ylabel(f"{average} step time (ms, logarithmic)")
    axes.grid(axis="y", alpha=0.3)
    for row in rows:
        times = (row.bare.time_ms, row.wrapped.time_ms)
        text = " → ".join(f"{time:#.3g}".rstrip(".") for time in times)
        at = (row.agents, min(times))
        axes.annotate(text, at, xytext=(4, -16), textcoords="offset points")


def _title(result: OverheadResult) -> str:
    asked = result.arguments
    api = {"aec": "AEC", "parallel": "Parallel"}[asked["api"]]
    return (
        f"Cost of wrapping {asked['environment']} ({api})\n"
        f"{asked['episodes']} episodes of {asked['cycles']} steps, "
        f"links failing with probability {asked['failure_prob']:g}, protocol '{result.protocol}'"
    )
