"""Turns `results/speed.json` into the README's table, and puts it there.

python benchmarks/table.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
README = HERE.parent / "README.md"
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
    return f"| {finding['what']} | {found} {unit} | {must} | {aim} |"


def _number(value: float | None, signed: bool) -> str:
    if value is None:
        return ""
    if signed:
        return f"{value:+.1f}"
    # Adding 0 makes what rounds to minus zero a plain one.
    return f"{value:g}" if value == round(value, 1) else f"{round(value, 2) + 0:.2f}"


def main() -> None:
    table = markdown_table(json.loads((HERE / "results" / "speed.json").read_text()))
    text = README.read_text()
    if HEAD in text:
        start = text.index(HEAD)
        end = text.index("\n\n", start) + 1
        text = text[:start] + table + text[end:]
    else:
        text = text.replace("SPEED_TABLE\n", table)
    README.write_text(text)


if __name__ == "__main__":
    main()
