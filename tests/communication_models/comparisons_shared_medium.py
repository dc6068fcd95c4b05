"""A shared medium beside its closed forms."""

import numpy as np

from comparisons import Case
from failure_api.communication_models import ProbabilisticModel, SharedMediumModel
from failure_api.communication_models.shared_medium import TDMA, SlottedAloha, TopK

_ALOHA = SharedMediumModel(protocol=SlottedAloha(transmit_prob=0.1))
_BUSY = SharedMediumModel(protocol=SlottedAloha(transmit_prob=0.3))
_TURNS = SharedMediumModel(protocol=TDMA())
_RANDOM = SharedMediumModel(protocol=TopK(count=2))
_LOSSY = ProbabilisticModel(failure_prob=0.2)
# All receivers hear the same, so that one link a sender is enough.
_RING = np.roll(np.eye(4, dtype=bool), 1, axis=1)


def _heard(played):
    """Returns how many broadcasts got through, `[rounds, episodes, 1]`."""
    return played.arrived.any(axis=-1).sum(axis=-1, keepdims=True)


CASES = [
    # Ten agents that transmit with 0.1: the worked values.
    Case(
        name="slotted ALOHA, loss",
        models=(_ALOHA,),
        quantity="loss",
        expected=1 - 0.03874205,
        agents=10,
        rounds=500,
        episodes=50,
    ),
    Case(
        name="slotted ALOHA, throughput",
        models=(_ALOHA,),
        quantity=_heard,
        expected=0.38742049,
        agents=10,
        rounds=500,
        episodes=50,
    ),
    Case(
        name="slotted ALOHA of four, burst",
        models=(_BUSY,),
        quantity="burst_length",
        expected=1 / (0.3 * 0.7**3),
        agents=4,
        episodes=250,
        links=_RING,
    ),
    Case(
        name="slotted ALOHA of four, age",
        models=(_BUSY,),
        quantity="age",
        expected=1 / (0.3 * 0.7**3) - 1,
        agents=4,
        episodes=250,
        links=_RING,
        warm_up=300,
    ),
    Case(
        name="TDMA, age",
        models=(_TURNS,),
        quantity="age",
        expected=1.5,
        agents=4,
        episodes=250,
        links=_RING,
        warm_up=4,
    ),
    Case(
        name="TDMA on lossy links, loss",
        models=(_TURNS, _LOSSY),
        quantity="loss",
        expected=1 - 0.8 / 4,
        agents=4,
        episodes=100,
    ),
    # (N - 1) / 2 + N (1 - s) / s
    Case(
        name="TDMA on lossy links, age",
        models=(_TURNS, _LOSSY),
        quantity="age",
        expected=3 / 2 + 4 * 0.2 / 0.8,
        agents=4,
        episodes=100,
        warm_up=100,
    ),
    Case(
        name="longest wait first on lossy links, age",
        models=(SharedMediumModel(protocol=TopK(count=2, by="age")), _LOSSY),
        quantity="age",
        expected=1 / 2 + 2 * 0.2 / 0.8,
        agents=4,
        episodes=100,
        warm_up=100,
    ),
    Case(
        name="two of five at random, burst",
        models=(SharedMediumModel(protocol=TopK(count=2)),),
        quantity="burst_length",
        expected=5 / 2,
        agents=5,
        episodes=100,
    ),
    Case(
        name="two of four at random on lossy links, age",
        models=(_RANDOM, _LOSSY),
        quantity="age",
        expected=(1 - 0.4) / 0.4,
        agents=4,
        episodes=100,
        warm_up=100,
    ),
    Case(
        name="two of four at random, one sender's loss",
        models=(_RANDOM,),
        quantity="loss",
        expected=0.5,
        agents=4,
        rounds=1000,
        episodes=400,
        links=[[False] * 4] * 3 + [[True, True, True, False]],
    ),
]
