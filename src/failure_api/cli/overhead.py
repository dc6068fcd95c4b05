"""The verb `overhead`: what wrapping an environment costs."""

from __future__ import annotations

import cProfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import TextColumn, TimeRemainingColumn
from rich.table import Table

from failure_api.cli.progress import (
    number_columns,
    print_line,
    progress_bar,
    remembered_interruption,
)
from failure_api.overhead.environments import DEFAULT_ENVIRONMENT, check_arguments
from failure_api.overhead.files import prepare, write_profile, write_result
from failure_api.overhead.measure import measure_overhead
from failure_api.overhead.result import OverheadResult, OverheadRow


def overhead(
    environment: Annotated[
        str, typer.Option(help="The environment, as an importable module.")
    ] = DEFAULT_ENVIRONMENT,
    agents: Annotated[
        list[int] | None,
        typer.Option(
            metavar="N ...",
            help="Values for the environment's option N, as in `--agents 3 10 25`. Without it: "
            "3 10 25 for simple_spread, any other environment as it is.",
        ),
    ] = None,
    episodes: Annotated[int, typer.Option(help="Episodes, bare and wrapped.")] = 20,
    cycles: Annotated[int, typer.Option(help="Steps in an episode.")] = 25,
    failure_prob: Annotated[
        float, typer.Option(help="Probability that a link fails in a round.")
    ] = 0.5,
    api: Annotated[
        str, typer.Option(metavar="aec|parallel", help="Which PettingZoo API to wrap.")
    ] = "aec",
    protocol: Annotated[
        str,
        typer.Option(
            metavar="paired|seed",
            help="'paired' takes bare and wrapped in turns; 'seed' follows the notebook that this "
            "project began as, with a sleep of 0.1 s in every step.",
        ),
    ] = "paired",
    profile: Annotated[bool, typer.Option("--profile", help="Show where the time goes.")] = False,
    output: Annotated[Path, typer.Option(metavar="DIR", help="Where the files go.")] = Path(
        "overhead"
    ),
) -> OverheadResult:
    """Measures an environment bare and wrapped, prints a table, and writes the files.

    Args:
        environment: Name of the environment.
        agents: Values for the environment's option `N`.
        episodes: Episodes on each side.
        cycles: Steps in an episode.
        failure_prob: Probability that a link fails in a round.
        api: "aec" or "parallel".
        protocol: "paired" or "seed".
        profile: Whether to show and keep the most expensive functions.
        output: Directory of the files; each is written anew as soon as a number of agents is done.

    Returns:
        What was measured.

    Raises:
        FailureApiError: An argument is wrong; nothing has been measured then.
        KeyboardInterrupt: The user pressed Ctrl-C; what was measured has been written.
    """
    screen, messages = Console(), Console(stderr=True)
    profiler = cProfile.Profile() if profile else None
    arguments = (environment, agents, episodes, cycles, failure_prob, api, protocol)
    planned = len(check_arguments(*arguments))
    measured = 0
    blocks = TextColumn("{task.completed} of {task.total} blocks")
    with (
        remembered_interruption() as stop_if_interrupted,
        progress_bar(messages, blocks, TimeRemainingColumn()) as bar,
    ):
        task = bar.add_task("starting", total=None)

        def show(count: int | None, done: int, total: int) -> None:
            stop_if_interrupted()
            description = "measuring" if count is None else f"N = {count}"
            bar.update(task, description=description, completed=done, total=total, refresh=True)

        def keep(result: OverheadResult) -> None:
            nonlocal measured
            write_result(result, output)
            measured = len(result.rows)
            if profiler is not None:
                write_profile(profiler, output)
            if not messages.is_terminal:
                print_line(messages, _line(result.rows[-1]))

        try:
            prepare(output)
            found = measure_overhead(*arguments, profiler=profiler, progress=show, row_done=keep)
        except KeyboardInterrupt:
            bar.stop()
            what = f"Interrupted: {measured} of {planned} numbers of agents measured"
            kept = f" and kept in {output}/." if measured else ", and no file written."
            print_line(messages, f"{what}{kept}")
            raise
    asked = found.arguments
    what = f"{asked['environment']}, api {asked['api']}, protocol {asked['protocol']}"
    length = f"{asked['episodes']} episodes of {asked['cycles']} steps"
    print_line(screen, f"Cost of wrapping {what}: {length}")
    screen.print(_table(found))
    if protocol == "seed":
        typer.echo(found.to_frame().to_string(index=False))
    if profiler is not None:
        typer.echo(write_profile(profiler, output))
    files = "overhead.csv, overhead.json, overhead.png" + (", overhead.prof" if profile else "")
    print_line(screen, f"Written to {output}/: {files}")
    return found


def _table(result: OverheadResult) -> Table:
    memory = {"paired": "what wrapping adds", "seed": "how the process grew"}[result.protocol]
    columns = number_columns("N", "bare", "wrapped", "overhead", "95 % interval", "memory")
    table = Table(*columns, caption=f"bare, wrapped: time of a step; memory: {memory}")
    for row in result.rows:
        colour = "green" if row.overhead_percent <= 0 else "red"
        table.add_row(
            str(row.agents),
            f"{row.bare.time_ms:.3f} ms",
            f"{row.wrapped.time_ms:.3f} ms",
            f"[{colour}]{row.overhead_percent:+.1f} %",
            _interval(row) or "-",
            f"{round(row.memory_added_mb * 1024):+d} KiB",
        )
    return table


def _line(row: OverheadRow) -> str:
    interval = _interval(row)
    return (
        f"N = {row.agents}: bare {row.bare.time_ms:.3f} ms, wrapped {row.wrapped.time_ms:.3f} ms, "
        f"overhead {row.overhead_percent:+.1f} %" + (f" ({interval})" if interval else "")
    )


def _interval(row: OverheadRow) -> str:
    if row.interval_percent is None:
        return ""
    low, high = row.interval_percent
    return f"{low:+.1f} to {high:+.1f} %"
