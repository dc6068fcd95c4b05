"""Traces in files: `.npz`, and lines of text."""

from __future__ import annotations

import codecs
import contextlib
import math
import secrets
import sys
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from failure_api.errors import InvalidArgumentError, invalid

LARGEST_TEXT = 2**25
"""Most bytes of a text file that is imported."""

LONGEST_LINE = 10_000

FURTHEST = 1e15
"""The latest time, in the file's own unit, that is taken for one."""


class Line(NamedTuple):
    """A line of a file.

    Attributes:
        path: The file.
        number: The line, from 1.
        text: What it says, without spaces around it.
    """

    path: Path
    number: int
    text: str

    def refused(self, rule: str, remedy: str) -> InvalidArgumentError:
        """Returns the error for a line that breaks a rule."""
        shown = self.text if len(self.text) <= 60 else f"{self.text[:57]}..."
        return InvalidArgumentError(
            f"line {self.number} of {str(self.path)!r} must {rule}, but it is {shown!r}: {remedy}."
        )

    def time(self, text: str) -> float:
        """Returns a part of the line as a time, or raises what is wrong with it."""
        value = math.nan
        with contextlib.suppress(ValueError):
            value = math.nan if "_" in text else float(text)
        if not -FURTHEST <= value <= FURTHEST:
            raise self.refused(f"have a time where it has {text[:30]!r}", "fix or remove the line")
        return value


def lines_of(path: str | PathLike[str]) -> Iterator[Line]:
    """Yields the lines of a text file that are neither empty nor comments.

    Args:
        path: Name of the file.

    Raises:
        InvalidArgumentError: The file is missing, larger than 256 MiB or no text in UTF-8.
    """
    path = as_regular_file(path)
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(0)
            if size > LARGEST_TEXT:
                raise refused(path, f"be at most {LARGEST_TEXT} bytes", f"has {size}", "split it")
            yield from _lines(path, file)
    except OSError as error:
        found = f"cannot be read ({reason(error)})"
        raise refused(path, "be a text file", found, "look at it") from error


def refused(path: Any, rule: str, found: str, remedy: str) -> InvalidArgumentError:
    """Returns the error for a file that breaks a rule."""
    return InvalidArgumentError(f"the file {str(path)!r} must {rule}, but it {found}: {remedy}.")


def _lines(path: Path, file: Any) -> Iterator[Line]:
    for index, raw in enumerate(iter(lambda: file.readline(LONGEST_LINE + 1), b""), start=1):
        if len(raw) > LONGEST_LINE:
            found = f"has more on line {index}"
            raise refused(path, f"have lines of {LONGEST_LINE} bytes at most", found, "look at it")
        try:
            text = raw.decode("utf-8-sig" if index == 1 else "utf-8").strip()
        except UnicodeDecodeError:
            text = "\0"
        if "\0" in text:
            found = f"holds other bytes on line {index}"
            raise refused(path, "be text in UTF-8", found, "look whether it is compressed")
        if text and not text.startswith("#"):
            yield Line(path, index, text)


MOST_BYTES = 2**30
"""Most memory, in bytes, that the arrays of a loaded file may take together."""

CHUNK = 2**20

Layout = Mapping[str, tuple[np.dtype[Any] | None, int]]
"""Type and number of axes of each array; no type stands for names, text or int64."""

FORMAT = (1, 0)
"""The one that NumPy writes traces in; later ones let a header claim 4 GiB."""


def write_arrays(path: str | PathLike[str], arrays: Mapping[str, Any]) -> None:
    """Writes arrays beside their place, and moves them there when they are whole.

    Args:
        path: Name of the file.
        arrays: The arrays by name.

    Raises:
        InvalidArgumentError: The place does not exist or cannot be written to.
    """
    path = as_path(path)
    temporary = path.parent / f".trace-{secrets.token_hex(8)}.part"
    try:
        try:
            with temporary.open("xb") as file:
                np.savez_compressed(file, **arrays)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except (OSError, ValueError) as error:
        rule = f"must be a file in a folder that can be written to ({reason(error)})"
        raise invalid("path", rule, str(path), "name another one") from error


def read_arrays(
    path: str | PathLike[str], layout: Layout, needed: Sequence[str], most_bytes: int = MOST_BYTES
) -> dict[str, NDArray[Any]]:
    """Reads the arrays of a file that `write_arrays` wrote.

    Args:
        path: Name of the file.
        layout: What the arrays may be.
        needed: Those that must be there.
        most_bytes: Most memory that they may take together.

    Raises:
        InvalidArgumentError: The file is missing, damaged or too large, or holds something else.
    """
    path = as_regular_file(path)
    try:
        with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(path) as archive:
            # NumPy warns of headers that were written by Python 2; a damaged one may look so.
            return _read_all(archive, layout, needed, most_bytes)
    except _RefusedError as error:
        raise _refusal(path, *error.args) from None
    except OSError as error:
        raise _refusal(path, f"it cannot be read ({reason(error)})", "look at it") from error
    except Exception as error:
        # What a damaged file makes zipfile, zlib and NumPy raise is no closed list.
        if _is_text(path):
            raise _refusal(path, "it is a text", _READ_TEXT) from error
        found = f"it is truncated, damaged or of another kind ({reason(error)})"
        raise _refusal(path, found, "record or save it again") from error


