"""Which exchanges fit an environment, and chains of models that do."""

from __future__ import annotations

import numpy as np
from gymnasium import spaces

from failure_api import (
    CommunicationModel,
    DelayBasedModel,
    DistanceModel,
    MaskSegments,
    MatrixModel,
    ProbabilisticModel,
    SendMessages,
    ShareObservations,
)
from failure_api.exchanges import Exchange, known_segments


def fitting_exchanges(subject):
    """Returns every exchange that suits an environment, by name; None is the default."""
    env = subject.make()
    first = env.observation_space(env.possible_agents[0])
    found: dict[str, Exchange | None] = {
        "default": None,
        "dict-zero": ShareObservations(),
        "dict-hold": ShareObservations(missing="hold"),
        "send-dict": SendMessages(spaces.Discrete(3), missing="hold"),
    }
    # A vector of a hundred thousand pixels for each other agent serves nobody.
    if not (isinstance(first, spaces.Box) and first.dtype == np.uint8):
        found["flat-zero"] = ShareObservations(form="flat")
        found["send-flat"] = SendMessages(spaces.Box(-1, 1, (2,)), form="flat")
        found["flat-hold"] = ShareObservations(form="flat", missing="hold")
    if known_segments(env) is not None:
        found["mask-hold"] = MaskSegments(missing="hold")
        if len(first.shape or ()) == 1:
            found["mask-age"] = MaskSegments(report_age=True)
    return found


def chain_for(subject):
    """Returns one model for each mechanism; without positions, the three that need none."""
    agents = subject.make().possible_agents
    matrix = np.ones((len(agents), len(agents)))
    matrix[0] = 0.5
    models: list[CommunicationModel] = [
        ProbabilisticModel(failure_prob=0.3),
        MatrixModel(matrix=matrix),
        DelayBasedModel(min_delay=0, max_delay=2, message_drop_probability=0.1),
    ]
    if subject.positions:
        models.append(DistanceModel(distance_threshold=900.0, falloff="linear"))
    return models
