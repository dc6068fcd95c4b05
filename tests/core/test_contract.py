"""What chains and channels refuse: what models may not write, share or take, and bad arguments."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import array_api_strict
import numpy as np
import pytest

from failure_api.communication_models import (
    BandwidthModel,
    DelayBasedModel,
    NodeFailureModel,
    ProbabilisticModel,
    RandomizedModel,
    ScheduledModel,
    SharedMediumModel,
)
from failure_api.communication_models.delay import UniformDelay
from failure_api.communication_models.shared_medium import TDMA
from failure_api.core import Chain, Channel, CommunicationModel, Links, NumpyStream, Stage, Traits
from failure_api.core.channel import MOST_BYTES
from failure_api.core.contract import check_links, check_state, first_field, state_and_links
from failure_api.core.noise_chain import NoiseChain
from failure_api.core.queue import Queue
from failure_api.errors import InvalidArgumentError, ModelError
from helpers import assert_one_sentence, context_of, label, play

TYPES = {"capacity": "float32", "noise": "float32", "interference": "float32"}
TYPES |= {"delay": "int32", "expiry": "int32"}
ALONE = {stage: first_field([stage]) for stage in Stage}


def written(field, xp=np, shape=(3, 3)):
    """Returns links with one field more than those that were given."""
    links = Links(sends=xp.ones(shape, dtype=xp.bool))
    value = xp.zeros(shape, dtype=getattr(xp, TYPES.get(field, "bool")))
    return links, links._replace(**{field: value})


# What a model may write


@pytest.mark.parametrize("stage", Stage, ids=lambda stage: stage.name)
@pytest.mark.parametrize("field", Links._fields)
def test_a_model_writes_fields_of_its_stage_and_of_later_ones_alone(stage, field):
    links, worse = written(field)
    allowed = {
        Stage.SENT: True,
        Stage.ADMITTED: field not in ("sends", "capacity", "rejected"),
        Stage.SERVED: field != "sends",
        Stage.ON_AIR: field not in ("sends", "capacity", "rejected"),
    }[stage]
    for xp in (np, array_api_strict):
        links, worse = written(field, xp)
        if allowed:
            check_links("Mine", worse, links, ALONE[stage], context_of(xp=xp))
            continue
        with pytest.raises(ModelError) as caught:
            check_links("Mine", worse, links, ALONE[stage], context_of(xp=xp))
        assert_one_sentence(caught.value, "Mine", field, "decided before", "earlier stage")


def test_of_several_stages_the_earliest_says_what_may_be_written():
    for stages in itertools.combinations(Stage, 2):
        assert first_field(stages) == min(ALONE[stage] for stage in stages)
    assert first_field([]) == len(Links._fields)


@dataclass(frozen=True, kw_only=True)
class Late(CommunicationModel):
    """Silences everyone at a stage that comes after that."""

    stage: Stage

    @property
    def traits(self):
        return Traits(stages={self.stage})

    def step(self, parameters, state, links, context, random):
        return state, links.silence(context.xp.ones(context.shape, dtype=context.xp.bool))


@pytest.mark.parametrize("stage", [Stage.ADMITTED, Stage.SERVED, Stage.ON_AIR])
@pytest.mark.parametrize("others", [[], [BandwidthModel(capacity=0.5)]], ids=["alone", "queue"])
def test_a_channel_refuses_a_model_that_writes_what_is_decided_before(stage, others):
    with pytest.raises(ModelError) as caught:
        play(*others, Late(stage=stage), agents=2)
    assert_one_sentence(caught.value, "Late", "sends", "traits")


def test_a_model_within_others_is_named_and_refused_too():
    for outer in (
        ScheduledModel(model=Late(stage=Stage.ON_AIR)),
        Chain(models=[Chain(models=[Late(stage=Stage.ON_AIR)])]),
    ):
        with pytest.raises(ModelError) as caught:
            play(outer, agents=2)
        assert_one_sentence(caught.value, "Late", "sends")
    assert play(Late(stage=Stage.SENT), agents=2).sends.sum() == 0


@pytest.mark.parametrize("field", Links._fields)
@pytest.mark.parametrize("wrong", ["shape", "type", "list", "number"])
@pytest.mark.parametrize("xp", [np, array_api_strict], ids=lambda xp: xp.__name__)
def test_a_field_has_the_shape_and_the_type_that_links_have(field, wrong, xp):
    links, worse = written(field, xp)
    value = getattr(worse, field)
    value = {
        "shape": value[0, ...],
        "type": xp.zeros((3, 3), dtype=xp.float64),
        "list": [[0, 0, 0]] * 3,
        "number": 0,
    }[wrong]
    with pytest.raises(ModelError) as caught:
        check_links("Mine", links._replace(**{field: value}), links, 0, context_of(xp=xp))
    assert_one_sentence(caught.value, "Mine.step", field, "(3, 3)")


@pytest.mark.parametrize("field", Links._fields)
def test_nothing_that_was_said_is_taken_back(field):
    _, links = written(field)
    with pytest.raises(ModelError) as caught:
        check_links("Mine", links._replace(**{field: None}), links, 0, context_of())
    assert_one_sentence(caught.value, "Mine.step", field, "None")


@pytest.mark.parametrize(
    "result", [None, Links(sends=1), (1, 2, 3), [1, 2], (Links(1), 1)], ids=str
)
def test_a_step_returns_a_pair(result):
    with pytest.raises(ModelError, match="must return the pair"):
        state_and_links("Mine", result)


def test_a_state_begins_with_the_batch():
    context = context_of(batch=(2,))
    for state in (np.zeros(3), (np.zeros((2, 3)), {"one": np.zeros(())})):
        with pytest.raises(ModelError) as caught:
            check_state("Mine", state, context)
        assert_one_sentence(caught.value, "Mine.init", "(2,)")
    check_state("Mine", (np.zeros((2, 3)), (), {"one": np.zeros(2)}), context)


# What the capacity models of a chain share


FIRST = BandwidthModel(capacity=0.5, queue_length=4, max_wait=9)
OTHERS = {
    "queue_length": BandwidthModel(capacity=0.7, queue_length=5, max_wait=9),
    "max_wait": BandwidthModel(capacity=0.7, queue_length=4),
    "drop": BandwidthModel(capacity=0.7, queue_length=4, max_wait=9, drop="newest_first"),
}


@pytest.mark.parametrize("argument", OTHERS)
def test_capacity_models_that_want_queues_of_their_own_are_refused(argument):
    other = OTHERS[argument]
    chains = [
        [FIRST, other],
        [FIRST, ProbabilisticModel(failure_prob=0.5), other],
        [FIRST, Chain(models=[other])],
        [FIRST, ScheduledModel(model=other, stop=5)],
        [RandomizedModel(model=FIRST, parameters={"capacity": (0.2, 0.5)}), other],
    ]
    for models in chains:
        with pytest.raises(InvalidArgumentError) as caught:
            Chain(models=models)
        value = getattr(other, argument)
        assert str(caught.value).startswith(argument)
        assert_one_sentence(
            caught.value, argument, "share one queue", repr(value), repr(getattr(FIRST, argument))
        )


def test_capacity_models_that_agree_share_one_queue():
    chain = Chain(models=[FIRST, BandwidthModel(capacity=0.7, queue_length=4, max_wait=9)])
    assert chain.queue == Queue(length=4, max_wait=9)
    # A shared medium has no queue of its own.
    assert Chain(models=[FIRST, SharedMediumModel(protocol=TDMA())]).queue == chain.queue


# What a channel may take


def delays(longest):
    return DelayBasedModel(max_delay=longest, distribution=UniformDelay(low=0, high=1))


@pytest.mark.parametrize(
    ("models", "places", "words"),
    [
        # A ring each of when it was made and of how many; with queues one more of when it left.
        ([delays(9)], 2 * 10, ("delays of up to 9 rounds",)),
        ([BandwidthModel(capacity=0.5, queue_length=30)], 30, ("queues of 30 messages",)),
        (
            [BandwidthModel(capacity=0.5, queue_length=30, max_wait=4), delays(9)],
            3 * 10 + 5,
            ("queues of 5 messages", "delays of up to 9 rounds"),
        ),
        ([BandwidthModel(capacity=0.5, queue_length=30, drop="newest_first")], 2, ("queues of 2",)),
    ],
)
def test_more_than_a_gibibyte_is_refused_before_it_is_taken(models, places, words):
    channel = Channel(chain=Chain(models=models))
    links = MOST_BYTES // (4 * places)
    channel.check_memory((links, 1, 1))
    channel.check_memory((links - 1, 1, 1), content=4 * places)
    for shape, content in (((links + 1, 1, 1), 0), ((links, 1, 1), 4 * places)):
        with pytest.raises(InvalidArgumentError) as caught:
            channel.check_memory(shape, content)
        assert_one_sentence(caught.value, "failure_models", "1 GiB", "among 1 agents", *words)


def test_an_episode_that_would_take_too_much_does_not_begin():
    channel = Channel(chain=Chain(models=[delays(10_000)]))
    context = context_of(agents=150)
    with pytest.raises(InvalidArgumentError) as caught:
        channel.init(channel.prepare(context), context, NumpyStream(0))
    assert_one_sentence(caught.value, "delays of up to 10000 rounds", "among 150 agents")


def test_content_alone_may_be_too_much():
    with pytest.raises(InvalidArgumentError) as caught:
        Channel(chain=Chain(models=[])).check_memory((3, 3), content=MOST_BYTES + 1)
    assert_one_sentence(caught.value, "messages among 3 agents")


# Arguments


CHANNEL = Channel(chain=Chain(models=[ProbabilisticModel(failure_prob=0.5)]))
CONTEXT, STREAM = context_of(), NumpyStream(0)
PARAMETERS = CHANNEL.prepare(CONTEXT)
STATE = CHANNEL.init(PARAMETERS, CONTEXT, STREAM)
FOREIGN = [None, 0, (), [], {}, "state", np.zeros(3)]


@pytest.mark.parametrize("state", [*FOREIGN, tuple(STATE), STATE.models], ids=label)
def test_a_step_without_a_state_is_refused(state):
    with pytest.raises(InvalidArgumentError) as caught:
        CHANNEL.step(PARAMETERS, state, CONTEXT, STREAM)
    assert_one_sentence(caught.value, "state", "init or step")


@pytest.mark.parametrize("parameters", [*FOREIGN, PARAMETERS * 2, list(PARAMETERS)], ids=label)
def test_parameters_that_nobody_prepared_are_refused(parameters):
    for call in (
        lambda: CHANNEL.init(parameters, CONTEXT, STREAM),
        lambda: CHANNEL.step(parameters, STATE, CONTEXT, STREAM),
    ):
        with pytest.raises(InvalidArgumentError) as caught:
            call()
        assert_one_sentence(caught.value, "parameters", "prepare")


@pytest.mark.parametrize("chain", [None, [], ProbabilisticModel(failure_prob=0.5), 3], ids=label)
def test_a_channel_has_a_chain(chain):
    with pytest.raises(InvalidArgumentError) as caught:
        Channel(chain=chain)
    assert_one_sentence(caught.value, "chain")


LOSS = ProbabilisticModel(failure_prob=0.5)
NO_LISTS = [np.array(0.5), np.float64(0.5), 0.5, "loss", b"loss", None, ..., object, LOSS.step]


@pytest.mark.parametrize("models", NO_LISTS, ids=label)
def test_what_holds_no_models_is_no_chain(models):
    for chain, argument in ((Chain, "failure_models"), (NoiseChain, "noise_models")):
        with pytest.raises(InvalidArgumentError) as caught:
            chain(models=models)
        assert_one_sentence(caught.value, argument)


def test_a_set_of_models_has_no_order():
    """Whose random numbers are whose would change from process to process."""
    for models in ({LOSS}, frozenset([LOSS, NodeFailureModel(mode="mute", schedule={})])):
        for chain, argument in ((Chain, "failure_models"), (NoiseChain, "noise_models")):
            with pytest.raises(InvalidArgumentError) as caught:
                chain(models=models)
            assert_one_sentence(caught.value, argument, "order", "set")


def test_what_a_generator_of_models_raises_is_for_its_author_to_see():
    def models():
        yield LOSS
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        Chain(models=models())
    assert Chain(models=(LOSS for _ in range(2))).parts == (LOSS, LOSS)


@pytest.mark.parametrize("name", [np.ones(2), None, 3, [LOSS], "los"], ids=label)
def test_a_model_is_found_by_its_name_alone(name):
    with pytest.raises(InvalidArgumentError) as caught:
        Chain(models={"loss": LOSS})[name]
    assert_one_sentence(caught.value, "name")
