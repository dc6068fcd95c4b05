"""Lengths of rounds and units; times, rates and percentages as tc-netem writes them."""

from __future__ import annotations

import math
import re

from failure_api.communication_models.radio.path_loss import between
from failure_api.errors import invalid, nearest

ROUND_DURATION = between(1e-6, 1e6, "s", "give the seconds that a round lasts")
METRES_PER_UNIT = between(1e-9, 1e9, "m", "say how many metres one unit of the positions is")

SECONDS = {
    "s": 1.0, "sec": 1.0, "secs": 1.0,
    "ms": 1e-3, "msec": 1e-3, "msecs": 1e-3,
    "us": 1e-6, "usec": 1e-6, "usecs": 1e-6, "": 1e-6,
    "ns": 1e-9, "nsec": 1e-9, "nsecs": 1e-9,
}  # fmt: skip
"""Length of tc's units of time; a number without one counts microseconds."""

BITS_PER_SECOND = {
    **{f"{prefix}bit": factor for prefix, factor in
       {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12}.items()},
    **{f"{prefix}bit": factor for prefix, factor in
       {"ki": 2.0**10, "mi": 2.0**20, "gi": 2.0**30, "ti": 2.0**40}.items()},
    **{f"{prefix}bps": 8 * factor for prefix, factor in
       {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12}.items()},
    **{f"{prefix}bps": 8 * factor for prefix, factor in
       {"ki": 2.0**10, "mi": 2.0**20, "gi": 2.0**30, "ti": 2.0**40}.items()},
    "": 1.0,
}  # fmt: skip
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


def _scaled(option: str, word: str, units: dict[str, float], kind: str) -> float:
    match = _QUANTITY.fullmatch(word)
    if match is None:
        raise invalid(f"netem {option}", f"must be {kind}", word, "give a number with its unit")
    number, unit = float(match[1]), match[2].lower()
    if unit not in units:
        known = [known for known in units if known]
        raise invalid(f"netem {option}", f"must be {kind}", word, nearest(unit, known))
    value = number * units[unit]
    if math.isinf(value):
        raise invalid(f"netem {option}", "must be finite", word, f"give {kind}")
    return value
