"""Numbers and names as a reader sees them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

NONE = "\N{EN DASH}"
"""What stands where there is no number."""

MINUS = "\N{MINUS SIGN}"
SPACE = "\N{NO-BREAK SPACE}"

BEYOND = "beyond the grid"
"""What stands for a breaking point that no severity reached."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff]")


def printable(text: object) -> str:
    r"""Returns text that every format can hold, with what none can show replaced.

    Example:
        >>> printable("a\x00b\ud800")
        'a�b�'
    """
    whole = str(text).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", whole)


def one_line(text: object) -> str:
    r"""Returns printable text without line breaks and runs of blanks.

    Example:
        >>> one_line(" a\n b")
        'a b'
    """
    return " ".join(printable(text).split())


def shortened(text: str, most: int) -> str:
    """Returns a text without its middle where it is longer than `most` characters.

    Example:
        >>> shortened("a_very_long_name", 9)
        'a_ve…name'
    """
    if len(text) <= most:
        return text
    return f"{text[: most // 2]}…{text[len(text) - (most - 1) // 2 :]}"


def decimals_of(values: Sequence[float], digits: int) -> int | None:
    """Returns the decimals that show the largest of some values in `digits` digits.

    Returns:
        None where the values are too large or too small to be written out.
    """
    largest = _largest(values)
    if largest == 0:
        return 0
    exponent = math.floor(math.log10(largest))
    if not -4 < exponent < 7:
        return None
    return max(0, digits - 1 - exponent)


def number(value: float, decimals: int | None) -> str:
    """Returns a number with so many decimals; None for powers of ten.

    Example:
        >>> number(1234.56, 1), number(-0.01, 1), number(2.5e12, None)
        ('1,234.6', '0.0', '2.50e+12')
    """
    if math.isnan(value):
        return NONE
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    text = f"{value:.2e}" if decimals is None else f"{value:,.{decimals}f}"
    # What rounds to zero has no sign.
    return text.lstrip("-") if not float(text.replace(",", "")) else text.replace("-", MINUS)


def numbers(values: Sequence[float], digits: int = 3) -> list[str]:
    """Returns numbers that are read together, with the same decimals.

    Example:
        >>> numbers([20.14, 3, 0.123])
        ['20.1', '3.0', '0.1']
    """
    decimals = decimals_of(values, digits)
    return [number(value, decimals) for value in values]


def percents(values: Sequence[float]) -> list[str]:
    """Returns shares as percentages, with the same decimals.

    Example:
        >>> [text.split() for text in (*percents([0.66, 0.614]), *percents([0.012, 0.004]))]
        [['66', '%'], ['61', '%'], ['1.2', '%'], ['0.4', '%']]
    """
    hundreds = [100 * value for value in values]
    decimals = 0 if _largest(hundreds) >= 10 else 1
    return [
        NONE if math.isnan(value) else f"{number(value, decimals)}{SPACE}%" for value in hundreds
    ]


def _largest(values: Sequence[float]) -> float:
    return max((abs(value) for value in values if math.isfinite(value)), default=0.0)


def exact(value: float) -> str:
    """Returns a severity as it was asked for.

    Example:
        >>> exact(0.30000000000000004), exact(1.0)
        ('0.3', '1')
    """
    return f"{value:.10g}".replace("-", MINUS)


def interval(low: str, high: str) -> str:
    """Returns the two ends of an interval as one text.

    Example:
        >>> interval("1.0", "2.5")
        '1.0 to 2.5'
    """
    return NONE if NONE in (low, high) else f"{low} to {high}"
