"""Pictures of a model's effect, drawn in characters."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from failure_api.drawing.rounds import CURRENT, NOTHING, LinkHistory, NoiseHistory

_FULL = {"current": "█", "late": "▓", "mixed": "▒", "mostly": "░", "nothing": "·"}
_ASCII = {"current": "#", "late": "o", "mixed": "=", "mostly": "-", "nothing": "."}
_HEIGHTS, _ASCII_HEIGHTS = " ▁▂▃▄▅▆▇█", " .:-=+*#%"


def draw_links(history: LinkHistory, width: int = 80, plain: bool = False) -> list[str]:
    """Returns one line for each link, in which time goes to the right, and a legend.

    Args:
        history: What happened on the links.
        width: Characters in a line.
        plain: Whether to keep to ASCII.
    """
    signs = _ASCII if plain else _FULL
    arrow = "->" if plain else "→"
    labels = [f"{sender} {arrow} {receiver} " for sender, receiver in history.links.tolist()]
    rounds = history.received.shape[1]
    each = max(1, -(-rounds // max(width - len(labels[0]), 1)))
    rows = [[_kind(part) for part in _parts(row, each)] for row in history.received]
    lines = [
        label + "".join(signs[kind] for kind in row)
        for label, row in zip(labels, rows, strict=True)
    ]
    nothing, late, current = history.shares
    legend = {
        "current": "current message",
        "late": "late message",
        "mixed": "up to half missing",
        "mostly": "more than half missing",
        "nothing": "nothing",
    }
    used = [kind for kind in legend if any(kind in row for row in rows)]
    key = ", ".join(f"{signs[kind]} {legend[kind]}" for kind in used)
    share = f"{100 * current:.0f} % current, {100 * late:.0f} % late, {100 * nothing:.0f} % nothing"
    scale = f"{rounds} rounds from left to right" + (f", {each} a character" if each > 1 else "")
    return [*lines, *(line for text in (key, scale, share) for line in _wrapped(text, width))]


def draw_noise(history: NoiseHistory, width: int = 80, plain: bool = False) -> list[str]:
    """Returns the first entry of a message before and after, as heights, and a legend.

    Where the rounds need more than one line, the next ones follow below.

    Args:
        history: What was said, and what became of it.
        width: Characters in a line.
        plain: Whether to keep to ASCII.
    """
    heights = _ASCII_HEIGHTS if plain else _HEIGHTS
    rounds, room = len(history.before), max(width - len("before "), 1)
    before, after = history.before[:, 0], history.after[:, 0]
    low, high = (float(function((before, after))) for function in (np.min, np.max))
    lines = []
    for start in range(0, rounds, room):
        for label, values in (("before ", before), ("after  ", after)):
            shown = values[start : start + room] - low
            levels = np.rint(shown / max(high - low, 1e-9) * (len(heights) - 1)).astype(int)
            lines.append(label + "".join(heights[level] for level in levels))
    changed = f"{100 * float(np.mean(history.before != history.after)):.0f} % of entries changed"
    scale = f"{rounds} rounds from left to right; heights from {low:.2f} to {high:.2f}; {changed}"
    return [*lines, *_wrapped(scale, width, "; ")]


def _parts(row: NDArray[Any], each: int) -> list[NDArray[Any]]:
    return [row[start : start + each] for start in range(0, len(row), each)]


def _kind(part: NDArray[Any]) -> str:
    missing = float(np.mean(part == NOTHING))
    if missing == 0:
        return "current" if (part == CURRENT).all() else "late"
    return "nothing" if missing == 1 else "mixed" if missing <= 0.5 else "mostly"


def _wrapped(text: str, width: int, separator: str = ", ") -> list[str]:
    lines: list[str] = []
    for item in text.split(separator):
        joined = f"{lines[-1]}{separator}{item}" if lines else item
        if lines and len(joined) > width:
            lines.append(item)
        else:
            lines[-1:] = [joined]
    return lines
