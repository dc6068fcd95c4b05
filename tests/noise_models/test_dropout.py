"""ElementDropoutModel: how much is lost, and what stands in its place."""

import numpy as np
import pytest
from noise_rounds import binomial, noisy, play_noise

from failure_api.errors import InvalidArgumentError
from failure_api.noise_models import ElementDropoutModel
from failure_api.testing import check_noise_model
from helpers import FALSE_ALARM, assert_one_sentence


@pytest.mark.parametrize("drop_prob", [0.0, 0.3, 1.0])
def test_the_laws_hold(drop_prob):
    check_noise_model(ElementDropoutModel(drop_prob=drop_prob, fill=-2.0))


@pytest.mark.parametrize("drop_prob", [0.01, 0.2, 0.9])
def test_entries_are_lost_independently(drop_prob):
    lost = noisy(ElementDropoutModel(drop_prob=drop_prob), np.ones((50, 20, 1000))) == 0
    assert binomial(lost, drop_prob) > FALSE_ALARM
    both = lost[..., 1:] & lost[..., :-1]
    # Every second pair, since neighbouring pairs have an entry in common.
    assert binomial(both[..., ::2], drop_prob**2) > FALSE_ALARM


def test_what_is_lost_is_filled_and_the_rest_is_as_it_was():
    content = np.random.default_rng(0).random((5, 5, 30)).astype(np.float32)
    content[0, 0, 0] = np.inf
    after = noisy(ElementDropoutModel(drop_prob=0.5, fill=-7.0), content)
    lost = after == -7.0
    assert 0 < lost.sum() < lost.size
    np.testing.assert_array_equal(after[~lost], content[~lost])
    everything = noisy(ElementDropoutModel(drop_prob=1.0), content)
    np.testing.assert_array_equal(everything, np.zeros_like(content))


def test_what_is_lost_at_a_probability_is_lost_at_a_greater_one():
    content = np.ones((10, 4, 4, 6))
    lost = [play_noise(ElementDropoutModel(drop_prob=p), content)[1] == 0 for p in (0.2, 0.5)]
    assert not (lost[0] & ~lost[1]).any()
    assert (lost[1] & ~lost[0]).any()


@pytest.mark.parametrize("wrong", [-0.1, 1.1, float("nan"), None, "half", [0.5]])
def test_what_is_no_probability_is_refused(wrong):
    with pytest.raises(InvalidArgumentError) as caught:
        ElementDropoutModel(drop_prob=wrong)
    assert_one_sentence(caught.value, "drop_prob")
