"""How curves are told apart: by colour, by marker, and by dashes where there are many."""

from __future__ import annotations

from typing import NamedTuple

PERFECT_COLOUR = "#808080"

# The first five can be told apart by a colour-blind eye; all read on white and on black.
_COLOURS = (
    "#2f7fc1",
    "#d9600a",
    "#0b9269",
    "#b766a0",
    "#b07a00",
    "#5e6ad2",
    "#c8465a",
    "#6b7f3a",
    "#2d9ab0",
    "#8a6d5a",
    "#7d7d7d",
    "#a05fd0",
)
_DASHES = ("solid", "dash", "dot", "dashdot")
# As plotly calls them, as matplotlib does, and as a text shows them.
_MARKERS = (
    ("circle", "o", "●"),
    ("square", "s", "■"),
    ("diamond", "D", "◆"),
    ("triangle-up", "^", "▲"),
    ("triangle-down", "v", "▼"),
    ("cross", "P", "✚"),
    ("star", "*", "★"),
    ("x", "X", "✖"),
    ("hexagon", "h", "⬢"),
    ("pentagon", "p", "⬟"),
    ("triangle-left", "<", "◀"),
    ("triangle-right", ">", "▶"),
)


class Mark(NamedTuple):
    """How a curve is drawn.

    Attributes:
        colour: "#rrggbb".
        dash: How its line is broken, as plotly calls it.
        symbol: Its marker, as plotly calls it.
        marker: Its marker, as matplotlib calls it.
        glyph: Its marker as text.
    """

    colour: str
    dash: str
    symbol: str
    marker: str
    glyph: str


def mark_of(number: int) -> Mark:
    """Returns how the curve of a number is drawn.

    Example:
        >>> mark_of(0).symbol, mark_of(12).symbol, mark_of(12).dash
        ('circle', 'circle', 'dash')
    """
    round_, place = divmod(number, len(_COLOURS))
    return Mark(_COLOURS[place], _DASHES[round_ % len(_DASHES)], *_MARKERS[place])
