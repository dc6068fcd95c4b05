"""Functions by name: "module:name", as entry points are written."""

from __future__ import annotations

import operator
from importlib import import_module
from typing import Any

from failure_api.catalogue.places import Place, refused

_FORM = "give 'module:name', as in 'my_package.attacks:invert'"


def name_of_function(function: Any, place: Place) -> str:
    """Returns the name that finds a function again, or raises why none does."""
    module = getattr(function, "__module__", None)
    name = getattr(function, "__qualname__", None)
    if isinstance(module, str) and isinstance(name, str) and module != "__main__":
        try:
            if operator.attrgetter(name)(import_module(module)) is function:
                return f"{module}:{name}"
        except (ImportError, AttributeError):
            pass
    rule = "must be a function that can be imported to be written as plain data"
    remedy = "define it by `def` at the top level of a module"
    raise refused(place, rule, function, remedy)


def function_named(name: Any, place: Place) -> Any:
    """Returns the function of a name, for which its module is imported."""
    rule = "must be a function, or its name"
    if callable(name):
        return name
    module, colon, path = name.partition(":") if isinstance(name, str) else ("", "", "")
    if not (colon and all(part.isidentifier() for part in [*module.split("."), *path.split(".")])):
        raise refused(place, rule, name, _FORM)
    try:
        function = operator.attrgetter(path)(import_module(module))
    except AttributeError as error:
        raise refused(place, rule, name, f"{module} has no {path}, mend the name") from error
    except (Exception, SystemExit) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".: ")
        rule = f"must name a module that can be imported ({reason})"
        raise refused(place, rule, name, "mend the name, or install the package") from error
    if not callable(function):
        raise refused(place, rule, name, f"{path} is no function, name another one")
    return function
