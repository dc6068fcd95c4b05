"""The parts of a partition: the patterns of a cut, and when it is there."""

from failure_api.communication_models.partitions.switching import (
    AlwaysCut,
    CutAtRandom,
    CutOnSchedule,
    Switching,
)

__all__ = ["AlwaysCut", "CutAtRandom", "CutOnSchedule", "Switching"]
