"""Capacity beside its closed forms; what is lost at random makes the episodes differ."""

from fractions import Fraction

import numpy as np

from comparisons import Case
from failure_api.communication_models import BandwidthModel, ProbabilisticModel

_LOSSY = ProbabilisticModel(failure_prob=0.3)
_HALF_LOST = ProbabilisticModel(failure_prob=0.5)
_PAIRS = {"rounds": 1000, "episodes": 500}


def _capacity(capacity, **options):
    return BandwidthModel(capacity=capacity, max_wait=200, **options)


def _waited(played):
    """Returns how far each round's wait is from 7 where a message arrives; 0 elsewhere."""
    rounds = np.arange(len(played.sent)).reshape(-1, 1, 1, 1)
    sent = played.sent[..., [0, 1], [1, 0]]
    return np.where(sent >= 0, rounds[..., 0] - sent - 7.0, 0.0)


def _carried(capacity, length, admitted):
    """Returns the messages per round that leave a drop-tail queue, from its Markov chain.

    A state is how many messages wait and what is carried of the first of them.
    """
    capacity = Fraction(capacity)
    p, q = capacity.numerator, capacity.denominator
    states = [(0, 0), *((n, k) for n in range(1, length + 1) for k in range(q))]
    place = {state: index for index, state in enumerate(states)}
    chain, leaving = np.zeros((len(states), len(states))), np.zeros(len(states))
    for state, index in place.items():
        for chance, comes in ((admitted, 1), (1 - admitted, 0)):
            waiting, carried = min(state[0] + comes, length), state[1]
            if waiting:
                whole = (carried + p) // q
                waiting, carried = waiting - whole, (carried + p) % q
                leaving[index] += chance * whole
            chain[index, place[waiting, carried if waiting else 0]] += chance
    system = np.vstack([chain.T - np.eye(len(states)), np.ones(len(states))])
    shares = np.linalg.lstsq(system, np.eye(len(states) + 1)[-1], rcond=None)[0]
    return float(shares @ leaving)


# Newest first at half the capacity, with 0.7 of the messages admitted. Whatever leaves in a round
# leaves a message that has just come, or an idle link. In the first case the next one leaves 2
# rounds later, and is a round younger if another one comes in between; in the second it leaves in
# the round after its own, whenever that is.
_SPACING = 0.7 * 2 + 0.3 * (1 + 1 / 0.7)
_SQUARE = 0.7 * 4 + 0.3 * (1 + 2 / 0.7 + 1.3 / 0.49)
_LEAVES_AT = 1 + 0.7 * 0.3

CASES = [
    Case(
        name="a queue beside loss loses no more than loss",
        models=(_LOSSY, _capacity(1.0)),
        quantity="loss",
        expected=0.3,
        **_PAIRS,
    ),
    Case(
        # Nothing of the capacity goes to what is lost before, and the queue is hardly ever empty.
        name="loss before half the capacity, drop-tail",
        models=(_LOSSY, _capacity(0.5, queue_length=4)),
        quantity="loss",
        expected=1 - _carried("1/2", 4, 0.7),
        warm_up=60,
        **_PAIRS,
    ),
    Case(
        name="loss before half the capacity, a queue of two",
        models=(_HALF_LOST, _capacity(0.5, queue_length=2)),
        quantity="loss",
        expected=1 - _carried("1/2", 2, 0.5),
        warm_up=60,
        **_PAIRS,
    ),
    Case(
        name="loss before four fifths of the capacity",
        models=(_HALF_LOST, _capacity(0.8, queue_length=3)),
        quantity="loss",
        expected=1 - _carried("4/5", 3, 0.5),
        warm_up=60,
        **_PAIRS,
    ),
    Case(
        name="loss after half the capacity, drop-tail",
        models=(_capacity(0.5), _LOSSY),
        quantity="loss",
        expected=1 - 0.7 * 0.5,
        warm_up=60,
        **_PAIRS,
    ),
    Case(
        name="loss after half the capacity, newest first",
        models=(_capacity(0.5, drop="newest_first"), _LOSSY),
        quantity="loss",
        expected=1 - 0.7 * 0.5,
        warm_up=20,
        **_PAIRS,
    ),
    Case(
        name="loss after half the capacity, newest first, age",
        models=(_capacity(0.5, drop="newest_first"), _LOSSY),
        quantity="age",
        # A message of age 1 leaves in every second round, and 1 / 0.7 of them until one arrives.
        expected=1 + ((2 * 1.3 / 0.7) - 1) / 2,
        warm_up=60,
        **_PAIRS,
    ),
    Case(
        name="loss before half the capacity, newest first",
        models=(_LOSSY, _capacity(0.5, drop="newest_first")),
        quantity="loss",
        expected=1 - 1 / _SPACING,
        warm_up=20,
        **_PAIRS,
    ),
    Case(
        name="loss before half the capacity, newest first, age",
        models=(_LOSSY, _capacity(0.5, drop="newest_first")),
        quantity="age",
        expected=_LEAVES_AT + (_SQUARE / _SPACING - 1) / 2,
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
