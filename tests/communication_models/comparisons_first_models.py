"""The first models beside their closed forms."""

from comparisons import Case
from failure_api.communication_models import DelayBasedModel, ProbabilisticModel

_LOSSY = ProbabilisticModel(failure_prob=1 / 6)
_LATE = DelayBasedModel(min_delay=0, max_delay=4, message_drop_probability=0.2)
_NARROW = ProbabilisticModel(failure_prob=0.2, max_bandwidth=0.5)

CASES = [
    Case(name="i.i.d. loss", models=(_LOSSY,), quantity="loss", expected=1 / 6),
    Case(name="i.i.d. burst", models=(_LOSSY,), quantity="burst_length", expected=1.2),
    Case(name="i.i.d. age", models=(_LOSSY,), quantity="age", expected=0.2, warm_up=50),
    Case(name="half bandwidth, loss", models=(_NARROW,), quantity="loss", expected=0.6),
    Case(
        name="uniform delay, age",
        models=(_LATE,),
        quantity="age",
        expected=_LATE.expected_age(),
        warm_up=50,
    ),
]
