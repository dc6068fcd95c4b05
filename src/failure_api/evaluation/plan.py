"""Specification and plan: which cells a sweep has, counted before any is made."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from failure_api.errors import nearest
from failure_api.evaluation.grid import Axis, fill, find_axes
from failure_api.evaluation.results import COLUMNS
from failure_api.serialization.paths import KeyPath, PlainDataError, refused, text_of

DEFAULT_EPISODES = 100


@dataclass(frozen=True, kw_only=True)
class Specification:
    """What a sweep is to do.

    Every value is plain data, as JSON has it, and `objects` holds what plain data cannot. Anywhere
    within `options`, `exchange`, `failure_models` and `noise_models` a value may be a grid:
    `{"grid": [0, 0.5, 1]}`, `{"grid": "0:1:0.1"}` with the last number included, or
    `{"grid": {label: value}}`. All of those with "zip" in place of "grid" move together.
    `read_specification` makes and checks one.

    Attributes:
        environment: Name of the environment, as `make_environment` takes it.
        api: "parallel" or "aec"; None for what the environment turns out to be.
        options: The environment's options.
        positions: `module:function`, which returns where the agents of an environment are; None
            takes what is known of the environment.
        segments: Which entries of an observation come from whom, as `MaskSegments` takes it, or
            `module:function`, a function of the environment that returns it, or where segments
            move returns a function; None takes what is known of the environment.
        policies: For each policy's label the name of the policy, as `make_policy` takes it.
        exchange: What agents say to each other; None picks by the environment.
        failure_models: What makes the links fail, in order.
        noise_models: What corrupts what arrives.
        episodes: Episodes of each cell.
        seed: Fixes every draw of every episode.
        team: Agents whose rewards count, or patterns of their names such as "adversary_*".
        max_steps: Steps after which an episode is ended; None leaves that to the environment.
        severity: Name of the grid along which a curve runs; None takes the first one of numbers
            in the failure models, or else in the noise models, or else the first with labels.
        labels: What figures and tables call a grid, by its name.
        scalarization: What makes a number of a reward with several objectives: a weight for each,
            or `module:function`, a function of the vector.
        objects: Functions, classes and values that have no name by which they could be imported,
            each under the name that stands for it.
    """

    environment: str
    api: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    positions: str | None = None
    segments: Any = None
    policies: Mapping[str, str] = field(default_factory=lambda: {"random": "random"})
    exchange: Any = None
    failure_models: tuple[Any, ...] = ()
    noise_models: tuple[Any, ...] = ()
    episodes: int = DEFAULT_EPISODES
    seed: int = 0
    team: tuple[str, ...] = ("*",)
    max_steps: int | None = None
    severity: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    scalarization: tuple[float, ...] | str | None = None
    objects: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def to_plain(self) -> dict[str, Any]:
        """Returns the specification in the types of JSON, which `read_specification` takes."""
        plain = {key: getattr(self, key) for key in KEYS}
        plain["policies"] = [
            name if name == label else {label: name} for label, name in self.policies.items()
        ]
        return {key: list(held) if isinstance(held, tuple) else held for key, held in plain.items()}

    def found(self, name: Any) -> Any:
        """Returns the object that a name stands for; the name itself where it is no such one."""
        return self.objects.get(name, name) if isinstance(name, str) else name


KEYS = tuple(entry.name for entry in fields(Specification) if entry.name != "objects")


_OUTER = ("options", "exchange")
_VARYING = (*_OUTER, "failure_models", "noise_models")

AS_GIVEN = "failures"
"""What the severity is called where no number varies: 0 is none, 1 is as they are given."""


class Cell(NamedTuple):
    """One policy in one setting at one severity.

    Attributes:
        number: Which of the plan's cells it is.
        policy: The policy's name.
        setting: For each further axis the index of its value; None under perfect communication
            where the axis lies in the models.
        severity: The index of the severity; None under perfect communication.
    """

    number: int
    policy: str
    setting: tuple[int | None, ...]
    severity: int | None


class Plan:
    """The cells of a specification, each known by its number.

    The cells of perfect communication come first, one for each policy and each combination of
    values in the options and the exchange; then, for each policy and each combination of all
    values, those of a curve, from the mildest severity to the severest.

    Args:
        specification: What is to be done.

    Attributes:
        specification: What is to be done.
        severity: What varies along a curve; None where no number does.
        further: What else varies.
        severities: The severities, from the mildest to the severest; 1, 2, ... where they are
            told by labels and not by numbers.
        severity_name: What the severity is called.
        severity_labels: What each severity is called; empty where numbers say it.
        settings: What else varies, by name.
        outer_settings: What varies under perfect communication, too.
        size: Number of cells; it may be greater than any `len`.
        episodes: Episodes in all.

    Raises:
        PlainDataError: A grid that is none, or a severity that does not rise or fall throughout.

    Example:
        >>> from failure_api.evaluation import read_specification
        >>> plan = Plan(read_specification({
        ...     "environment": "mpe2.simple_spread_v3",
        ...     "failure_models": {"model": "probabilistic", "failure_prob": {"grid": "0:1:0.5"}},
        ...     "exchange": {"type": "mask_segments", "missing": {"grid": ["zero", "hold"]}},
        ... }))
        >>> plan.size, plan.severity.name, plan.settings
        (8, 'failure_prob', ('missing',))
    """

    def __init__(self, specification: Specification) -> None:
        self.specification = specification
        self._varying = {key: getattr(specification, key) for key in _VARYING}
        axes = find_axes(self._varying)
        labels = {_underscored(key): label for key, label in specification.labels.items()}
        self.severity = _severity(axes, specification.severity)
        self.severities: tuple[float, ...] = (1.0,)
        self.severity_name = AS_GIVEN
        self.severity_labels: tuple[str, ...] = ()
        along: set[KeyPath] = set()
        if self.severity is not None:
            values = self.severity.values
            if not self.severity.is_numeric:
                values = tuple(range(1, len(values) + 1))
            self.severities = tuple(map(float, values))
            self.severity_name = _called(self.severity, labels)
            self.severity_labels = self.severity.labels
            along = set(self.severity.at(0))
        self.further = tuple(axis for axis in axes if axis.path not in along)
        self.settings = tuple(_called(axis, labels) for axis in self.further)
        known = [axis.title for axis in axes]
        for title in specification.labels:
            if _underscored(title) not in map(_underscored, known):
                remedy = nearest(title, known) if known else "leave it out"
                raise refused(("labels",), "must name grids", title, remedy)
        named = [*self.settings, self.severity_name]
        for name in named:
            if named.count(name) > 1:
                raise refused(("labels",), "must tell grids apart", name, "choose another label")
        outer = [axis for axis in self.further if _is_outer(axis)]
        self.outer_settings = tuple(_called(axis, labels) for axis in outer)
        self._inner_sizes = [len(axis.values) for axis in self.further]
        self._outer_sizes = [len(axis.values) if axis in outer else 1 for axis in self.further]
        self._curves = math.prod(self._inner_sizes)
        self._references = math.prod(self._outer_sizes)
        policies = len(specification.policies)
        self.size = policies * (self._references + self._curves * len(self.severities))
        self.episodes = self.size * specification.episodes
        self._first_seed = int(np.random.SeedSequence(specification.seed).generate_state(1)[0])

    @cached_property
    def _texts(self) -> list[tuple[str, ...]]:
        return [axis.texts for axis in self.further]

    def cells(self) -> Iterator[Cell]:
        """Yields every cell, in the order of their numbers."""
        return map(self.cell, range(self.size))

    def cell(self, number: int) -> Cell:
        """Returns the cell of a number."""
        policies = tuple(self.specification.policies)
        references = len(policies) * self._references
        if number < references:
            policy, rest = divmod(number, self._references)
            indices = zip(self.settings, _digits(rest, self._outer_sizes), strict=True)
            setting = tuple(i if name in self.outer_settings else None for name, i in indices)
            return Cell(number, policies[policy], setting, None)
        rest, severity = divmod(number - references, len(self.severities))
        policy, rest = divmod(rest, self._curves)
        return Cell(number, policies[policy], _digits(rest, self._inner_sizes), severity)

    def setting_of(self, cell: Cell) -> dict[str, str]:
        """Returns a cell's setting as text by name; empty text where an axis has no meaning."""
        return {
            name: "" if index is None else texts[index]
            for name, texts, index in zip(self.settings, self._texts, cell.setting, strict=True)
        }

    def severity_of(self, cell: Cell) -> float | None:
        """Returns a cell's severity; None under perfect communication."""
        return None if cell.severity is None else self.severities[cell.severity]

    def filled(self, cell: Cell) -> dict[str, Any]:
        """Returns a cell's options, exchange and models, as plain data without grids."""
        objects = self.specification.objects
        filled: dict[str, Any] = fill(self._varying, self._values(cell), objects=objects)
        for root in ("failure_models", "noise_models"):
            # A value of a grid over whole models may be several of them.
            filled[root] = [
                model
                for held in filled[root]
                for model in (held if isinstance(held, list) else [held])
            ]
        if cell.severity is None:
            filled |= {"failure_models": [], "noise_models": []}
        return filled

    def located(self, cell: Cell, error: PlainDataError) -> PlainDataError:
        """Returns an error about a cell's data with the place in the specification.

        Args:
            cell: The cell.
            error: What is wrong with what `filled` returns for it.
        """
        for length in range(len(error.path), 0, -1):
            prefix = text_of(error.path[:length])
            if error.sentence.startswith(prefix):
                text = text_of(self._source(cell, error.path[:length]))
                sentence = f"{text}{error.sentence.removeprefix(prefix)}"
                return PlainDataError(sentence, self._source(cell, error.path))
        return error

    def _source(self, cell: Cell, path: KeyPath) -> KeyPath:
        """Returns where the specification says what stands at a path of a cell's data."""
        root, index = (*path, "", "")[:2]
        if root in ("failure_models", "noise_models") and isinstance(index, int):
            # A value of a grid over whole models may be several of them.
            models = fill(self._varying, self._values(cell))[str(root)]
            places = [
                (place, *((inner,) if isinstance(held, list) else ()))
                for place, held in enumerate(models)
                for inner in range(len(held) if isinstance(held, list) else 1)
            ]
            path = (root, *places[index], *path[2:])
        choices = list(zip(self.further, cell.setting, strict=True))
        if self.severity is not None:
            choices.append((self.severity, cell.severity))
        for axis, chosen in choices:
            for member in axis.members:
                if path[: len(member.path)] == member.path:
                    word = "zip" if axis.beside else "grid"
                    value = axis.labels[chosen or 0] if axis.labels else chosen or 0
                    return (*member.path, word, value, *path[len(member.path) :])
        return path

    def _values(self, cell: Cell) -> dict[KeyPath, Any]:
        """Returns what stands at the path of each grid in a cell."""
        values: dict[KeyPath, Any] = {}
        for axis, index in zip(self.further, cell.setting, strict=True):
            values |= axis.at(index or 0)
        if self.severity is not None:
            values |= self.severity.at(cell.severity or 0)
        return values

    def telling_cells(self, most: int) -> Iterator[Cell]:
        """Yields the cells of `telling_numbers`."""
        return map(self.cell, self.telling_numbers(most))

    def telling_numbers(self, most: int) -> Iterator[int]:
        """Yields numbers of cells in which every value of every axis occurs: all, or enough.

        Args:
            most: Up to so many cells, all of them are yielded.
        """
        if self.size <= most:
            yield from range(self.size)
            return
        first = len(self.specification.policies) * self._references
        sizes = [len(self.specification.policies), *self._inner_sizes, len(self.severities)]
        yield first
        for index, size in enumerate(sizes):
            step = math.prod(sizes[index + 1 :])
            for value in range(1, size):
                yield first + value * step

    def seed_of(self, episode: int) -> int:
        """Returns the seed of an episode, the same in every cell.

        One number drawn from the specification's seed starts a row of 31-bit seeds, so no two
        episodes of a sweep have the same.
        """
        return (self._first_seed + episode) % 2**31


