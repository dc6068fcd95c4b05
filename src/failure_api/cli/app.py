"""The application: its verbs, its version, and how it words a refusal."""

from __future__ import annotations

from typing import Annotated

import typer

from failure_api.cli.check import check
from failure_api.cli.compare import compare
from failure_api.cli.flags import ManyValuesCommand, PlainErrorsGroup
from failure_api.cli.models import ModelsCommand, models
from failure_api.cli.overhead import overhead
from failure_api.cli.report import report
from failure_api.cli.sweep import sweep
from failure_api.machine import version_of

app = typer.Typer(
    cls=PlainErrorsGroup,
    help="Failing communication links for multi-agent environments, and what they cost a team.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command(cls=ManyValuesCommand, help="Measure what failing links cost a team.")(sweep)
app.command(cls=ManyValuesCommand, help="Say what a sweep would do, and for how long.")(check)
app.command(help="Write the report of a sweep anew.")(report)
app.command(help="Compare sweeps, episode by episode.")(compare)
app.command(cls=ManyValuesCommand, help="Measure what wrapping an environment costs.")(overhead)
app.command(cls=ModelsCommand, help="List every model, or show and draw one.")(models)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"failure-api {version_of('failure_api')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Options that stand before any verb."""
