"""What is remembered of an episode does not grow with its length."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from gymnasium import spaces

from environments_under_test import Plain
from failure_api import (
    CommunicationWrapperParallel,
    DelayBasedModel,
    MaskSegments,
    MatrixModel,
    ProbabilisticModel,
    SendMessages,
    ShareObservations,
)

MIXED = {"a": spaces.Box(-1, 1, (2,)), "b": spaces.Discrete(3), "c": spaces.MultiBinary(2)}
# One link never works and another did once, long ago: both must not keep what came since.
ONCE = np.ones((2, 3, 3))
ONCE[:, 0, 1] = 0
ONCE[1, 1, 2] = 0


class Unchanging(Plain):
    """Draws its observations once, since drawing takes most of the time."""

    def _observations(self):
        if not hasattr(self, "drawn"):
            self.drawn = super()._observations()
        return self.drawn


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("team", "exchange"),
    [
        (None, ShareObservations(missing="hold")),
        (MIXED, ShareObservations(missing="hold")),
        (MIXED, ShareObservations(form="flat", missing="hold")),
        (MIXED, ShareObservations(form="flat")),
        (None, MaskSegments(segments={"a": {"b": [0]}}, missing="hold")),
        (MIXED, SendMessages(spaces.Box(-1, 1, (2,)), missing="hold")),
        (MIXED, SendMessages(spaces.Discrete(3), form="flat")),
    ],
    ids=["alike", "mixed", "flat-hold", "flat-zero", "segments", "sent-hold", "sent-flat"],
)
def test_three_thousand_rounds(team, exchange):
    models = [
        MatrixModel(matrix=ONCE, at_end="hold"),
        ProbabilisticModel(failure_prob=0.3),
        DelayBasedModel(min_delay=0, max_delay=4),
    ]
    env = CommunicationWrapperParallel(
        Unchanging(team, max_cycles=10**6), models, exchange=exchange
    )
    env.reset(seed=0)
    actions = {agent: env.action_space(agent).sample() for agent in env.agents}
    sizes = []
    for number in range(3000):
        env.step(actions)
        if number in (300, 2999):
            # Whatever is kept of the past, wherever, has to be pickled.
            sizes.append(len(pickle.dumps(env._rounds)))
    assert sizes[1] < 1.1 * sizes[0] + 2000
