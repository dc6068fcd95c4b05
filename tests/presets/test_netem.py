"""tc-netem's options as a failure model."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from failure_api.communication_models import (
    FourStateModel,
    GilbertElliottModel,
    NetemModel,
    ProbabilisticModel,
)
from failure_api.errors import FailureApiError, InvalidArgumentError
from failure_api.presets import netem
from helpers import off_diagonal, play


def one(options, round_duration=0.1, **further):
    (model,) = netem(options, round_duration=round_duration, **further)
    return model


def test_the_line_of_the_documentation():
    model = one("delay 100ms 20ms loss gemodel 1% 10%", 0.1)
    assert model.loss == GilbertElliottModel(p=0.01, r=0.1, start="good")
    assert model.expected_loss() == pytest.approx(1 / 11)
    assert (model.delay, model.jitter) == pytest.approx((1.0, 0.2))
    assert (model.distribution, model.transmission, model.limit) == ("uniform", 0.0, 1000)


@pytest.mark.parametrize("line", ["", "netem", "limit 1000"])
def test_a_line_that_says_nothing_changes_nothing(line):
    assert one(line) == NetemModel()


@pytest.mark.parametrize(
    "line",
    [
        "loss 20%",
        "loss random 20%",
        "netem loss 20",
        "LOSS 20%",
        "loss 20% 0%",
        "loss random 20% 0",
        "tc qdisc add dev eth0 root netem loss 20%",
        "sudo tc qdisc change dev netem parent 1:1 handle 10: netem loss 20%",
    ],
)
def test_random_loss(line):
    assert one(line) == NetemModel(loss=ProbabilisticModel(failure_prob=0.2))


def test_gemodel_fills_in_what_is_left_out():
    whole = GilbertElliottModel(p=0.01, r=0.1, loss_bad=0.9, loss_good=0.02, start="good")
    assert one("loss gemodel 1% 10% 90% 2%").loss == whole
    assert one("loss gemodel 1%").loss == GilbertElliottModel(p=0.01, r=0.99, start="good")


def test_the_four_states():
    assert one("loss state 5% 20% 10% 50% 1%").loss == FourStateModel(
        p13=0.05, p31=0.2, p32=0.1, p23=0.5, p14=0.01, start="good"
    )
    assert one("loss state 5%").loss == FourStateModel(p13=0.05, start="good")


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ("delay 250ms", {"delay": 2.5}),
        ("delay 0.2s", {"delay": 2.0}),
        ("delay 300000", {"delay": 3.0}),
        ("tc qdisc add dev eth0 root netem delay 100ms", {"delay": 1.0}),
        (
            "delay 200ms 100ms distribution normal",
            {"delay": 2.0, "jitter": 1.0, "distribution": "normal"},
        ),
        ("delay 200ms 100ms distribution uniform", {"delay": 2.0, "jitter": 1.0}),
        ("delay 200ms 100ms 0%", {"delay": 2.0, "jitter": 1.0}),
        ("delay 1s limit 5", {"delay": 10.0, "limit": 5}),
        ("limit 1000 delay 100ms 10ms", {"delay": 1.0, "jitter": 0.1}),
        ("delay 10ms 5ms reorder 25%", {"delay": 0.1, "jitter": 0.05, "reorder": 0.25}),
        ("delay 10ms reorder 25% 0%", {"delay": 0.1, "reorder": 0.25}),
    ],
)
def test_times_are_counted_in_rounds(line, fields):
    model, expected = one(line), NetemModel(**fields)
    for name, value in vars(expected).items():
        if not name.startswith("_"):
            given = getattr(model, name)
            assert given == (pytest.approx(value) if isinstance(value, float) else value), name


def test_a_delay_of_one_round_arrives_one_round_later():
    played = play(one("delay 100ms"), rounds=4)
    assert played.sent[:, 0, 1].tolist() == [-1, 0, 1, 2]


def test_a_jitter_below_zero_sends_at_once():
    model = one("delay 100ms 300ms", round_duration=0.1)
    delay = off_diagonal(play(model, rounds=400).delay)
    # Uniform on [-2, 4], of which [-2, 0.5] is sent at once.
    assert np.mean(delay == 0) == pytest.approx(2.5 / 6, abs=0.06)
    assert delay.max() == 4


def test_reordering_sends_some_at_once():
    delay = off_diagonal(play(one("delay 300ms reorder 25%"), rounds=1000).delay)
    assert set(np.unique(delay)) == {0, 3}
    assert np.mean(delay == 0) == pytest.approx(0.25, abs=0.03)


def test_a_rate_takes_its_time_for_every_message():
    # 1000 bytes at 1 Mbit/s take 8 ms.
    assert one("rate 1mbit", 0.008, message_bits=8000) == NetemModel(transmission=1.0)
    assert one("rate 1mbit limit 5", 0.016, message_bits=8000) == NetemModel(
        transmission=0.5, limit=5
    )


@pytest.mark.parametrize(
    ("line", "seconds"),
    [
        # tc's own example: 100 bytes with 20 bytes of overhead in cells of 100 + 5.
        ("rate 5kbit 20 100 5", 0.336),
        ("rate 5kbit -14", 86 * 8 / 5000),
        ("rate 5kbit 20 100 -5", 2 * 95 * 8 / 5000),
        ("rate 5kbit -14 50", 100 * 8 / 5000),
        ("rate 5kbit 0", 0.16),
    ],
)
def test_overhead_and_cells_change_the_length_of_messages(line, seconds):
    model = one(line, 0.1, message_bits=800)
    assert model.transmission == pytest.approx(seconds / 0.1)


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
        ("reorder 25%", "delay"),
        ("distribution normal", "delay"),
        ("limit 0", "limit"),
        ("limit -5", "whole number"),
        ("rate 1kbit -100", "overheads"),
        ("rate 1kbit 0 -100", "whole number"),
        ("rate 1kbit 0 100 -100", "overheads"),
        ("loss -5%", "percentage"),
        ("delay -5ms", "time"),
        ("delay 10ms 5ms 0% 0%", "1 to 3"),
        ("loss 5% 0% 0%", "1 to 2"),
        ("loss 5% netem delay 10ms", "'netem'"),
        ("delay 2000s", "10000 rounds"),
        ("rate 1bit", "1000000 rounds"),
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
        netem(line, round_duration=0.1, message_bits=None if word == "message_bits" else 800)
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
    *("tc", "qdisc"),
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
