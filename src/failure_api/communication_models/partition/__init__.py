"""Teams cut into parts that do not hear each other, and when."""

from __future__ import annotations

from failure_api.communication_models.partition.model import PartitionModel
from failure_api.communication_models.partition.patterns import (
    AlwaysCut,
    CutAtRandom,
    CutOnSchedule,
    Switching,
)

__all__ = [
    "AlwaysCut",
    "CutAtRandom",
    "CutOnSchedule",
    "PartitionModel",
    "Switching",
]
