"""The verb `models`: which models there are, what each does, and a picture of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from failure_api.catalogue.describe import (
    REQUIRED,
    Description,
    Parameter,
    PartDescription,
    describe,
)
from failure_api.catalogue.describe import models as every_model
from failure_api.catalogue.examples import short_text
from failure_api.catalogue.picture import draw
from failure_api.catalogue.registry import plugins
from failure_api.catalogue.rounds import play_links, play_noise
from failure_api.catalogue.text_picture import draw_links, draw_noise
from failure_api.catalogue.writing import to_dict
from failure_api.cli.commands import ManyValuesCommand
from failure_api.errors import FailureApiError, InvalidArgumentError, invalid

IMAGES = (".png", ".pdf", ".svg", ".jpg", ".jpeg", ".webp")


class ModelsCommand(ManyValuesCommand):
    """A command whose `--plot` may stand without a file."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Reads the arguments, with an empty file where `--plot` names none."""
        read: list[str] = []
        for index, argument in enumerate(args):
            read.append(argument)
            following = args[index + 1 : index + 2]
            named = following and Path(following[0]).suffix.lower() in IMAGES
            if argument == "--plot" and not named:
                read[-1] = "--plot="
        return super().parse_args(ctx, read)


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
        FailureApiError: No model is called so, or it refuses the parameters.
    """
    screen = Console(highlight=False, markup=False)
    if name is None:
        for flag, value in (("--set", given), ("--plot", plot)):
            if value is not None:
                remedy = "put it first, as in `failure-api models delay-based`"
                raise invalid(flag, "must come with the name of a model", value, remedy)
        found = every_model()
        _print_list(screen, found)
        return found
    one = describe(name, **_parameters(given or []))
    path = None if plot is None else Path(plot or f"{one.name}.png")
    if path is not None and one.example is None:
        raise _no_example(one)
    _print_one(screen, one)
    if path is not None:
        draw(one.example, path)
        screen.print(f"Drawn to {path}", soft_wrap=True)
    return one


def _parameters(given: Sequence[str]) -> dict[str, Any]:
    """Returns the parameters of `name=value` arguments."""
    parameters: dict[str, Any] = {}
    for argument in given:
        name, equals, value = argument.partition("=")
        if not equals or not name:
            raise invalid("--set", "must be NAME=VALUE", argument, "write it as in p=0.05")
        try:
            parameters[name] = json.loads(value)
        except ValueError:
            parameters[name] = value
    return parameters


def _print_list(screen: Console, found: Iterable[Description]) -> None:
    """Prints each model with its meaning and its parameters."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    table.add_column("model", no_wrap=True)
    table.add_column("meaning, and parameters with defaults and units")
    for kind in ("failure", "noise"):
        for one in sorted(found, key=lambda one: (one.origin != "failure_api", one.name)):
            if one.kind == kind:
                what = Text(one.summary or "(no description)")
                if one.origin != "failure_api":
                    what.append(f" (from {one.origin})")
                for parameter in _own(one.parameters):
                    what.append(f"\n  {_in_short(parameter)}", style="cyan")
                table.add_row(Text(one.name, style="bold"), what, end_section=True)
    screen.print(table)
    for broken in plugins().broken:
        screen.print(f"{broken.name} cannot be used. {broken.reason}", soft_wrap=True)
    screen.print(
        "Each takes agent_ids too, to be confined to some agents. `failure-api models NAME`"
    )
    screen.print("shows one of them, and --plot draws it.")


def _own(parameters: Iterable[Parameter]) -> list[Parameter]:
    """Returns the parameters without the one that every model has."""
    return [each for each in parameters if (each.name, each.default) != ("agent_ids", "None")]


def _in_short(parameter: Parameter) -> str:
    value = "" if parameter.default == REQUIRED else f" = {_shortened(parameter.default)}"
    notes = [REQUIRED] if parameter.default == REQUIRED else []
    notes += [note for note in (parameter.unit, parameter.varies) if note]
    return f"{parameter.name}{value}" + (f"  ({', '.join(notes)})" if notes else "")


def _print_one(screen: Console, one: Description) -> None:
    """Prints everything that is known of a model, with a picture in characters."""
    origin = "" if one.origin == "failure_api" else f", from {one.origin}"
    family = f"{one.family.lower()}, " if one.family else ""
    screen.print(Text(one.class_name, style="bold"), Text(f"({family}{one.kind} model{origin})"))
    for paragraph in (one.summary, *one.text):
        screen.print(Padding(Text(paragraph), (1, 0, 0, 2)))
    _heading(screen, "Parameters")
    screen.print(Padding(_parameter_table(one.parameters), (0, 0, 0, 2)))
    if one.parts:
        _heading(screen, "Parts")
        screen.print(Padding(_part_table(one.parts), (0, 0, 0, 2)))
    if one.source:
        _heading(screen, "Source")
        screen.print(Padding(Text(one.source), (0, 0, 0, 2)))
    _heading(screen, "Example")
    if one.example is None:
        sentence = f"{_no_example(one)}"
        screen.print(Padding(Text(sentence), (0, 0, 0, 2)))
        return
    for line in (short_text(one.example), *_as_data(one.example), *_expectations(one)):
        screen.print(Padding(Text(line), (0, 0, 0, 2)))
    screen.print()
    ascii_only = not screen.encoding.lower().startswith("utf")
    if one.kind == "noise":
        lines = draw_noise(play_noise(one.example), screen.width, ascii_only)
    else:
        lines = draw_links(play_links(one.example), screen.width, ascii_only)
    for line in lines:
        screen.print(line, soft_wrap=True)


def _heading(screen: Console, text: str) -> None:
    screen.print()
    screen.print(Text(text, style="bold"))


def _parameter_table(parameters: Iterable[Parameter]) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("name", no_wrap=True)
    table.add_column("default")
    table.add_column("meaning", ratio=1)
    for parameter in parameters:
        notes = [note for note in (parameter.unit, parameter.varies) if note]
        if parameter.choices:
            notes.append(f"one of {', '.join(parameter.choices)}")
        meaning = Text(parameter.meaning)
        if notes:
            meaning.append(f" [{'; '.join(notes)}]", style="dim")
        default = Text(_shortened(parameter.default), style="dim")
        table.add_row(Text(parameter.name, style="cyan"), default, meaning)
    return table


def _part_table(parts: Iterable[PartDescription]) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("name", no_wrap=True)
    table.add_column("meaning", ratio=1)
    for part in parts:
        what = Text(part.summary)
        for parameter in part.parameters:
            what.append(f"\n  {_in_short(parameter)}", style="cyan")
        table.add_row(Text(part.name, style="bold"), what)
    return table


def _as_data(example: Any) -> list[str]:
    """Returns a model as plain data, where plain data can hold it."""
    try:
        return [json.dumps(to_dict(example), ensure_ascii=False)]
    except FailureApiError:
        return []


def _expectations(one: Description) -> list[str]:
    """Returns what the example knows of itself."""
    known = {what: value for what, value in one.expected.items() if value is not None}
    if not known:
        return []
    units = {"loss": "", "burst_length": " rounds", "age": " rounds"}
    texts = [f"{what.replace('_', ' ')} {value:.4g}{units[what]}" for what, value in known.items()]
    return [f"In the long run: {', '.join(texts)}."]


def _shortened(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}..."


def _no_example(one: Description) -> FailureApiError:
    needed = [each.name for each in one.parameters if each.default == REQUIRED]
    remedy = f"give them by --set {' '.join(f'{name}=VALUE' for name in needed)}"
    return InvalidArgumentError(f"An example of {one.name} needs values of yours: {remedy}.")
