"""The identity of a sweep, and of each start of it."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from failure_api.errors import InvalidArgumentError
from failure_api.evaluation.plan import Plan
from failure_api.evaluation.store import Store
from failure_api.machine import describe_machine, list_versions

_KEY = "identity"


def identity_of(plan: Plan) -> dict[str, Any]:
    """Returns what must be the same for a sweep to go on.

    That is the specification, and the files that environment and policies come from.

    Args:
        plan: The plan.
    """
    asked = plan.specification
    files = {asked.environment: _module_file(asked.environment)}
    files |= {name: _policy_file(name) for name in asked.policies}
    if isinstance(asked.scalarization, str):
        files[asked.scalarization] = _policy_file(asked.scalarization)
    digests = {name: _digest(path) for name, path in files.items() if path is not None}
    return {"specification": plan.specification.to_plain(), "files": digests}


def check_identity(store: Store, plan: Plan) -> None:
    """Makes sure that the sweep in a folder is the one that is asked for.

    Args:
        store: The open store of the folder.
        plan: What is asked for.

    Raises:
        InvalidArgumentError: The folder holds another sweep; the error shows the difference.
    """
    known, asked = store.read(_KEY), json.loads(json.dumps(identity_of(plan)))
    if known is None:
        store.write(_KEY, asked)
    elif known != asked:
        changes = "; ".join(list(_differences(known, asked, ""))[:5])
        raise InvalidArgumentError(
            f"output must be a folder without another sweep, but {store.directory} holds one "
            f"that differs ({changes}): name another folder, or undo the change."
        )


def specification_in(store: Store) -> Any:
    """Returns the specification of the sweep in a folder, as plain data."""
    return (store.read(_KEY) or {}).get("specification")


def differing_versions(earlier: Mapping[str, Any], later: Mapping[str, Any]) -> str:
    """Returns what differs between the versions of two runs, in words; empty where nothing does.

    Args:
        earlier: What `describe_run` returned for one of them.
        later: The same for the other.
    """
    before, after = earlier["versions"], later["versions"]
    names = [name for name in after if before.get(name) != after[name]]
    return ", ".join(f"{name} {before.get(name)} then, {after[name]} now" for name in names)


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


def _policy_file(name: str) -> Path | None:
    """Returns the file that a policy comes from; None for those of this package."""
    prefix, colon, rest = name.partition(":")
    if not colon:
        return None
    return Path(rest) if prefix == "sb3" else _module_file(prefix)


def _module_file(name: str) -> Path | None:
    """Returns the file of a module; None where it has none."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    return Path(spec.origin) if spec is not None and spec.origin else None


def _digest(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None


def _differences(known: Any, asked: Any, place: str) -> Iterator[str]:
    """Yields where two pieces of plain data differ."""
    if isinstance(known, dict) and isinstance(asked, dict):
        for key in [*known, *(key for key in asked if key not in known)]:
            inner = f"{place}.{key}" if place else str(key)
            yield from _differences(known.get(key), asked.get(key), inner)
    elif isinstance(known, list) and isinstance(asked, list) and len(known) == len(asked):
        for index, (one, other) in enumerate(zip(known, asked, strict=True)):
            yield from _differences(one, other, f"{place}[{index}]")
    elif known != asked:
        yield f"{place}: {json.dumps(known)} there, {json.dumps(asked)} asked"
