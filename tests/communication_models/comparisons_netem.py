"""netem beside its closed forms and values that are worked out by hand."""

import numpy as np
from scipy import stats

from comparisons import Case
from failure_api.communication_models import (
    FourStateModel,
    GilbertElliottModel,
    NetemModel,
    ProbabilisticModel,
)

_LOSSY = ProbabilisticModel(failure_prob=0.3)
_BURSTS = GilbertElliottModel(p=0.05, r=0.2)
_STATES = FourStateModel(p13=0.1, p31=0.3, p32=0.4, p23=0.2, p14=0.05)
_FULL = NetemModel(delay=10, transmission=1, limit=5)
_PASSES = NetemModel(delay=3, reorder=0.25, loss=_LOSSY)
_SPREAD = NetemModel(delay=2, jitter=1.5, distribution="normal", loss=_LOSSY)
_EVEN = NetemModel(delay=1, jitter=3, loss=_LOSSY)


def _gone(played):
    """Returns which messages never arrive."""
    return played.lost[..., [0, 1], [1, 0]]


def _busy(played):
    return ~played.lost[..., [0, 1], [1, 0]]


def _age(below, drop):
    """Returns the mean age of messages that overtake each other, from the definition."""
    kept = [(1 - drop) * min(f, 1.0) for f in below]
    return sum(np.prod([1 - f for f in kept[: age + 1]]) for age in range(len(kept)))


CASES = [
    Case(
        name="netem, loss before a constant delay",
        models=(NetemModel(delay=2.6, transmission=0.3, loss=_BURSTS),),
        quantity="age",
        # 2.9 rounds are 3.
        expected=3 + _BURSTS.expected_age(),
        warm_up=60,
    ),
    Case(
        name="netem, burst length",
        models=(NetemModel(delay=2, loss=_STATES),),
        quantity="burst_length",
        expected=1.352941,
        warm_up=2,
    ),
    Case(
        name="netem, loss before a busy link",
        models=(NetemModel(transmission=1.25, loss=_LOSSY),),
        quantity=_gone,
        # The link keeps up with 0.7 of 0.8 messages a round, and loses no more.
        expected=0.3,
    ),
    Case(
        name="netem, a link that is too slow",
        models=(NetemModel(transmission=1.6, limit=8),),
        quantity=_busy,
        expected=1 / 1.6,
        warm_up=200,
    ),
    Case(
        name="netem, limit of what is under way",
        models=(_FULL,),
        quantity=_gone,
        expected=6 / 11,
        rounds=1100,
    ),
    Case(
        name="netem, age at a limit",
        models=(_FULL,),
        quantity="age",
        # 11 rounds late, and 1 to 6 rounds more in the six of each 11 in which none is taken.
        expected=11 + 21 / 11,
        rounds=1100,
        warm_up=22,
    ),
    Case(
        name="netem, reordering",
        models=(_PASSES,),
        quantity="age",
        expected=_age([0.25] * 3 + [1.0] * 400, 0.3),
        warm_up=60,
    ),
    Case(
        name="netem, normal jitter",
        models=(_SPREAD,),
        quantity="age",
        expected=_age([*stats.norm(2, 1.5).cdf(np.arange(8) + 0.5)] + [1.0] * 400, 0.3),
        warm_up=60,
    ),
    Case(
        name="netem, jitter below 0",
        models=(_EVEN,),
        quantity="age",
        # Uniform on [-2, 4], of which 2.5 in 6 take no time.
        expected=_age([2.5 / 6, 3.5 / 6, 4.5 / 6, 5.5 / 6] + [1.0] * 400, 0.3),
        warm_up=60,
    ),
]
