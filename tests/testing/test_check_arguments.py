"""The checks refuse arguments of their own like everything else does."""

from __future__ import annotations

import numpy as np
import pytest
from mpe2 import simple_spread_v3

from failure_api.communication_models import ProbabilisticModel
from failure_api.errors import InvalidArgumentError
from failure_api.noise_models import GaussianNoiseModel
from failure_api.testing import check_model, check_noise_model, check_wrapper
from helpers import assert_one_sentence

LOSS = ProbabilisticModel(failure_prob=0.5)
NOISE = GaussianNoiseModel(standard_deviation=0.1)
WRONG = [
    *(("agent_ids", value) for value in ({"a"}, "ab", None, 3, [], ["a", "a"], [["a"]])),
    *(("rounds", value) for value in (0, -1, 1.5, True, "2", None)),
    *(("seed", value) for value in (-1, 0.5, True, None)),
    *(("backends", value) for value in (["tensorflow"], 3, None, [None], {"torch"}, np.array(1))),
]


@pytest.mark.parametrize(("name", "value"), WRONG, ids=str)
def test_wrong_arguments_of_checks_of_models(name, value):
    for check, model in ((check_model, LOSS), (check_noise_model, NOISE)):
        with pytest.raises(InvalidArgumentError) as caught:
            check(model, **{name: value})
        assert_one_sentence(caught.value, name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("failure_models", value) for value in (np.array(0.5), {LOSS}, 0.5, [NOISE])),
        *(("noise_models", value) for value in (np.array(0.5), {NOISE}, 0.5, [LOSS])),
        *(("steps", value) for value in (0, True, 1.5)),
    ],
    ids=str,
)
def test_wrong_arguments_of_the_check_of_wrappers(name, value):
    with pytest.raises(InvalidArgumentError) as caught:
        check_wrapper(simple_spread_v3.parallel_env, **{name: value})
    assert_one_sentence(caught.value, name)


def test_agents_may_be_the_keys_of_a_mapping():
    check_model(LOSS, agent_ids={"b": 0, "a": 1}.keys(), rounds=2)
