"""Messages that take rounds to arrive, in order or not, and how long they take."""

from failure_api.communication_models.delay.distributions import ConstantDelay as ConstantDelay
from failure_api.communication_models.delay.distributions import (
    DelayDistribution as DelayDistribution,
)
from failure_api.communication_models.delay.distributions import EmpiricalDelay as EmpiricalDelay
from failure_api.communication_models.delay.distributions import GeometricDelay as GeometricDelay
from failure_api.communication_models.delay.distributions import NormalDelay as NormalDelay
from failure_api.communication_models.delay.distributions import ParetoDelay as ParetoDelay
from failure_api.communication_models.delay.distributions import UniformDelay as UniformDelay
from failure_api.communication_models.delay.model import DelayBasedModel as DelayBasedModel
