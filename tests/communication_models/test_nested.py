"""Models that run other models: as deep as they may be they are values, and deeper is refused."""

import copy
import pickle

import pytest

from failure_api.catalogue import from_dict, from_yaml, to_dict, to_yaml
from failure_api.communication_models import (
    Chain,
    ProbabilisticModel,
    RandomizedModel,
    ScheduledModel,
)
from failure_api.communication_models.nested import DEEPEST
from failure_api.communication_models.randomized import Uniform
from failure_api.errors import InvalidArgumentError
from failure_api.testing import check_model
from helpers import assert_one_sentence, assert_same, play

NAMES = {
    each.__name__: each
    for each in (Chain, ProbabilisticModel, RandomizedModel, ScheduledModel, Uniform)
}
"""What the text of a model speaks of."""

LOSS = ProbabilisticModel(failure_prob=0.5)


def scheduled(model):
    return ScheduledModel(model=model, severity=0.99)


def in_a_chain(model):
    return ScheduledModel(model=Chain(models=[LOSS, Chain(models={"inner": model})]))


def randomized(model):
    return RandomizedModel(model=scheduled(model), parameters={"severity": (0.5, 1.0)})


WAYS = {"one in another": (scheduled, 1), "chains": (in_a_chain, 1), "drawn": (randomized, 2)}
every_way = pytest.mark.parametrize(("wrap", "each"), WAYS.values(), ids=WAYS)


def nested(wrap, times):
    model = LOSS
    for _ in range(times):
        model = wrap(model)
    return model


@every_way
def test_as_deep_as_models_may_be_they_are_values(wrap, each):
    model = nested(wrap, DEEPEST // each)
    assert model.depth == DEEPEST
    assert pickle.loads(pickle.dumps(model)) == copy.deepcopy(model) == model
    assert hash(pickle.loads(pickle.dumps(model))) == hash(model)
    assert eval(repr(model), NAMES) == model
    assert from_dict(to_dict(model)) == model
    assert from_yaml(to_yaml(model)) == model
    assert_same(play(eval(repr(model), NAMES), rounds=3), play(model, rounds=3))


@pytest.mark.sampled(1)
@every_way
def test_the_laws_hold_deep_down(wrap, each):
    check_model(nested(wrap, DEEPEST // each), rounds=3)


@every_way
@pytest.mark.parametrize("times", [DEEPEST + 1, 300])
def test_deeper_models_are_one_sentence(wrap, each, times):
    with pytest.raises(InvalidArgumentError) as caught:
        nested(wrap, times)
    assert_one_sentence(caught.value, "model", f"at most {DEEPEST}", f"{DEEPEST + 1} was given")


def test_a_chain_of_many_is_not_deep():
    assert ScheduledModel(model=Chain(models=[scheduled(LOSS)] * 300)).depth == 2
    deep = nested(in_a_chain, DEEPEST)
    assert len(Chain(models=[deep, Chain(models=[deep])]).parts) == 2
    with pytest.raises(InvalidArgumentError):
        ScheduledModel(model=Chain(models=[LOSS, deep]))
