"""What people's environments do in a wrapper, in a sweep, and by themselves.

`environments.yaml` has the environments and what is expected of each. `find` looks what a real one
does, `differences` compares, and `table` writes what is expected as a page.

    python tests/packages/conformance.py --record [name ...]    looks, and expects what it finds
    python tests/packages/conformance.py --table                writes docs/environments_table.md
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import operator
import os
import re
import signal
import subprocess
import sys
import tempfile
import types
import warnings
from dataclasses import asdict, dataclass, field, fields
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
DATA = HERE / "environments.yaml"
PAGE = HERE.parents[1] / "docs" / "environments_table.md"
STEPS = 12
LONGEST = 300
"""Seconds that one environment may take."""


@dataclass
class Findings:
    """What an environment does.

    Attributes:
        positions: Whether positions of its agents are known.
        segments: "fixed", "moving", or "" where none are known.
        agents: How many agents it has.
        breaks: Laws that the bare environment breaks by itself.
        api_test: What PettingZoo's test finds in the bare environment; "" where it passes.
        wrapped_api_test: What it finds in the wrapped one.
        wrapper: What `check_wrapper` finds in the wrapper; "" where it passes.
        sweep: Why episodes of a sweep with `random` fail; "" where none does.
        broken: Why the environment cannot be made or reset at all.
    """

    positions: bool = False
    segments: str = ""
    agents: int = 0
    breaks: list[int] = field(default_factory=list)
    api_test: str = ""
    wrapped_api_test: str = ""
    wrapper: str = ""
    sweep: str = ""
    broken: str = ""


@dataclass(frozen=True)
class Entry:
    """An environment of the list.

    Attributes:
        name: What it is called.
        package: The distribution that it comes from.
        make: "module" with `env` or `parallel_env`, "module:callable", or "gymnasium:module:id".
        api: "aec" or "parallel".
        interface: What the package offers.
        options: What it is made with.
        possible_agents: Its agents, where it does not say which they are.
        expected: What it does.
    """

    name: str
    package: str
    make: str
    api: str = "parallel"
    interface: str = ""
    options: Any = field(default_factory=dict)
    possible_agents: Any = None
    expected: Any = field(default_factory=dict)

    def environment(self):
        """Returns a new bare environment of PettingZoo's kind."""
        from failure_api.environments import as_parallel, make_environment

        with quiet():
            kind, _, rest = self.make.partition(":")
            if not rest:
                return make_environment(self.make, api=self.api, **self.options)
            if kind == "gymnasium":
                import gymnasium

                module, _, environment_id = rest.partition(":")
                importlib.import_module(module)
                made = gymnasium.make(environment_id, **self.options)
            else:
                made = operator.attrgetter(rest)(importlib.import_module(kind))(**self.options)
            if self.api == "aec":
                return made
            return as_parallel(made, possible_agents=self.possible_agents)

    def module(self):
        """Returns the name of a module by which a sweep makes the environment."""
        if ":" not in self.make:
            return self.make
        name = "environment_of_" + re.sub(r"\W", "_", self.name)
        made = types.ModuleType(name)
        setattr(made, "env" if self.api == "aec" else "parallel_env", lambda: self.environment())
        sys.modules[name] = made
        return name


def entries() -> list[Entry]:
    """Returns the environments of the list."""
    known = {one.name for one in fields(Entry)}
    listed = yaml.safe_load(DATA.read_text())["environments"]
    return [Entry(**{key: value for key, value in one.items() if key in known}) for one in listed]


