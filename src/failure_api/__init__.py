"""Failing communication links for multi-agent environments.

The names below are imported when they are first used, so that `import failure_api` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from failure_api.communication_models import (
        DelayBasedModel,
        DistanceModel,
        MatrixModel,
        ProbabilisticModel,
    )
    from failure_api.core import (
        Chain,
        Channel,
        CommunicationModel,
        Context,
        Delivery,
        Links,
        RandomStream,
    )
    from failure_api.errors import FailureApiError
    from failure_api.exchanges import MaskSegments, ShareObservations
    from failure_api.wrappers import CommunicationWrapper, CommunicationWrapperParallel

__all__ = [
    "Chain",
    "Channel",
    "CommunicationModel",
    "CommunicationWrapper",
    "CommunicationWrapperParallel",
    "Context",
    "DelayBasedModel",
    "Delivery",
    "DistanceModel",
    "FailureApiError",
    "Links",
    "MaskSegments",
    "MatrixModel",
    "ProbabilisticModel",
    "RandomStream",
    "ShareObservations",
]

_HOMES = ("wrappers", "communication_models", "exchanges", "core", "errors")
_FURTHER = ("environments", "overhead", "positions", "testing")


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("failure-api")
    if name in (*_HOMES, *_FURTHER):
        return import_module(f"{__name__}.{name}")
    if name in __all__:
        for home in _HOMES:
            module = import_module(f"{__name__}.{home}")
            if name in getattr(module, "__all__", (name,)):
                value = globals()[name] = getattr(module, name)
                return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__, "__version__"]
