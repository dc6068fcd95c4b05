"""What tells one sweep from another, and one start of it from the next."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from failure_api.evaluation.plan import Plan
from failure_api.machine import describe_machine, list_versions

_FILE_PREFIX = "sb3:"


def identity_of(plan: Plan) -> dict[str, Any]:
    """Returns what must be the same for a sweep to go on: the specification, and policies' files.

    Args:
        plan: The plan.
    """
    names = plan.specification.policies
    files = [name.removeprefix(_FILE_PREFIX) for name in names if name.startswith(_FILE_PREFIX)]
    digests = {file: _digest(Path(file)) for file in files}
    return {"specification": plan.specification.to_plain(), "files": digests}


def describe_run(plan: Plan, command: str | None) -> dict[str, Any]:
    """Returns what is needed to do a start of a sweep again.

    Args:
        plan: The plan.
        command: The command line; None for a call from Python.
    """
    return {
        "command": command,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": list_versions(plan.specification.environment),
        "machine": describe_machine(),
    }


def _digest(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None
