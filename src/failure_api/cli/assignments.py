"""Flags of the form NAME=VALUE."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from failure_api.errors import invalid


def assignments(flag: str, given: Sequence[str]) -> dict[str, Any]:
    """Returns the values of `NAME=VALUE` arguments, read as JSON where they are that.

    Args:
        flag: What the arguments followed.
        given: The arguments.

    Raises:
        InvalidArgumentError: An argument without a name or without "=", or a name that comes twice.

    Example:
        >>> assignments("--set", ["p=0.1", "fading=rayleigh"])
        {'p': 0.1, 'fading': 'rayleigh'}
    """
    values: dict[str, Any] = {}
    for argument in given:
        name, equals, value = argument.partition("=")
        if not equals or not name:
            raise invalid(flag, "must be NAME=VALUE", argument, "write it as in p=0.05")
        if name in values:
            raise invalid(flag, "must name each parameter once", argument, "leave one of them out")
        values[name] = value_of(value)
    return values


def value_of(text: str) -> Any:
    """Returns what text stands for as JSON, or the text itself."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
