"""Fading: the draws have the distribution that the closed forms say."""

import array_api_strict
import numpy as np
import pytest
from scipy import integrate, special, stats

from failure_api.communication_models.radio import Nakagami, Rayleigh, Rician
from failure_api.errors import InvalidArgumentError
from helpers import assert_one_sentence

KINDS = {
    "Rayleigh": Rayleigh(),
    "Rician without line of sight": Rician(k_factor=0.0),
    "Rician": Rician(k_factor=4.0),
    "Rician, hardly fading": Rician(k_factor=300.0),
    "Nakagami, deep": Nakagami(shape_parameter=0.5),
    "Nakagami": Nakagami(shape_parameter=1.5),
    "Nakagami, hardly fading": Nakagami(shape_parameter=200.0),
}
every_kind = pytest.mark.parametrize("fading", KINDS.values(), ids=KINDS)
UNIFORM = np.arange(2**20, dtype=np.float32) / np.float32(2**20)
"""Every 16th of the numbers that a stream draws."""


def power(fading, uniform=UNIFORM):
    return 10.0 ** (np.float64(fading.gain(fading.prepare(np), uniform, np)) / 10.0)


@every_kind
def test_the_share_below_any_power_is_the_closed_form(fading):
    """The draws are a grid, so that the distribution they give is exact but for the table."""
    drawn = power(fading)
    probed = np.quantile(drawn, np.linspace(0.001, 0.999, 301))
    share = np.searchsorted(np.sort(drawn), probed, side="right") / len(drawn)
    np.testing.assert_allclose(share, 1 - fading.survival(probed), atol=1.5e-4)


@every_kind
def test_the_mean_power_is_one(fading):
    assert power(fading).mean() == pytest.approx(1.0, abs=2e-5)


@every_kind
def test_a_greater_draw_is_a_greater_power_and_none_is_infinite(fading):
    ends = np.asarray([0.0, 2.0**-24, 0.5, 1.0 - 2.0**-23, 1.0 - 2.0**-24], dtype=np.float32)
    gains = fading.gain(fading.prepare(np), ends, np)
    assert gains.dtype == np.float32
    assert np.isfinite(gains).all()
    assert (np.diff(gains) >= 0).all()
    assert gains[0] < gains[-1]
    assert (np.diff(power(fading)) >= 0).all()


@every_kind
def test_it_runs_on_the_array_api_alone(fading):
    xp = array_api_strict
    grid = UNIFORM[:4096].reshape(4, 32, 32)
    strict = fading.gain(fading.prepare(xp), xp.asarray(grid), xp)
    np.testing.assert_array_equal(np.asarray(strict), fading.gain(fading.prepare(np), grid, np))


def test_tails_are_those_of_the_textbook():
    x = np.asarray([0.01, 0.5, 1.0, 3.0])
    np.testing.assert_allclose(Rayleigh().survival(x), np.exp(-x))
    np.testing.assert_allclose(Rician(k_factor=0.0).survival(x), np.exp(-x))
    np.testing.assert_allclose(Nakagami(shape_parameter=1.0).survival(x), np.exp(-x))
    np.testing.assert_allclose(
        Nakagami(shape_parameter=2.0).survival(x), np.exp(-2 * x) * (1 + 2 * x)
    )
    gamma = stats.gamma(1.5, scale=1 / 1.5)
    np.testing.assert_allclose(Nakagami(shape_parameter=1.5).survival(x), gamma.sf(x))


@pytest.mark.parametrize("k", [0.3, 5.0, 40.0])
@pytest.mark.parametrize("limit", [0.2, 1.0])
def test_rician_tails_are_integrals_of_the_bessel_density(k, limit):
    def density(x):
        root = 2 * np.sqrt(k * (1 + k) * x)
        return (1 + k) * np.exp(-k - (1 + k) * x + root) * special.ive(0, root)

    below = integrate.quad(density, 0, limit)[0]
    assert 1 - Rician(k_factor=k).survival(limit) == pytest.approx(below, abs=1e-8)


@pytest.mark.parametrize(
    ("argument", "make", "wrong"),
    [
        ("k_factor", lambda x: Rician(k_factor=x), -0.1),
        ("k_factor", lambda x: Rician(k_factor=x), np.nan),
        ("shape_parameter", lambda x: Nakagami(shape_parameter=x), 0.49),
        ("shape_parameter", lambda x: Nakagami(shape_parameter=x), np.inf),
        ("reciprocal", lambda x: Rayleigh(reciprocal=x), 1),
    ],
)
def test_wrong_parameters_are_refused(argument, make, wrong):
    with pytest.raises(InvalidArgumentError) as caught:
        make(wrong)
    assert_one_sentence(caught.value, argument)


@pytest.mark.parametrize("factor", [0.0, 1.0, 50.0, 200.0, 1000.0])
def test_the_survival_of_rician_power_is_known_in_both_tails(factor):
    survival = Rician(k_factor=factor).survival(np.geomspace(1e-30, 1e30, 2001))
    assert (np.diff(survival) <= 0).all()
    assert survival[0] == pytest.approx(1.0)
    assert survival[-1] == pytest.approx(0.0, abs=1e-15)