def _digits(number: int, sizes: list[int]) -> tuple[int, ...]:
    """Returns a number in mixed radix, the last digit changing fastest."""
    digits: list[int] = []
    for size in reversed(sizes):
        number, digit = divmod(number, size)
        digits.insert(0, digit)
    return tuple(digits)


def _underscored(name: str) -> str:
    return name.replace("-", "_")


def _called(axis: Axis, labels: Mapping[str, str]) -> str:
    """Returns what tables and figures call an axis: its label, or else its name."""
    label = labels.get(_underscored(axis.title))
    if label in COLUMNS:
        rule = "must be no name of a column"
        raise refused(("labels", axis.title), rule, label, "choose another label")
    # Its whole path is the name of no column.
    return label or (text_of(axis.path) if axis.title in COLUMNS else axis.title)


def _is_outer(axis: Axis) -> bool:
    """Returns whether perfect communication, too, is played for each value of an axis."""
    return any(path[0] in _OUTER for path in axis.at(0))


def _is_monotone(axis: Axis) -> bool:
    """Returns whether an axis is of numbers that rise, or fall, throughout."""
    pairs = list(itertools.pairwise(axis.values)) if axis.is_numeric else []
    rises, falls = all(a < b for a, b in pairs), all(a > b for a, b in pairs)
    return axis.is_numeric and (rises or falls)


def _severity(axes: tuple[Axis, ...], wanted: str | None) -> Axis | None:
    """Returns the axis along which a curve runs: of numbers, or else of labels."""
    inner = [axis for axis in axes if not _is_outer(axis)]
    members = [member for axis in inner for member in axis.members]
    numeric = {member.name: member for member in members if member.is_numeric}
    known = numeric | {axis.name: axis for axis in inner if axis.labels and not axis.is_numeric}
    if wanted is not None and wanted not in known:
        remedy = nearest(wanted, known) if known else "let a parameter of a model be a grid"
        rule = "must name a grid of numbers, or with labels, in the models"
        raise refused(("severity",), rule, wanted, remedy)
    if not known:
        return None
    if wanted is not None:
        axis = known[wanted]
    else:
        first = next(iter(known.values()))
        axis = next(filter(_is_monotone, first.members), first)
    if axis.is_numeric and not _is_monotone(axis):
        rule = "must lead from the mildest severity to the severest, rising or falling throughout"
        where = (*axis.path, "zip" if axis.beside else "grid")
        raise refused(where, rule, list(axis.values), "put it in order")
    return axis
