"""The end of an outage, by which recovery is counted."""

from __future__ import annotations

import pytest

from failure_api.evaluation import read_specification
from failure_api.evaluation.plan import Plan
from failure_api.evaluation.stage import outage_end


def window(**when):
    loss = {"model": "probabilistic", "failure_prob": 1.0}
    return {"model": "scheduled", "of": loss, **when}


@pytest.mark.parametrize(
    ("models", "end"),
    [
        ([window(start=5, stop=12)], 12),
        ([window(start=5, stop=12), window(start=1, stop=3)], 12),
        ([window(start=5, stop=12), {"model": "probabilistic", "failure_prob": 0.1}], 12),
        ([window(start=5, stop={"grid": [12, 20]})], None),
        ([window(start=5, stop=12, severity={"grid": [0.5, 1.0]})], 12),
        ([window(start=5)], None),
        ([window(start=5, stop=12, period=20)], None),
        ([{"model": "probabilistic", "failure_prob": 0.1}], None),
    ],
)
def test_the_last_window_that_ends_counts(models, end):
    plain = {"environment": "mpe2.simple_spread_v3", "failure_models": models}
    assert outage_end(Plan(read_specification(plain))) == end
