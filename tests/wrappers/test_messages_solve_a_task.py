"""A speaker and a listener that have nothing but messages between them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from mpe2 import simple_speaker_listener_v4
from scipy.stats import binom

from failure_api import CommunicationWrapperParallel, ProbabilisticModel, SendMessages
from helpers import FALSE_ALARM

LANDMARKS = 3
EPISODES = 200


def push(way):
    """Returns the action that pushes most along a way: none, left, right, down or up."""
    axis = int(np.abs(way).argmax())
    return 1 + 2 * axis + int(way[axis] > 0) if abs(way[axis]) > 0.1 else 0


def successes(failure_models, form):
    """Returns in how many episodes the listener ends nearest to the landmark that is meant.

    The speaker's own action, which the environment itself would carry to the listener, is the
    same whatever it sees.
    """
    exchange = SendMessages({"speaker_0": spaces.Discrete(LANDMARKS)}, form=form)
    env = CommunicationWrapperParallel(
        simple_speaker_listener_v4.parallel_env(max_cycles=25), failure_models, exchange=exchange
    )
    found = 0
    views, _ = env.reset(seed=0)
    for _ in range(EPISODES):
        while env.agents:
            if form == "dict":
                goal = int(views["speaker_0"]["observation"].argmax())
                listener = views["listener_0"]["observation"]
                told = int(views["listener_0"]["messages"]["speaker_0"])
                spoken: Any = {"action": 0, "message": goal}
            else:
                goal = int(views["speaker_0"].argmax())
                listener = views["listener_0"][:11]
                told = int(views["listener_0"][11:14].argmax())
                spoken = [0, goal]
            velocity, landmarks = listener[:2], listener[2:8].reshape(LANDMARKS, 2)
            way = landmarks[told] - 0.3 * velocity
            views = env.step({"speaker_0": spoken, "listener_0": push(way)})[0]
        last = views["listener_0"]["observation"] if form == "dict" else views["listener_0"]
        nearest = np.linalg.norm(last[2:8].reshape(LANDMARKS, 2), axis=1).argmin()
        found += int(nearest == goal)
        views, _ = env.reset()
    return found


@pytest.mark.parametrize("form", ["dict", "flat"])
def test_the_pair_solves_the_task_through_its_messages_alone(form):
    told = successes([], form)
    # Of listeners that guess, one in a million would come this far.
    assert told > binom.isf(FALSE_ALARM, EPISODES, 1 / LANDMARKS)
    assert told > 0.9 * EPISODES
    cut = successes(ProbabilisticModel(failure_prob=1.0), form)
    # What a listener that guesses does, but for one test in a million.
    least = binom.ppf(FALSE_ALARM / 2, EPISODES, 1 / LANDMARKS)
    most = binom.isf(FALSE_ALARM / 2, EPISODES, 1 / LANDMARKS)
    assert least <= cut <= most
