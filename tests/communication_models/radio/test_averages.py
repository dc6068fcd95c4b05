"""Means over fading and shadowing: worked values, and sums over random numbers."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import integrate, stats

from failure_api.communication_models import SignalBasedModel
from failure_api.communication_models.radio import (
    LogDistance,
    LogisticReception,
    LogNormalShadowing,
    Nakagami,
    NoiseFloor,
    PacketError,
    Rayleigh,
    SnrThreshold,
)
from failure_api.errors import InvalidArgumentError
from helpers import assert_one_sentence

SHADOWING = LogNormalShadowing(standard_deviation=6.0, decorrelation_distance=20.0)
BPSK = PacketError(modulation="bpsk", message_bits=200)


def test_worked_reception_probabilities():
    subt = SignalBasedModel(
        path_loss=LogDistance(exponent=2.5, reference_loss=40.0),
        noise_floor=-90.0,
        shadowing=LogNormalShadowing(standard_deviation=4.0, decorrelation_distance=10.0),
        reception=SnrThreshold(threshold=0.0),
    )
    assert subt.reception_probability(400.0) == pytest.approx(0.891980, abs=5e-7)
    free = LogDistance(reference_loss=0.0)
    bpsk = PacketError(modulation="bpsk", message_bits=1000)
    packets = SignalBasedModel(transmit_power=7.0, path_loss=free, noise_floor=0.0, reception=bpsk)
    assert 1 - packets.reception_probability(1.0) == pytest.approx(0.538362, abs=5e-7)
    threshold = replace(packets, reception=SnrThreshold(threshold=0.0))
    for fading, outage in (
        (Rayleigh(), 1 - math.exp(-(10**-0.7))),
        (Nakagami(shape_parameter=2), 1 - math.exp(-2 * 10**-0.7) * (1 + 2 * 10**-0.7)),
    ):
        found = replace(threshold, fading=fading).reception_probability(1.0)
        assert 1 - found == pytest.approx(outage, abs=1e-9)


@pytest.mark.parametrize("reception", [BPSK, LogisticReception(midpoint=6.0, sensitivity=-90.0)])
@pytest.mark.parametrize("fading", [None, Rayleigh(), Nakagami(shape_parameter=3.0)])
@pytest.mark.parametrize("shadowing", [None, SHADOWING])
def test_means_are_those_of_random_numbers(reception, fading, shadowing):
    """A million of them, by SciPy's formulas alone: known to 5e-4 by one standard error."""
    model = SignalBasedModel(reception=reception, fading=fading, shadowing=shadowing)
    generator = np.random.default_rng(0)
    signal = np.full(10**6, 20.0 - 46.6777 - 30 * math.log10(100.0))
    if shadowing is not None:
        signal += 6.0 * generator.normal(size=signal.size)
    if fading is not None:
        shape = getattr(fading, "shape_parameter", 1.0)
        signal += 10 * np.log10(generator.gamma(shape, 1 / shape, signal.size))
    read = reception.success(signal - NoiseFloor().dbm())
    if reception.sensitivity is not None:
        read = np.where(signal >= reception.sensitivity, read, 0.0)
    assert model.reception_probability(100.0) == pytest.approx(read.mean(), abs=2.5e-3)


def test_probabilities_take_the_form_of_distance_and_power():
    model = SignalBasedModel(fading=Rayleigh())
    assert isinstance(model.reception_probability(50), float)
    table = model.reception_probability(np.asarray([[0.0, 10.0], [100.0, 1e6]]))
    assert table.shape == (2, 2)
    assert (np.diff(table.ravel()) < 0).all()
    named = SignalBasedModel(fading=Rayleigh(), transmit_power={("a", "b"): 5.0})
    weak = SignalBasedModel(fading=Rayleigh(), transmit_power=5.0)
    assert named.reception_probability(80.0) == {("a", "b"): weak.reception_probability(80.0)}
    assert model.expected_loss() is None


@pytest.mark.parametrize("distance", [-1.0, np.nan, np.inf, "far", None, [1.0, -2.0]])
def test_wrong_distances_are_refused(distance):
    with pytest.raises(InvalidArgumentError) as caught:
        SignalBasedModel().reception_probability(distance)
    assert_one_sentence(caught.value, "distance")


def test_fading_and_shadowing_together_are_their_integral():
    """The chance that a Rayleigh signal over a threshold survives, averaged over the shadows."""
    model = SignalBasedModel(
        path_loss=LogDistance(reference_loss=0.0),
        transmit_power=5.0,
        noise_floor=0.0,
        reception=SnrThreshold(threshold=0.0),
        fading=Rayleigh(),
        shadowing=SHADOWING,
    )
    expected, _ = integrate.quad(
        lambda shadow: stats.norm(scale=6.0).pdf(shadow) * math.exp(-(10 ** (-(5 + shadow) / 10))),
        -48,
        48,
        epsabs=1e-10,
    )
    assert model.reception_probability(1.0) == pytest.approx(expected, abs=1e-7)
