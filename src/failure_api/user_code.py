"""Modules of the user's own, and what is in them: `module:name`."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import operator
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from failure_api.errors import invalid, nearest, reason

# What a user's code raises may be anything; Ctrl-C is not the code's doing.
ANYTHING = (Exception, SystemExit)


def look_here() -> None:
    """Lets modules be imported from the current directory, after everything that is installed."""
    here = str(Path.cwd())
    # At the end, so that a file of the user's never stands in for a package that somebody else
    # imports. The console script leaves the directory out, `python -m` puts it first.
    if here not in sys.path and "" not in sys.path:
        sys.path.append(here)
    importlib.invalidate_caches()


@contextlib.contextmanager
def globals_preserved() -> Iterator[None]:
    """Gives the global random numbers of Python and NumPy back as they were."""
    before, numpy_before = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(before)
        np.random.set_state(numpy_before)  # noqa: NPY002


def file_of(module: str) -> Path | None:
    """Returns the file of a module; None where it has none, or cannot be found."""
    look_here()
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return None
    return Path(spec.origin) if spec is not None and spec.origin else None


def is_name(name: Any) -> bool:
    """Returns whether text has the form `module:name`, as in "my_package.worlds:Field"."""
    if not isinstance(name, str):
        return False
    module, colon, path = name.partition(":")
    return bool(colon) and all(
        part.isidentifier() for part in [*module.split("."), *path.split(".")]
    )


def module_of(name: str, argument: str) -> ModuleType:
    """Returns the module of a name, installed or in the current directory.

    Args:
        name: `module`, or `module:name`.
        argument: Where it was given, for the error.

    Raises:
        InvalidArgumentError: It cannot be imported, or something ends the program in it; the cause
            is what the import raised.
    """
    module = name.partition(":")[0]
    try:
        look_here()
        return importlib.import_module(module)
    except KeyboardInterrupt:
        # Ctrl-C is not the module's doing.
        raise
    except BaseException as error:
        rule = f"must name a module that can be imported ({reason(error)})"
        remedy = f"fix {module}, or run from the directory that holds it"
        raise invalid(argument, rule, name, remedy) from error


def named(name: str, argument: str) -> Any:
    """Returns what a name finds in a module.

    Args:
        name: `module:name`, or `module:Class.name`. The module is looked for among what is
            installed and then in the current directory.
        argument: Where it was given, for the error.

    Raises:
        InvalidArgumentError: The module cannot be imported, or has nothing of that name.

    Example:
        >>> named("math:dist", "distance")([0, 0], [3, 4])
        5.0
        >>> named("math:dits", "distance")
        Traceback (most recent call last):
        failure_api.errors.InvalidArgumentError: distance must name something in a module, but \
'math:dits' was given: did you mean 'dist'?
    """
    module, _, path = name.partition(":")
    if not path:
        rule, remedy = "must name something in a module", f"add what is meant in {module}"
        raise invalid(argument, rule, name, f"{remedy}, as in {module}:name")
    found: Any = module_of(name, argument)
    for part in path.split("."):
        try:
            found = getattr(found, part)
        except ANYTHING as error:
            remedy = _hidden(module) or nearest(
                part, [word for word in dir(found) if not word.startswith("_")]
            )
            if not remedy.endswith(("?", "it")):
                remedy = f"it has no {part}, fix the name"
            raise invalid(argument, "must name something in a module", name, remedy) from error
    return found


def _hidden(module: str) -> str:
    """Returns what to do about a file in the current directory that has an installed name."""
    top = module.partition(".")[0]
    file, origin = Path(f"{top}.py"), getattr(sys.modules.get(top), "__file__", None)
    if file.exists() and (origin is None or Path(origin).resolve() != file.resolve()):
        return f"{file} has the name of an installed module, rename it"
    return ""


def name_of(value: Any) -> str | None:
    """Returns the `module:name` that finds a function or a class again; None where none does.

    Example:
        >>> name_of(Path), name_of(lambda: None)
        ('pathlib:Path', None)
    """
    # What a value does when it is asked for an attribute may raise anything.
    with contextlib.suppress(*ANYTHING):
        module, path = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
        if isinstance(module, str) and isinstance(path, str) and is_name(f"{module}:{path}"):
            found = operator.attrgetter(path)(sys.modules[module])
            return f"{module}:{path}" if found is value else None
    return None
