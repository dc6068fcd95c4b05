"""Which line of a model's source an error comes from."""

from __future__ import annotations

import linecache
import sysconfig
import traceback
from pathlib import Path
from types import FrameType
from typing import Any

_INSTALLED = tuple(sysconfig.get_paths()[which] for which in ("stdlib", "purelib", "platlib"))


def source_line(error: BaseException, model: Any) -> str:
    """Returns where an error comes from, as in " in model.py, line 12, `x[0] = 1`".

    It is the deepest line that lies in the model's own module, or in code that is neither
    installed nor this library's. Where there is no source, as at a prompt, the name of the
    function stands for the text of the line.

    Args:
        error: What was raised.
        model: The model that was running.

    Returns:
        The place, with a space in front; nothing where no such line is among the calls.
    """
    own = {type(part).__module__ for part in (model, *getattr(model, "components", ()))}
    found = ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        if _can_be_mended(frame, own):
            code = frame.f_code
            text = linecache.getline(code.co_filename, line, frame.f_globals).strip()
            what = f"`{text}`" if text else f"in {code.co_name}"
            found = f" in {_shortened(code.co_filename)}, line {line}, {what}"
    return found


def with_name(error: Exception, model: Any) -> str:
    """Returns what an error of ours says, after the model's name if it is not within."""
    text = str(error)
    return text if model.name in text else f"{model.name} fails{source_line(error, model)}: {text}"


def first_sentence(error: BaseException) -> str:
    r"""Returns what an error says, as far as it goes on one line and without its full stop.

    Example:
        >>> first_sentence(TypeError("It must be traced. See the manual.\nMore of it."))
        'It must be traced'
    """
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0].partition(". ")[0].rstrip(".:")


def _can_be_mended(frame: FrameType, own: set[str]) -> bool:
    module, path = str(frame.f_globals.get("__name__")), frame.f_code.co_filename
    if module in own:
        return True
    ours = module.partition(".")[0] == "failure_api"
    # Code without a file, such as the methods of a NamedTuple, is nobody's to mend.
    return not ours and not path.startswith(("<", *_INSTALLED))


def _shortened(path: str) -> str:
    """Returns a path as seen from the working directory where it lies below."""
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except (ValueError, OSError):
        return path
