"""Radio links: path loss, shadowing, fading, noise and reception."""

from failure_api.communication_models.radio.fading import Fading as Fading
from failure_api.communication_models.radio.fading import Nakagami as Nakagami
from failure_api.communication_models.radio.fading import Rayleigh as Rayleigh
from failure_api.communication_models.radio.fading import Rician as Rician
from failure_api.communication_models.radio.model import SignalBasedModel as SignalBasedModel
from failure_api.communication_models.radio.path_loss import Friis as Friis
from failure_api.communication_models.radio.path_loss import LogDistance as LogDistance
from failure_api.communication_models.radio.path_loss import PathLoss as PathLoss
from failure_api.communication_models.radio.path_loss import TwoRayGround as TwoRayGround
from failure_api.communication_models.radio.reception import LogisticReception as LogisticReception
from failure_api.communication_models.radio.reception import NoiseFloor as NoiseFloor
from failure_api.communication_models.radio.reception import PacketError as PacketError
from failure_api.communication_models.radio.reception import Reception as Reception
from failure_api.communication_models.radio.reception import SnrThreshold as SnrThreshold
from failure_api.communication_models.radio.reception import SubtPacketError as SubtPacketError
from failure_api.communication_models.radio.shadowing import (
    IndependentShadowing as IndependentShadowing,
)
from failure_api.communication_models.radio.shadowing import (
    LogNormalShadowing as LogNormalShadowing,
)
from failure_api.communication_models.radio.shadowing import Shadowing as Shadowing
