"""The picture of a measurement: overhead and step time against the number of agents."""

from __future__ import annotations

from pathlib import Path

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
    values = [row.overhead_percent for row in rows]
    axes.plot(agents, values, color=_WRAPPED, linewidth=1.5, zorder=2)
    with_interval = [row for row in rows if row.interval_percent is not None]
    label = "wrapped, with 95 % confidence interval" if with_interval else "wrapped"
    axes.errorbar(
        agents,
        values,
        yerr=_error_bars(rows) if with_interval else None,
        fmt="o",
        color=_WRAPPED,
        capsize=5,
        label=label,
        zorder=3,
    )
    ends = [end for row in with_interval for end in row.interval_percent or ()]
    low, high = min(0.0, *values, *ends), max(0.0, *values, *ends)
    room = 0.25 * max(high - low, 4.0)
    axes.set_ylim(low - room, high + room)
    axes.axhline(0, color="black", linewidth=1, label="bare environment", zorder=1)
    axes.axhspan(low - room, 0, color=_FASTER, zorder=0)
    axes.axhspan(0, high + room, color=_SLOWER, zorder=0)
    for row in rows:
        top = max(row.overhead_percent, *(row.interval_percent or (row.overhead_percent,)))
        axes.annotate(
            f"{row.overhead_percent:+.1f} %",
            (row.agents, top),
            xytext=(0, 6),
            textcoords="offset points",
            ha="center",
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.6, "pad": 1},
        )
    axes.text(0.99, 0.01, "wrapped is faster", transform=axes.transAxes, ha="right", va="bottom")
    axes.text(0.99, 0.99, "wrapped is slower", transform=axes.transAxes, ha="right", va="top")
    axes.set_title("What wrapping adds to a step")
    axes.set_ylabel("overhead (% of the bare step time)")


def _error_bars(rows: list[OverheadRow]) -> tuple[list[float], list[float]]:
    below, above = [], []
    for row in rows:
        low, high = row.interval_percent or (row.overhead_percent, row.overhead_percent)
        # A percentile interval can miss the median by a rounding error.
        below.append(max(0.0, row.overhead_percent - low))
        above.append(max(0.0, high - row.overhead_percent))
    return below, above


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
        axes.annotate(
            f"{_short(row.bare.time_ms)} → {_short(row.wrapped.time_ms)}",
            (row.agents, min(row.bare.time_ms, row.wrapped.time_ms)),
            xytext=(4, -16),
            textcoords="offset points",
        )


def _short(milliseconds: float) -> str:
    return f"{milliseconds:#.3g}".rstrip(".")


def _title(result: OverheadResult) -> str:
    asked = result.arguments
    kind = {"aec": "AEC", "parallel": "Parallel"}[asked["api"]]
    return (
        f"Cost of wrapping {asked['environment']} ({kind})\n"
        f"{asked['episodes']} episodes of {asked['cycles']} steps, "
        f"links failing with probability {asked['failure_prob']:g}, protocol '{result.protocol}'"
    )
