"""The identity of a sweep, and of each start of it."""

from __future__ import annotations

import hashlib
import inspect
import json
import pickle
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from failure_api.errors import InvalidArgumentError
from failure_api.evaluation.grid import WORDS
from failure_api.evaluation.plan import Plan
from failure_api.evaluation.store import Store
from failure_api.machine import describe_machine, list_versions
from failure_api.serialization.paths import KeyPath, text_of
from failure_api.user_code import file_of, is_name

_KEY = "identity"


def identity_of(plan: Plan) -> dict[str, Any]:
    """Returns what must be the same for a sweep to go on.

    That is the specification, the files that it names, those of the modules in it, and what its
    objects hold.

    Args:
        plan: The plan.
    """
    asked = plan.specification
    plain = asked.to_plain()
    files = {asked.environment: file_of(asked.environment.partition(":")[0])}
    files |= dict(_files_in(plain))
    files |= {name: _source_of(value) for name, value in asked.objects.items()}
    digests = {name: _digest(path) for name, path in files.items() if path is not None}
    contents = {name: _content_of(value) for name, value in asked.objects.items()}
    return {"specification": plain, "files": digests} | ({"objects": contents} if contents else {})


def _files_in(plain: Any) -> Iterator[tuple[str, Path | None]]:
    """Yields the files that plain data names, and those of the modules in it."""
    if isinstance(plain, str):
        prefix, colon, rest = plain.partition(":")
        if colon and prefix == "sb3":
            yield plain, Path(rest)
        elif is_name(plain):
            yield plain, file_of(prefix)
    elif isinstance(plain, Mapping):
        for key, held in plain.items():
            if key in _FILE_KEYS:
                yield from ((text, Path(text)) for text in _texts_in(held))
            yield from _files_in(held)
    elif isinstance(plain, list):
        for held in plain:
            yield from _files_in(held)


_FILE_KEYS = ("file", "trace", "contacts", "one", "mahimahi")


def _texts_in(held: Any) -> Iterator[str]:
    """Yields a text, or those of a grid in its place."""
    if isinstance(held, str):
        yield held
    elif isinstance(held, Mapping) and len(held) == 1 and next(iter(held)) in WORDS:
        (values,) = held.values()
        for value in values.values() if isinstance(values, Mapping) else values:
            yield from _texts_in(value)


def _content_of(value: Any) -> str:
    """Returns a digest of what an object holds, by which another one is told from it."""
    code = getattr(value, "__code__", None)
    try:
        held = pickle.dumps(value)
    except Exception:
        # Functions within functions, and what holds them.
        cells = [cell.cell_contents for cell in getattr(value, "__closure__", None) or ()]
        inside = cells if code is not None else sorted(getattr(value, "__dict__", {}).items())
        defaults = getattr(value, "__defaults__", None)
        known = (code and (code.co_code, code.co_consts, code.co_names), defaults, inside)
        # Where an object is kept says nothing of what it is.
        held = re.sub(r" at 0x[0-9a-f]+", "", repr(known)).encode()
    return hashlib.sha256(held).hexdigest()


def _source_of(value: Any) -> Path | None:
    """Returns the file that an object, or its class, is written in; None where there is none."""
    for found in (value, type(value)):
        with suppress(TypeError, OSError):
            return Path(inspect.getfile(found))
    return None


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
        changes = "; ".join(list(_differences(known, asked, ()))[:5])
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


def _digest(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None


def _differences(known: Any, asked: Any, path: KeyPath) -> Iterator[str]:
    """Yields where two pieces of plain data differ."""
    if isinstance(known, dict) and isinstance(asked, dict):
        for key in known | asked:
            yield from _differences(known.get(key), asked.get(key), (*path, key))
    elif isinstance(known, list) and isinstance(asked, list) and len(known) == len(asked):
        for index, pair in enumerate(zip(known, asked, strict=True)):
            yield from _differences(*pair, (*path, index))
    elif known != asked:
        if path[0] in ("files", "objects"):
            yield f"{path[-1]} has changed since"
        else:
            yield f"{text_of(path)}: {json.dumps(known)} there, {json.dumps(asked)} asked"
