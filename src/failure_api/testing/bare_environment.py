"""Asks the bare environment before a wrapper is accused.

A check that fails with the wrapper is run again without it. Where the environment alone breaks the
same law, that law is no longer held against the wrapper in that check, and the rest of it goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import NamedTuple

from failure_api.errors import EnvironmentLawError
from failure_api.testing.verdict import LAWS, BrokenLawError, excusing
from failure_api.testing.wrapper_trial import Trial

ASKED = 10
"""How often the bare environment is asked, since what it does by chance need not show at once."""


_COMPARED = (3, 4, 5, 6, 9)
"""Laws that compare episodes. Where a seed does not fix them, a difference says nothing."""


class Check(NamedTuple):
    """One look at a wrapped environment.

    Attributes:
        law: What it is about; what goes wrong in it without a word is said to break this law.
        run: Raises a `LawError` where a law is broken.
        control: What is asked of the bare environment in its place, of whatever law; None asks
            the same of it, under the same law.
        asks: Whether the bare environment is asked at all. It is not where the wrapper alone can
            be at fault.
    """

    law: int
    run: Callable[[Trial], None]
    control: Callable[[Trial], None] | None = None
    asks: bool = True


def hold(trial: Trial, checks: Iterable[Check], premise: Callable[[Trial], None]) -> None:
    """Runs all checks, and tells what the wrapper breaks from what its environment does.

    Args:
        trial: The wrapped environment.
        checks: What is checked of it.
        premise: What must hold of the bare environment for any wrapper to work at all.

    Raises:
        LawError: The wrapper breaks a law that its environment keeps.
        EnvironmentLawError: The environment breaks laws by itself, and nothing else was found.
    """
    findings: dict[int, str] = {}
    for check in checks:
        _hold_one(trial, check, premise, findings)
    if findings:
        raise EnvironmentLawError(_sentence(findings))


def _hold_one(
    trial: Trial, check: Check, premise: Callable[[Trial], None], findings: dict[int, str]
) -> None:
    excused: set[int] = set()
    while True:
        try:
            with excusing(excused):
                check.run(trial)
            return
        except BrokenLawError as error:
            found = _of_environment(trial, check, error.law, excused)
            if found is not None:
                findings.setdefault(*found)
            elif not (check.asks and 4 in findings and error.law in _COMPARED):
                raise
            excused.add(error.law)
        except Exception:
            if excused:
                # What follows from a broken law cannot be checked any further.
                return
            found = _of_environment(trial, check, None, excused)
            found = found or _of_environment(trial, Check(1, premise), 1, excused)
            if found is None:
                raise
            findings.setdefault(*found)
            return


def _of_environment(
    trial: Trial, check: Check, law: int | None, excused: set[int]
) -> tuple[int, str] | None:
    """Returns a law that the bare environment breaks, and how; None where it does not.

    Args:
        trial: The wrapped environment.
        check: What is asked of the bare one.
        law: The law that must be the one; None takes any.
        excused: Laws that need not be asked of.
    """
    if not check.asks:
        return None
    bare = replace(trial, bare=True)
    for _ in range(ASKED):
        try:
            with excusing(excused):
                (check.control or check.run)(bare)
        except BrokenLawError as error:
            if check.control is not None or law in (None, error.law):
                return error.law, error.finding
        except Exception as error:
            return check.law, f"{type(error).__name__}: {error}"
    return None


def _sentence(findings: dict[int, str]) -> str:
    # What is never twice the same breaks every law that compares two episodes.
    root = 4 if 4 in findings else next(iter(findings))
    others = [f"law {law} ({LAWS[law]})" for law in sorted(findings) if law != root]
    more = f"; nor does it keep {', '.join(others)}" if others else ""
    return (
        f"the bare environment breaks law {root} ({LAWS[root]}), without any wrapper: "
        f"{_short(findings[root])}{more}; nothing was found against the wrapper: fix the "
        "environment, or catch this error, since everything else has been checked."
    )


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 300 else f"{text[:297]}..."
