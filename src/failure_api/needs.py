"""Packages that only some of the library needs."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from failure_api.errors import MissingDependencyError


def needed(package: str, what: str, extra: str = "cli") -> ModuleType:
    """Returns an optional package, or raises the sentence that says how to install it.

    Args:
        package: What is imported.
        what: What needs it.
        extra: The extra of this distribution that brings it.
    """
    try:
        return import_module(package)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != package.partition(".")[0]:
            raise
        called = {"yaml": "PyYAML"}.get(package, package.partition(".")[0])
        raise MissingDependencyError(
            f"{what} needs {called}, which is not installed: "
            f"install it with `pip install 'failure-api[{extra}]'`."
        ) from None
