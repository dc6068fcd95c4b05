"""Path loss: worked values, and finite losses however near the agents are."""

import numpy as np
import pytest

from failure_api.communication_models.radio import Friis, LogDistance, TwoRayGround
from failure_api.communication_models.radio.path_loss import SPEED_OF_LIGHT
from failure_api.errors import InvalidArgumentError
from helpers import assert_one_sentence

NS3_FREQUENCY = SPEED_OF_LIGHT / 0.125
"""The wavelength of ns-3's test vectors is 0.125 m."""

NS3_POWER = 0.05035702
"""In watts."""


def received(path_loss, distance):
    return NS3_POWER * 10 ** (-path_loss.loss(np.asarray(distance) ** 2, np) / 10)


def test_free_space_at_100_m():
    assert Friis(frequency=2.4e9).loss(np.asarray(1e4), np) == pytest.approx(80.0520, abs=5e-5)


@pytest.mark.parametrize(
    ("path_loss", "distance", "watts"),
    [
        (Friis(frequency=NS3_FREQUENCY), 100.0, 4.98265e-10),
        (Friis(frequency=NS3_FREQUENCY), 1000.0, 4.98265e-12),
        (TwoRayGround(frequency=NS3_FREQUENCY, height=1.5), 500.0, 4.07891862e-12),
        (TwoRayGround(frequency=NS3_FREQUENCY, height=1.5), 100.0, 4.98265e-10),
        (LogDistance(exponent=3.0, reference_loss=40.045997), 10.0, 4.98265e-9),
        (LogDistance(exponent=3.0, reference_loss=40.045997), 20.0, 6.22831e-10),
    ],
)
def test_powers_of_ns3(path_loss, distance, watts):
    assert received(path_loss, distance) == pytest.approx(watts, rel=2e-6)


def test_two_rays_cross_over_continuously():
    model = TwoRayGround(frequency=NS3_FREQUENCY, height=1.5)
    assert model.crossover_distance == pytest.approx(226.1947, abs=5e-5)
    free = Friis(frequency=NS3_FREQUENCY)
    for factor, steeper in ((0.999, False), (1.001, True)):
        square = np.asarray((factor * model.crossover_distance) ** 2)
        further = model.loss(square, np) - free.loss(square, np)
        assert (further > 1e-6) == steeper
        assert further == pytest.approx(0.0, abs=0.01)


def test_a_system_loss_is_a_loss():
    for kind in (Friis, TwoRayGround):
        for square in (0.0, 1e4, 1e8):
            lossy, sound = (
                kind(frequency=1e9, system_loss_db=loss).loss(np.asarray(square), np)
                for loss in (3.0, 0.0)
            )
            assert lossy - sound == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("path_loss", "least"),
    [(Friis(frequency=1e9), 0.0), (TwoRayGround(frequency=1e9), 0.0), (LogDistance(), 46.6777)],
)
def test_no_distance_amplifies(path_loss, least):
    squares = np.asarray([0.0, 1e-30, 1e-12, 1e-4, 1.0, 1e4, 1e12, 1e30], dtype=np.float32)
    losses = path_loss.loss(squares, np)
    assert losses.dtype == np.float32
    assert losses[0] == pytest.approx(least, abs=1e-4)
    assert (np.diff(losses) >= 0).all()
    assert np.isfinite(losses).all()


def test_the_loss_is_constant_within_the_reference_distance():
    model = LogDistance(exponent=4.0, reference_distance=10.0, reference_loss=50.0)
    losses = model.loss(np.asarray([0.0, 5.0, 10.0, 100.0]) ** 2, np)
    assert losses == pytest.approx([50.0, 50.0, 50.0, 90.0])


@pytest.mark.parametrize(
    ("argument", "make"),
    [
        ("frequency", lambda x: Friis(frequency=x)),
        ("frequency", lambda x: TwoRayGround(frequency=x)),
        ("height", lambda x: TwoRayGround(frequency=1e9, height=x)),
        ("exponent", lambda x: LogDistance(exponent=x)),
        ("reference_distance", lambda x: LogDistance(reference_distance=x)),
        ("reference_loss", lambda x: LogDistance(reference_loss=x)),
        ("system_loss_db", lambda x: Friis(frequency=1e9, system_loss_db=x)),
    ],
)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -1e3, 1e300, "1", None, [1.0], 10**400])
def test_wrong_numbers_are_refused(argument, make, value):
    with pytest.raises(InvalidArgumentError) as caught:
        make(value)
    assert_one_sentence(caught.value, argument)
