"""The verb `models`: which models there are, what each does, and a picture of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from failure_api.catalogue.describe import Description, describe
from failure_api.catalogue.describe import models as every_model
from failure_api.catalogue.picture import draw
from failure_api.cli.assignments import assignments
from failure_api.cli.commands import ManyValuesCommand
from failure_api.cli.model_pages import needs_values, print_list, print_page
from failure_api.errors import invalid


class ModelsCommand(ManyValuesCommand):
    """A command whose `--plot` may stand without a file."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Reads the arguments, with an empty file where `--plot` names none."""
        read: list[str] = []
        for index, argument in enumerate(args):
            read.append(argument)
            following = args[index + 1 : index + 2]
            if argument == "--plot" and not (following and _is_file(following[0])):
                read[-1] = "--plot="
        return super().parse_args(ctx, read)


def _is_file(argument: str) -> bool:
    """Returns whether what follows `--plot` is a file, which no model's name looks like."""
    path = Path(argument)
    return not argument.startswith("-") and (bool(path.suffix) or path.name != argument)


def models(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="The model to show, as in delay-based.")
    ] = None,
    given: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE ...",
            help="Parameters of the example, as in `--set p=0.05 r=0.25`; a value may be JSON.",
        ),
    ] = None,
    plot: Annotated[
        str | None,
        typer.Option(
            metavar="[FILE]",
            help="Draw what the model does, into FILE or NAME.png.",
        ),
    ] = None,
) -> Description | tuple[Description, ...]:
    """Lists every model, or shows one and what it does to a link over 200 rounds.

    Args:
        name: The model to show; None lists them all.
        given: Parameters of the example, `name=value` each.
        plot: File for a picture; an empty text stands for the model's name and `.png`.

    Returns:
        What is known of the model, or of each.

    Raises:
        FailureApiError: No model is called so, it refuses the parameters, or the picture cannot
            be written.
    """
    screen = Console(highlight=False, markup=False, emoji=False)
    if name is None:
        for flag, value in (("--set", given), ("--plot", plot)):
            if value is not None:
                remedy = "put it first, as in `failure-api models delay-based`"
                raise invalid(flag, "must come with the name of a model", value, remedy)
        found = every_model()
        print_list(screen, found)
        return found
    one = describe(name, **assignments("--set", given or []))
    path = None if plot is None else Path(plot or f"{one.name}.png")
    if path is not None:
        if one.example is None:
            raise needs_values(one)
        draw(one.example, path)
    print_page(screen, one)
    if path is not None:
        screen.print(f"Drawn to {path}", soft_wrap=True)
    return one
