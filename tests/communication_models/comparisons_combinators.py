"""Schedules and random parameters, beside what they make of other models' mathematics."""

import numpy as np

from comparisons import Case
from failure_api.communication_models import (
    Chain,
    DelayBasedModel,
    GilbertElliottModel,
    ProbabilisticModel,
    RandomizedModel,
    ScheduledModel,
)
from failure_api.communication_models.randomized import LogUniform, OneOf

_LOSSY = ProbabilisticModel(failure_prob=0.4)
_BURSTY = GilbertElliottModel(p=0.05, r=0.25)
_PERIODIC = ScheduledModel(model=_LOSSY, period=10, start=2, stop=8, ramp=4, severity=0.8)
_HALF = ScheduledModel(model=_BURSTY, severity=0.5)
_WIDE = RandomizedModel(model=_LOSSY, parameters={"failure_prob": (0.0, 0.5)})

CASES = [
    Case(
        name="periodic ramp, loss",
        models=(_PERIODIC,),
        quantity="loss",
        expected=0.4 * 0.8 * (0 + 0.25 + 0.5 + 0.75 + 1 + 1) / 10,
    ),
    Case(
        name="one window, loss",
        models=(ScheduledModel(model=_LOSSY, start=200, stop=450),),
        quantity="loss",
        expected=0.4 * 0.25,
    ),
    Case(
        name="one ramp to the end, loss",
        models=(ScheduledModel(model=_LOSSY, ramp=1000),),
        quantity="loss",
        expected=0.4 * np.mean(np.arange(1000) / 1000),
    ),
    # To apply half of the bad rounds is to lose half of the messages in them.
    Case(name="severity of bursts, loss", models=(_HALF,), quantity="loss", expected=1 / 12),
    Case(
        name="severity of bursts, burst",
        models=(_HALF,),
        quantity="burst_length",
        expected=1.6,
    ),
    Case(
        name="severity of bursts, age",
        models=(_HALF,),
        quantity="age",
        expected=2 / 15,
        warm_up=100,
    ),
    Case(
        name="severity of a delay, delay",
        models=(ScheduledModel(model=DelayBasedModel(min_delay=1, max_delay=4), severity=0.3),),
        quantity=lambda played: played.delay[:, :, 0, 1],
        expected=0.3 * 2.5,
        agents=3,
        episodes=200,
    ),
    Case(
        name="severity of a chain, loss",
        models=(ScheduledModel(model=Chain(models=[_LOSSY, _BURSTY]), severity=0.5),),
        quantity="loss",
        expected=0.5 * (1 - 0.6 * 5 / 6),
    ),
    Case(name="uniform parameter, loss", models=(_WIDE,), quantity="loss", expected=0.25),
    Case(
        name="uniform parameter, age",
        models=(_WIDE,),
        quantity="age",
        expected=2 * np.log(2) - 1,
        warm_up=50,
    ),
    Case(
        name="log-uniform parameter, loss",
        models=(RandomizedModel(model=_LOSSY, parameters={"failure_prob": LogUniform(0.01, 0.8)}),),
        quantity="loss",
        expected=0.79 / np.log(80),
    ),
    Case(
        name="one of several parameters, loss",
        models=(
            RandomizedModel(model=_LOSSY, parameters={"failure_prob": OneOf([0.1, 0.2, 0.9])}),
        ),
        quantity="loss",
        expected=0.4,
    ),
    # The mean of p / (p + 0.25) over p from 0 to 0.25 is 1 - ln 2.
    Case(
        name="uniform parameter of bursts, loss",
        models=(
            RandomizedModel(
                model=GilbertElliottModel(p=0.1, r=0.25), parameters={"p": (0.0, 0.25)}
            ),
        ),
        quantity="loss",
        expected=1 - np.log(2),
    ),
    # Independent draws: the mean of the product is that of the means.
    Case(
        name="two uniform parameters, loss",
        models=(
            RandomizedModel(
                model=ScheduledModel(
                    model=RandomizedModel(model=_LOSSY, parameters={"failure_prob": (0.2, 0.6)})
                ),
                parameters={"severity": (0.0, 0.5)},
            ),
        ),
        quantity="loss",
        expected=0.4 * 0.25,
    ),
]
