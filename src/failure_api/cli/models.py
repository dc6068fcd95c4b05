"""The verb `models`: which models there are, what each does, and a picture of it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
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
from failure_api.catalogue.mathematics import ascii_text
from failure_api.cli.flags import ManyValuesCommand, assignments
from failure_api.drawing.picture import draw
from failure_api.drawing.rounds import play_links, play_noise
from failure_api.drawing.text import draw_links, draw_noise
from failure_api.errors import FailureApiError, InvalidArgumentError, invalid
from failure_api.serialization.registry import OURS, plugins
from failure_api.serialization.writing import to_dict

_NARROW = 64
"""Fewer columns than this leave no room for three columns side by side."""

_LONGEST_DATA = 800


def print_list(screen: Console, found: Iterable[Description]) -> None:
    """Prints each model with its meaning and its parameters."""
    heading = "meaning, and parameters with defaults and units"
    table = _table(screen, "model", heading, box=box.SIMPLE_HEAD, padding=(0, 1))
    shown = _legible(screen, tuple(found))
    for one in sorted(shown, key=lambda one: (one.kind, one.origin != OURS, one.name)):
        what = Text(one.summary or "(no description)")
        if one.origin != OURS:
            what.append(f" (from {one.origin})")
        for parameter in one.parameters:
            # Every model has this one.
            if (parameter.name, parameter.default) != ("agent_ids", "None"):
                what.append(f"\n  {_in_short(parameter)}", style="cyan")
        _add(table, Text(one.name, style="bold"), what)
        table.add_section()
    screen.print(table)
    for broken in _legible(screen, plugins().broken):
        screen.print(f"{broken.name} cannot be used. {broken.reason}", soft_wrap=True)
    screen.print(
        "Each takes agent_ids too, to be confined to some agents. `failure-api models NAME` "
        "shows one of them, and --plot draws it."
    )


def print_page(screen: Console, model: Description) -> None:
    """Prints everything that is known of a model, with a picture in characters."""
    # A model that cannot be played is refused before anything is printed.
    picture = _picture(screen, model)
    one = _legible(screen, model)
    origin = "" if one.origin == OURS else f", from {one.origin}"
    family = f"{one.family.lower()}, " if one.family else ""
    screen.print(Text(one.class_name, style="bold"), Text(f"({family}{one.kind} model{origin})"))
    for paragraph in (one.summary, *one.text):
        screen.print()
        _print_line(screen, paragraph)
    parameters = map(_parameter_row, one.parameters)
    _print_rows(screen, "Parameters", ("name", "default", "meaning"), parameters)
    if one.parts:
        _print_rows(screen, "Parts", ("name", "meaning"), map(_part_row, one.parts))
    for constructor in one.constructors:
        subject = "" if constructor.subject == one.name else f"{constructor.subject} "
        words = " and ".join(word.name for word in constructor.words)
        rows = map(_parameter_row, constructor.words)
        _print_rows(screen, f"Or {subject}by {words}", ("name", "default", "meaning"), rows)
    if one.source:
        _heading(screen, "Source")
        _print_line(screen, one.source)
    _heading(screen, "Example")
    if one.example is None:
        _print_line(screen, _legible(screen, str(needs_values(one))))
        return
    for line in (short_text(one.example), *_as_data(one.example), *_expectations(one)):
        _print_line(screen, _legible(screen, line))
    screen.print()
    for line in picture:
        screen.print(line, soft_wrap=True)


def _picture(screen: Console, one: Description) -> list[str]:
    if one.example is None:
        return []
    if one.kind == "noise":
        return draw_noise(play_noise(one.example), screen.width, _ascii_only(screen))
    return draw_links(play_links(one.example), screen.width, _ascii_only(screen))


def needs_values(one: Description) -> FailureApiError:
    """Returns the error for a model of which no example can be guessed."""
    needed = [each.name for each in one.parameters if each.default == REQUIRED]
    remedy = f"give them by --set {' '.join(f'{name}=VALUE' for name in needed)}"
    return InvalidArgumentError(f"An example of {one.name} needs values of yours: {remedy}.")


def _ascii_only(screen: Console) -> bool:
    return not screen.encoding.lower().startswith("utf")


def _legible(screen: Console, value: Any) -> Any:
    """Returns a text, or tuples of texts, in characters that the screen has."""
    if not _ascii_only(screen):
        return value
    if isinstance(value, str):
        return ascii_text(value)
    if isinstance(value, tuple):
        entries = [_legible(screen, entry) for entry in value]
        return type(value)(*entries) if hasattr(value, "_fields") else tuple(entries)
    return value


def _in_short(parameter: Parameter) -> str:
    value = "" if parameter.default == REQUIRED else f" = {_shortened(parameter.default)}"
    notes = [REQUIRED] if parameter.default == REQUIRED else []
    notes += [note for note in (parameter.unit, parameter.varies) if note]
    return f"{parameter.name}{value}" + (f"  ({', '.join(notes)})" if notes else "")


def _print_line(screen: Console, text: str) -> None:
    screen.print(Padding(Text(text, overflow="fold"), (0, 0, 0, 2), expand=False))


def _heading(screen: Console, text: str) -> None:
    screen.print()
    screen.print(Text(text, style="bold"))


def _table(screen: Console, *headings: str, **options: Any) -> Table:
    """Returns a table whose columns stand below each other where they have no room."""
    table = Table(pad_edge=False, **{"box": None, "show_header": "box" in options, **options})
    if screen.width < _NARROW:
        table.add_column(", ".join(headings), overflow="fold")
        return table
    first, *others = headings
    table.add_column(first, no_wrap=True)
    for heading in others:
        table.add_column(heading, overflow="fold")
    return table


def _add(table: Table, *cells: Text) -> None:
    """Adds a row; in one column the last cell is the text below a line of the others."""
    if len(table.columns) > 1:
        table.add_row(*cells)
    else:
        table.add_row(Text(", ").join(cells[:-1]))
        table.add_row(Padding(cells[-1], (0, 0, 0, 2)))


def _print_rows(
    screen: Console, heading: str, columns: Iterable[str], rows: Iterable[tuple[Text, ...]]
) -> None:
    _heading(screen, heading)
    table = _table(screen, *columns, padding=(0, 2, 0, 0))
    for row in rows:
        _add(table, *row)
    screen.print(Padding(table, (0, 0, 0, 2)))


def _parameter_row(parameter: Parameter) -> tuple[Text, ...]:
    notes = [note for note in (parameter.unit, parameter.varies) if note]
    if parameter.choices:
        notes.append(f"one of {', '.join(parameter.choices)}")
    meaning = Text(parameter.meaning)
    if notes:
        meaning.append(f" [{'; '.join(notes)}]", style="dim")
    default = Text(_shortened(parameter.default), style="dim")
    return Text(parameter.name, style="cyan"), default, meaning


def _part_row(part: PartDescription) -> tuple[Text, ...]:
    what = Text(part.summary)
    for parameter in part.parameters:
        what.append(f"\n  {_in_short(parameter)}", style="cyan")
    return Text(part.name, style="bold"), what


def _as_data(example: Any) -> list[str]:
    """Returns a model as plain data, where plain data can hold it."""
    try:
        text = json.dumps(to_dict(example), ensure_ascii=False)
    except FailureApiError:
        return []
    return [text if len(text) <= _LONGEST_DATA else f"{text[:_LONGEST_DATA]} ..."]


def _expectations(one: Description) -> list[str]:
    """Returns what the example knows of itself."""
    units = {"loss": "", "burst_length": " rounds", "age": " rounds"}
    known = [(what, value) for what, value in one.expected.items() if value is not None]
    texts = [f"{what.replace('_', ' ')} {value:.4g}{units[what]}" for what, value in known]
    return [f"In the long run: {', '.join(texts)}."] if texts else []


def _shortened(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}..."


class ModelsCommand(ManyValuesCommand):
    """A command whose `--plot` may stand without a file."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Reads the arguments, with an empty file where `--plot` names none."""
        read = [
            "--plot=" if argument == "--plot" and not _is_file(following) else argument
            for argument, following in itertools.zip_longest(args, args[1:], fillvalue="")
        ]
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
        typer.Option(metavar="[FILE]", help="Draw what the model does, into FILE or NAME.png."),
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
