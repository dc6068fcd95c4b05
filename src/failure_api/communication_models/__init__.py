"""The failure models, one family a file."""

from failure_api.communication_models.bandwidth import BandwidthModel
from failure_api.communication_models.delay import DelayBasedModel
from failure_api.communication_models.distance import DistanceModel
from failure_api.communication_models.four_state import FourStateModel
from failure_api.communication_models.gilbert_elliott import GilbertElliottModel
from failure_api.communication_models.jamming import JammingModel
from failure_api.communication_models.matrix import MatrixModel
from failure_api.communication_models.netem import NetemModel
from failure_api.communication_models.node_failure import NodeFailureModel
from failure_api.communication_models.partition import PartitionModel
from failure_api.communication_models.probabilistic import ProbabilisticModel
from failure_api.communication_models.radio import SignalBasedModel
from failure_api.communication_models.randomized import RandomizedModel
from failure_api.communication_models.rate_limit import RateLimitModel
from failure_api.communication_models.scheduled import ScheduledModel
from failure_api.communication_models.shared_medium import SharedMediumModel
from failure_api.communication_models.trace import TraceModel
from failure_api.core import Chain, CommunicationModel

__all__ = [
    "BandwidthModel",
    "Chain",
    "CommunicationModel",
    "DelayBasedModel",
    "DistanceModel",
    "FourStateModel",
    "GilbertElliottModel",
    "JammingModel",
    "MatrixModel",
    "NetemModel",
    "NodeFailureModel",
    "PartitionModel",
    "ProbabilisticModel",
    "RandomizedModel",
    "RateLimitModel",
    "ScheduledModel",
    "SharedMediumModel",
    "SignalBasedModel",
    "TraceModel",
]
