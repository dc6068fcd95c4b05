"""The failure models, one family a file."""

from failure_api.communication_models.delay import DelayBasedModel
from failure_api.communication_models.distance import DistanceModel
from failure_api.communication_models.matrix import MatrixModel
from failure_api.communication_models.probabilistic import ProbabilisticModel
from failure_api.core.chain import Chain
from failure_api.core.model import CommunicationModel

__all__ = [
    "Chain",
    "CommunicationModel",
    "DelayBasedModel",
    "DistanceModel",
    "MatrixModel",
    "ProbabilisticModel",
]
