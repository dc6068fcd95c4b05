"""Messages that take rounds to arrive, in order or not, and how long they take."""

from __future__ import annotations

from failure_api.communication_models.delay.distributions import (
    ConstantDelay,
    DelayDistribution,
    EmpiricalDelay,
    GeometricDelay,
    NormalDelay,
    ParetoDelay,
    UniformDelay,
)
from failure_api.communication_models.delay.model import DelayBasedModel

__all__ = [
    "ConstantDelay",
    "DelayBasedModel",
    "DelayDistribution",
    "EmpiricalDelay",
    "GeometricDelay",
    "NormalDelay",
    "ParetoDelay",
    "UniformDelay",
]
