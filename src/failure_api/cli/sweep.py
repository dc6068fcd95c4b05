"""The verb `sweep`: what failing links cost a team."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from failure_api.cli import specification_flags as flags
from failure_api.cli.interruption import remembered_interruption
from failure_api.cli.progress import shown_progress
from failure_api.cli.sweep_tables import print_curves, print_failures
from failure_api.errors import InvalidArgumentError
from failure_api.evaluation.analysis import DEFAULT_SHARE
from failure_api.evaluation.files import REPORT
from failure_api.evaluation.opening import FILE, opened
from failure_api.evaluation.plan import Plan
from failure_api.evaluation.runner import Progress
from failure_api.evaluation.sweep import run_sweep

_MOST_UNASKED = 10_000
"""Cells that are played without asking."""


def sweep(
    specification: flags.Specification = None,
    output: Annotated[
        Path, typer.Option(metavar="DIR", help="Where episodes, tables and the report go.")
    ] = Path("sweep"),
    environment: flags.Environment = None,
    policy: flags.Policies = None,
    model: flags.Models = None,
    grid: flags.Grids = None,
    given: flags.Given = None,
    episodes: flags.Episodes = None,
    seed: flags.Seed = None,
    workers: Annotated[int, typer.Option(help="Number of processes.")] = 1,
    engine: Annotated[
        str | None, typer.Option(metavar="serial|processes|ray", help="Who plays the episodes.")
    ] = None,
    address: Annotated[str | None, typer.Option(help="Address of a Ray cluster.")] = None,
    share: Annotated[
        float, typer.Option(help="Share of the return whose loss counts as broken.")
    ] = DEFAULT_SHARE,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Play failed episodes again.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Play huge grids without asking.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show no progress.")] = False,
) -> Any:
    """Plays a sweep, or what is left of it, prints the table, and writes the report.

    Args:
        specification: The file that says what to do.
        output: Folder of the episodes, the tables and the report.
        environment: Name of the environment, without a file; so are the next five.
        policy: Names of policies.
        model: Names of failure models.
        grid: What varies, `name=values` each.
        given: What does not vary, `name=value` each.
        episodes: Episodes of each cell.
        seed: Fixes every draw.
        workers: Number of processes.
        engine: "serial", "processes" or "ray".
        address: Address of a Ray cluster.
        share: Share of the return whose loss counts as broken.
        retry_failed: Whether failed episodes are played again.
        yes: Whether huge grids are played without asking.
        quiet: Whether no progress is shown.

    Returns:
        One row for each cell, as a pandas DataFrame.

    Raises:
        FailureApiError: Something is wrong with an argument; nothing has been played then.
        KeyboardInterrupt: The user pressed Ctrl-C; what was finished is kept.
        typer.Exit: Some episodes failed; the status is 1.
    """
    source = flags.specification_of(
        specification, environment, policy or [], model or [], grid or [], given or [],
        episodes, seed,
    )  # fmt: skip
    screen, messages = Console(), Console(stderr=True)
    with remembered_interruption() as stop_if_interrupted:
        try:
            with shown_progress(messages, quiet=quiet, check=stop_if_interrupted) as show:
                last: list[Progress] = []

                def follow(progress: Progress) -> None:
                    last[:] = [progress]
                    show(progress)

                found = run_sweep(
                    source,
                    output,
                    engine=engine,
                    workers=workers,
                    address=address,
                    share=share,
                    retry_failed=retry_failed,
                    command=shlex.join(["failure-api", *sys.argv[1:]]),
                    confirm=lambda plan: _confirm(plan, yes),
                    report=follow,
                )
        except KeyboardInterrupt:
            messages.print(_interruption(output), soft_wrap=True, highlight=False)
            raise
    print_curves(screen, found)
    screen.print(f"Report: {output / REPORT}", soft_wrap=True, highlight=False)
    if last and last[0].failed:
        print_failures(messages, output, last[0].failed)
        raise typer.Exit(1)
    return found.cells


def _interruption(output: Path) -> str:
    if not (output / FILE).exists():
        return "Interrupted, and nothing written."
    with opened(output, new=False) as store:
        done, _ = store.counts()
    text = f"Interrupted: {done:,} episodes are kept in {output}/"
    return f"{text}, and the same command goes on where it stopped."


def _confirm(plan: Plan, yes: bool) -> None:
    """Asks before a huge grid is played."""
    if plan.size <= _MOST_UNASKED or yes:
        return
    size = f"{plan.size:,} cells, {plan.episodes:,} episodes"
    if not sys.stdin.isatty():
        raise InvalidArgumentError(
            f"grids must make at most {_MOST_UNASKED:,} cells unless --yes is given, but these "
            f"make {size}: widen a step, or add --yes."
        )
    typer.confirm(f"The grids make {size}. Go on?", abort=True)
