"""What a chain knows of its models beforehand, and when it asks them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from failure_api.communication_models import (
    BandwidthModel,
    Chain,
    DelayBasedModel,
    DistanceModel,
    FourStateModel,
    GilbertElliottModel,
    JammingModel,
    MatrixModel,
    NodeFailureModel,
    PartitionModel,
    ProbabilisticModel,
    RandomizedModel,
    ScheduledModel,
    SharedMediumModel,
    SignalBasedModel,
    TraceModel,
)
from failure_api.communication_models.jamming import (
    BlockReception,
    FixedJammers,
    RaiseInterference,
)
from failure_api.communication_models.shared_medium import TDMA
from failure_api.core import Stage, Traits
from failure_api.core.queue import Queue
from failure_api.core.traits import Asked
from failure_api.errors import InvalidArgumentError
from failure_api.traces import Trace
from helpers import assert_one_sentence

SENT, ADMITTED, SERVED, ON_AIR = Stage
NAMES = ("a", "b")
LOSS = ProbabilisticModel(failure_prob=0.5)
NARROW = ProbabilisticModel(failure_prob=0.5, max_bandwidth=0.5)
SLOW = BandwidthModel(capacity=0.5)
WIDE = BandwidthModel(capacity=1.0)
MUTE = NodeFailureModel(mode="mute", mean_time_to_failure=5)
LATE = DelayBasedModel(max_delay=3)
EXPIRING = DelayBasedModel(max_delay=3, expiry=2)
FIFO = DelayBasedModel(max_delay=2, delivery="fifo")
MEDIUM = SharedMediumModel(protocol=TDMA())
RANGE = DistanceModel(distance_threshold=1.0)
RADIO = SignalBasedModel()
JAMMERS = FixedJammers(positions=[[0.0, 0.0]])
BLOCKING = JammingModel(jammers=JAMMERS, effect=BlockReception(radius=1.0))
JAMMER = JammingModel(jammers=JAMMERS, effect=RaiseInterference())
CUT = np.zeros((2, 2, 2))


def traced(**fields):
    return TraceModel(trace=Trace(agent_ids=NAMES, **fields))


STAGES = {
    MUTE: {SENT},
    replace(MUTE, mode="deaf"): {SENT},
    LOSS: {ADMITTED},
    NARROW: {ADMITTED, SERVED},
    GilbertElliottModel(p=0.1, r=0.1): {ADMITTED},
    FourStateModel(p13=0.1): {ADMITTED},
    SLOW: {SERVED},
    WIDE: {SERVED},
    MEDIUM: {SERVED},
    replace(RANGE, falloff="linear"): {SERVED, ON_AIR},
    MatrixModel(matrix=[[0, 0.5], [1, 0]]): {SERVED},
    traced(capacity=CUT): {SERVED},
    EXPIRING: {SERVED, ON_AIR},
    LATE: {ON_AIR},
    RANGE: {ON_AIR},
    MatrixModel(matrix=[[0, 2], [1, 0]]): {ON_AIR},
    traced(lost=CUT.astype(bool)): {ON_AIR},
    PartitionModel(pattern="halves"): {ON_AIR},
    RADIO: {ON_AIR},
    BLOCKING: {ON_AIR},
}


@pytest.mark.parametrize(("model", "stages"), STAGES.items(), ids=range(len(STAGES)))
def test_a_model_decides_in_its_stages_and_chance_on_the_air_where_no_queue_follows(model, stages):
    moved = stages - {ADMITTED} | ({ON_AIR} if ADMITTED in stages else set())
    for outer in (model, ScheduledModel(model=model), Chain(models=[model])):
        assert outer.traits.stages == stages
        if isinstance(outer, Chain):
            continue
        assert outer.stages("later") == stages
        assert outer.stages("passed") == moved


def test_what_a_combinator_holds_is_asked_in_the_stages_of_what_it_holds():
    drawn = RandomizedModel(model=NARROW, parameters={"failure_prob": (0.0, 1.0)})
    assert drawn.stages("later") == {ADMITTED, SERVED}
    both = ScheduledModel(model=Chain(models=[MUTE, SLOW, LOSS, LATE]))
    assert both.stages("here") == {SENT, SERVED, ON_AIR}
    assert both.stages("later") == {SENT, SERVED, ADMITTED, ON_AIR}


def asked(chain, stage):
    """Returns which models are asked in a stage, and where each sees the queue."""
    turns = chain.turns(Asked(stage, chain.queue_place))
    return [(turn.model, turn.asked.queue) for turn in turns]


def test_models_are_asked_stage_by_stage_in_the_order_of_the_list():
    chain = Chain(models=[RANGE, LOSS, MEDIUM, LATE, SLOW, NARROW, MUTE])
    assert asked(chain, SENT) == [(MUTE, "passed")]
    assert asked(chain, ADMITTED) == [(LOSS, "later")]
    assert asked(chain, SERVED) == [(MEDIUM, "later"), (SLOW, "here"), (NARROW, "passed")]
    assert asked(chain, ON_AIR) == [(RANGE, "later"), (LATE, "later"), (NARROW, "passed")]


def test_the_queue_stands_at_the_place_of_the_first_capacity():
    chain = Chain(models=[LOSS, WIDE, replace(LOSS, failure_prob=0.1), SLOW])
    assert asked(chain, ADMITTED) == [(LOSS, "later")]
    assert asked(chain, ON_AIR) == [(chain.parts[2], "passed")]
    # Where nothing ever waits there is no queue, and all chance is on the air.
    chain = Chain(models=[LOSS, WIDE])
    assert chain.queue is None
    assert asked(chain, ADMITTED) == []
    assert asked(chain, ON_AIR) == [(LOSS, "none")]


def test_without_capacities_all_are_asked_at_once_nodes_first():
    chain = Chain(models=[BLOCKING, LOSS, MUTE, LATE])
    assert not chain.in_stages
    assert [turn.model for turn in chain.turns(None)] == [MUTE, BLOCKING, LOSS, LATE]
    for models in ([SLOW], [NARROW], [MEDIUM], [ScheduledModel(model=Chain(models=[MUTE, LATE]))]):
        assert Chain(models=models).in_stages


def test_traits_of_several_models_become_one():
    late = Traits(stages={ON_AIR}, longest_delay=2, steady=True)
    queue = Queue(length=3)
    slow = Traits(stages={SERVED}, longest_delay=3, queue=queue, narrows=True, steady=True)
    both = Traits.combined([late, slow])
    assert both == Traits(
        stages={ON_AIR, SERVED}, longest_delay=5, queue=queue, narrows=True, steady=True
    )
    assert Traits.combined([slow, late]) == both
    assert Traits.combined([]) == Traits(stages=(), steady=True)
    for name in ("in_order", "expires", "positions", "hears_interference"):
        assert getattr(Traits.combined([late, Traits(**{name: True}), late]), name)
    # What one of them loses in other rounds alone makes the whole go by the round.
    assert not Traits.combined([late, Traits(steady=False)]).steady


def test_interference_is_raised_until_somebody_hears_it():
    raising, hearing = Traits(raises_interference=True), Traits(hears_interference=True)
    for models, raises in (
        ([raising], True),
        ([raising, hearing], False),
        ([raising, hearing, raising], True),
        ([hearing, raising], True),
        ([hearing], False),
    ):
        assert Traits.combined(models).raises_interference == raises
    assert Chain(models=[JAMMER, LOSS]).traits.raises_interference
    assert not Chain(models=[JAMMER, RADIO]).traits.raises_interference


def test_any_collection_of_stages_is_kept_as_a_set():
    for stages in ([SENT, ON_AIR], (ON_AIR, SENT), {SENT, ON_AIR}, iter([SENT, ON_AIR])):
        assert Traits(stages=stages) == Traits(stages=frozenset({SENT, ON_AIR}))
        assert hash(Traits(stages=[SENT])) == hash(Traits(stages={SENT}))


def test_traits_are_those_of_the_models_of_a_chain():
    chain = Chain(models=[LATE, FIFO, SLOW, EXPIRING, RANGE])
    traits = chain.traits
    assert traits.longest_delay == 3 + 2 + 2
    assert traits.queue == chain.queue == Queue(length=10)
    assert traits.in_order
    assert traits.expires
    assert traits.positions
    assert traits.narrows
    plain = Chain(models=[LOSS]).traits
    assert not any((plain.in_order, plain.expires, plain.positions, plain.narrows, plain.queue))


def test_queues_that_differ_are_refused_within_combinators_too():
    other = ScheduledModel(model=BandwidthModel(capacity=0.5, queue_length=4))
    for models in ([SLOW, other], [Chain(models=[SLOW]), Chain(models=[other])]):
        with pytest.raises(InvalidArgumentError) as caught:
            Chain(models=models)
        assert_one_sentence(caught.value, "queue_length", "4", "10")
