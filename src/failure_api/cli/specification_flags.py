"""The flags that stand for a specification, for the common case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from failure_api.cli.assignments import assignments, value_of
from failure_api.errors import invalid
from failure_api.evaluation.reading import read_specification

Specification = Annotated[
    Path | None, typer.Argument(metavar="SPEC.yaml", help="What to do; flags serve instead.")
]
Environment = Annotated[str | None, typer.Option(help="The environment, as an importable module.")]
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
Given = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE ...", help="What does not vary, named alike."),
]
Episodes = Annotated[int | None, typer.Option(help="Episodes of each cell; 100 unless given.")]
Seed = Annotated[int | None, typer.Option(help="Fixes every draw; 0 unless given.")]

_MASKED = "mask_segments"
_OTHERS = ("options", "exchange")


def specification_of(
    file: Path | None,
    environment: str | None,
    policies: Sequence[str],
    models: Sequence[str],
    grids: Sequence[str],
    given: Sequence[str],
    episodes: int | None,
    seed: int | None,
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

    Raises:
        InvalidArgumentError: Neither a file nor an environment and a model, or both.
    """
    numbers = {"episodes": episodes, "seed": seed}
    changes = {key: number for key, number in numbers.items() if number is not None}
    if file is not None:
        flags = {
            "--environment": environment,
            "--policy": policies,
            "--model": models,
            "--grid": grids,
            "--set": given,
        }
        for flag, value in flags.items():
            if value:
                remedy = f"write it in {file}, or leave the file out"
                raise invalid(flag, "must be left out beside a specification", value, remedy)
        return _changed(file, changes) if changes else file
    if environment is None:
        remedy = "give the file of a specification, or --environment, --policy and --model"
        raise invalid("specification", "must say what to do", None, remedy)
    described: dict[str, dict[str, Any]] = {name: {"model": name} for name in models}
    parts: dict[str, dict[str, Any]] = {"options": {}, "exchange": {}, **described}
    for name, value in assignments("--set", given).items():
        _put(parts, name, value)
    for name, value in assignments("--grid", grids).items():
        _put(parts, name, {"grid": _values(value)})
    exchange = {"type": _MASKED, **parts["exchange"]} if parts["exchange"] else None
    return {
        "environment": environment,
        "options": parts["options"],
        "policies": list(policies) or None,
        "exchange": exchange,
        "failure_models": list(described.values()) or None,
        **changes,
    }


def _changed(file: Path, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what a file says, with some of it replaced."""
    return {**read_specification(file).to_plain(), **changes}


def _put(parts: dict[str, dict[str, Any]], name: str, value: Any) -> None:
    """Puts a value where its name says: `PART.NAME`, or a parameter of the last model."""
    first, dot, rest = name.partition(".")
    part, key = (first, rest) if dot and first in parts else (list(parts)[-1], name)
    if part in _OTHERS and part != first:
        remedy = "add --model, as in `--model probabilistic`"
        raise invalid("--grid", "must name a parameter of a model", name, remedy)
    if key in parts[part]:
        raise invalid("--grid", "must vary what --set does not fix", name, "leave one of them out")
    parts[part][key] = value


def _values(given: Any) -> Any:
    """Returns the values of a grid: a list, a range as text, or what commas part."""
    if not isinstance(given, str):
        return given if isinstance(given, list) else [given]
    if ":" in given and "," not in given:
        return given
    return [value_of(part.strip()) for part in given.split(",")]
