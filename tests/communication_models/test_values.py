"""Models are values: frozen, compared, hashed, printed, replaced, pickled."""

import copy
import pickle
from dataclasses import FrozenInstanceError, fields, replace

import numpy as np
import pytest

from failure_api import communication_models
from failure_api.communication_models import (
    Chain,
    DelayBasedModel,
    DistanceModel,
    MatrixModel,
    ProbabilisticModel,
)
from failure_api.errors import InvalidArgumentError
from helpers import assert_same, play

TABLE = [[0.0, 0.25, 0.5], [0.75, 0.0, 1.0], [0.125, 0.5, 0.0]]
PAIR = ("agent_0", "agent_2")
MAKERS = {
    "number": lambda: ProbabilisticModel(failure_prob=0.25),
    "integer": lambda: ProbabilisticModel(failure_prob=1, max_bandwidth=2),
    "array": lambda: ProbabilisticModel(failure_prob=np.asarray(TABLE), max_bandwidth=TABLE),
    "mapping": lambda: ProbabilisticModel(failure_prob={PAIR: 0.5}),
    "scope": lambda: ProbabilisticModel(failure_prob=0.25, agent_ids=list(PAIR)),
    "matrix": lambda: MatrixModel(matrix=TABLE),
    "schedule": lambda: MatrixModel(matrix=[TABLE, TABLE], at_end="hold"),
    "distance": lambda: DistanceModel(distance_threshold=0.5, falloff="linear"),
    "distance array": lambda: DistanceModel(distance_threshold=np.asarray(TABLE) + 0.5),
    "distance mapping": lambda: DistanceModel(distance_threshold={PAIR: 0.5}, failure_prob=TABLE),
    "delay": lambda: DelayBasedModel(min_delay=1, max_delay=np.int64(3)),
    "delay array": lambda: DelayBasedModel(
        min_delay=0, max_delay=2, message_drop_probability=TABLE
    ),
}
MAKERS["chain"] = lambda: Chain(models=[MAKERS[name]() for name in list(MAKERS)[:-1]])
every_maker = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
POSITIONS = np.random.default_rng(0).random((10, 3, 2))


def outcome(model):
    return play(model, rounds=10, positions=POSITIONS)


@every_maker
def test_models_cannot_be_changed(make):
    model = make()
    for field in fields(model):
        with pytest.raises(FrozenInstanceError):
            setattr(model, field.name, 0.5)
        with pytest.raises((ValueError, TypeError)):
            getattr(model, field.name)[0] = 0.5


@every_maker
def test_equal_configurations_are_equal_models(make):
    assert make() == make()
    assert hash(make()) == hash(make())
    assert len({make(), make()}) == 1


def test_different_configurations_are_different_models():
    models = [make() for make in MAKERS.values()]
    assert len(set(models)) == len(models)


def test_zero_has_one_hash_whatever_its_sign():
    for zero, negative in (([[0, 0.0], [0, 0]], [[0, -0.0], [0, 0]]), (0.0, -0.0)):
        one = ProbabilisticModel(failure_prob=zero)
        other = ProbabilisticModel(failure_prob=negative)
        assert one == other
        assert hash(one) == hash(other)


@every_maker
def test_the_text_of_a_model_makes_the_model_again(make):
    again = eval(repr(make()), vars(communication_models).copy())
    assert again == make()
    assert repr(again) == repr(make())


def test_the_text_of_a_large_model_is_short():
    text = repr(ProbabilisticModel(failure_prob=np.full((500, 500), 0.5)))
    assert "(500, 500)" in text
    assert len(text) < 200


@every_maker
@pytest.mark.parametrize("travel", [copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))])
def test_models_travel(make, travel):
    model = make()
    other = travel(model)
    assert other == model
    assert hash(other) == hash(model)
    assert repr(other) == repr(model)
    assert_same(outcome(other), outcome(model))


@every_maker
def test_replacing_nothing_changes_nothing(make):
    assert replace(make()) == make()


@pytest.mark.parametrize(
    ("make", "changes"),
    [
        (MAKERS["number"], {"failure_prob": 1.5}),
        (MAKERS["array"], {"max_bandwidth": [[1, 2]]}),
        (MAKERS["mapping"], {"failure_prob": {PAIR: -1}}),
        (MAKERS["scope"], {"agent_ids": "agent_0"}),
        (MAKERS["matrix"], {"matrix": [1, 2]}),
        (MAKERS["schedule"], {"at_end": "stop"}),
        (MAKERS["distance"], {"distance_threshold": 0}),
        (MAKERS["distance"], {"falloff": "cubic"}),
        (MAKERS["delay"], {"max_delay": 0}),
        (MAKERS["chain"], {"models": [1]}),
    ],
)
def test_replacing_checks_again(make, changes):
    with pytest.raises(InvalidArgumentError):
        replace(make(), **changes)


def test_replacing_sweeps():
    model = ProbabilisticModel(failure_prob=TABLE, agent_ids=PAIR)
    swept = [replace(model, failure_prob=p) for p in (0.0, 0.5)]
    assert [each.failure_prob for each in swept] == [0.0, 0.5]
    assert all(each.agent_ids == PAIR for each in swept)


def test_what_the_caller_changes_afterwards_does_not_change_the_model():
    table, mapping, agent_ids = np.asarray(TABLE), {PAIR: 0.5}, list(PAIR)
    models = [
        ProbabilisticModel(failure_prob=table, max_bandwidth=mapping, agent_ids=agent_ids),
        MatrixModel(matrix=table),
        DistanceModel(distance_threshold=mapping, failure_prob=table),
        DelayBasedModel(min_delay=0, max_delay=1, message_drop_probability=table),
    ]
    listed = list(models)
    chain = Chain(models=listed)
    before, text = outcome(chain), repr(chain)
    table[...] = 1.0
    mapping[PAIR] = 0.125
    mapping["agent_1", "agent_0"] = 0.125
    agent_ids.append("agent_1")
    listed.clear()
    assert_same(outcome(chain), before)
    assert repr(chain) == text


@pytest.mark.parametrize("model", [ProbabilisticModel, MatrixModel, DistanceModel, DelayBasedModel])
def test_arguments_have_names(model):
    with pytest.raises(TypeError):
        model(0.5)
