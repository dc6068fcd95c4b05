"""Specification and plan: which cells a sweep has, counted before any is made."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from failure_api.errors import nearest
from failure_api.evaluation.grid import Axis, fill, find_axes
from failure_api.serialization.paths import KeyPath, refused

DEFAULT_EPISODES = 100


@dataclass(frozen=True, kw_only=True)
class Specification:
    """What a sweep is to do.

    Every value is plain data, as JSON has it. Anywhere within `options`, `exchange`,
    `failure_models` and `noise_models` a value may be a grid: `{"grid": [0, 0.5, 1]}`, or
    `{"grid": "0:1:0.1"}` with the last number included. `read_specification` makes and checks one.

    Attributes:
        environment: Name of the environment, as `make_environment` takes it.
        api: "parallel" or "aec".
        options: The environment's options.
        policies: Names of the policies.
        exchange: What agents say to each other; None picks by the environment.
        failure_models: What makes the links fail, in order.
        noise_models: What corrupts what arrives.
        episodes: Episodes of each cell.
        seed: Fixes every draw of every episode.
        team: Agents whose rewards count, or patterns of their names such as "adversary_*".
        max_steps: Steps after which an episode is ended; None leaves that to the environment.
        severity: Name of the grid along which a curve runs; None takes the first one of numbers
            in the failure models, or else in the noise models.
        scalarization: What makes a number of a reward with several objectives: a weight for each,
            or `module:function`, a function of the vector.
    """

    environment: str
    api: str
    options: Mapping[str, Any] = field(default_factory=dict)
    policies: tuple[str, ...] = ("random",)
    exchange: Any = None
    failure_models: tuple[Any, ...] = ()
    noise_models: tuple[Any, ...] = ()
    episodes: int = DEFAULT_EPISODES
    seed: int = 0
    team: tuple[str, ...] = ("*",)
    max_steps: int | None = None
    severity: str | None = None
    scalarization: tuple[float, ...] | str | None = None

    def to_plain(self) -> dict[str, Any]:
        """Returns the specification in the types of JSON, which `read_specification` takes."""
        plain = asdict(self)
        if self.scalarization is None:
            # Sweeps that began before there was such a key go on.
            del plain["scalarization"]
        return {key: list(held) if isinstance(held, tuple) else held for key, held in plain.items()}


KEYS = tuple(entry.name for entry in fields(Specification))


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
        self.severity = _severity(axes, specification.severity)
        self.further = tuple(axis for axis in axes if axis is not self.severity)
        self._outer = [axis.path[0] in _OUTER for axis in self.further]
        self._inner_sizes = [len(axis.values) for axis in self.further]
        pairs = zip(self._inner_sizes, self._outer, strict=True)
        self._outer_sizes = [size if outer else 1 for size, outer in pairs]
        self._curves = math.prod(self._inner_sizes)
        self._references = math.prod(self._outer_sizes)

    @property
    def size(self) -> int:
        """Number of cells; it may be greater than any `len`."""
        policies = len(self.specification.policies)
        return policies * (self._references + self._curves * len(self.severities))

    @property
    def episodes(self) -> int:
        """Episodes in all."""
        return self.size * self.specification.episodes

    @cached_property
    def severities(self) -> tuple[float, ...]:
        """The severities, from the mildest to the severest."""
        return (1.0,) if self.severity is None else tuple(map(float, self.severity.values))

    @cached_property
    def _texts(self) -> list[tuple[str, ...]]:
        return [axis.texts for axis in self.further]

    @property
    def severity_name(self) -> str:
        """What the severity is called."""
        return AS_GIVEN if self.severity is None else self.severity.name

    @property
    def settings(self) -> tuple[str, ...]:
        """What else varies."""
        return tuple(axis.name for axis in self.further)

    @property
    def outer_settings(self) -> tuple[str, ...]:
        """What varies under perfect communication, too."""
        return tuple(name for name, outer in zip(self.settings, self._outer, strict=True) if outer)

    def cells(self) -> Iterator[Cell]:
        """Yields every cell, in the order of their numbers."""
        return map(self.cell, range(self.size))

    def cell(self, number: int) -> Cell:
        """Returns the cell of a number."""
        policies = self.specification.policies
        references = len(policies) * self._references
        if number < references:
            policy, rest = divmod(number, self._references)
            indices = _digits(rest, self._outer_sizes)
            setting = tuple(
                index if outer else None for index, outer in zip(indices, self._outer, strict=True)
            )
            return Cell(number, policies[policy], setting, None)
        rest, severity = divmod(number - references, len(self.severities))
        policy, rest = divmod(rest, self._curves)
        return Cell(number, policies[policy], _digits(rest, self._inner_sizes), severity)

    def setting_of(self, cell: Cell) -> dict[str, str]:
        """Returns a cell's setting as text by name; empty text where an axis has no meaning."""
        return {
            axis.name: "" if index is None else texts[index]
            for axis, texts, index in zip(self.further, self._texts, cell.setting, strict=True)
        }

    def severity_of(self, cell: Cell) -> float | None:
        """Returns a cell's severity; None under perfect communication."""
        return None if cell.severity is None else self.severities[cell.severity]

    def filled(self, cell: Cell) -> dict[str, Any]:
        """Returns a cell's options, exchange and models, as plain data without grids."""
        values: dict[KeyPath, Any] = {
            axis.path: axis.values[index or 0]
            for axis, index in zip(self.further, cell.setting, strict=True)
        }
        if self.severity is not None:
            values[self.severity.path] = self.severity.values[cell.severity or 0]
        filled: dict[str, Any] = fill(self._varying, values)
        if cell.severity is None:
            filled |= {"failure_models": [], "noise_models": []}
        return filled

    def telling_cells(self, most: int) -> Iterator[Cell]:
        """Yields cells in which every value of every axis occurs: all of them, or enough.

        Args:
            most: Up to so many cells, all of them are yielded.
        """
        if self.size <= most:
            yield from self.cells()
            return
        first = len(self.specification.policies) * self._references
        sizes = [len(self.specification.policies), *self._inner_sizes, len(self.severities)]
        yield self.cell(first)
        for path, size in enumerate(sizes):
            step = math.prod(sizes[path + 1 :])
            for value in range(1, size):
                yield self.cell(first + value * step)

    def seed_of(self, episode: int) -> int:
        """Returns the seed of an episode, the same in every cell.

        One number drawn from the specification's seed starts a row of 31-bit seeds, so no two
        episodes of a sweep have the same.
        """
        return (self._first_seed + episode) % 2**31

    @cached_property
    def _first_seed(self) -> int:
        return int(np.random.SeedSequence(self.specification.seed).generate_state(1)[0])


def _digits(number: int, sizes: list[int]) -> tuple[int, ...]:
    """Returns a number in mixed radix, the last digit changing fastest."""
    digits: list[int] = []
    for size in reversed(sizes):
        number, digit = divmod(number, size)
        digits.insert(0, digit)
    return tuple(digits)


def _severity(axes: tuple[Axis, ...], wanted: str | None) -> Axis | None:
    """Returns the axis along which a curve runs."""
    inner = [axis for axis in axes if axis.path[0] not in _OUTER]
    numeric = {axis.name: axis for axis in inner if axis.is_numeric}
    if wanted is None:
        return _monotone(next(iter(numeric.values()))) if numeric else None
    if wanted not in numeric:
        remedy = nearest(wanted, numeric) if numeric else "let a parameter of a model be a grid"
        raise refused(("severity",), "must name a grid of numbers in the models", wanted, remedy)
    return _monotone(numeric[wanted])


def _monotone(axis: Axis) -> Axis:
    pairs = list(itertools.pairwise(axis.values))
    if all(one < two for one, two in pairs) or all(one > two for one, two in pairs):
        return axis
    rule = "must lead from the mildest severity to the severest, rising or falling throughout"
    raise refused((*axis.path, "grid"), rule, list(axis.values), "put it in order")
