"""What was promised, what was found, and how it is timed and written down."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from failure_api import Chain, Context, Links, RandomStream
from failure_api.overhead.machine import describe_machine, list_versions

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Finding:
    """One promise, and what was found.

    Attributes:
        what: What was measured.
        found: The ratio or amount.
        low: Lower end of its 95 % interval, where there is one.
        high: Upper end.
        must: What it has to stay at or below; None for a comparison without a promise.
        aim: What it should be.
        least: What it has to reach, where more is better.
        unit: What the numbers count.
    """

    what: str
    found: float
    low: float | None = None
    high: float | None = None
    must: float | None = None
    aim: float | None = None
    unit: str = "%"
    least: float | None = None

    @property
    def kept(self) -> bool:
        """Whether the promise is kept."""
        within = self.must is None or self.found <= self.must
        return within and (self.least is None or self.found >= self.least)

    def line(self) -> str:
        """Returns the finding as one line of text."""
        interval = "" if self.low is None else f" [{self.low:+.1f}, {self.high:+.1f}]"
        promise = "" if self.must is None else f", promised at most {self.must:g} {self.unit}"
        if self.least is not None:
            promise = f", promised at least {self.least:g} {self.unit}"
        mark = "" if self.kept else "  <-- BROKEN"
        return f"{self.what}: {self.found:+.2f} {self.unit}{interval}{promise}{mark}"


def median_time(function: Callable[[], Any], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return float(np.median(times[len(times) // 5 :]))


def chain_step(agents: int, models: list[Any]) -> Callable[[], Any]:
    stream, chain = RandomStream(1), Chain(models=models)
    positions = np.random.default_rng(0).uniform(-1, 1, (agents, 2)).astype(np.float32)
    alive, shape = np.ones(agents, dtype=bool), (agents, agents)
    context = Context(0, alive, positions, np, shape, tuple(range(agents)))
    links, state = Links(np.ones(shape, np.float32)), chain.init(context, stream)
    return lambda: chain.step(state, links, context, stream)


def record(name: str, parts: Iterable[Callable[[], Iterator[Finding]]], environment: str) -> None:
    """Measures, writes `results/<name>.json`, and exits with 1 if a promise is broken."""
    findings = []
    for part in parts:
        for finding in part():
            print(finding.line(), flush=True)
            findings.append(finding)
    RESULTS.mkdir(exist_ok=True)
    document = {
        "findings": [asdict(finding) for finding in findings],
        "versions": list_versions(environment),
        "machine": describe_machine(),
    }
    (RESULTS / f"{name}.json").write_text(json.dumps(document, indent=2) + "\n")
    sys.exit(not all(finding.kept for finding in findings))
