"""Known settings are the numbers of their sources."""

import numpy as np
import pytest
from scipy.special import erfc

from failure_api.communication_models import RateLimitModel
from failure_api.communication_models.radio import IndependentShadowing, SubtPacketError
from failure_api.errors import FailureApiError
from failure_api.presets import darpa_subt, esp_now, jepsen, netem, uav_80211
from failure_api.testing import check_model
from helpers import off_diagonal, play

LINES = {
    "subt, as simulated": lambda: darpa_subt(
        round_duration=0.1, message_bits=100_000, as_simulated=True
    ),
    "subt": lambda: darpa_subt(round_duration=0.1, message_bits=10_000),
    "subt, cave": lambda: darpa_subt("cave", round_duration=0.1, message_bits=200_000),
    "esp-now": lambda: esp_now(7, round_duration=0.02),
    "uav": uav_80211,
    "jepsen": lambda: jepsen("slow", "flaky", "bridge", "pause", round_duration=0.1),
    "netem": lambda: netem("delay 100ms 20ms loss gemodel 1% 10%", round_duration=0.05),
}


@pytest.mark.sampled(6)
@pytest.mark.parametrize("make", LINES.values(), ids=LINES)
def test_every_model_of_a_preset_keeps_the_laws(make):
    for model in make():
        check_model(model, rounds=6)


def apart(*metres):
    """Returns positions of agents on a line."""
    return [[float(x), 0.0] for x in metres]


def share_up(models, metres, rounds=400):
    positions = np.tile(apart(0, metres), (rounds, 1, 1))
    played = play(*models, rounds=rounds, agents=2, positions=positions)
    return played.arrived[..., 0, 1].mean()


def test_subt_reaches_through_a_tunnel_and_no_further():
    models = darpa_subt(round_duration=1.0, message_bits=1000)
    # 20 dBm - 40 dB - 25 log10(d) against -90 dBm: 15 dB are left at some 160 m.
    assert share_up(models, 50) == 1.0
    assert share_up(models, 400) < 0.5
    assert share_up(darpa_subt("cave", round_duration=1.0, message_bits=1000), 499) == 1.0
    assert share_up(darpa_subt("cave", round_duration=1.0, message_bits=1000), 501) == 0.0


@pytest.mark.parametrize(
    ("seconds", "bits", "messages", "window"),
    [
        (0.1, 200_000, 5, 10),
        (0.3, 300_000, 3, 4),
        (1.0, 1_000_000, 1, 1),
        (5.0, 1000, 1000, 1),
        (0.1, 1_000_001, 0, 10),
    ],
)
def test_subt_counts_bits_in_a_second(seconds, bits, messages, window):
    for simulated, count in ((False, "sender"), (True, "both")):
        *_, rate = darpa_subt(round_duration=seconds, message_bits=bits, as_simulated=simulated)
        assert rate == RateLimitModel(messages=messages, window=window, count=count)


def near(models, agents, rounds):
    """Returns what arrives between agents that stand beside each other, `[rounds, N, N]`."""
    return play(*models, rounds=rounds, agents=agents, positions=np.zeros((rounds, agents, 2)))


def test_in_subt_every_destination_counts_against_the_sender():
    models = darpa_subt(round_duration=0.1, message_bits=200_000)
    arrived = near(models, agents=4, rounds=20).arrived
    # Five messages a second: three to the others, then two of three, then none until a second on.
    sent = arrived.sum(axis=-1)
    assert sent[:, 0].tolist() == sent[:, 3].tolist() == [3, 2, *[0] * 8] * 2
    assert arrived[1, 0].tolist() == [False, True, True, False]


def test_in_subt_what_is_out_of_reach_counts_against_the_sender_all_the_same():
    models = darpa_subt("cave", round_duration=0.1, message_bits=200_000)
    places = [apart(0, 501, 1)] * 20
    arrived = play(*models, rounds=20, agents=3, positions=places).arrived
    # To the first of them two rounds and one half are spent in vain.
    assert not arrived[:, 0, 1].any()
    assert arrived[:, 0, 2].sum() == 4


