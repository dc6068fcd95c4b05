"""What a communication round itself costs, on an environment that does nothing.

    python benchmarks/rounds.py           # a minute; writes benchmarks/results/rounds.json

The measure is the plain round, independent loss on `MaskSegments`, as it was at one commit, which
is taken from the history of this repository and run beside the present sources, block by block.
Without that commit, as in a shallow clone, those comparisons are left out. Each line says what was
promised and what was found. The exit status is 1 if a promise is broken.
"""

from __future__ import annotations

import io
import json
import math
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from findings import Finding, record
from sweep import interval_of

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "src"
COMMIT = "61d3415ea18c8ad208f4c26a153810b76f93153b"

BLOCKS = 150
BLOCK_SECONDS = 0.01
LONGEST_WARM_UP = 10.0
"""Seconds; what takes longer has broken its promise anyway."""

LOSS = {"model": "probabilistic", "failure_prob": 0.5}
BURSTS = {"model": "gilbert_elliott", "p": 0.1, "r": 0.3}

Setting = dict[str, Any]


def setting_of(agents: int, *models: dict[str, Any], exchange: str = "segments") -> Setting:
    return {"agents": agents, "models": models, "exchange": exchange}


def delay(longest: int) -> dict[str, Any]:
    return {"model": "delay_based", "min_delay": 0, "max_delay": longest}


def queue(length: int, **options: Any) -> dict[str, Any]:
    return {"model": "bandwidth", "capacity": 0.5, "queue_length": length, **options}


