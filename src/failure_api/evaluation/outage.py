"""When the outage of a specification ends, if it has one that does."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from failure_api.communication_models import ScheduledModel
from failure_api.core.model import CommunicationModel
from failure_api.evaluation.plan import Plan
from failure_api.evaluation.stage import models_of

_CELLS_READ = 1_000


def outage_end(plan: Plan) -> int | None:
    """Returns the first round after the last outage.

    An outage is a `ScheduledModel` with one window that ends.

    Args:
        plan: The plan.

    Returns:
        The round; None where there is no outage, or where it does not end alike in every cell.
    """
    cells = (cell for cell in plan.telling_cells(_CELLS_READ) if cell.severity is not None)
    ends = {
        _end_of(models_of(plan.filled(cell))["failure_models"])
        for cell in itertools.islice(cells, _CELLS_READ)
    }
    return ends.pop() if len(ends) == 1 else None


def _end_of(models: Iterable[CommunicationModel]) -> int | None:
    ends = [
        model.stop
        for model in models
        if isinstance(model, ScheduledModel) and model.period is None and model.stop is not None
    ]
    return max(ends, default=None)
