"""Which agents a model is confined to."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from failure_api.core.parameters import index_of


def members_of(model: Any, context: Any) -> NDArray[np.bool_]:
    """Returns which agents a model is confined to, bool `[N]`.

    Args:
        model: A failure model or a noise model.
        context: Says who the agents are.

    Example:
        >>> from failure_api import Context, ProbabilisticModel
        >>> context = Context(0, np.ones(3, dtype=bool), None, np, (3, 3), ("a", "b", "c"))
        >>> members_of(ProbabilisticModel(failure_prob=0.1, agent_ids=["a", "c"]), context).tolist()
        [True, False, True]
    """
    ids: tuple[Any, ...] = context.agent_ids
    members = np.full(len(ids), model.agent_ids is None)
    for agent_id in model.agent_ids or ():
        members[index_of(f"{model.name}.agent_ids", agent_id, ids)] = True
    return members
