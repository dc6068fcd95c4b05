"""Capacity beside its closed forms; what is lost at random makes the episodes differ."""

import numpy as np

from comparisons import Case
from failure_api.communication_models import BandwidthModel, ProbabilisticModel

_LOSSY = ProbabilisticModel(failure_prob=0.3)
_PAIRS = {"rounds": 1000, "episodes": 500}


def _capacity(capacity, **options):
    return BandwidthModel(capacity=capacity, max_wait=200, **options)


def _waited(played):
    """Returns how far each round's wait is from 7 where a message arrives; 0 elsewhere."""
    rounds = np.arange(len(played.sent)).reshape(-1, 1, 1, 1)
    sent = played.sent[..., [0, 1], [1, 0]]
    return np.where(sent >= 0, rounds[..., 0] - sent - 7.0, 0.0)


CASES = [
    Case(
        name="a queue beside loss loses no more than loss",
        models=(_LOSSY, _capacity(1.0)),
        quantity="loss",
        expected=0.3,
        **_PAIRS,
    ),
    Case(
        name="half capacity beside loss, drop-tail",
        models=(_LOSSY, _capacity(0.5)),
        quantity="loss",
        expected=1 - 0.7 * 0.5,
        warm_up=60,
        **_PAIRS,
    ),
    Case(
        name="half capacity beside loss, newest first",
        models=(_capacity(0.5, drop="newest_first"), _LOSSY),
        quantity="loss",
        expected=1 - 0.7 * 0.5,
        warm_up=20,
        **_PAIRS,
    ),
    Case(
        # A message is the newest for as long as it takes: 2 up rounds of 1 / 0.7 rounds each. It
        # was sent in an up round, the first of the two, and is delivered in the second.
        name="half capacity beside loss, newest first, age",
        models=(_LOSSY, _capacity(0.5, drop="newest_first")),
        quantity="age",
        # The time between deliveries is T = G1 + G2, both geometric on 1, 2, ... with mean 1 / 0.7;
        # a message is delivered G2 rounds old, and E[age] = E[G2] + E[T (T - 1)] / (2 E[T]).
        expected=1 / 0.7 + ((2 * (0.3 / 0.49) + (2 / 0.7) ** 2) / (2 / 0.7) - 1) / 2,
        warm_up=60,
        **_PAIRS,
    ),
    Case(
        name="a third of capacity, drop-tail, age",
        models=(_capacity(1 / 3, queue_length=4),),
        quantity="age",
        expected=4 * 3 - 1 + 1,
        warm_up=24,
        rounds=1002,
        episodes=500,
    ),
    Case(
        name="a third of capacity, newest first, age",
        models=(_capacity(1 / 3, drop="newest_first"),),
        quantity="age",
        expected=1.5 * (3 - 1),
        warm_up=24,
        rounds=1002,
        episodes=500,
    ),
    Case(
        name="two fifths of capacity, drop-tail, burst",
        models=(_capacity(0.4),),
        quantity="burst_length",
        expected=1.5,
        warm_up=100,
        # One round more, since a burst begins after a round that lost nothing.
        rounds=1001,
        episodes=500,
    ),
    Case(
        name="one capacity for four receivers",
        models=(_capacity(1.0, per="sender", queue_length=3),),
        quantity="loss",
        expected=0.75,
        agents=5,
        warm_up=20,
        rounds=1000,
        episodes=50,
    ),
    Case(
        name="a capacity of one half, the wait in a queue of four",
        models=(_capacity(0.5, queue_length=4),),
        quantity=_waited,
        expected=0.0,
        warm_up=40,
        **_PAIRS,
    ),
]
