"""CustomNoise: what the function gets, and what it may return."""

import array_api_strict
import numpy as np
import pytest
from noise_rounds import noise_context, noisy, play_noise

from failure_api.core import NumpyStream
from failure_api.errors import InvalidArgumentError, ModelError
from failure_api.noise_models import CustomNoise
from failure_api.testing import check_noise_model
from helpers import assert_one_sentence

CONTENT = np.random.default_rng(0).uniform(-1, 1, (3, 2, 4)).astype(np.float32)


def fade(content, context, random):
    xp = context.xp
    return content * xp.astype(random.uniform(context.shape), content.dtype)


def towards_the_middle(content, context, random):
    return 0.5 * content + 0.25 * (context.low + context.high)


def counts(content, context, random):
    return content + context.round


def test_the_laws_hold():
    check_noise_model(CustomNoise(function=fade))
    check_noise_model(CustomNoise(function=fade, agent_ids=["b"]))


def test_the_function_gets_content_context_and_a_stream():
    draws = NumpyStream(0).uniform(CONTENT.shape)
    np.testing.assert_array_equal(noisy(CustomNoise(function=fade), CONTENT), CONTENT * draws)
    middle = noisy(CustomNoise(function=towards_the_middle), CONTENT, low=1.0, high=3.0)
    np.testing.assert_allclose(middle, 0.5 * CONTENT + 1.0)
    _, after = play_noise(CustomNoise(function=counts), [CONTENT] * 3)
    np.testing.assert_allclose(after[2], CONTENT + 2)


def test_the_function_may_write_to_its_content():
    def erase(content, context, random):
        content[..., 0] = 0
        return content

    kept = CONTENT.copy()
    after = noisy(CustomNoise(function=erase), CONTENT)
    assert not after[..., 0].any()
    np.testing.assert_array_equal(after[..., 1:], kept[..., 1:])
    np.testing.assert_array_equal(CONTENT, kept)


@pytest.mark.parametrize(
    "result",
    [
        lambda content: None,
        lambda content: 0.0,
        lambda content: content.tolist(),
        lambda content: content[..., :1],
        lambda content: content[None],
        lambda content: content.astype(np.float64),
        lambda content: content.astype(np.int32),
        lambda content: content * np.nan,
        lambda content: content * np.inf,
    ],
)
def test_another_result_is_refused_in_a_sentence(result):
    model = CustomNoise(function=lambda content, context, random: result(content))
    with pytest.raises(ModelError, match=r"^CustomNoise\.function must return") as caught:
        noisy(model, CONTENT)
    assert_one_sentence(caught.value)


def test_numpy_in_another_namespace_is_refused_in_a_sentence():
    strict = array_api_strict.asarray(CONTENT)
    model = CustomNoise(function=lambda content, context, random: np.asarray(content))
    with pytest.raises(ModelError, match="must return") as caught:
        model.step((), (), strict, noise_context(strict, xp=array_api_strict), NumpyStream(0))
    assert_one_sentence(caught.value)


def test_content_that_is_not_finite_may_stay_so():
    content = np.array(CONTENT)
    content[0, 0, 0], content[1] = np.inf, np.nan
    arrived = [[True, True], [False, False], [True, True]]
    after = noisy(CustomNoise(function=fade), content, arrived=arrived)
    assert np.isinf(after[0, 0, 0])


def test_what_did_not_arrive_may_become_what_it_likes():
    def invert(content, context, random):
        with np.errstate(divide="ignore"):
            return 1 / content

    content = np.array(CONTENT)
    content[1] = 0.0
    arrived = [[True, True], [False, False], [True, True]]
    after = noisy(CustomNoise(function=invert), content, arrived=arrived)
    assert np.isinf(after[1]).all()
    with pytest.raises(ModelError, match="must return finite numbers"):
        noisy(CustomNoise(function=invert), content)


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        "noise",
        0.5,
        lambda: 0,
        lambda content: content,
        lambda content, random: content,
        lambda content, context, random, more: content,
        lambda content, *, context, random: content,
    ],
)
def test_what_cannot_be_called_so_is_refused(wrong):
    with pytest.raises(InvalidArgumentError) as caught:
        CustomNoise(function=wrong)
    assert_one_sentence(caught.value, "function")


def test_functions_with_defaults_or_any_arguments_are_accepted():
    CustomNoise(function=lambda content, context, random, strength=1.0: content)
    CustomNoise(function=lambda *arguments: arguments[0])
    # Written in C, and silent about its arguments.
    CustomNoise(function=max)
