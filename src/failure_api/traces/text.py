"""Text files of others: read line by line, and refused in one sentence where they are wrong."""

from __future__ import annotations

import math
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

from failure_api.errors import InvalidArgumentError
from failure_api.traces.files import as_regular_file, reason

LARGEST_TEXT = 2**25
"""Most bytes of a text file that is imported."""

LONGEST_LINE = 10_000

FURTHEST = 1e15
"""The latest time, in the file's own unit, that is taken for one."""


class Line(NamedTuple):
    """A line of a file.

    Attributes:
        place: The file.
        number: The line, from 1.
        text: What it says, without spaces around it.
    """

    place: Path
    number: int
    text: str

    def refused(self, rule: str, remedy: str) -> InvalidArgumentError:
        """Returns the error for a line that breaks a rule."""
        shown = self.text if len(self.text) <= 60 else f"{self.text[:57]}..."
        return InvalidArgumentError(
            f"line {self.number} of {str(self.place)!r} must {rule}, but it is {shown!r}: {remedy}."
        )

    def time(self, text: str) -> float:
        """Returns a part of the line as a time, or raises what is wrong with it."""
        try:
            value = math.nan if "_" in text else float(text)
        except ValueError:
            value = math.nan
        if not -FURTHEST <= value <= FURTHEST:
            raise self.refused(f"have a time where it has {text[:30]!r}", "mend or remove the line")
        return value


def lines_of(path: str | PathLike[str]) -> Iterator[Line]:
    """Yields the lines of a text file that are neither empty nor comments.

    Args:
        path: Name of the file.

    Raises:
        InvalidArgumentError: The file is missing, larger than 256 MiB or no text in UTF-8.
    """
    place = as_regular_file(path)
    try:
        with place.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(0)
            if size > LARGEST_TEXT:
                raise refused(place, f"be at most {LARGEST_TEXT} bytes", f"has {size}", "split it")
            yield from _lines(place, file)
    except OSError as error:
        found = f"cannot be read ({reason(error)})"
        raise refused(place, "be a text file", found, "look at it") from error


def refused(place: Any, rule: str, found: str, remedy: str) -> InvalidArgumentError:
    """Returns the error for a file that breaks a rule."""
    return InvalidArgumentError(f"the file {str(place)!r} must {rule}, but it {found}: {remedy}.")


def _lines(place: Path, file: Any) -> Iterator[Line]:
    number = 0
    while raw := file.readline(LONGEST_LINE + 1):
        number += 1
        if len(raw) > LONGEST_LINE:
            found = f"has more on line {number}"
            raise refused(place, f"have lines of {LONGEST_LINE} bytes at most", found, "look at it")
        try:
            text = raw.decode("utf-8-sig" if number == 1 else "utf-8").strip()
        except UnicodeDecodeError:
            text = "\0"
        if "\0" in text:
            found = f"holds other bytes on line {number}"
            raise refused(place, "be text in UTF-8", found, "look whether it is compressed")
        if text and not text.startswith("#"):
            yield Line(place, number, text)
