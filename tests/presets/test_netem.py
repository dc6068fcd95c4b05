"""tc-netem's options as failure models."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from failure_api.communication_models import (
    BandwidthModel,
    DelayBasedModel,
    FourStateModel,
    GilbertElliottModel,
    ProbabilisticModel,
)
from failure_api.communication_models.delays import (
    ConstantDelay,
    NormalDelay,
    UniformDelay,
)
from failure_api.errors import FailureApiError, InvalidArgumentError
from failure_api.presets import netem
from helpers import play


def one(options, round_duration=0.1, **further):
    (model,) = netem(options, round_duration=round_duration, **further)
    return model


def test_the_line_of_the_documentation():
    loss, delay = netem("delay 100ms 20ms loss gemodel 1% 10%", round_duration=0.1)
    assert loss == GilbertElliottModel(p=0.01, r=0.1, start="good")
    assert loss.expected_loss() == pytest.approx(1 / 11)
    assert loss.expected_burst_length() == pytest.approx(10)
    assert type(delay.distribution) is UniformDelay
    assert (delay.distribution.low, delay.distribution.high) == pytest.approx((0.8, 1.2))


@pytest.mark.parametrize("line", ["loss 20%", "loss random 20%", "netem loss 20", "LOSS 20%"])
def test_random_loss(line):
    assert one(line) == ProbabilisticModel(failure_prob=0.2)


def test_gemodel_fills_in_what_is_left_out():
    whole = GilbertElliottModel(p=0.01, r=0.1, loss_bad=0.9, loss_good=0.02, start="good")
    assert one("loss gemodel 1% 10% 90% 2%") == whole
    assert one("loss gemodel 1%") == GilbertElliottModel(p=0.01, r=0.99, start="good")


def test_the_four_states():
    assert one("loss state 5% 20% 10% 50% 1%") == FourStateModel(
        p13=0.05, p31=0.2, p32=0.1, p23=0.5, p14=0.01, start="good"
    )
    assert one("loss state 5%") == FourStateModel(p13=0.05, start="good")


@pytest.mark.parametrize(
    ("line", "distribution"),
    [
        ("delay 250ms", ConstantDelay(rounds=2.5)),
        ("delay 0.2s", ConstantDelay(rounds=2.0)),
        ("delay 300000", ConstantDelay(rounds=3.0)),
        ("delay 200ms 100ms distribution normal", NormalDelay(mean=2.0, standard_deviation=1.0)),
        ("delay 200ms 100ms distribution uniform", UniformDelay(low=1.0, high=3.0)),
    ],
)
def test_delays_are_counted_in_rounds(line, distribution):
    model = one(line)
    assert type(model) is DelayBasedModel
    for name, value in vars(distribution).items():
        assert getattr(model.distribution, name) == pytest.approx(value)


def test_a_delay_of_one_round_arrives_one_round_later():
    played = play(one("delay 100ms"), rounds=4)
    assert played.sent[:, 0, 1].tolist() == [-1, 0, 1, 2]


def test_a_jitter_below_zero_sends_at_once():
    model = one("delay 100ms 300ms", round_duration=0.1)
    delay = play(model, rounds=400).delay
    # Uniform on [-2, 4], of which [-2, 0.5] is sent at once.
    assert np.mean(delay == 0) == pytest.approx(2.5 / 6, abs=0.06)
    assert delay.max() == 4


def test_reordering_sends_some_at_once():
    delay = play(one("delay 300ms reorder 25%"), rounds=1000).delay
    assert set(np.unique(delay)) == {0, 3}
    assert np.mean(delay == 0) == pytest.approx(0.25, abs=0.03)


def test_a_rate_carries_messages_per_round():
    # 1000 bytes at 1 Mbit/s take 8 ms.
    assert one("rate 1mbit", 0.008, message_bits=8000) == BandwidthModel(
        capacity=1.0, queue_length=1000
    )
    assert one("rate 1mbit limit 5", 0.016, message_bits=8000) == BandwidthModel(
        capacity=2.0, queue_length=5
    )


def test_overhead_and_cells_make_messages_longer():
    # tc's own example: 100 bytes at 5 kbit/s with 20 bytes of overhead in cells of 100 + 5: 336 ms.
    model = one("rate 5kbit 20 100 5", 0.336, message_bits=800)
    assert model.capacity == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("corrupt 1%", "BitFlipModel"),
        ("duplicate 1%", "second copy"),
        ("ecn", "congestion"),
        ("slot 10ms", "round_duration"),
        ("delay 10ms reorder 25% gap 5", "packets"),
        ("loss 5% seed 3", "env.reset"),
        ("loss 5% 25%", "gemodel"),
        ("delay 100ms 10ms 25%", "gemodel"),
        ("delay 100ms reorder 25% 50%", "gemodel"),
        ("delay 100ms 10ms distribution pareto", "ParetoDelay"),
        ("delay 100ms 10ms distribution paretonormal", "ParetoDelay"),
        ("delay 100ms 10ms reorder 25%", "jitter"),
        ("reorder 25%", "delay"),
        ("distribution normal", "delay"),
        ("limit 10", "rate"),
        ("rate 1mbit", "message_bits"),
        ("los 5%", "'loss'"),
        ("5%", "loss"),
        ("loss", "value"),
        ("loss 120%", "100 %"),
        ("loss gemodel", "1 to 4"),
        ("loss gemodel 1% 2% 3% 4% 5%", "1 to 4"),
        ("loss 5ms", "percentage"),
        ("loss some", "percentage"),
        ("delay soon", "time"),
        ("delay 10ms 5ms distribution norml", "'normal'"),
        ("limit few rate 1mbit", "message_bits"),
        ("loss 5% often", "options it knows"),
        ("delay 10parsecs", "time"),
        ("delay 1e999s", "finite"),
        ("delay 10ms delay 20ms", "once"),
        ("loss state 80% 20% 10% 5% 30%", "1"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(line, word):
    with pytest.raises(InvalidArgumentError, match=word) as caught:
        netem(line, round_duration=0.1)
    assert str(caught.value).count("\n") == 0
    assert str(caught.value).endswith((".", "?"))


@pytest.mark.parametrize("duration", [0, -1, float("nan"), "1s", None])
def test_a_round_must_last(duration):
    with pytest.raises(InvalidArgumentError, match="round_duration"):
        netem("loss 5%", round_duration=duration)


@pytest.mark.parametrize("speed", ["0bit", "1mb", "fast"])
def test_a_rate_must_be_one(speed):
    with pytest.raises(InvalidArgumentError, match="netem rate"):
        netem(f"rate {speed}", round_duration=0.1, message_bits=100)


WORDS = (
    *("delay", "loss", "random", "gemodel", "state", "rate", "limit", "reorder", "distribution"),
    *("normal", "gap", "ecn", "5%", "100ms", "20", "1mbit", "-3", "0", "x", "netem", "1e400"),
)


@given(st.lists(st.sampled_from(WORDS), max_size=8))
def test_any_line_gives_models_or_one_sentence(words):
    try:
        models = netem(" ".join(words), round_duration=0.05, message_bits=1000)
    except FailureApiError as refused:
        error = str(refused)
        models = []
    else:
        error = ""
    assert "\n" not in error
    play(*models, rounds=2)


def test_a_rate_has_three_sizes_at_most():
    with pytest.raises(InvalidArgumentError, match="netem rate must have 1 to 4 values"):
        netem("rate 1mbit 0 0 0 0", round_duration=0.1, message_bits=800)
