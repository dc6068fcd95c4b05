"""The parts of jamming: where the jammers are, when they send, and what that does."""

from failure_api.communication_models.jammers.effects import (
    BlockReception,
    Detection,
    Effect,
    RaiseInterference,
)
from failure_api.communication_models.jammers.patterns import (
    BurstyJamming,
    ConstantJamming,
    Pattern,
    PeriodicJamming,
    RandomJamming,
)
from failure_api.communication_models.jammers.places import (
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
    "MovingJammers",
    "Pattern",
    "PeriodicJamming",
    "RaiseInterference",
    "RandomJamming",
    "ScheduledJammers",
]
