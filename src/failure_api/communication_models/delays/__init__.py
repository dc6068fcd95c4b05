"""The parts of delay: how long messages take."""

from failure_api.communication_models.delays.distribution import DelayDistribution
from failure_api.communication_models.delays.distributions import (
    ConstantDelay,
    GeometricDelay,
    NormalDelay,
    ParetoDelay,
    UniformDelay,
)
from failure_api.communication_models.delays.empirical import EmpiricalDelay

__all__ = [
    "ConstantDelay",
    "DelayDistribution",
    "EmpiricalDelay",
    "GeometricDelay",
    "NormalDelay",
    "ParetoDelay",
    "UniformDelay",
]
