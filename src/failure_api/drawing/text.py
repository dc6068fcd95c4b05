"""Pictures of a model's effect, drawn in characters."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from failure_api.drawing.rounds import CURRENT, NOTHING, LinkHistory, NoiseHistory

_SIGNS = {
    "█#": "current message",
    "▓o": "late message",
    "▒=": "up to half missing",
    "░-": "more than half missing",
    "·.": "nothing",
}
"""What a character stands for, in full and in ASCII."""

_CURRENT, _LATE, _MIXED, _MOSTLY, _NOTHING = _SIGNS
_HEIGHTS, _ASCII_HEIGHTS = " ▁▂▃▄▅▆▇█", " .:-=+*#%"


def draw_links(history: LinkHistory, width: int = 80, plain: bool = False) -> list[str]:
    """Returns one line for each link, in which time goes to the right, and a legend.

    Args:
        history: What happened on the links.
        width: Characters in a line.
        plain: Whether to keep to ASCII.
    """
    arrow = "->" if plain else "→"
    labels = [f"{sender} {arrow} {receiver} " for sender, receiver in history.links.tolist()]
    rounds = history.received.shape[1]
    each = max(1, -(-rounds // max(width - len(labels[0]), 1)))
    starts = range(0, rounds, each)
    rows = [[_sign(row[i : i + each]) for i in starts] for row in history.received]
    pairs = zip(labels, rows, strict=True)
    lines = [label + "".join(sign[plain] for sign in row) for label, row in pairs]
    nothing, late, current = history.shares
    used = [sign for sign in _SIGNS if any(sign in row for row in rows)]
    key = ", ".join(f"{sign[plain]} {_SIGNS[sign]}" for sign in used)
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
    low, high = float(np.min((before, after))), float(np.max((before, after)))
    lines = []
    for start in range(0, rounds, room):
        for label, values in (("before ", before), ("after  ", after)):
            shown = values[start : start + room] - low
            levels = np.rint(shown / max(high - low, 1e-9) * (len(heights) - 1)).astype(int)
            lines.append(label + "".join(heights[level] for level in levels))
    changed = f"{100 * float(np.mean(history.before != history.after)):.0f} % of entries changed"
    scale = f"{rounds} rounds from left to right; heights from {low:.2f} to {high:.2f}; {changed}"
    return [*lines, *_wrapped(scale, width, "; ")]


def _sign(received: NDArray[Any]) -> str:
    missing = float(np.mean(received == NOTHING))
    if missing == 0:
        return _CURRENT if (received == CURRENT).all() else _LATE
    return _NOTHING if missing == 1 else _MIXED if missing <= 0.5 else _MOSTLY


def _wrapped(text: str, width: int, separator: str = ", ") -> list[str]:
    first, *items = text.split(separator)
    lines = [first]
    for item in items:
        if len(lines[-1] + separator + item) > width:
            lines.append(item)
        else:
            lines[-1] += separator + item
    return lines
