"""Flags that verbs share: those that stand for a specification, lists, and NAME=VALUE."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from failure_api.errors import FailureApiError, invalid
from failure_api.evaluation.reading import read_specification
from failure_api.serialization.registry import key_of
from failure_api.serialization.yaml import read_yaml

INTERRUPTED = 130


class ManyValuesCommand(TyperCommand):
    """A command whose list options take their values after one flag: `--agents 3 10 25`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Reads the arguments, with the flag of a list option repeated for each of its values."""
        lists = {
            flag
            for parameter in self.params
            if getattr(parameter, "multiple", False)
            for flag in parameter.opts
        }
        return super().parse_args(ctx, repeat_flags(args, lists))


class PlainErrorsGroup(TyperGroup):
    """A group that says what a user did wrong in one sentence, without frame or traceback."""

    def main(self, *args: Any, standalone_mode: bool = True, **options: Any) -> Any:
        """Runs the command; status 2 is a wrong argument, 130 an interruption."""
        run: Any = super().main
        if not standalone_mode:
            return run(*args, standalone_mode=False, **options)
        try:
            outcome = run(*args, standalone_mode=False, **options)
        except FailureApiError as error:
            _refuse(str(error))
        except (KeyboardInterrupt, typer.Abort):
            sys.exit(INTERRUPTED)
        except Exception as error:
            # Typer's own errors, whose common class has moved between its versions.
            if not hasattr(error, "format_message"):
                raise
            _refuse(error.format_message())
        # A verb returns what it found; only a requested exit is a number.
        sys.exit(outcome if isinstance(outcome, int) else 0)


def repeat_flags(arguments: Iterable[str], flags: Collection[str]) -> list[str]:
    """Repeats a flag before each of the values that follow it.

    Args:
        arguments: The arguments of a command.
        flags: The flags that take any number of values.

    Returns:
        The same arguments with one flag for each value.

    Example:
        >>> repeat_flags(["--agents", "3", "10", "--profile"], {"--agents"})
        ['--agents', '3', '--agents', '10', '--profile']
    """
    repeated: list[str] = []
    current: str | None = None
    is_value = False
    for argument in arguments:
        if argument.startswith("--") or (argument.startswith("-") and not _is_number(argument)):
            flag = argument.partition("=")[0]
            current = flag if flag in flags else None
            is_value = current == argument
        elif current is not None and not is_value:
            repeated.append(current)
        else:
            is_value = False
        repeated.append(argument)
    return repeated


def _is_number(argument: str) -> bool:
    try:
        float(argument)
    except ValueError:
        return False
    return True


def _refuse(sentence: str) -> None:
    if sentence:
        print(sentence, file=sys.stderr)
    sys.exit(2)


def assignments(flag: str, texts: Iterable[str] | None) -> dict[str, Any]:
    """Returns the values of `NAME=VALUE` arguments, read as JSON where they are that.

    Args:
        flag: What the arguments followed.
        texts: The arguments; None for none.

    Raises:
        InvalidArgumentError: An argument without a name or without "=", or a name that comes twice.

    Example:
        >>> assignments("--set", ["p=0.1", "fading=rayleigh"])
        {'p': 0.1, 'fading': 'rayleigh'}
    """
    values: dict[str, Any] = {}
    for argument in texts or ():
        name, equals, value = argument.partition("=")
        if not equals or not name:
            raise invalid(flag, "must be NAME=VALUE", argument, "write it as in p=0.05")
        if name in values:
            raise invalid(flag, "must name each parameter once", argument, "leave one of them out")
        values[name] = value_of(value)
    return values


def value_of(text: str) -> Any:
    """Returns what text stands for as JSON, or the text itself."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


Specification = Annotated[
    Path | None, typer.Argument(metavar="SPEC.yaml", help="What to do; flags serve instead.")
]
Environment = Annotated[
    str | None,
    typer.Option(
        help="The environment: an importable module, module:factory, or an id of PettingZoo or "
        "gymnasium."
    ),
]
Positions = Annotated[
    str | None,
    typer.Option(
        metavar="MODULE:FUNCTION", help="What returns where the agents of the environment are."
    ),
]
Segments = Annotated[
    str | None,
    typer.Option(
        metavar="MODULE:FUNCTION", help="What returns which observed entries come from whom."
    ),
]
Policies = Annotated[
    list[str] | None,
    typer.Option(
        "--policy",
        metavar="NAME ...",
        help="random, assignment, signalling, module:attribute or sb3:FILE.zip.",
    ),
]
Models = Annotated[
    list[str] | None,
    typer.Option("--model", metavar="NAME ...", help="Failure models, as `failure-api models`."),
]
Grids = Annotated[
    list[str] | None,
    typer.Option(
        "--grid",
        metavar="NAME=VALUES ...",
        help="What varies, as in `failure_prob=0:1:0.1`, `exchange.missing=zero,hold` or "
        "`options.N=3,5`; of several models `probabilistic.failure_prob=0:1:0.1`. A curve runs "
        "along the first one of numbers in the models.",
    ),
]
Zips = Annotated[
    list[str] | None,
    typer.Option(
        "--zip",
        metavar="NAME=VALUES ...",
        help="What varies together, named alike, as in `min_delay=0,2,4 max_delay=2,4,6`: one "
        "value of each at a time.",
    ),
]
Given = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE ...", help="What does not vary, named alike."),
]
Episodes = Annotated[int | None, typer.Option(help="Episodes of each cell; 100 unless given.")]
Share = Annotated[float, typer.Option(help="Share of the return whose loss counts as broken.")]
Seed = Annotated[int | None, typer.Option(help="Fixes every draw; 0 unless given.")]

