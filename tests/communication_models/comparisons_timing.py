"""Delays beside their closed forms, worked values and scipy's distributions."""

import numpy as np
from scipy import stats

from comparisons import Case
from failure_api.communication_models import DelayBasedModel
from failure_api.communication_models.delay import (
    EmpiricalDelay,
    GeometricDelay,
    NormalDelay,
    ParetoDelay,
    UniformDelay,
)

_LINKS = ([0, 1], [1, 0])
_WHOLE = np.arange(40)


def _delay(played):
    return played.delay[..., *_LINKS]


def _longer_than_two(played):
    return _delay(played) > 2


def _swapped(played):
    """Returns whether the next message arrives before each one; the last one has no next."""
    delay = _delay(played)
    following = np.concatenate((delay[1:], delay[:1]))
    return delay > following + 1


def _swapped_or_together(played):
    """Returns the same, and one half for those that rounding has arrive together."""
    delay = _delay(played)
    following = np.concatenate((delay[1:], delay[:1]))
    return (delay > following + 1) + 0.5 * (delay == following + 1)


def _mean(known, least, most):
    """Returns the mean of a rounded and clipped delay, from scipy's distribution."""
    return least + known.sf(np.arange(least, most) + 0.5).sum()


def _age(below, drop=0.0, in_order=False):
    """Returns the mean age from the definition, one age after the other."""
    kept, mean, total = [(1 - drop) * min(f, 1.0) for f in below], 0.0, 0.0
    if not in_order:
        return sum(np.prod([1 - f for f in kept[: age + 1]]) for age in range(400))
    for age in range(400):
        # The newest that has arrived is this old: nothing older is under way, and of what is
        # newer the oldest that is not lost is.
        clear = np.prod([1 - (kept[-1] - f) for f in kept[age + 1 :]])
        newer = drop**age + sum(
            drop ** (age - 1 - other) * (kept[-1] - kept[min(other, len(kept) - 1)])
            for other in range(age)
        )
        share = kept[min(age, len(kept) - 1)] * clear * newer
        total, mean = total + share, mean + age * share
    assert abs(total - 1) < 1e-9
    return mean


_NORMAL = DelayBasedModel(max_delay=6, distribution=NormalDelay(mean=2, standard_deviation=1.5))
_GEOMETRIC = DelayBasedModel(max_delay=30, distribution=GeometricDelay(mean=1.5))
_PARETO = DelayBasedModel(max_delay=20, distribution=ParetoDelay(shape=1.5, scale=0.8))
_EXPIRING = DelayBasedModel(
    distribution=GeometricDelay(mean=1), expiry=2, message_drop_probability=0.2
)
_ORDERED = DelayBasedModel(max_delay=4, delivery="fifo")
_ORDERED_LOSSY = DelayBasedModel(max_delay=4, delivery="fifo", message_drop_probability=0.3)
_OBSERVED = DelayBasedModel(
    distribution=EmpiricalDelay(delays=[0, 1, 5], probabilities=[0.5, 0.3, 0.2])
)

CASES = [
    Case(
        name="how often one of delays 0 to 4 overtakes the one before",
        models=(DelayBasedModel(max_delay=4),),
        quantity=_swapped,
        expected=0.24,
    ),
    Case(
        name="overtaking under 75 rounds of jitter",
        models=(DelayBasedModel(distribution=UniformDelay(low=0, high=150)),),
        quantity=_swapped_or_together,
        expected=0.5 * (1 - 1 / 150) ** 2,
        rounds=250,
        episodes=2000,
    ),
    Case(
        name="normal delay, mean",
        models=(_NORMAL,),
        quantity=_delay,
        expected=_mean(stats.norm(2, 1.5), 0, 6),
    ),
    Case(
        name="normal delay, tail",
        models=(_NORMAL,),
        quantity=_longer_than_two,
        expected=stats.norm(2, 1.5).sf(2.5),
    ),
    Case(
        name="geometric delay, mean",
        models=(_GEOMETRIC,),
        quantity=_delay,
        expected=1.5 * (1 - 0.6**30),
        rounds=500,
        episodes=1000,
    ),
    Case(
        name="pareto delay, tail",
        models=(_PARETO,),
        quantity=_longer_than_two,
        expected=(0.8 / 2.5) ** 1.5,
    ),
    Case(
        name="pareto delay, mean",
        models=(_PARETO,),
        quantity=_delay,
        expected=_mean(stats.pareto(1.5, scale=0.8), 0, 20),
    ),
    Case(name="observed delays, mean", models=(_OBSERVED,), quantity=_delay, expected=1.3),
    Case(
        name="observed delays, age",
        models=(_OBSERVED,),
        quantity="age",
        expected=_age([0.5, 0.8, 0.8, 0.8, 0.8] + [1.0] * 400),
        warm_up=20,
    ),
    Case(
        name="geometric delay that expires, age",
        models=(_EXPIRING,),
        quantity="age",
        expected=_age([0.5, 0.75] + [0.875] * 400, drop=0.2),
        warm_up=50,
    ),
    Case(
        name="normal delay, age",
        models=(_NORMAL,),
        quantity="age",
        expected=_age([*stats.norm(2, 1.5).cdf(np.arange(6) + 0.5)] + [1.0] * 400),
        warm_up=20,
    ),
    Case(
        name="uniform delay in order, age",
        models=(_ORDERED,),
        quantity="age",
        expected=_age([0.2, 0.4, 0.6, 0.8, 1.0], in_order=True),
        warm_up=20,
    ),
    Case(
        name="uniform delay in order with losses, age",
        models=(_ORDERED_LOSSY,),
        quantity="age",
        expected=_ORDERED_LOSSY.expected_age(),
        warm_up=60,
    ),
    Case(
        name="uniform delay in order, mean delay",
        models=(_ORDERED,),
        quantity=_delay,
        # Only messages of up to 3 rounds before can hold one up, by 1 round each time they are
        # that late: the sum over k of 1 - F(k) F(k + 1) F(k + 2) ...
        expected=4 - sum(np.prod([0.2 * (j + 1) for j in range(k, 5)]) for k in range(4)),
        warm_up=20,
    ),
    Case(
        name="delays in continuous steps, mean",
        models=(DelayBasedModel(distribution=UniformDelay(low=0.5, high=3)),),
        quantity=_delay,
        # Rounded up from 0.5, 1.5 and 2.5 on: 40, 40 and 20 of 100 take 1, 2 and 3 rounds.
        expected=0.4 * 1 + 0.4 * 2 + 0.2 * 3,
    ),
]
