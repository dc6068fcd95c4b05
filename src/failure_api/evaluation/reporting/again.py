"""What it takes to do a sweep again: specification, versions, seeds, machine, command."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

from failure_api.evaluation.reporting.texts import printable
from failure_api.evaluation.results import Results


def specification_text(results: Results) -> str:
    """Returns the specification as YAML; as JSON, which is YAML too, without PyYAML."""
    plain = json.loads(json.dumps(results.specification, default=str))
    try:
        import yaml
    except ModuleNotFoundError:
        return printable(json.dumps(plain, indent=2, ensure_ascii=False))
    return printable(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=88)).strip()


def seeds_text(results: Results) -> str:
    """Returns what fixes every draw."""
    seed = results.specification.get("seed", 0)
    found = [int(episode_seed) for episode_seed in results.episodes["seed"].unique()]
    if not found:
        return f"{seed}"
    return (
        f"{seed}, which gives the episodes of every cell the same seeds: "
        f"{min(found)} to {max(found)}"
    )


def runs_of(results: Results) -> list[dict[str, str]]:
    """Returns each start of the sweep as text by name.

    What is as it was in the start before is left out.
    """
    told: list[dict[str, str]] = []
    known: dict[str, str] = {}
    for run in results.runs:
        texts = {
            "Started": printable(run.get("started", "")),
            "Command": _command(run.get("command", "")),
            "Versions": _listed(run.get("versions", {})),
            "Machine": _listed(run.get("machine", {})),
        }
        told.append({key: text for key, text in texts.items() if text and known.get(key) != text})
        known = texts
    return told


def _command(command: Any) -> str:
    # A sweep that was started from Python has no command.
    words = command or ""
    return printable(words if isinstance(words, str) else shlex.join(map(str, words)))


def _listed(pairs: Any) -> str:
    if not isinstance(pairs, Mapping):
        return printable(pairs or "")
    return printable(", ".join(f"{key} {held}" for key, held in pairs.items()))
