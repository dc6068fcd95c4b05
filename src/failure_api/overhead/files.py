"""The files of a measurement: a table, a record, a picture, a profile."""

from __future__ import annotations

import cProfile
import csv
import importlib.util
import io
import json
import pstats
import tempfile
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from failure_api.errors import MissingDependencyError, invalid
from failure_api.overhead.result import FURTHER_COLUMNS, SEED_COLUMNS, OverheadResult, OverheadRow
from failure_api.replacing import replacing


def prepare(directory: Path) -> None:
    """Makes sure, before anything is measured, that what will be found can be kept.

    Args:
        directory: Where the files will go; it is made if it is not there.

    Raises:
        InvalidArgumentError: The directory can be neither made nor written to.
        MissingDependencyError: What draws the picture or makes the tables is not installed.
    """
    needs = {"picture": "matplotlib", "table": "pandas", "record of the machine": "psutil"}
    for what, package in needs.items():
        if importlib.util.find_spec(package) is None:
            raise MissingDependencyError(
                f"The {what} needs {package}, which is not installed: "
                "install it with `pip install 'failure-api[cli]'`."
            )
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        rule = f"must be a directory that can be written to ({reason})"
        raise invalid("output", rule, str(directory), "name another one") from error


def write_result(result: OverheadResult, directory: Path) -> None:
    """Writes `overhead.csv`, `overhead.json` and `overhead.png`.

    Args:
        result: What was measured.
        directory: Where to; it must exist.
    """
    from failure_api.overhead.files import draw_overhead

    with replacing(directory / "overhead.csv") as path, path.open("w", newline="") as file:
        table = csv.DictWriter(file, fieldnames=[*SEED_COLUMNS, *FURTHER_COLUMNS])
        table.writeheader()
        table.writerows(row.columns() for row in result.rows)
    with replacing(directory / "overhead.json") as path:
        record = {
            "protocol": result.protocol,
            "arguments": result.arguments,
            "versions": result.versions,
            "machine": result.machine,
            "rows": [row.columns() for row in result.rows],
        }
        path.write_text(json.dumps(record, indent=2, allow_nan=False) + "\n")
    with replacing(directory / "overhead.png") as path:
        draw_overhead(result, path)


def write_profile(profiler: cProfile.Profile, directory: Path) -> str:
    """Writes `overhead.prof`, and the most expensive functions to `overhead_profile.txt`.

    Args:
        profiler: What watched; it may go on watching afterwards.
        directory: Where to; it must exist.

    Returns:
        The 30 functions with the largest cumulative time, as text.
    """
    with replacing(directory / "overhead.prof") as path:
        profiler.dump_stats(path)
    text = io.StringIO()
    pstats.Stats(profiler, stream=text).strip_dirs().sort_stats("cumtime").print_stats(30)
    with replacing(directory / "overhead_profile.txt") as path:
        path.write_text(text.getvalue())
    return text.getvalue()


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
