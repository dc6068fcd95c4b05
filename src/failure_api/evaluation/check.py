"""A dry run: what a sweep would do, and for how long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from failure_api.evaluation.engines import check_engine
from failure_api.evaluation.plan import Plan
from failure_api.evaluation.trial import estimate_seconds, prepare


@dataclass(frozen=True, kw_only=True)
class Check:
    """What a sweep would do.

    Attributes:
        environment: Name of the environment.
        policies: Names of the policies.
        severity: What varies along a curve.
        severities: Its values, from the mildest to the severest.
        settings: The values of what else varies, by name.
        cells: Number of cells, those of perfect communication included.
        episodes: Episodes in all.
        seconds: How long they would take, by a few episodes that were played.
    """

    environment: str
    policies: tuple[str, ...]
    severity: str
    severities: tuple[float, ...]
    settings: Mapping[str, tuple[str, ...]]
    cells: int
    episodes: int
    seconds: float


def check(specification: str | Path | Mapping[str, Any], *, workers: int = 1) -> Check:
    """Reads a specification, tries out all that it names, and counts. Nothing is written.

    Args:
        specification: As `sweep` takes it.
        workers: Number of processes that would play.

    Raises:
        FailureApiError: Something in the specification is wrong.

    Example:
        >>> found = check({
        ...     "environment": "mpe2.simple_spread_v3",
        ...     "failure_models": {"model": "probabilistic", "failure_prob": {"grid": "0:1:0.1"}},
        ... })
        >>> found.cells, found.episodes
        (12, 1200)
    """
    check_engine(None, workers, None)
    plan: Plan = prepare(specification)
    return Check(
        environment=plan.specification.environment,
        policies=plan.specification.policies,
        severity=plan.severity_name,
        severities=plan.severities,
        settings={axis.name: axis.texts for axis in plan.further},
        cells=plan.size,
        episodes=plan.episodes,
        seconds=estimate_seconds(plan) / workers,
    )
