"""`check_model` holds what a model expects of itself to a simulation."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from failure_api import Chain, CommunicationModel, DelayBasedModel, ProbabilisticModel
from failure_api.communication_models import (
    BandwidthModel,
    FourStateModel,
    GilbertElliottModel,
    NodeFailureModel,
    PartitionModel,
    ScheduledModel,
)
from failure_api.core.parameters.types import Probability
from failure_api.errors import LawError
from failure_api.presets import darpa_subt, esp_now, jepsen, netem, uav_80211
from failure_api.testing import check_model
from failure_api.testing.closed_form_law import check_closed_forms

TEAM = ("a", "b", "c")
TABLE = np.array([[0.0, 0.2, 0.5], [0.1, 0.0, 0.9], [0.4, 0.3, 0.0]])


@dataclass(frozen=True, kw_only=True)
class Says(CommunicationModel):
    """Loses independently, and says what it is told to."""

    failure_prob: Probability = 0.1
    loss: Any = field(default=None, compare=False)
    burst_length: Any = field(default=None, compare=False)
    age: Any = field(default=None, compare=False)

    def step(self, parameters, state, links, context, random):
        return state, links.lose(random.bernoulli(parameters["failure_prob"], context.shape))

    def expected_loss(self):
        return self.loss

    def expected_burst_length(self):
        return self.burst_length

    def expected_age(self):
        return self.age


def refusal(model, seed=0):
    with pytest.raises(LawError, match=r"^law 1 ") as caught:
        check_closed_forms(model, TEAM, seed)
    return str(caught.value)


RIGHT = {
    "nothing": {},
    "numbers": {"loss": 0.1, "burst_length": 1 / 0.9, "age": 0.1 / 0.9},
    "one of them": {"age": np.float64(0.1 / 0.9)},
    "an array": {
        "failure_prob": TABLE,
        "loss": TABLE,
        "age": TABLE / (1 - TABLE),
        "burst_length": 1 / (1 - TABLE),
    },
    "nonsense on the diagonal": {"failure_prob": TABLE, "loss": TABLE - 7 * np.eye(3)},
    "a mapping": {"failure_prob": {("a", "b"): 0.5}, "loss": {("a", "b"): 0.5}},
    "a mapping of other agents too": {"loss": {("a", "b"): 0.1, ("x", "y"): 0.7}},
    "no end": {"failure_prob": 1.0, "loss": 1.0, "burst_length": math.inf, "age": math.inf},
    "some agents": {"agent_ids": ("a", "c"), "loss": 0.1},
    "within rounding": {"loss": 0.1 + 1e-8},
    "rare": {"failure_prob": 1e-7, "loss": 1e-7, "age": 1e-7, "burst_length": 1.0},
}


@pytest.mark.sampled(9)
@pytest.mark.parametrize("said", RIGHT.values(), ids=RIGHT)
def test_what_is_right_passes(said):
    for seed in range(2):
        check_closed_forms(Says(**said), TEAM, seed)
    check_model(Says(**said), rounds=3)


IMPOSSIBLE = {
    "loss": [-0.1, 1.1, math.nan, math.inf, 99],
    "age": [-5, -0.01, math.nan],
    "burst_length": [0.5, -1, math.nan],
}


@pytest.mark.parametrize(
    ("what", "value"), [(what, value) for what, values in IMPOSSIBLE.items() for value in values]
)
def test_what_is_impossible_is_refused_in_every_form(what, value):
    table = np.ones((3, 3))
    table[1, 2] = value
    for form in (value, table, {("a", "b"): 1.0, ("b", "c"): value}, {("x", "y"): value}):
        text = refusal(Says(**{what: form}))
        assert f"Says.expected_{what}() gives " in text
        assert "not within [" in text


@pytest.mark.parametrize(
    "value",
    [
        "0.1?",
        [0.1, 0.2],
        np.zeros((2, 2)),
        np.zeros((4, 3, 3)),
        {"a": 0.1},
        {("a",): 0.1},
        object(),
    ],
)
def test_other_forms_are_refused(value):
    assert "which is not a number, an array (3, 3), a mapping" in refusal(Says(loss=value))


WRONG = {
    "loss of the opposite": {"loss": 0.99},
    "loss of the arrivals": {"loss": 0.9},
    "loss that is none": {"loss": 0.0},
    "loss a little off": {"loss": 0.11},
    "loss where there is none": {"failure_prob": 0.0, "loss": 0.1},
    "bursts by p": {"burst_length": 10.0},
    "bursts of one": {"failure_prob": 0.5, "burst_length": 1.0},
    "age of one more": {"age": 1 / 0.9},
    "age of none": {"failure_prob": 0.5, "age": 0.0},
    "receivers in place of senders": {"failure_prob": TABLE, "loss": TABLE.T},
    "one entry": {"failure_prob": TABLE, "age": np.where(TABLE == 0.9, 8.0, TABLE / (1 - TABLE))},
    "one pair": {"loss": {("a", "b"): 0.1, ("b", "a"): 0.3}},
}


@pytest.mark.sampled(4)
@pytest.mark.parametrize("said", WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_refused(said):
    assert " simulated episodes of " in refusal(Says(**said))


def test_check_model_says_so_too():
    for said in ({"loss": 0.99}, {"age": -5}):
        with pytest.raises(LawError, match=r"^law 1 .*Says\.expected_"):
            check_model(Says(**said), rounds=3)


def test_the_link_and_both_values_are_said():
    text = refusal(Says(loss={("a", "b"): 0.1, ("b", "a"): 0.3}))
    assert "Says.expected_loss() gives 0.3 for the link from 'b' to 'a'" in text
    found = float(text.rpartition(" have ")[2])
    assert found == pytest.approx(0.1, abs=0.01)


def test_a_constant_delay_is_told_from_another():
    class Later(DelayBasedModel):
        def expected_age(self):
            return 5.0

    check_closed_forms(DelayBasedModel(min_delay=3, max_delay=3), TEAM, 0)
    assert "gives 5 for" in refusal(Later(min_delay=3, max_delay=3))


KNOWN = [
    ProbabilisticModel(failure_prob=0.2, max_bandwidth=0.5),
    GilbertElliottModel(p=0.05, r=0.25, start="good"),
    GilbertElliottModel(p=1e-5, r=1e-3),
    FourStateModel(p13=0.1, p31=0.3, p32=0.4, p23=0.2, p14=0.05),
    BandwidthModel(capacity=0.9, queue_length=1000),
    BandwidthModel(capacity=0.5, queue_length=2),
    NodeFailureModel(mode="crash", mean_time_to_failure=1000, mean_time_to_repair=500),
    PartitionModel(pattern="halves"),
    ScheduledModel(model=ProbabilisticModel(failure_prob=1.0), start=9, stop=70, period=100),
    ScheduledModel(model=ProbabilisticModel(failure_prob=0.5), start=1000, ramp=5000),
    Chain(models=[ProbabilisticModel(failure_prob=0.2), DelayBasedModel(min_delay=1, max_delay=4)]),
    Chain(models=[ProbabilisticModel(failure_prob=0.5, agent_ids=("a", "b"))]),
    *darpa_subt(round_duration=0.1, message_bits=10_000),
    *esp_now(7, round_duration=0.02),
    *uav_80211(),
    *jepsen("slow", "flaky", "bridge", "pause", round_duration=0.1),
    *netem("delay 100ms 20ms loss gemodel 1% 10%", round_duration=0.05),
]


@pytest.mark.sampled(20)
@pytest.mark.parametrize("model", KNOWN, ids=repr)
def test_built_in_models_and_presets_pass(model):
    check_closed_forms(model, TEAM, seed=1)


@dataclass(frozen=True, kw_only=True)
class EveryNth(Says):
    """Loses whatever is sent in every n-th round."""

    n: int = 3

    def step(self, parameters, state, links, context, random):
        now = context.round_over(2) % self.n == 0
        return state, links.lose(context.xp.broadcast_to(now, context.shape))


@pytest.mark.sampled(3)
@pytest.mark.parametrize("n", [2, 3, 4, 6, 7, 9])
def test_what_goes_by_the_round_is_held_to_it_too(n):
    right = {"loss": 1 / n, "burst_length": 1.0, "age": 1 / n}
    check_closed_forms(EveryNth(n=n, **right), TEAM, 0)
    for wrong in ({"loss": 1 / n + 0.1}, {"burst_length": 9.0}, {"age": 9.0}, {"age": 1.5 / n}):
        assert "gives" in refusal(EveryNth(n=n, **{**right, **wrong}))