class Worker:
    """A process that plays rounds with some version of the package."""

    def __init__(self, sources: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("idle.py"))],
            env=os.environ | {"PYTHONPATH": str(sources)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        found = Path(self.ask("where"))
        if not found.is_relative_to(sources):
            raise RuntimeError(f"{found} was imported in place of {sources}")

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def ask(self, what: str, **request: Any) -> Any:
        """Returns the answer of a function of `idle.py`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"ask": what, **request}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the process that was asked to {what} {request} is gone")
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["answer"]


@dataclass(frozen=True)
class Side:
    """One of two things that are compared: a setting, and who plays it.

    Attributes:
        worker: Who does.
        setting: What is played.
        rounds: How many of them come before those that are timed.
    """

    worker: Worker
    setting: Setting
    rounds: int = 500

    def block(self) -> Callable[[], float]:
        """Returns a function that plays one block and returns the seconds of a step."""
        asked = {"steps": self.rounds, "limit": LONGEST_WARM_UP}
        played, seconds = self.worker.ask("warm_up", setting=self.setting, **asked)
        if played < self.rounds:
            print(f"  {self.setting} is timed after {played:,} of {self.rounds:,} rounds: too slow")
        steps = max(1, math.ceil(BLOCK_SECONDS / seconds))
        return partial(self.worker.ask, "play", setting=self.setting, steps=steps)


def compared(what: str, measured: Side, measure: Side, must: float, aim: float) -> Finding:
    """Returns how many times as long as a step of the measure another one takes.

    The two take turns, block by block, so that what else the machine does befalls both.
    """
    sides = measured.block(), measure.block()
    ratios = []
    for number in range(BLOCKS + 2):
        order = sides if number % 2 else sides[::-1]
        took = {block: block() for block in order}
        ratios.append(took[sides[0]] / took[sides[1]])
    return Finding(what, *interval_of(ratios[2:]), must=must, aim=aim, unit="times")


def measure_rounds(new: Worker, old: Worker) -> Iterator[Finding]:
    """Rounds in multiples of the plain one, as it was."""
    promises = {
        "the plain round": ([LOSS], "segments", 0.9, 0.75),
        "Gilbert-Elliott and a delay of 0 to 3 rounds": ([BURSTS, delay(3)], "segments", 2.0, 1.5),
        "hold and report_age": ([LOSS], "hold, age", 1.5, 1.1),
        "flat observations, alike": ([LOSS], "flat", 1.5, 1.1),
        "flat observations, unlike": ([LOSS], "flat, unlike", 4.0, 2.5),
        "flat messages": ([LOSS], "send, flat", 4.0, 2.5),
        "Gilbert-Elliott, a delay of 0 to 3 rounds, hold and report_age": (
            [BURSTS, delay(3)],
            "hold, age",
            2.4,
            1.9,
        ),
    }
    for what, (models, exchange, must, aim) in promises.items():
        for agents in (3, 10, 25):
            plain = Side(old, setting_of(agents, LOSS))
            measured = Side(new, setting_of(agents, *models, exchange=exchange))
            name = f"{what}, N = {agents}, over the plain round before"
            yield compared(name, measured, plain, must, aim)


def measure_lengths(new: Worker) -> Iterator[Finding]:
    """Steps with much under way or waiting over steps with little."""
    for agents, must in ((3, 1.5), (25, 2.0)):
        long, short = (Side(new, setting_of(agents, delay(n)), n + 500) for n in (10_000, 10))
        what = f"a step with max_delay 10,000 over one with 10, N = {agents}"
        yield compared(what, long, short, must, 1.1)
    # At half of what is sent the longer queue is full after 2,000 rounds.
    long, short = (Side(new, setting_of(3, queue(n)), 2500) for n in (1000, 10))
    what = "a step with queue_length 1000 over one with 10, N = 3"
    yield compared(what, long, short, 1.5, 1.1)


def measure_limit(new: Worker) -> Iterator[Finding]:
    """What is under way or waiting may take 1 GiB; more is refused when it is wrapped."""
    seconds, refusal = new.ask("wrap", setting=setting_of(300, delay(10_000)))
    print(f"  max_delay 10,000 at N = 300: {refusal or 'not refused'}")
    if not re.search(r"\d ?[KMGT]i?B\b", refusal or ""):
        seconds = math.inf
    what = "refusing what would take more than 1 GiB, with the figure: N = 300, max_delay 10,000"
    yield Finding(what, seconds, must=1.0, unit="s")
    for what, model in (
        ("max_delay", delay),
        ("queue_length and max_wait", lambda length: queue(length, max_wait=length)),
    ):
        longest = most_taken(lambda n, model=model: takes(new, setting_of(100, model(n))))
        seconds = new.ask("reset", setting=setting_of(100, model(longest)), times=3)
        what = f"a reset at the limit, N = 100, {what} {longest:,}"
        yield Finding(what, seconds, must=1.0, unit="s")


def takes(worker: Worker, setting: Setting) -> bool:
    """Returns whether an environment can be wrapped so."""
    _, refusal = worker.ask("wrap", setting=setting)
    return refusal is None


def most_taken(is_taken: Callable[[int], bool], most: int = 10_000) -> int:
    """Returns the greatest number from 1 to `most` that is taken, as all smaller ones are."""
    if is_taken(most):
        return most
    taken, refused = 1, most
    while refused - taken > 1:
        middle = (taken + refused) // 2
        taken, refused = (middle, refused) if is_taken(middle) else (taken, middle)
    return taken


def unpack(folder: Path) -> str | None:
    """Writes the sources as they were into a folder, or returns why they are not to be had."""
    command = ["git", "-C", str(ROOT), "archive", "--format=tar", COMMIT, "src"]
    try:
        packed = subprocess.run(command, check=True, capture_output=True).stdout
    except FileNotFoundError:
        return "git is not installed"
    except subprocess.CalledProcessError as error:
        return error.stderr.decode(errors="replace").strip().splitlines()[-1]
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    return None


def stay_on_one_processor() -> None:
    """Lets the two versions run on the same processor, so that what else runs there slows both."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def main() -> None:
    stay_on_one_processor()
    with ExitStack() as stack:
        new = stack.enter_context(Worker(SOURCES))
        parts = [partial(measure_lengths, new), partial(measure_limit, new)]
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory())).resolve()
        reason = unpack(folder)
        if reason is None:
            old = stack.enter_context(Worker(folder / "src"))
            parts.insert(0, partial(measure_rounds, new, old))
        else:
            print(f"comparisons with {COMMIT[:7]}: left out, since {reason}")
        record("rounds", parts, "pettingzoo")


if __name__ == "__main__":
    main()
