"""Reception, modulation and the noise floor: worked values, and tables that keep to them."""

import math

import array_api_strict
import numpy as np
import pytest

from failure_api.communication_models.radio import (
    LogisticReception,
    NoiseFloor,
    PacketError,
    SnrThreshold,
    SubtPacketError,
)
from failure_api.communication_models.radio.reception import bit_error_rate
from failure_api.errors import InvalidArgumentError
from helpers import assert_one_sentence

KINDS = [
    SnrThreshold(threshold=3.0),
    LogisticReception(midpoint=-2.0, slope=0.7),
    LogisticReception(midpoint=4.0, slope=1000.0),
    PacketError(modulation="bpsk"),
    PacketError(modulation="qpsk", message_bits=12_000),
    PacketError(modulation="802.15.4", message_bits=1),
    PacketError(modulation="802.15.4", message_bits=10**6),
    SubtPacketError(),
    SubtPacketError(message_bits=10**6),
]
every_kind = pytest.mark.parametrize("reception", KINDS, ids=str)


def test_bit_and_packet_errors_of_bpsk():
    assert bit_error_rate("bpsk", 10**0.7) == pytest.approx(7.72675e-4, rel=1e-6)
    reception = PacketError(modulation="bpsk", message_bits=1000)
    assert 1 - reception.success(7.0) == pytest.approx(0.538362, abs=5e-7)


@pytest.mark.parametrize("decibels", [-5.0, 0.0, 6.0, 9.0, 12.0])
@pytest.mark.parametrize(("bits", "length"), [(1, 1), (8, 1), (9, 2), (8000, 1000)])
def test_packet_errors_of_the_subt_simulator_count_bytes(decibels, bits, length):
    wrong = math.erfc(math.sqrt(10 ** (decibels / 10)))
    reception = SubtPacketError(message_bits=bits)
    assert reception.success(decibels) == pytest.approx((1 - wrong) ** length, rel=1e-9)


def test_the_subt_simulator_reads_more_than_qpsk_does():
    ratios = np.linspace(5, 14, 10)
    qpsk = PacketError(modulation="qpsk", message_bits=8000).success(ratios)
    assert (SubtPacketError(message_bits=8000).success(ratios) >= qpsk).all()


@pytest.mark.parametrize(("decibels", "rate"), [(2.0, 5.13e-7), (-4.0, 0.0391), (-7.0, 0.175)])
def test_bit_errors_of_zigbee_are_those_of_ns3(decibels, rate):
    assert bit_error_rate("802.15.4", 10 ** (decibels / 10)) == pytest.approx(rate, rel=3e-3)


@pytest.mark.parametrize("modulation", ["bpsk", "qpsk", "802.15.4"])
def test_half_of_the_bits_are_wrong_without_a_signal(modulation):
    rates = bit_error_rate(modulation, np.asarray([0.0, 1e-3, 1.0, 100.0, 1e30]))
    assert rates[0] == pytest.approx(0.5)
    assert (np.diff(rates) <= 0).all()
    assert rates[-1] == 0.0


@every_kind
def test_what_is_looked_up_is_the_formula(reception):
    ratios = np.linspace(-40, 40, 20_001).astype(np.float32)
    ratios = ratios[np.abs(ratios - 3.0) > 1e-5]
    found = reception.probability(reception.prepare(np), ratios, np)
    assert found.dtype == np.float32
    expected = reception.success(ratios.astype(np.float64))
    # The steepest has its whole rise within rounding errors of float32.
    tolerance = 2e-3 if getattr(reception, "slope", 1.0) == 1000.0 else 2e-4
    np.testing.assert_allclose(found, expected, atol=tolerance)
    assert (np.diff(found) >= 0).all()


@every_kind
def test_it_holds_at_any_ratio(reception):
    extremes = np.asarray([-np.inf, -1e30, -400.0, 400.0, 1e30, np.inf], dtype=np.float32)
    found = reception.probability(reception.prepare(np), extremes, np)
    lowest = reception.success(np.asarray(-300.0))
    np.testing.assert_allclose(found, [lowest] * 3 + [1.0] * 3, atol=1e-6)


@every_kind
def test_it_runs_on_the_array_api_alone(reception):
    xp = array_api_strict
    ratios = np.linspace(-20, 20, 24, dtype=np.float32).reshape(2, 3, 4)
    strict = reception.probability(reception.prepare(xp), xp.asarray(ratios), xp)
    expected = reception.probability(reception.prepare(np), ratios, np)
    np.testing.assert_array_equal(np.asarray(strict), expected)


def test_noise_floors():
    assert NoiseFloor().dbm() == pytest.approx(-93.965, abs=5e-4)
    assert NoiseFloor(noise_figure=0.0, bandwidth=1.0).dbm() == pytest.approx(-173.975, abs=5e-4)
    warmer = NoiseFloor(temperature=580.0).dbm() - NoiseFloor().dbm()
    assert warmer == pytest.approx(10 * np.log10(2))


@pytest.mark.parametrize(
    ("argument", "make", "wrong"),
    [
        ("bandwidth", lambda x: NoiseFloor(bandwidth=x), 0.0),
        ("temperature", lambda x: NoiseFloor(temperature=x), np.nan),
        ("noise_figure", lambda x: NoiseFloor(noise_figure=x), -1.0),
        ("threshold", lambda x: SnrThreshold(threshold=x), np.inf),
        ("sensitivity", lambda x: SnrThreshold(sensitivity=x), "low"),
        ("slope", lambda x: LogisticReception(midpoint=0.0, slope=x), 0.0),
        ("midpoint", lambda x: LogisticReception(midpoint=x), None),
        ("modulation", lambda x: PacketError(modulation=x), "bspk"),
        ("message_bits", lambda x: PacketError(modulation="bpsk", message_bits=x), 1.5),
    ],
)
def test_wrong_parameters_are_refused(argument, make, wrong):
    with pytest.raises(InvalidArgumentError) as caught:
        make(wrong)
    assert_one_sentence(caught.value, argument)
