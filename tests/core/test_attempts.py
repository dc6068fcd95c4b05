"""Further attempts in a round: what the models carry is the same, and chance is drawn anew."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

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
    BurstyJamming,
    Detection,
    FixedJammers,
    RaiseInterference,
    RandomJamming,
)
from failure_api.communication_models.partition import CutAtRandom
from failure_api.communication_models.radio import LogNormalShadowing, SnrThreshold
from failure_api.communication_models.shared_medium import TDMA
from failure_api.core import Links, NumpyStream, Stage
from failure_api.core.traits import Asked
from failure_api.traces import Trace
from helpers import FALSE_ALARM, context_of, off_diagonal

AGENTS, ROUNDS, ATTEMPTS = 4, 60, 4
WALK = np.cumsum(np.random.default_rng(0).normal(size=(ROUNDS, AGENTS, 2)), axis=0)


def tried(*models, attempts=ATTEMPTS):
    """Returns the links of each round and attempt, arrays `[rounds, attempts, N * (N - 1)]`."""
    chain = Chain(models=models)
    stream, found = NumpyStream(0), []
    for number in range(ROUNDS):
        context = context_of(AGENTS, positions=WALK[number], number=number)
        if number == 0:
            parameters = chain.prepare(context)
            state = chain.init(parameters, context, stream)
        sends = ~np.eye(AGENTS, dtype=bool)
        given = Links(sends=sends)
        following, first = chain.step(parameters, state, given, context, stream)
        round_of = [first]
        for attempt in range(1, attempts):
            again = NumpyStream(1).child("attempt", 1000 * number + attempt)
            again_links = chain.attempt(parameters, state, following, given, context, again)
            assert isinstance(again_links, Links)
            round_of.append(again_links)
        found.append(round_of)
        state = following
    return Links(
        *(
            None
            if any(getattr(links, name) is None for one in found for links in one)
            else np.stack([[off_diagonal(getattr(links, name)) for links in one] for one in found])
            for name in Links._fields
        )
    )


IID = ProbabilisticModel(failure_prob=0.5)
BURSTS = GilbertElliottModel(p=0.3, r=0.4)
STATES = FourStateModel(p13=0.2, p31=0.3, p32=0.3, p23=0.4, p14=0.2)
NODES = NodeFailureModel(mode="crash", mean_time_to_failure=5, mean_time_to_repair=3)
CUT = PartitionModel(
    pattern="halves",
    shuffle=True,
    switching=CutAtRandom(mean_time_to_partition=4, mean_time_to_heal=3),
)
JAMMERS = FixedJammers(positions=[[0.0, 0.0], [3.0, 3.0]])
BLOCK = BlockReception(radius=2.0)
SHADOWED = SignalBasedModel(
    shadowing=LogNormalShadowing(standard_deviation=9.0, decorrelation_distance=20.0),
    reception=SnrThreshold(threshold=20.0),
    metres_per_unit=20.0,
)
SOMETIMES = np.random.default_rng(1).random((7, AGENTS, AGENTS)) < 0.4
TRACE = Trace(agent_ids=context_of(AGENTS).agent_ids, lost=SOMETIMES)

DECIDED = {
    "bursts": BURSTS,
    "bursts upside down": GilbertElliottModel(p=0.3, r=0.4, loss_good=1.0, loss_bad=0.0),
    "four states": STATES,
    "crashes": NODES,
    "a cut": CUT,
    "a cut on both sides": PartitionModel(pattern="majorities_ring", switching=CUT.switching),
    "range": DistanceModel(distance_threshold=4.0),
    "topology": MatrixModel(matrix=~SOMETIMES),
    "trace": TraceModel(trace=TRACE),
    "jammers": JammingModel(
        jammers=JAMMERS, effect=BLOCK, pattern=RandomJamming(probability=0.5), budget=20
    ),
    "reactive jammers": JammingModel(
        jammers=JAMMERS, effect=BLOCK, detection=Detection(radius=3.0, probability=0.5)
    ),
    "interference": Chain(
        models=[
            JammingModel(
                jammers=JAMMERS,
                effect=RaiseInterference(transmit_power=10.0, metres_per_unit=20.0),
                pattern=BurstyJamming(mean_on=3.0, mean_off=3.0),
            ),
            SignalBasedModel(metres_per_unit=20.0),
        ]
    ),
    "shadowing": SHADOWED,
    "a window": ScheduledModel(model=ProbabilisticModel(failure_prob=1.0), stop=3, period=7),
    "some rounds": ScheduledModel(model=ProbabilisticModel(failure_prob=1.0), severity=0.5),
    "bursts in some rounds": ScheduledModel(model=BURSTS, severity=0.5),
    "drawn bursts": RandomizedModel(model=BURSTS, parameters={"p": (0.1, 0.5)}),
    "confined bursts": GilbertElliottModel(p=0.3, r=0.4, agent_ids=["agent_0", "agent_2"]),
}
every_state = pytest.mark.parametrize("model", DECIDED.values(), ids=DECIDED)


@pytest.mark.sampled(16)
@every_state
def test_what_a_state_decides_is_the_same_in_every_attempt(model):
    links = tried(model)
    decided = 0
    for name, array in links._asdict().items():
        if array is None:
            continue
        for attempt in range(1, ATTEMPTS):
            np.testing.assert_array_equal(array[:, attempt], array[:, 0], err_msg=name)
        if array.dtype == bool:
            decided += 0 < array.mean() < 1
    assert decided > 0


@pytest.mark.sampled(8)
@every_state
def test_the_first_attempt_is_the_step_and_further_ones_move_nothing(model):
    """With five further attempts in each round, and with none, every round is the same."""
    alone, among = tried(model, IID, attempts=1), tried(model, IID, attempts=6)
    for name, array in alone._asdict().items():
        if array is None:
            assert getattr(among, name) is None
        else:
            np.testing.assert_array_equal(array[:, 0], getattr(among, name)[:, 0], err_msg=name)


def independent(lost, probability, tests):
    assert stats.binomtest(int(lost.sum()), lost.size, probability).pvalue > FALSE_ALARM / tests


@pytest.mark.parametrize("attempts", [1, 2, 3, 5])
@pytest.mark.parametrize("probability", [0.3, 0.7])
def test_independent_losses_lose_p_to_the_k_of_k_attempts(attempts, probability):
    lost = tried(ProbabilisticModel(failure_prob=probability), attempts=attempts).lost
    independent(lost.all(axis=1), probability**attempts, 8)
    for first, second in ((0, 1), (1, attempts - 1)):
        if first < second < attempts:
            both = lost[:, first] & lost[:, second]
            independent(both, probability**2, 8)


def test_a_bad_link_loses_every_attempt_and_a_good_one_none():
    lost = tried(BURSTS).lost
    assert (lost.all(axis=1) | ~lost.any(axis=1)).all()
    # Losses that the state makes likelier are drawn anew under it.
    faint = tried(GilbertElliottModel(p=0.3, r=0.4, loss_bad=0.6)).lost
    bad = lost[:, 0]
    assert not faint.any(axis=1)[~bad].any()
    for attempt in range(ATTEMPTS):
        independent(faint[:, attempt][bad], 0.6, 5)
    independent(faint.all(axis=1)[bad], 0.6**ATTEMPTS, 5)


def test_a_message_by_chance_is_delayed_and_read_anew():
    delays = tried(DelayBasedModel(max_delay=9)).delay
    assert set(np.unique(delays)) == set(range(10))
    same = (delays[:, 1] == delays[:, 0]).sum()
    assert stats.binomtest(int(same), delays[:, 0].size, 0.1).pvalue > FALSE_ALARM
    near = tried(DistanceModel(distance_threshold=4.0, failure_prob=0.5)).lost
    beyond = tried(DistanceModel(distance_threshold=4.0)).lost[:, 0]
    assert near.all(axis=1)[beyond].all()
    independent(near.all(axis=1)[~beyond], 0.5**ATTEMPTS, 1)


def test_in_a_window_chance_is_drawn_anew_where_the_model_acts():
    acts = tried(ScheduledModel(model=ProbabilisticModel(failure_prob=1.0), severity=0.5)).lost
    lost = tried(ScheduledModel(model=IID, severity=0.5)).lost
    acts = acts[:, 0]
    assert not lost.any(axis=1)[~acts].any()
    independent(lost.all(axis=1)[acts], 0.5**ATTEMPTS, 1)


def test_what_has_left_a_queue_is_tried_again_on_the_air_alone():
    """Admission, capacity and turns are decided before; loss after the queue is drawn anew."""
    before = ProbabilisticModel(failure_prob=1.0)
    models = (before, SharedMediumModel(protocol=TDMA()), BandwidthModel(capacity=0.5), IID)
    chain, stream = Chain(models=models), NumpyStream(0)
    assert chain.queue is not None
    context = context_of(AGENTS)._replace(asked=Asked(Stage.ON_AIR, chain.queue_place))
    parameters = chain.prepare(context)
    state = chain.init(parameters, context, stream)
    given = Links(
        sends=np.eye(AGENTS, dtype=bool),
        capacity=np.full((AGENTS, AGENTS), 0.5, dtype=np.float32),
        rejected=np.ones((AGENTS, AGENTS), dtype=bool),
    )
    following, first = chain.step(parameters, state, given, context, stream)
    tries = [
        chain.attempt(
            parameters, state, following, given, context, NumpyStream(1).child("attempt", attempt)
        )
        for attempt in range(60)
    ]
    for links in (first, *tries):
        others = links._replace(lost=None)
        assert all(one is other for one, other in zip(others, given, strict=True))
    lost = np.stack([off_diagonal(links.lost) for links in tries])
    assert not lost.all(axis=0).any()
    independent(lost, 0.5, 1)
