"""Parts: how many may hold each other, and that those which may are values like others."""

import copy
import pickle

import pytest

from failure_api.communication_models import ProbabilisticModel, RandomizedModel
from failure_api.communication_models.randomized import Descending, Milder, Uniform
from failure_api.core.parameters.component import DEEPEST
from failure_api.errors import InvalidArgumentError
from failure_api.testing import check_model
from helpers import assert_one_sentence


def nested(depth):
    part = Uniform(0.0, 0.5)
    for level in range(depth - 1):
        part = Descending(part) if level % 2 else Milder(part, 0.9)
    return part


def test_parts_within_parts_are_values_up_to_a_depth():
    deep = nested(DEEPEST)
    assert pickle.loads(pickle.dumps(deep)) == copy.deepcopy(deep) == deep
    assert eval(repr(deep)) == deep
    assert hash(eval(repr(deep))) == hash(deep)
    # A severity holds the distribution in one part more.
    drawn = {"failure_prob": nested(DEEPEST - 1)}
    check_model(RandomizedModel(model=ProbabilisticModel(failure_prob=0.0), parameters=drawn))


@pytest.mark.parametrize("depth", [DEEPEST + 1, 300])
def test_deeper_parts_are_one_sentence(depth):
    with pytest.raises(InvalidArgumentError) as caught:
        nested(depth)
    assert_one_sentence(caught.value, "distribution", f"at most {DEEPEST}", f"{DEEPEST + 1} was")
