"""Why a policy cannot be had, in one sentence."""

from __future__ import annotations

from typing import Any

from failure_api.errors import InvalidArgumentError, invalid

_LONGEST = 200


def refused(rule: str, name: object, remedy: str) -> InvalidArgumentError:
    """Returns the error for a policy's name that breaks a rule, ready to be raised."""
    return invalid("policies", rule, name, remedy)


def reason(error: BaseException) -> str:
    r"""Returns an exception's type and message on one line.

    Example:
        >>> reason(ValueError("no such\nlandmark."))
        'ValueError: no such landmark'
    """
    text = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".: ")
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def title(env: Any) -> str:
    """Returns what an environment calls itself."""
    metadata = getattr(env, "metadata", None) or {}
    return str(metadata.get("name") or type(getattr(env, "unwrapped", env)).__name__)
