"""Known settings are the numbers of their sources."""

import numpy as np
import pytest

from failure_api.errors import FailureApiError
from failure_api.presets import darpa_subt, esp_now, jepsen, netem, uav_80211
from failure_api.testing import check_model
from helpers import off_diagonal, play

LINES = {
    "subt": lambda: darpa_subt(round_duration=0.1, message_bits=10_000),
    "subt, cave": lambda: darpa_subt("cave", round_duration=0.1, message_bits=200_000),
    "esp-now": lambda: esp_now(7, round_duration=0.02),
    "uav": uav_80211,
    "jepsen": lambda: jepsen("slow", "flaky", "bridge", "pause", round_duration=0.1),
    "netem": lambda: netem("delay 100ms 20ms loss gemodel 1% 10%", round_duration=0.05),
}


@pytest.mark.parametrize("make", LINES.values(), ids=LINES)
def test_every_model_of_a_preset_keeps_the_laws(make):
    for model in make():
        check_model(model, rounds=6)


def apart(*metres):
    """Returns positions of agents on a line."""
    return [[float(x), 0.0] for x in metres]


def share_up(models, metres, rounds=400):
    played = play(*models, rounds=rounds, agents=2, positions=[apart(0, metres)] * rounds)
    return played.arrived[..., 0, 1].mean()


def test_subt_reaches_through_a_tunnel_and_no_further():
    models = darpa_subt(round_duration=1.0, message_bits=1000)
    # 20 dBm - 40 dB - 25 log10(d) against -90 dBm: 15 dB are left at some 160 m.
    assert share_up(models, 50) == 1.0
    assert share_up(models, 400) < 0.5
    assert share_up(darpa_subt("cave", round_duration=1.0, message_bits=1000), 499) == 1.0
    assert share_up(darpa_subt("cave", round_duration=1.0, message_bits=1000), 501) == 0.0


def test_subt_counts_bits():
    *_, rate = darpa_subt(round_duration=1.0, message_bits=4_000_000)
    assert rate.max_bandwidth == 0.25


def test_subt_measures_in_metres():
    models = darpa_subt("cave", round_duration=1.0, message_bits=1000, metres_per_unit=100.0)
    assert share_up(models, 4.9) == 1.0
    assert share_up(models, 5.1) == 0.0


@pytest.mark.parametrize(("robots", "delivered"), [(3, 0.98), (5, 0.95), (7, 0.92)])
def test_esp_now_delivers_what_was_measured(robots, delivered):
    models = esp_now(robots, round_duration=0.1)
    # 4000 independent rounds: five standard deviations.
    tolerance = 5 * np.sqrt(delivered * (1 - delivered) / 4000)
    assert share_up(models, 8.9, rounds=4000) == pytest.approx(delivered, abs=tolerance)
    assert share_up(models, 9.1) == 0.0


def test_esp_now_is_late_by_its_latency():
    assert play(esp_now(7, round_duration=0.01)[2], rounds=6).delay.max() == 4


def test_aircraft_reach_some_three_hundred_metres():
    (radio,) = uav_80211()
    assert radio.reception_probability(100.0) > 0.95
    assert 0.5 < radio.reception_probability(300.0) < 0.9
    assert radio.reception_probability(1000.0) < 0.05


def test_jepsen_cuts_half_of_the_time():
    (cut,) = jepsen("halves", round_duration=1.0)
    bandwidth = off_diagonal(play(cut, rounds=2000, agents=5).bandwidth)
    whole = (bandwidth > 0).all(axis=-1)
    # Cuts of ten rounds leave some 100 of them in 2000 rounds: five standard deviations.
    assert whole.mean() == pytest.approx(0.5, abs=0.25)
    assert ((bandwidth == 0).sum(axis=-1)[~whole] == 12).all()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: esp_now(4, round_duration=0.1), "robots"),
        (lambda: esp_now(3, round_duration=0), "round_duration"),
        (lambda: darpa_subt("mine", round_duration=1, message_bits=1), "circuit"),
        (lambda: darpa_subt(round_duration=1, message_bits=0.5), "message_bits"),
        (lambda: darpa_subt(round_duration=1, message_bits=8, metres_per_unit=-1), "metres"),
        (lambda: jepsen("halfs", round_duration=1), "'halves'"),
        (lambda: jepsen("slow", round_duration=-1), "round_duration"),
        (lambda: jepsen("pause", round_duration=1, interval=0), "interval"),
        (lambda: uav_80211(metres_per_unit=float("nan")), "metres_per_unit"),
        (lambda: uav_80211(transmit_power="strong"), "transmit_power"),
    ],
)
def test_a_mistake_is_one_sentence(make, words):
    with pytest.raises(FailureApiError, match=words) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_robots_that_cannot_be_counted_are_one_sentence():
    with pytest.raises(FailureApiError, match="robots must be one of 3, 5, 7"):
        esp_now([3], round_duration=0.1)
