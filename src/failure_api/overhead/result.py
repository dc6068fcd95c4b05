"""The result of a measurement, under the column names of the notebook this project began as."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from failure_api.errors import MissingDependencyError

if TYPE_CHECKING:
    import pandas

MEGABYTE = 1024.0**2

SEED_COLUMNS = (
    "N",
    "baseline_time_ms",
    "api_time_ms",
    "std_baseline_time",
    "std_api_time",
    "% overhead",
    "baseline_fps",
    "api_fps",
    "baseline_cpu",
    "api_cpu",
    "baseline_mem_MB",
    "api_mem_MB",
    "baseline_mem_std",
    "api_mem_std",
    "baseline_gc",
    "api_gc",
    "api_memory_peak_MB",
)
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
        low, high = self.interval_percent or (None, None)
        values = (
            self.agents,
            self.bare.time_ms,
            self.wrapped.time_ms,
            self.bare.time_std_ms,
            self.wrapped.time_std_ms,
            self.overhead_percent,
            self.bare.steps_per_second,
            self.wrapped.steps_per_second,
            self.bare.cpu_percent,
            self.wrapped.cpu_percent,
            self.bare.memory_mb,
            self.wrapped.memory_mb,
            self.bare.memory_std_mb,
            self.wrapped.memory_std_mb,
            list(self.bare.collector_counts),
            list(self.wrapped.collector_counts),
            self.wrapped.memory_peak_mb,
            low,
            high,
            self.memory_added_mb,
            self.steps,
        )
        return dict(zip((*SEED_COLUMNS, *FURTHER_COLUMNS), values, strict=True))


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
        try:
            import pandas
        except ImportError as error:
            raise MissingDependencyError(
                "A data frame needs pandas, which is not installed: "
                "install it with `pip install 'failure-api[cli]'`."
            ) from error
        return pandas.DataFrame([row.columns() for row in self.rows], columns=list(SEED_COLUMNS))
