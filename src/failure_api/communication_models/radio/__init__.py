"""Radio links: path loss, shadowing, fading, noise and reception."""

from __future__ import annotations

from failure_api.communication_models.radio.fading import Fading, Nakagami, Rayleigh, Rician
from failure_api.communication_models.radio.model import SignalBasedModel
from failure_api.communication_models.radio.path_loss import (
    Friis,
    LogDistance,
    PathLoss,
    TwoRayGround,
)
from failure_api.communication_models.radio.reception import (
    LogisticReception,
    NoiseFloor,
    PacketError,
    Reception,
    SnrThreshold,
    SubtPacketError,
)
from failure_api.communication_models.radio.shadowing import (
    IndependentShadowing,
    LogNormalShadowing,
    Shadowing,
)

__all__ = [
    "Fading",
    "Friis",
    "IndependentShadowing",
    "LogDistance",
    "LogNormalShadowing",
    "LogisticReception",
    "Nakagami",
    "NoiseFloor",
    "PacketError",
    "PathLoss",
    "Rayleigh",
    "Reception",
    "Rician",
    "Shadowing",
    "SignalBasedModel",
    "SnrThreshold",
    "SubtPacketError",
    "TwoRayGround",
]