@contextlib.contextmanager
def quiet():
    """Keeps what packages print and warn of to themselves."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def short(error: BaseException | str) -> str:
    """Returns the beginning of what an error says, in one line."""
    text = error if isinstance(error, str) else f"{type(error).__name__}: {error}"
    text = " ".join(re.sub(r"0x[0-9a-f]+", "0x", text).split())
    return text if len(text) <= 160 else f"{text[:157]}..."


@contextlib.contextmanager
def timed():
    """Ends what takes too long with an error."""

    def stop(*_):
        raise TimeoutError(f"it takes longer than {LONGEST} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(LONGEST)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def find(entry: Entry) -> Findings:
    """Returns what an environment does."""
    from failure_api.environments.positions import known_positions
    from failure_api.environments.segments import known_segments

    try:
        with timed():
            env = entry.environment()
            env.reset(seed=0)
            found = known_segments(env)
            findings = Findings(
                positions=known_positions(env) is not None,
                segments="" if found is None else "moving" if callable(found) else "fixed",
                agents=len(env.possible_agents),
            )
    except BaseException as error:
        return Findings(broken=short(error.__cause__ or error))
    with timed():
        findings.api_test = _api_test(entry.environment)
        findings.wrapped_api_test = _api_test(lambda: _wrapped(entry))
        findings.breaks, findings.wrapper = _laws(entry, findings.agents)
        findings.sweep = _sweep(entry)
    return findings


def _wrapped(entry: Entry) -> Any:
    from failure_api import (
        CommunicationWrapper,
        CommunicationWrapperParallel,
        ProbabilisticModel,
    )

    wrapper = CommunicationWrapper if entry.api == "aec" else CommunicationWrapperParallel
    return wrapper(entry.environment(), ProbabilisticModel(failure_prob=0.5))


def _api_test(make: Any) -> str:
    from pettingzoo import AECEnv
    from pettingzoo.test import api_test, parallel_api_test

    try:
        env = make()
        with quiet():
            if isinstance(env, AECEnv):
                api_test(env, num_cycles=STEPS)
            else:
                parallel_api_test(env, num_cycles=STEPS)
    except TimeoutError:
        raise
    except Exception as error:
        return short(error)
    return ""


def _laws(entry: Entry, agents: int) -> tuple[list[int], str]:
    from failure_api import DelayBasedModel
    from failure_api.errors import EnvironmentLawError
    from failure_api.testing import check_wrapper

    try:
        with quiet():
            # What everyone shares with everyone takes its time.
            steps = STEPS if agents <= 4 else STEPS // 2
            check_wrapper(entry.environment, DelayBasedModel(max_delay=2), steps=steps)
    except EnvironmentLawError as error:
        return sorted({int(law) for law in re.findall(r"law (\d+) ", str(error))}), ""
    except TimeoutError:
        raise
    except Exception as error:
        return [], short(error)
    return [], ""


def _sweep(entry: Entry) -> str:
    from failure_api.evaluation import read_results, sweep

    specification = {
        "environment": entry.module(),
        "api": entry.api,
        "options": entry.options if ":" not in entry.make else {},
        "policies": "random",
        "failure_models": {"model": "probabilistic", "failure_prob": {"grid": [0.5]}},
        "episodes": 2,
        "max_steps": STEPS,
    }
    with tempfile.TemporaryDirectory() as folder:
        try:
            objectives = _objectives(entry)
            if objectives > 1:
                specification["scalarization"] = [1.0] * objectives
            with quiet():
                sweep(specification, Path(folder) / "sweep")
            failures = read_results(Path(folder) / "sweep").failures
        except TimeoutError:
            raise
        except Exception as error:
            return short(error)
        return short(str(failures["error"].iloc[0]).split("\n\n")[0]) if len(failures) else ""


def _objectives(entry: Entry) -> int:
    """Returns how many rewards each agent has at once."""
    env = entry.environment()
    declared = getattr(env.unwrapped, "reward_space", None)
    return 1 if declared is None else int(declared(env.possible_agents[0]).shape[0])


def differences(entry: Entry, found: Findings) -> list[str]:
    """Returns a sentence for everything that is not as expected."""
    version = f"{entry.package} {metadata.version(entry.package)}"
    expected = Findings(**entry.expected)
    told = []

    def tell(what: str, now: Any, before: Any) -> None:
        told.append(
            f"{entry.name} of {version}: {what} is {now!r}, where {before!r} is expected: mend "
            f"what has changed, or expect it in tests/packages/{DATA.name}."
        )

    for what in ("positions", "segments", "agents"):
        if getattr(found, what) != getattr(expected, what):
            tell(what, getattr(found, what), getattr(expected, what))
    for what in ("broken", "api_test", "wrapped_api_test", "wrapper", "sweep"):
        now, before = getattr(found, what), getattr(expected, what)
        # Errors name arrays and places in memory, which differ from run to run.
        if bool(now) != bool(before):
            tell(what, now, before)
    new, old = set(found.breaks) - set(expected.breaks), set(expected.breaks) - set(found.breaks)
    # What is left to chance breaks other laws now and then.
    chance = [bool({4, 5, 6} & set(one.breaks)) for one in (expected, found)]
    if (new and not chance[0]) or (old and not chance[1]):
        tell("the laws that it breaks by itself", found.breaks, expected.breaks)
    return told


def table(listed: list[Entry]) -> str:
    """Returns the page of what is expected."""
    lines = [
        "# Environments that are tried",
        "",
        f"`make test-environments` tries {len(listed)} environments of "
        f"{len({entry.package for entry in listed})} packages in the versions that it pins: "
        "`check_wrapper` with a delay, PettingZoo's own test with and without the wrapper, and a "
        "sweep with `random`. [The list](../tests/packages/environments.yaml) says what is "
        "expected, and a release that changes it fails with a sentence. "
        "`python tests/packages/conformance.py --table` writes this page.",
        "",
        "Positions: whether `DistanceModel` and the like work without a function of yours. "
        "Segments: whether it is known which entries of an observation come from whom; moving ones "
        "are looked up in every round. Laws have the numbers of "
        "[`failure_api.testing`](../src/failure_api/testing/__init__.py).",
        "",
    ]
    for package in dict.fromkeys(entry.package for entry in listed):
        lines += [
            f"## {package}",
            "",
            "| environment | interface | agents | positions | segments | passes "
            "| what the environment breaks by itself |",
            "|---|---|---|---|---|---|---|",
        ]
        lines += [_row(entry) for entry in listed if entry.package == package]
        lines.append("")
    return "\n".join(lines)


def _row(entry: Entry) -> str:
    does = Findings(**entry.expected)
    fails = {
        "laws": does.wrapper,
        "PettingZoo's test": does.wrapped_api_test,
        "sweep": does.sweep,
    }
    # What cannot be played at all keeps no law that it could break.
    played = not does.broken and not (does.api_test and does.sweep)
    good = [what for what, reason in fails.items() if played and not reason]
    found = [_laws_in_words(does.breaks), does.broken]
    found += [f"PettingZoo's test: {does.api_test}" if does.api_test else ""]
    # What the bare environment does as well is said once.
    found += [
        f"{what}, wrapped: {reason}"
        for what, reason in fails.items()
        if reason and not (what == "PettingZoo's test" and does.api_test)
    ]
    cells = (
        entry.name,
        entry.interface,
        str(does.agents or ""),
        "yes" if does.positions else "",
        does.segments,
        "all" if len(good) == len(fails) else ", ".join(good) or "nothing",
        "; ".join(filter(None, found)),
    )
    return f"| {' | '.join(map(_cell, cells))} |"


def _laws_in_words(laws: list[int]) -> str:
    from failure_api.testing.verdict import LAWS

    if not laws:
        return ""
    # What is never twice the same breaks every law that compares two episodes.
    root = 4 if 4 in laws else laws[0]
    others = ", ".join(str(law) for law in laws if law != root)
    return f"law {root} ({LAWS[root]})" + (f", and with it {others}" if others else "")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def look(entry: Entry) -> Findings:
    """Returns what an environment does in a process of its own.

    Packages register the same ids, share simulators, and may end the process.
    """
    code = f"import conformance as c; c.tell({entry.name!r})"
    environment = {"SDL_VIDEODRIVER": "dummy", **os.environ}
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=HERE,
        env=environment,
        capture_output=True,
        text=True,
        timeout=2 * LONGEST,
        check=False,
    )
    told = [line for line in run.stdout.splitlines() if line.startswith("FOUND ")]
    if told:
        return Findings(**json.loads(told[-1].removeprefix("FOUND ")))
    return Findings(broken=short(f"the process ends with {run.returncode}: {run.stderr[-120:]}"))


def tell(name: str) -> None:
    """Prints what one environment does."""
    entry = next(entry for entry in entries() if entry.name == name)
    print(f"\nFOUND {json.dumps(asdict(find(entry)))}", flush=True)


def record(names: list[str]) -> None:
    """Looks what environments do, and expects that."""
    listed = yaml.safe_load(DATA.read_text())["environments"]
    for one, entry in zip(listed, entries(), strict=True):
        if names and entry.name not in names:
            continue
        one["expected"] = {key: value for key, value in asdict(look(entry)).items() if value}
        print(entry.name, one["expected"], flush=True)
        text = yaml.safe_dump({"environments": listed}, sort_keys=False, width=100)
        DATA.write_text(HEADER + text)


HEADER = """\
# The environments of `make test-environments`, and what is expected of each: see conformance.py.
# What is not named under `expected` passes, is not known, or does not happen.
"""

if __name__ == "__main__":
    if sys.argv[1:2] == ["--record"]:
        record(sys.argv[2:])
    elif sys.argv[1:] == ["--table"]:
        PAGE.write_text(table(entries()))
    else:
        sys.exit(__doc__)
