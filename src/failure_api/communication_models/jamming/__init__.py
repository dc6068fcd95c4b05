"""Jammers: where they are, when they send, and what that does."""

from __future__ import annotations

from failure_api.communication_models.jamming.effects import (
    BlockReception,
    BurstyJamming,
    ConstantJamming,
    Detection,
    Effect,
    Pattern,
    PeriodicJamming,
    RaiseInterference,
    RandomJamming,
)
from failure_api.communication_models.jamming.model import JammingModel
from failure_api.communication_models.jamming.positions import (
    CarriedJammers,
    FixedJammers,
    Jammers,
    MovingJammers,
    ScheduledJammers,
)

__all__ = [
    "BlockReception",
    "BurstyJamming",
    "CarriedJammers",
    "ConstantJamming",
    "Detection",
    "Effect",
    "FixedJammers",
    "Jammers",
    "JammingModel",
    "MovingJammers",
    "Pattern",
    "PeriodicJamming",
    "RaiseInterference",
    "RandomJamming",
    "ScheduledJammers",
]
