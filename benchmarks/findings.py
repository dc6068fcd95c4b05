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

from failure_api import Chain, Channel, Context, Links, NumpyStream
from failure_api.machine import describe_machine, list_versions, version_of

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


def keep_freed_memory() -> None:
    """Lets the process reuse blocks of up to 30 MB, as one that trains does.

    The C library gives arrays of 4 MB back to the system until the process has freed a larger
    one. Until then every array of a round at N = 1000 is paid for page by page, which costs about
    as much as filling it and tells nothing of the models.
    """
    np.ones(30_000_000, dtype=np.uint8)


def median_time(function: Callable[[], Any], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return float(np.median(times[len(times) // 5 :]))


def chain_step(agents: int, models: list[Any]) -> Callable[[], Any]:
    """Returns a function that plays one more round of models."""
    chain, links = Chain(models=models), Links(np.ones((agents, agents), dtype=bool))
    return _rounds(
        agents,
        chain,
        lambda parameters, state, *given: chain.step(parameters, state, links, *given)[0],
    )


def channel_step(agents: int, models: list[Any]) -> Callable[[], Any]:
    """Returns a function that plays one more round of a channel, messages and all."""
    channel = Channel(chain=Chain(models=models))
    return _rounds(agents, channel, lambda *given: channel.step(*given)[0])


def _rounds(agents: int, subject: Any, step: Callable[..., Any]) -> Callable[[], Any]:
    stream = NumpyStream(1)
    positions = np.random.default_rng(0).uniform(-1, 1, (agents, 2)).astype(np.float32)
    alive, shape = np.ones(agents, dtype=bool), (agents, agents)
    context = Context(0, alive, positions, np, shape, tuple(range(agents)))
    parameters = subject.prepare(context)
    state = subject.init(parameters, context, stream)

    def play() -> None:
        nonlocal state, context
        state = step(parameters, state, context, stream)
        context = context._replace(round=context.round + 1)

    return play


def record(
    name: str,
    parts: Iterable[Callable[[], Iterator[Finding]]],
    environment: str,
    packages: tuple[str, ...] = (),
) -> None:
    """Measures, writes `results/<name>.json`, and exits with 1 if a promise is broken.

    Args:
        name: Of the file.
        parts: What is measured.
        environment: Whose package takes part.
        packages: Further ones that do.
    """
    findings = []
    for part in parts:
        for finding in part():
            print(finding.line(), flush=True)
            findings.append(finding)
    RESULTS.mkdir(exist_ok=True)
    document = {
        "findings": [asdict(finding) for finding in findings],
        "versions": list_versions(environment) | {each: version_of(each) for each in packages},
        "machine": describe_machine(),
    }
    (RESULTS / f"{name}.json").write_text(json.dumps(document, indent=2) + "\n")
    sys.exit(not all(finding.kept for finding in findings))
