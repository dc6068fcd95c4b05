"""The result of a measurement, under the column names of the notebook this project began as."""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from failure_api.needs import needed

if TYPE_CHECKING:
    import pandas

MEGABYTE = 1024.0**2

_PATHS = {
    "N": "agents",
    "baseline_time_ms": "bare.time_ms",
    "api_time_ms": "wrapped.time_ms",
    "std_baseline_time": "bare.time_std_ms",
    "std_api_time": "wrapped.time_std_ms",
    "% overhead": "overhead_percent",
    "baseline_fps": "bare.steps_per_second",
    "api_fps": "wrapped.steps_per_second",
    "baseline_cpu": "bare.cpu_percent",
    "api_cpu": "wrapped.cpu_percent",
    "baseline_mem_MB": "bare.memory_mb",
    "api_mem_MB": "wrapped.memory_mb",
    "baseline_mem_std": "bare.memory_std_mb",
    "api_mem_std": "wrapped.memory_std_mb",
    "baseline_gc": "bare.collector_counts",
    "api_gc": "wrapped.collector_counts",
    "api_memory_peak_MB": "wrapped.memory_peak_mb",
}
"""Where the notebook's columns stand in a row of the result."""

SEED_COLUMNS = tuple(_PATHS)
FURTHER_COLUMNS = ("% overhead low", "% overhead high", "added_mem_MB", "steps")


@dataclass(frozen=True, kw_only=True)
class SideCost:
    """What one side took: the bare environment or the wrapped one.

    Attributes:
        time_ms: Milliseconds a step; the median under "paired", the mean under "seed".
        time_std_ms: Standard deviation of the step times, in milliseconds.
        steps_per_second: Steps a second.
        cpu_percent: Processor use; of this process under "paired", of the machine under "seed".
        memory_mb: Mebibytes held while running; what Python allocated for the environment under
            "paired", the whole process under "seed".
        memory_std_mb: Standard deviation of the memory over the steps.
        memory_peak_mb: Highest amount that Python had allocated, in mebibytes.
        collector_counts: What the garbage collector's three counters gained, summed as in the
            notebook.
    """

    time_ms: float
    time_std_ms: float
    steps_per_second: float
    cpu_percent: float
    memory_mb: float
    memory_std_mb: float
    memory_peak_mb: float
    collector_counts: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class OverheadRow:
    """Bare against wrapped for one number of agents.

    Attributes:
        agents: The environment's `N`, or its number of agents where it has no such option.
        bare: The environment as it is.
        wrapped: The same inside a communication wrapper.
        overhead_percent: How much longer a wrapped step takes; negative where it is faster.
        interval_percent: 95 % confidence interval of the overhead; None where there is none.
        steps: Steps timed on each side.
    """

    agents: int
    bare: SideCost
    wrapped: SideCost
    overhead_percent: float
    interval_percent: tuple[float, float] | None
    steps: int

    @property
    def memory_added_mb(self) -> float:
        """Mebibytes that the wrapped environment holds beyond the bare one."""
        return self.wrapped.memory_mb - self.bare.memory_mb

    def columns(self) -> dict[str, Any]:
        """Returns the row by column name: those of the notebook first, further ones after."""
        values = [attrgetter(path)(self) for path in _PATHS.values()]
        values += [*(self.interval_percent or (None, None)), self.memory_added_mb, self.steps]
        listed = (list(value) if isinstance(value, tuple) else value for value in values)
        return dict(zip((*SEED_COLUMNS, *FURTHER_COLUMNS), listed, strict=True))


@dataclass(frozen=True, kw_only=True)
class OverheadResult:
    """Every row, and what is needed to measure them again.

    Attributes:
        rows: One for each number of agents that was measured.
        protocol: "paired" or "seed".
        arguments: What `measure_overhead` was called with.
        versions: Version of each package that takes part.
        machine: Processor, cores and platform.
    """

    rows: tuple[OverheadRow, ...]
    protocol: str
    arguments: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=dict)

    def to_frame(self) -> pandas.DataFrame:
        """Returns the notebook's table: its columns in its order, one row for each `N`.

        Raises:
            MissingDependencyError: pandas is not installed.
        """
        make = needed("pandas", "A data frame").DataFrame
        rows = [row.columns() for row in self.rows]
        frame: pandas.DataFrame = make(rows, columns=list(SEED_COLUMNS))
        return frame
