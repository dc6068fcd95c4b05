"""Failing communication links for multi-agent environments."""

from importlib.metadata import version

from failure_api.communication_models import (
    Chain,
    CommunicationModel,
    DelayBasedModel,
    DistanceModel,
    MatrixModel,
    ProbabilisticModel,
)
from failure_api.core import Channel, Context, Delivery, Links, RandomStream
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

__version__ = version("failure-api")
