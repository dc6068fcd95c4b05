"""Lengths of rounds and units; times, rates and percentages as tc-netem writes them."""

from __future__ import annotations

import math
import re

from failure_api.communication_models.radio.path_loss import between
from failure_api.errors import invalid, nearest

ROUND_DURATION = between(1e-6, 1e6, "s", "give the seconds that a round lasts")
METRES_PER_UNIT = between(1e-9, 1e9, "m", "say how many metres one unit of the positions is")

SECONDS = {"": 1e-6} | {
    unit: seconds
    for prefix, seconds in {"": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}.items()
    for unit in (f"{prefix}s", f"{prefix}sec", f"{prefix}secs")
}
"""Length of tc's units of time; a number without one counts microseconds."""

_PREFIXES = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12}
_PREFIXES |= {"ki": 2.0**10, "mi": 2.0**20, "gi": 2.0**30, "ti": 2.0**40}
BITS_PER_SECOND = {"": 1.0} | {
    f"{prefix}{unit}": bits * factor
    for prefix, factor in _PREFIXES.items()
    for unit, bits in {"bit": 1.0, "bps": 8.0}.items()
}
"""Size of tc's units of rate; `bps` counts bytes, and a number without a unit bits per second."""

_QUANTITY = re.compile(r"([0-9]*\.?[0-9]+(?:e[-+]?[0-9]+)?)([a-z%]*)", re.IGNORECASE)
_WHOLE = re.compile(r"-?[0-9]{1,18}")


def is_quantity(word: str) -> bool:
    """Returns whether a word is a number with or without a unit."""
    return _QUANTITY.fullmatch(word.removeprefix("-")) is not None


def time(option: str, word: str) -> float:
    """Returns a time in seconds.

    Example:
        >>> time("delay", "100ms"), time("delay", "1")
        (0.1, 1e-06)
    """
    return _scaled(option, word, SECONDS, "a time such as 100ms")


def rate(option: str, word: str) -> float:
    """Returns a rate in bits per second.

    Example:
        >>> rate("rate", "5kbit"), rate("rate", "1mbps")
        (5000.0, 8000000.0)
    """
    bits = _scaled(option, word, BITS_PER_SECOND, "a rate such as 1mbit")
    if bits > 0:
        return bits
    raise invalid(f"netem {option}", "must be greater than 0", word, "give a rate such as 1mbit")


def share(option: str, word: str) -> float:
    """Returns a percentage as a probability; tc lets the sign be left out.

    Example:
        >>> share("loss", "20%"), share("loss", "0.5")
        (0.2, 0.005)
    """
    percent = _scaled(option, word, {"%": 1.0, "": 1.0}, "a percentage such as 5%")
    if percent <= 100:
        return percent / 100
    raise invalid(f"netem {option}", "must be at most 100 %", word, "give a percentage")


def whole(option: str, word: str, *, signed: bool = False) -> int:
    """Returns a count, which may be negative where it has a sign.

    Example:
        >>> whole("limit", "5"), whole("rate", "-14", signed=True)
        (5, -14)
    """
    if _WHOLE.fullmatch(word) and (signed or not word.startswith("-")):
        return int(word)
    raise invalid(f"netem {option}", "must be a whole number", word, "give a count")


def _scaled(option: str, word: str, units: dict[str, float], quantity: str) -> float:
    name, match = f"netem {option}", _QUANTITY.fullmatch(word)
    if match is None:
        raise invalid(name, f"must be {quantity}", word, "give a number with its unit")
    unit = match[2].lower()
    if unit not in units:
        raise invalid(name, f"must be {quantity}", word, nearest(unit, filter(None, units)))
    value = float(match[1]) * units[unit]
    if math.isinf(value):
        raise invalid(name, "must be finite", word, f"give {quantity}")
    return value
