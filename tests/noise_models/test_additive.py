"""Additive noise beside its distributions; each statistical test has a false alarm of 1e-6."""

import array_api_strict
import numpy as np
import pytest
from noise_rounds import assert_mean, noise_context, noisy, play_noise
from scipy import stats

from failure_api.core import NumpyStream
from failure_api.errors import InvalidArgumentError
from failure_api.noise_models import GaussianNoiseModel, LaplacianNoiseModel, UniformNoiseModel
from failure_api.testing import check_noise_model
from helpers import FALSE_ALARM, assert_one_sentence, label

ZEROS = np.zeros((50, 20, 1000))
MODELS = [
    GaussianNoiseModel(standard_deviation=0.5, mean=-1.0),
    GaussianNoiseModel(standard_deviation=0.5, agent_ids=["a", "c"]),
    LaplacianNoiseModel(scale=2.0, mean=0.25),
    UniformNoiseModel(low=-0.5, high=2.0),
    UniformNoiseModel(low=0.0, high=0.0),
]


@pytest.mark.parametrize("model", MODELS, ids=label)
def test_the_laws_hold(model):
    check_noise_model(model)


@pytest.mark.parametrize(
    ("model", "law"),
    [
        (GaussianNoiseModel(standard_deviation=0.5, mean=-1.0), stats.norm(-1.0, 0.5)),
        (LaplacianNoiseModel(scale=2.0, mean=0.25), stats.laplace(0.25, 2.0)),
        (UniformNoiseModel(low=-0.5, high=2.0), stats.uniform(-0.5, 2.5)),
    ],
    ids=label,
)
def test_a_million_errors_follow_the_distribution(model, law):
    errors = noisy(model, ZEROS)
    assert stats.kstest(errors.ravel()[:100_000], law.cdf).pvalue > FALSE_ALARM
    fourth = float(law.stats("k")) + 3.0
    assert_mean(errors, law.mean(), law.var())
    assert_mean((errors - law.mean()) ** 2, law.var(), (fourth - 1.0) * law.var() ** 2)


def test_the_sum_of_squares_of_gaussian_errors_has_a_chi_square_distribution():
    errors = noisy(GaussianNoiseModel(standard_deviation=3.0), ZEROS)
    total, law = ((errors / 3.0) ** 2).sum(), stats.chi2(errors.size)
    assert min(law.cdf(total), law.sf(total)) > FALSE_ALARM / 2


def test_the_mean_absolute_deviation_of_laplacian_errors_is_the_scale():
    """Absolute errors are exponential, and their sum has a gamma distribution."""
    errors = noisy(LaplacianNoiseModel(scale=0.7), ZEROS)
    total, law = np.abs(errors / 0.7).sum(), stats.gamma(errors.size)
    assert min(law.cdf(total), law.sf(total)) > FALSE_ALARM / 2


class Given(NumpyStream):
    """A stream that draws what a test wrote down."""

    def uniform(self, shape):
        return np.broadcast_to(np.float32(self.draw), shape)


@pytest.mark.parametrize(("draw", "mirrored"), [(0.0, 1 - 2**-24), (0.25, 0.75 - 2**-24)])
def test_laplacian_noise_is_symmetric_and_finite_to_the_last_draw(draw, mirrored):
    errors, content = [], np.zeros((2, 3), dtype=np.float32)
    for u in (draw, mirrored):
        random = Given(0)
        random.draw = u
        model = LaplacianNoiseModel(scale=1.0)
        errors.append(model.step((), (), content, noise_context(content), random)[1][0, 0])
    assert errors[0] == -errors[1] < 0
    exact = np.log(2.0 * (draw + 2.0**-25))
    assert errors[0] == pytest.approx(exact, rel=1e-6)


def test_uniform_noise_stays_within_its_bounds():
    errors = noisy(UniformNoiseModel(low=-0.5, high=2.0), ZEROS)
    assert errors.min() >= -0.5
    assert errors.max() <= 2.0


@pytest.mark.parametrize(
    "make",
    [
        lambda s: GaussianNoiseModel(standard_deviation=s),
        lambda s: LaplacianNoiseModel(scale=s),
        lambda s: UniformNoiseModel(low=-s, high=s),
    ],
)
def test_more_noise_scales_the_same_draws(make):
    content = np.zeros((3, 4, 5))
    one, four = (play_noise(make(s), [content] * 3)[1] for s in (1.0, 4.0))
    np.testing.assert_allclose(four, 4 * one, rtol=1e-6)
    assert np.unique(one).size == one.size
    nothing = noisy(make(0.0), content + 0.1)
    np.testing.assert_array_equal(nothing, content + 0.1)


def test_strict_arrays_get_the_same_noise():
    content = np.ones((3, 4), dtype=np.float32)
    strict = array_api_strict.asarray(content)
    for model in MODELS:
        if model.agent_ids is None:
            context = noise_context(strict, xp=array_api_strict)
            after = model.step((), (), strict, context, NumpyStream(0, xp=array_api_strict))[1]
            np.testing.assert_array_equal(np.asarray(after), noisy(model, content))


@pytest.mark.parametrize("wrong", [-1, -1e-9, float("nan"), float("inf"), 1e31, "0.1", None, [1]])
@pytest.mark.parametrize(
    ("model", "argument"),
    [(GaussianNoiseModel, "standard_deviation"), (LaplacianNoiseModel, "scale")],
)
def test_what_is_no_size_is_refused(model, argument, wrong):
    with pytest.raises(InvalidArgumentError) as caught:
        model(**{argument: wrong})
    assert_one_sentence(caught.value, argument)


def test_bounds_in_the_wrong_order_are_refused():
    with pytest.raises(InvalidArgumentError, match=r"at least low=1\.0") as caught:
        UniformNoiseModel(low=1.0, high=0.5)
    assert_one_sentence(caught.value, "high")