def test_as_simulated_receivers_read_no_more_than_their_second_has():
    options = {"round_duration": 0.1, "message_bits": 100_000}
    free = near(darpa_subt(**options), agents=5, rounds=40).arrived
    bound = near(darpa_subt(**options, as_simulated=True), agents=5, rounds=40).arrived
    windows = [
        np.lib.stride_tricks.sliding_window_view(each.sum(axis=1), 10, axis=0).sum(axis=-1)
        for each in (free, bound)
    ]
    assert windows[0].max() > 10
    assert windows[1].max() == 10


def test_as_simulated_errors_count_bytes_and_shadowing_is_drawn_for_every_message():
    options = {"round_duration": 1.0, "message_bits": 8000}
    _, plain, _ = darpa_subt(**options)
    _, simulated, _ = darpa_subt(**options, as_simulated=True)
    assert simulated.reception == SubtPacketError(message_bits=8000)
    assert simulated.shadowing == IndependentShadowing(standard_deviation=10**0.5)
    assert plain.path_loss == simulated.path_loss
    # 20 dBm - 40 dB - 25 log10(d) + N(0, 10) against -90 dBm, by summing up.
    shadows = np.linspace(-6, 6, 4001)
    weights = np.exp(-0.5 * shadows**2)
    ratio = 10 ** ((70 - 25 * np.log10(260.0) + 10**0.5 * shadows) / 10)
    expected = ((1 - erfc(np.sqrt(ratio))) ** 1000 * weights).sum() / weights.sum()
    assert 0.2 < expected < 0.8
    assert simulated.reception_probability(260.0) == pytest.approx(expected, abs=1e-4)
    models = darpa_subt(**options, as_simulated=True)
    # 4000 independent rounds of agents that stand still: five standard deviations.
    tolerance = 5 * np.sqrt(expected * (1 - expected) / 4000)
    assert share_up(models, 260.0, rounds=4000) == pytest.approx(expected, abs=tolerance)


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
    up = off_diagonal(play(cut, rounds=2000, agents=5).up)
    whole = up.all(axis=-1)
    # Cuts of ten rounds leave some 100 of them in 2000 rounds: five standard deviations.
    assert whole.mean() == pytest.approx(0.5, abs=0.25)
    assert ((~up).sum(axis=-1)[~whole] == 12).all()


def test_a_pause_of_jepsen_stops_one_set_of_nodes_and_resumes_all_of_them():
    (pause,) = jepsen("pause", round_duration=1.0)
    assert pause.mean_time_to_failure == pause.mean_time_to_repair == 10.0
    played = play(pause, rounds=4000, agents=5)
    sends = played.sends.any(axis=-1)
    paused = ~sends
    some = paused.any(axis=-1)
    # While a pause lasts it takes the same agents, and after it everyone goes on.
    lasts = some[1:] & some[:-1]
    np.testing.assert_array_equal(paused[1:][lasts], paused[:-1][lasts])
    begins = some[1:] & ~some[:-1]
    assert set(paused[1:][begins].sum(axis=-1)) == {1, 2, 3, 4, 5}
    assert len(np.unique(paused[1:][begins], axis=0)) > 20
    # Ten rounds to a pause and ten to its end, some 200 of them: five standard deviations.
    assert some.mean() == pytest.approx(0.5, abs=0.18)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: esp_now(4, round_duration=0.1), "robots"),
        (lambda: esp_now(3, round_duration=0), "round_duration"),
        (lambda: darpa_subt("mine", round_duration=1, message_bits=1), "circuit"),
        (lambda: darpa_subt(round_duration=1, message_bits=0.5), "message_bits"),
        (lambda: darpa_subt(round_duration=1, message_bits=8, metres_per_unit=-1), "metres"),
        (lambda: darpa_subt(round_duration=1, message_bits=8, as_simulated="yes"), "as_simulated"),
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
