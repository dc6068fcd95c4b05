"""Failing communication links for multi-agent environments.

The names below are imported when they are first used, so that `import failure_api` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from failure_api.communication_models import (
        BandwidthModel,
        DelayBasedModel,
        DistanceModel,
        FourStateModel,
        GilbertElliottModel,
        JammingModel,
        MatrixModel,
        NetemModel,
        NodeFailureModel,
        PartitionModel,
        ProbabilisticModel,
        RandomizedModel,
        RateLimitModel,
        ScheduledModel,
        SharedMediumModel,
        SignalBasedModel,
        TraceModel,
    )
    from failure_api.core import (
        Chain,
        Channel,
        CommunicationModel,
        Context,
        Delivery,
        Links,
        NumpyStream,
        RandomStream,
    )
    from failure_api.errors import FailureApiError
    from failure_api.exchanges import MaskSegments, SendMessages, ShareObservations
    from failure_api.noise_models import (
        BitFlipModel,
        ByzantineModel,
        CustomNoise,
        ElementDropoutModel,
        GaussianNoiseModel,
        LaplacianNoiseModel,
        NoiseModel,
        QuantizationModel,
        StuckModel,
        UniformNoiseModel,
    )
    from failure_api.wrappers import (
        CommunicationWrapper,
        CommunicationWrapperParallel,
        NoiseWrapper,
        NoiseWrapperParallel,
        record_trace,
    )

__all__ = [
    "BandwidthModel",
    "BitFlipModel",
    "ByzantineModel",
    "Chain",
    "Channel",
    "CommunicationModel",
    "CommunicationWrapper",
    "CommunicationWrapperParallel",
    "Context",
    "CustomNoise",
    "DelayBasedModel",
    "Delivery",
    "DistanceModel",
    "ElementDropoutModel",
    "FailureApiError",
    "FourStateModel",
    "GaussianNoiseModel",
    "GilbertElliottModel",
    "JammingModel",
    "LaplacianNoiseModel",
    "Links",
    "MaskSegments",
    "MatrixModel",
    "NetemModel",
    "NodeFailureModel",
    "NoiseModel",
    "NoiseWrapper",
    "NoiseWrapperParallel",
    "NumpyStream",
    "PartitionModel",
    "ProbabilisticModel",
    "QuantizationModel",
    "RandomStream",
    "RandomizedModel",
    "RateLimitModel",
    "ScheduledModel",
    "SendMessages",
    "ShareObservations",
    "SharedMediumModel",
    "SignalBasedModel",
    "StuckModel",
    "TraceModel",
    "UniformNoiseModel",
    "record_trace",
]

_HOMES = (
    "wrappers",
    "communication_models",
    "noise_models",
    "exchanges",
    "core",
    "errors",
)
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
