"""The verb `check`: what a sweep would do."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from failure_api.cli import flags
from failure_api.cli.progress import duration_text, print_line
from failure_api.evaluation.check import STEPS_TRIED, Check
from failure_api.evaluation.check import check as run_check


def check(
    specification: flags.Specification = None,
    environment: flags.Environment = None,
    policy: flags.Policies = None,
    model: flags.Models = None,
    grid: flags.Grids = None,
    zipped: flags.Zips = None,
    given: flags.Given = None,
    positions: flags.Positions = None,
    segments: flags.Segments = None,
    episodes: flags.Episodes = None,
    seed: flags.Seed = None,
    workers: Annotated[int, typer.Option(help="Number of processes that would play.")] = 1,
) -> Check:
    """Tries out a specification, and prints what a sweep would do.

    Args:
        specification: The file that says what to do.
        environment: Name of the environment, without a file; so are the next eight.
        policy: Names of policies.
        model: Names of failure models.
        grid: What varies, `name=values` each.
        zipped: What varies together, `name=values` each.
        given: What does not vary, `name=value` each.
        positions: What returns where agents are.
        segments: What returns which observed entries come from whom.
        episodes: Episodes of each cell.
        seed: Fixes every draw.
        workers: Number of processes that would play.

    Returns:
        What a sweep would do.

    Raises:
        FailureApiError: Something in the specification is wrong.
    """
    source = flags.specification_of(
        specification,
        environment,
        policy,
        model,
        grid,
        given,
        episodes,
        seed,
        positions,
        segments,
        zipped,
    )
    found = run_check(source, workers=workers)
    processes = "1 process" if workers == 1 else f"{workers} processes"
    lines = {
        "environment": found.environment,
        "policies": ", ".join(found.policies),
        found.severity: _listed(
            found.severity_labels or [f"{value:g}" for value in found.severities]
        ),
        **{name: _listed(values) for name, values in found.settings.items()},
        "cells": f"{found.cells:,}, perfect communication included",
        "episodes": f"{found.episodes:,}",
        "time": f"about {duration_text(found.seconds)} in {processes}",
    }
    if found.cut:
        lines["time"] = (
            f"more than {duration_text(found.seconds)} in {processes}: an episode did not end "
            f"within {STEPS_TRIED:,} steps, and a sweep would play it on; max_steps ends it"
        )
    width, screen = max(map(len, lines)), Console()
    for name, value in lines.items():
        print_line(screen, f"{name:<{width}}  {value}")
    return found


def _listed(values: list[str] | tuple[str, ...]) -> str:
    shown = values if len(values) <= 12 else [*values[:5], "...", values[-1]]
    return ", ".join(shown) + (f" ({len(values):,} values)" if len(values) > 12 else "")