_READ_TEXT = (
    "read it by read_contacts, read_one or read_mahimahi, which plain data calls contacts, one and "
    "mahimahi in place of file"
)


def _is_text(path: Path) -> bool:
    """Returns whether a file begins with text in UTF-8."""
    with contextlib.suppress(OSError, UnicodeDecodeError), path.open("rb") as file:
        # A letter may be cut at the end of what is read.
        text = codecs.getincrementaldecoder("utf-8")().decode(file.read(LONGEST_LINE))
        return bool(text.strip()) and "\0" not in text
    return False


def as_path(path: Any) -> Path:
    """Returns a path, or raises what is wrong with it."""
    try:
        return Path(path)
    except TypeError:
        raise invalid("path", "must be the name of a file", path, "give text or a Path") from None


def as_regular_file(path: Any) -> Path:
    """Returns the path of a file that is there, and is no folder, pipe or device."""
    file = as_path(path)
    if not _answered(file.is_file):
        found = "is none" if _answered(file.exists) else "does not exist"
        text = f"path must name a file, but {str(path)!r} {found}: look for it elsewhere."
        raise InvalidArgumentError(text)
    return file


def _answered(question: Callable[[], bool]) -> bool:
    """Returns what a path says of itself; False where it is not even a name."""
    with contextlib.suppress(OSError, ValueError):
        return question()
    return False


def reason(error: BaseException) -> str:
    """Returns what went wrong, in lower-case words on one line."""
    text = (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__
    return " ".join(str(text).split())[:100].rstrip(".").lower()


class _RefusedError(Exception):
    """What is wrong with a file, and what to do."""


def _refusal(path: Path, found: str, remedy: str) -> InvalidArgumentError:
    text = f"the file {str(path)!r} must be a whole trace, but {found}: {remedy}."
    return InvalidArgumentError(text)


def _read_all(
    archive: zipfile.ZipFile, layout: Layout, needed: Sequence[str], most_bytes: int
) -> dict[str, NDArray[Any]]:
    members = {f"{name}.npy": name for name in layout}
    arrays: dict[str, NDArray[Any]] = {}
    for entry in archive.infolist():
        name = members.get(entry.filename)
        if name is None:
            found = f"it holds {entry.filename[:100]!r} too"
            raise _RefusedError(found, "give a file that Trace.save wrote")
        if name in arrays:
            raise _RefusedError(f"it holds {name} twice", "give a file that Trace.save wrote")
        arrays[name] = _read(archive, entry, name, layout[name], most_bytes)
        most_bytes -= arrays[name].nbytes
    missing = [name for name in needed if name not in arrays]
    if missing:
        raise _RefusedError(f"it lacks {missing[0]}", "give a file that Trace.save wrote")
    return arrays


def _read(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str, form: Any, most_bytes: int
) -> NDArray[Any]:
    # Other methods unpack a whole chunk at once, however large it becomes.
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise _RefusedError(f"its {name} is compressed in another way", "save it by Trace.save")
    with archive.open(entry) as member:
        if np.lib.format.read_magic(member) != FORMAT:
            raise _RefusedError(f"its {name} has another format", "save it by Trace.save")
        shape, by_columns, dtype = np.lib.format.read_array_header_1_0(member)
        wanted, axes = form
        named = wanted is None and dtype.itemsize and (dtype.kind == "U" or dtype == np.int64)
        if not (named or dtype.newbyteorder("=") == wanted) or len(shape) != axes:
            what = "text or int64" if wanted is None else str(wanted)
            found = f"its {name} is {dtype} with {len(shape)} axes and not {what} with {axes}"
            raise _RefusedError(found[:200], "save it by Trace.save")
        size = math.prod(shape) * dtype.itemsize
        if min(shape, default=0) < 0 or size > most_bytes:
            found = f"its arrays take more than the allowed memory ({name} has shape {shape})"
            remedy = "check where it comes from, or give a larger most_bytes to Trace.load"
            raise _RefusedError(found[:200], remedy)
        array = np.empty(shape, dtype=dtype, order="F" if by_columns else "C")
        _fill(array.ravel(order="K"), member, name)
    if dtype.kind == "U" and array.size:
        letters = array.view(np.dtype(np.uint32).newbyteorder(dtype.byteorder))
        # Python ends in an internal error where it is to make text of what is none.
        if letters.max() > sys.maxunicode:
            raise _RefusedError(f"its {name} are no text", "save it by Trace.save")
    array = array.astype(dtype.newbyteorder("="), copy=False)
    array.flags.writeable = False
    return array


def _fill(flat: NDArray[Any], member: Any, name: str) -> None:
    """Reads exactly what an array takes, and looks whether that is all there is."""
    taken, filled = flat.view(np.uint8), 0
    while filled < len(taken):
        chunk = member.read(min(CHUNK, len(taken) - filled))
        if not chunk:
            raise _RefusedError(f"its {name} is cut short", "record or save it again")
        taken[filled : filled + len(chunk)] = np.frombuffer(chunk, dtype=np.uint8)
        filled += len(chunk)
    if member.read(1):
        raise _RefusedError(f"its {name} holds more than it says", "save it by Trace.save")
