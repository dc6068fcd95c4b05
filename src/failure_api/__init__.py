"""Failing communication links for multi-agent environments.

The names below are imported when they are first used, so that `import failure_api` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from failure_api.communication_models import *  # noqa: F403
    from failure_api.core import Channel as Channel
    from failure_api.core import Context as Context
    from failure_api.core import Delivery as Delivery
    from failure_api.core import Links as Links
    from failure_api.core import NumpyStream as NumpyStream
    from failure_api.core import RandomStream as RandomStream
    from failure_api.errors import FailureApiError as FailureApiError
    from failure_api.exchanges import MaskSegments as MaskSegments
    from failure_api.exchanges import SendMessages as SendMessages
    from failure_api.exchanges import ShareObservations as ShareObservations
    from failure_api.noise_models import *  # noqa: F403
    from failure_api.wrappers import *  # noqa: F403

_NAMES = {
    "wrappers": None,
    "communication_models": None,
    "noise_models": None,
    "exchanges": ("MaskSegments", "SendMessages", "ShareObservations"),
    "core": ("Channel", "Context", "Delivery", "Links", "NumpyStream", "RandomStream"),
    "errors": ("FailureApiError",),
}
"""The names that each folder gives; None for all of its public ones."""

_FURTHER = (
    "catalogue",
    "drawing",
    "environments",
    "overhead",
    "presets",
    "serialization",
    "testing",
    "traces",
)


def _public(home: str) -> tuple[str, ...]:
    return _NAMES[home] or tuple(import_module(f"{__name__}.{home}").__all__)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("failure-api")
    if name in _NAMES or name in _FURTHER:
        return import_module(f"{__name__}.{name}")
    if name == "__all__":
        return sorted({name for home in _NAMES for name in _public(home)})
    if not name.startswith("_"):
        for home in _NAMES:
            if name in _public(home):
                value = globals()[name] = getattr(import_module(f"{__name__}.{home}"), name)
                return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__getattr__("__all__"), "__version__"]
