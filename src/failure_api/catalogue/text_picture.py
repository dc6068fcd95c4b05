"""What a model does, drawn in characters."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from failure_api.catalogue.rounds import CURRENT, NOTHING, LinkHistory, NoiseHistory

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
    each = _rounds_a_character(rounds, width - len(labels[0]))
    lines = [
        label + "".join(signs[_kind(part)] for part in _parts(row, each))
        for label, row in zip(labels, history.received, strict=True)
    ]
    nothing, late, current = history.shares
    legend = {
        "current": "current message",
        "late": "late message",
        "mixed": "up to half missing",
        "mostly": "more than half missing",
        "nothing": "nothing",
    }
    used = [kind for kind in legend if any(signs[kind] in line for line in lines)]
    key = ", ".join(f"{signs[kind]} {legend[kind]}" for kind in used)
    share = f"{100 * current:.0f} % current, {100 * late:.0f} % late, {100 * nothing:.0f} % nothing"
    scale = f"{rounds} rounds from left to right, {each} a character" if each > 1 else ""
    return [*lines, *_wrapped(key, width), scale or f"{rounds} rounds from left to right", share]


def draw_noise(history: NoiseHistory, width: int = 80, plain: bool = False) -> list[str]:
    """Returns the first entry of a message before and after, as heights, and a legend.

    Args:
        history: What was said, and what became of it.
        width: Characters in a line.
        plain: Whether to keep to ASCII.
    """
    heights = _ASCII_HEIGHTS if plain else _HEIGHTS
    each = _rounds_a_character(len(history.before), width - len("before "))
    low, high = (function(history[:2]) for function in (np.min, np.max))
    lines = []
    for label, values in (("before ", history.before[:, 0]), ("after  ", history.after[:, 0])):
        # Every so many rounds one of them, because a mean would hide the noise.
        shown = (values[::each] - low) / max(high - low, 1e-9) * (len(heights) - 1)
        lines.append(label + "".join(heights[level] for level in np.rint(shown).astype(int)))
    every = "every round" if each == 1 else f"one round in {each}"
    changed = float(np.mean(history.before != history.after))
    scale = f"{len(history.before)} rounds from left to right, {every} shown"
    return [
        *lines,
        f"{scale}; from {low:.2f} to {high:.2f}",
        f"{100 * changed:.0f} % of entries changed",
    ]


def _rounds_a_character(rounds: int, room: int) -> int:
    return max(1, -(-rounds // max(room, 1)))


def _parts(row: NDArray[Any], each: int) -> list[NDArray[Any]]:
    return [row[start : start + each] for start in range(0, len(row), each)]


def _kind(part: NDArray[Any]) -> str:
    missing = float(np.mean(part == NOTHING))
    if missing == 0:
        return "current" if (part == CURRENT).all() else "late"
    return "nothing" if missing == 1 else "mixed" if missing <= 0.5 else "mostly"


def _wrapped(key: str, width: int) -> list[str]:
    lines = [""]
    for item in key.split(", "):
        joined = f"{lines[-1]}, {item}" if lines[-1] else item
        if len(joined) <= width:
            lines[-1] = joined
        else:
            lines.append(item)
    return lines
