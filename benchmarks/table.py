"""Turns results into the tables of the documents, and puts them there.

python benchmarks/table.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
TABLES = {
    "speed.json": "README.md",
    "catalogue.json": "docs/speed.md",
    "sweep.json": "docs/robustness.md",
    "batched.json": "docs/batched.md",
    "trainers.json": "docs/trainers.md",
}
"""Which document shows which results."""

HEAD = "| what | found | promised | aim |\n|---|---|---|---|\n"


def markdown_table(document: dict[str, Any]) -> str:
    """Returns one line for each finding."""
    return HEAD + "\n".join(map(_line, document["findings"])) + "\n"


def _line(finding: dict[str, Any]) -> str:
    unit = finding["unit"]
    relative = unit == "%"
    found = _number(finding["found"], relative)
    if finding["low"] is not None:
        low, high = (_number(finding[end], relative) for end in ("low", "high"))
        found += f" ({low} to {high})"
    limits = (_number(finding[name], False) for name in ("must", "aim"))
    must, aim = (f"≤ {limit} {unit}" if limit else "" for limit in limits)
    if finding.get("least") is not None:
        must = f"≥ {_number(finding['least'], False)} {unit}"
    return f"| {finding['what']} | {found} {unit} | {must} | {aim} |"


def _number(value: float | None, signed: bool) -> str:
    if value is None:
        return ""
    if signed:
        return f"{value:+.1f}"
    # Adding 0 makes what rounds to minus zero a plain one.
    return f"{value:g}" if value == round(value, 1) else f"{round(value, 2) + 0:.2f}"


def main() -> None:
    for results, name in TABLES.items():
        document = HERE.parent / name
        table = markdown_table(json.loads((HERE / "results" / results).read_text()))
        text = document.read_text()
        start = text.index(HEAD)
        document.write_text(text[:start] + table + text[text.index("\n\n", start) + 1 :])


if __name__ == "__main__":
    main()
