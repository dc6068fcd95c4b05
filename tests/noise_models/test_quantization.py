"""QuantizationModel: levels, errors, and what cannot be quantised."""

import numpy as np
import pytest
from noise_rounds import assert_mean, noisy

from failure_api.errors import InvalidArgumentError
from failure_api.noise_models import QuantizationModel
from failure_api.testing import check_noise_model
from helpers import assert_one_sentence

SPREAD = np.random.default_rng(0).uniform(-2.0, 3.0, (1, 10, 100_000))


@pytest.mark.parametrize(
    "model",
    [
        QuantizationModel(levels=2),
        QuantizationModel(bits=3),
        QuantizationModel(bits=24, low=-1.0, high=1.0),
        QuantizationModel(levels=7, rounding="stochastic"),
    ],
    ids=repr,
)
def test_the_laws_hold(model):
    check_noise_model(model)


def test_worked_values():
    content = np.array([[-0.2, 0.0, 0.1, 0.13, 0.6, 0.99, 7.0]])
    quarters = noisy(QuantizationModel(levels=5, low=0.0, high=1.0), content)
    assert quarters.tolist() == [[0.0, 0.0, 0.0, 0.25, 0.5, 1.0, 1.0]]
    one_bit = noisy(QuantizationModel(bits=1, low=0.0, high=1.0), content)
    assert one_bit.tolist() == [[0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0]]


def test_bits_make_as_many_levels():
    after = noisy(QuantizationModel(bits=4, low=-2.0, high=3.0), SPREAD)
    levels = np.unique(after)
    np.testing.assert_allclose(levels, np.linspace(-2.0, 3.0, 16))
    same = noisy(QuantizationModel(levels=16, low=-2.0, high=3.0), SPREAD)
    np.testing.assert_array_equal(same, after)


@pytest.mark.parametrize("levels", [8, 65, 256])
def test_the_error_is_uniform_over_a_step(levels):
    """Of content over whole steps: its square has mean d^2 / 12 and variance d^4 / 180.

    The half steps at both ends, from which all is rounded inwards, are left out.
    """
    step = 5.0 / (levels - 1)
    inside = (-2.0 + step / 2 < SPREAD) & (3.0 - step / 2 > SPREAD)
    errors = (noisy(QuantizationModel(levels=levels, low=-2.0, high=3.0), SPREAD) - SPREAD)[inside]
    assert np.abs(errors).max() <= step / 2 * (1 + 1e-9)
    assert_mean(errors, 0.0, step**2 / 12)
    assert_mean(errors**2, step**2 / 12, step**4 / 180)


def test_stochastic_rounding_is_right_in_the_mean_and_has_twice_the_variance():
    """With f uniform, (1 - f) f^2 + f (1 - f)^2 has mean 1/6; the fourth power has mean 1/10."""
    model = QuantizationModel(levels=9, low=-2.0, high=3.0, rounding="stochastic")
    step = 5.0 / 8
    errors = noisy(model, SPREAD) - SPREAD
    assert_mean(errors, 0.0, step**2 / 6)
    assert_mean(errors**2, step**2 / 6, step**4 * (1 / 10 - 1 / 36))
    place = 0.3
    after = noisy(model, np.full((10, 10_000), -2.0 + (4 + place) * step))
    upper = np.isclose(after, -2.0 + 5 * step)
    assert (upper | np.isclose(after, -2.0 + 4 * step)).all()
    assert_mean(upper, place, place * (1 - place))


@pytest.mark.parametrize("rounding", ["nearest", "stochastic"])
def test_what_is_on_a_level_stays_there(rounding):
    levels = np.linspace(-1.0, 1.0, 9, dtype=np.float32)[None, :]
    model = QuantizationModel(levels=9, low=-1.0, high=1.0, rounding=rounding)
    np.testing.assert_array_equal(noisy(model, levels), levels)


def test_each_entry_has_its_own_bounds_where_none_are_given():
    content = np.array([[0.4, 40.0, 3.0]])
    after = noisy(
        QuantizationModel(levels=3), content, low=[0.0, -100.0, 3.0], high=[1.0, 100.0, 3.0]
    )
    assert after.tolist() == [[0.5, 0.0, 3.0]]


def test_content_keeps_its_type():
    for dtype in (np.float32, np.float64):
        content = np.linspace(0, 1, 12, dtype=dtype).reshape(3, 4)
        assert noisy(QuantizationModel(bits=2), content, low=0.0, high=1.0).dtype == dtype


@pytest.mark.parametrize("low", [-np.inf, -3.4e38])
def test_entries_without_bounds_need_some(low):
    content = np.zeros((2, 3), dtype=np.float32)
    with pytest.raises(InvalidArgumentError, match="give both low= and high=") as caught:
        noisy(QuantizationModel(bits=8), content, low=[0.0, low, 0.0], high=1.0)
    assert_one_sentence(caught.value, "QuantizationModel.low")
    given = QuantizationModel(bits=8, low=-1.0, high=1.0)
    assert np.abs(noisy(given, content, low=low)).max() <= 1.0 / 255


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({}, "levels"),
        ({"levels": 4, "bits": 2}, "levels"),
        ({"levels": 1}, "levels"),
        ({"levels": 2.0}, "levels"),
        ({"levels": 2**24 + 1}, "levels"),
        ({"bits": 0}, "bits"),
        ({"bits": 25}, "bits"),
        ({"bits": True}, "bits"),
        ({"bits": 8, "low": 0.0}, "high"),
        ({"bits": 8, "high": 0.0}, "low"),
        ({"bits": 8, "low": 1.0, "high": 1.0}, "high"),
        ({"bits": 8, "low": float("nan"), "high": 1.0}, "low"),
        ({"bits": 8, "rounding": "stochastik"}, "rounding"),
    ],
)
def test_wrong_arguments_are_refused(arguments, word):
    with pytest.raises(InvalidArgumentError) as caught:
        QuantizationModel(**arguments)
    assert_one_sentence(caught.value, word)