_MASKED = "mask_segments"
_OTHERS = ("options", "exchange")


def specification_of(
    file: Path | None,
    environment: str | None,
    policies: Sequence[str] | None,
    models: Sequence[str] | None,
    grids: Sequence[str] | None,
    given: Sequence[str] | None,
    episodes: int | None,
    seed: int | None,
    positions: str | None = None,
    segments: str | None = None,
    zips: Sequence[str] | None = None,
) -> Path | dict[str, Any]:
    """Returns what the flags of a verb ask for.

    Args:
        file: A specification; without it the other flags make one.
        environment: Name of the environment.
        policies: Names of policies.
        models: Names of failure models.
        grids: `NAME=VALUES` each; the name is that of a parameter of the last model, or
            `MODEL.NAME`, `exchange.NAME` or `options.NAME`; the values are `start:stop:step` or
            `a,b,c`.
        given: `NAME=VALUE` each, named alike.
        episodes: Episodes of each cell.
        seed: Fixes every draw.
        positions: `module:function`, which returns where agents are.
        segments: `module:function`, which returns which observed entries come from whom.
        zips: `NAME=VALUES` each, as in grids; all of these move together.

    Raises:
        InvalidArgumentError: Neither a file nor an environment and a model, or both.
    """
    numbers = {"episodes": episodes, "seed": seed}
    changes = {key: number for key, number in numbers.items() if number is not None}
    if file is not None:
        named = {"environment": environment, "policy": policies, "model": models, "grid": grids}
        named |= {"zip": zips, "set": given, "positions": positions, "segments": segments}
        for flag, value in named.items():
            if value:
                remedy = f"write it in {file}, or leave the file out"
                raise invalid(f"--{flag}", "must be left out beside a specification", value, remedy)
        if not changes:
            return file
        # Mistakes are said with the lines of the file.
        read_specification(file)
        return {**read_yaml(file).plain, **changes}
    if environment is None:
        remedy = "give the file of a specification, or --environment, --policy and --model"
        raise invalid("specification", "must say what to do", None, remedy)
    described: dict[str, dict[str, Any]] = {}
    for name in models or ():
        if key_of(name) in described:
            remedy = "write a specification, where models stand in a list"
            raise invalid("--model", "must name each model once", name, remedy)
        described[key_of(name)] = {"model": name}
    parts: dict[str, dict[str, Any]] = {"options": {}, "exchange": {}, **described}
    for name, value in assignments("--set", given).items():
        _put(parts, "--set", name, value)
    for word, texts in (("grid", grids), ("zip", zips)):
        flag = f"--{word}"
        for name, value in assignments(flag, texts).items():
            _put(parts, flag, name, {word: _values(value)})
    exchange = {"type": _MASKED, **parts["exchange"]} if parts["exchange"] else None
    return {
        "environment": environment,
        "options": parts["options"],
        "positions": positions,
        "segments": segments,
        "policies": list(policies or ()) or None,
        "exchange": exchange,
        "failure_models": list(described.values()) or None,
        **changes,
    }


def _put(parts: dict[str, dict[str, Any]], flag: str, name: str, value: Any) -> None:
    """Puts a value where its name says: `PART.NAME`, or a parameter of the last model."""
    first, dot, rest = name.partition(".")
    called = first if first in _OTHERS else key_of(first)
    part, key = (called, rest) if dot and called in parts else (list(parts)[-1], name)
    key = key.replace("-", "_")
    if part in _OTHERS and part != called:
        remedy = "add --model, as in `--model probabilistic`"
        raise invalid(flag, "must name a parameter of a model", name, remedy)
    if key in parts[part]:
        rule = "must name what neither --set, --grid nor --zip has named"
        raise invalid(flag, rule, name, "leave one of them out")
    parts[part][key] = value


def _values(given: Any) -> Any:
    """Returns the values of a grid: a list, a range as text, or what commas part."""
    if not isinstance(given, str):
        return given if isinstance(given, list) else [given]
    if ":" in given and "," not in given:
        return given
    return [value_of(part.strip()) for part in given.split(",")]
