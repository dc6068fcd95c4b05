"""ScheduledModel: windows, periods, ramps and severities of another model."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from failure_api.communication_models import (
    BandwidthModel,
    Chain,
    DelayBasedModel,
    DistanceModel,
    GilbertElliottModel,
    MatrixModel,
    NodeFailureModel,
    ProbabilisticModel,
    ScheduledModel,
)
from failure_api.core import Channel, CommunicationModel, Links, NumpyStream, Stage, Traits
from failure_api.core.links import NEVER
from failure_api.core.queue import Queue
from failure_api.errors import InvalidArgumentError, ModelError
from failure_api.testing import check_model
from helpers import Scripted, assert_one_sentence, assert_same, context_of, off_diagonal, play

OUTAGE = ProbabilisticModel(failure_prob=1.0)
LOSSY = ProbabilisticModel(failure_prob=0.5)
LATE = DelayBasedModel(min_delay=1, max_delay=3, message_drop_probability=0.2)
NEAR = DistanceModel(distance_threshold=0.5)
QUEUE = Queue(length=3, max_wait=4)
TABLE = np.asarray([[0.0, 0.2, 0.5], [0.1, 0.0, 0.9], [1.0, 0.0, 0.0]])
MODELS = {
    "always": ScheduledModel(model=LOSSY),
    "window": ScheduledModel(model=LOSSY, start=3, stop=9),
    "periodic ramp": ScheduledModel(model=LOSSY, start=1, stop=6, period=7, ramp=3),
    "severity": ScheduledModel(model=LATE, severity=0.5, start=2),
    "table": ScheduledModel(model=LATE, severity=TABLE, ramp=10),
    "mapping": ScheduledModel(model=OUTAGE, severity={("a", "b"): 0.5}),
    "bursts": ScheduledModel(model=GilbertElliottModel(p=0.2, r=0.2), period=4, stop=2),
    "positions": ScheduledModel(model=NEAR, severity=0.7),
    "narrow": ScheduledModel(model=replace(LOSSY, max_bandwidth=0.5), period=2, start=1),
    "chain": ScheduledModel(model=Chain(models={"loss": LOSSY, "delay": LATE}), stop=9),
    "nested": ScheduledModel(model=ScheduledModel(model=LATE, period=3, stop=2), severity=0.5),
    "scoped": ScheduledModel(model=LATE, stop=5, agent_ids=["a", "b"]),
    "inner scoped": ScheduledModel(model=replace(LATE, agent_ids=["a", "b"]), severity=0.5),
}


@dataclass(frozen=True, kw_only=True)
class Disturbing(CommunicationModel):
    """Raises interference, and queues what waits."""

    whole: bool = False

    @property
    def traits(self):
        return Traits(narrows=not self.whole, queue=QUEUE)

    def step(self, parameters, state, links, context, random):
        power = context.xp.full(context.shape, 2.0, dtype=context.xp.float32)
        old = links.interference
        return state, links._replace(interference=power if old is None else old + power)

    def expected_loss(self):
        return 0.5


def down_rounds(model, rounds=20):
    """Returns the rounds in which every link is down; in the others every link is up."""
    lost = off_diagonal(play(model, rounds=rounds).lost)
    assert (lost.all(axis=1) | ~lost.any(axis=1)).all()
    return np.flatnonzero(lost[:, 0]).tolist()


@pytest.mark.sampled(2)
@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_it_keeps_the_laws(model):
    check_model(model)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, range(20)),
        ({"start": 15}, range(15, 20)),
        ({"stop": 3}, range(3)),
        ({"start": 4, "stop": 6}, [4, 5]),
        ({"period": 8, "start": 6}, [6, 7, 14, 15]),
        ({"period": 8, "stop": 1}, [0, 8, 16]),
        ({"period": 5, "start": 2, "stop": 3}, [2, 7, 12, 17]),
        ({"period": 1}, range(20)),
        ({"severity": 0.0}, []),
        ({"start": 2, "stop": 4, "ramp": 1}, [3]),
    ],
    ids=str,
)
def test_the_window_opens_and_closes_on_the_round(options, expected):
    assert down_rounds(ScheduledModel(model=OUTAGE, **options)) == list(expected)


def test_windows_within_windows_act_where_both_are_open():
    inner = ScheduledModel(model=OUTAGE, period=4, stop=2)
    assert down_rounds(ScheduledModel(model=inner, start=5, stop=14)) == [5, 8, 9, 12, 13]


def test_severity_rises_linearly_from_0():
    """Each share is that of 20,000 links; the tolerance is 6 standard deviations."""
    model = ScheduledModel(model=OUTAGE, start=2, stop=9, ramp=4, severity=0.8)
    lost = off_diagonal(play(model, rounds=11, agents=5, batch=(1000,)).lost)
    shares = lost.mean(axis=(1, 2))
    expected = 0.8 * np.asarray([0, 0, 0, 0.25, 0.5, 0.75, 1, 1, 1, 0, 0])
    np.testing.assert_allclose(shares, expected, atol=6 * 0.5 / np.sqrt(20_000))
    assert (shares[[0, 1, 2, 9, 10]] == 0).all()


def test_a_ramp_longer_than_its_window_starts_anew_in_each_period():
    model = ScheduledModel(model=OUTAGE, period=5, stop=3, ramp=4)
    lost = off_diagonal(play(model, rounds=10, agents=5, batch=(1000,)).lost)
    expected = [0, 0.25, 0.5, 0, 0] * 2
    np.testing.assert_allclose(lost.mean(axis=(1, 2)), expected, atol=0.022)


@settings(max_examples=30, deadline=None)
@given(st.floats(0, 1), st.floats(0, 1), st.integers(0, 5))
def test_what_fails_at_a_severity_fails_at_a_greater_one(one, other, ramp):
    mild, severe = (
        off_diagonal(
            play(ScheduledModel(model=LOSSY, severity=severity, ramp=ramp), rounds=30).lost
        )
        for severity in sorted((one, other))
    )
    assert (severe >= mild).all()


def test_the_severity_may_differ_by_link():
    severity = {("agent_0", "agent_1"): 1.0, ("agent_1", "agent_2"): 0.5}
    up = (~play(ScheduledModel(model=OUTAGE, severity=severity), rounds=200).lost).mean(axis=0)
    assert up[0, 1] == 0
    assert up[1, 2] == pytest.approx(0.5, abs=0.2)
    assert off_diagonal(up).sum() == pytest.approx(4 + up[1, 2])


UNSAID = {"sends": True, "capacity": np.inf, "lost": False, "delay": 0, "hears": True}
INNER = {
    "loss": LOSSY,
    "bursts": GilbertElliottModel(p=0.1, r=0.2),
    "delay": LATE,
    "matrix": MatrixModel(matrix=TABLE),
    "nodes": NodeFailureModel(mode="crash", mean_time_to_failure=4, mean_time_to_repair=3),
}


@pytest.mark.parametrize("inner", INNER.values(), ids=INNER)
@pytest.mark.parametrize("severity", [1.0, 0.6])
def test_the_other_model_goes_on_whatever_the_window(inner, severity):
    """What it does in the window is what it would have done there with no window at all."""
    always = play(ScheduledModel(model=inner, severity=severity), rounds=30)
    window = play(ScheduledModel(model=inner, severity=severity, start=10, stop=20), rounds=30)
    outside, said = np.r_[:10, 20:30], False
    for name, unsaid in UNSAID.items():
        inside, whole = getattr(window, name), getattr(always, name)
        if whole is None:
            assert inside is None
        if whole is None or (name == "sends" and always.capacity is not None):
            # What a narrow link carries depends on what it has carried before.
            continue
        inside, whole = off_diagonal(inside), off_diagonal(whole)
        np.testing.assert_array_equal(inside[10:20], whole[10:20])
        assert (inside[outside] == unsaid).all()
        said = said or (inside[10:20] != unsaid).any()
    assert said


def test_the_other_model_draws_from_the_stream_of_its_name():
    context, given_links = context_of(4), Links(sends=np.ones((4, 4), dtype=bool))
    scheduled = ScheduledModel(model=LOSSY)
    mine, own = NumpyStream(5), NumpyStream(5).child("ProbabilisticModel")
    outer, inner = scheduled.prepare(context), LOSSY.prepare(context)
    state, other = scheduled.init(outer, context, mine), LOSSY.init(inner, context, own)
    for _ in range(3):
        state, links = scheduled.step(outer, state, given_links, context, mine)
        other, expected = LOSSY.step(inner, other, given_links, context, own)
        np.testing.assert_array_equal(links.lost, expected.lost)


def test_each_of_several_models_keeps_its_stream_when_another_joins():
    both = Chain(models=[LOSSY, GilbertElliottModel(p=0.1, r=0.2)])
    alone, together = (play(ScheduledModel(model=model), rounds=30).lost for model in (LOSSY, both))
    assert (together >= alone).all()
    assert (together > alone).any()


def test_scopes_hold_inside_and_outside():
    pair = ("agent_0", "agent_1")
    for model in (
        ScheduledModel(model=replace(OUTAGE, agent_ids=pair)),
        ScheduledModel(model=OUTAGE, agent_ids=pair),
        ScheduledModel(model=Chain(models=[LATE, OUTAGE]), agent_ids=pair),
    ):
        down = play(model, rounds=3).lost
        assert down[:, [0, 1], [1, 0]].all()
        assert off_diagonal(down).sum() == 6


def test_what_was_given_stays_outside_of_the_window():
    """What earlier models say of each field; and of the other model, nothing."""
    full = np.full((4, 3, 3), 1)
    inner = Scripted(
        silent=full > 0,
        capacities=0.5 * full,
        lost=full > 0,
        delays=2 * full,
        in_order=full > 0,
        expiries=9 * full,
        noises=0.25 * full,
        deaf=full > 0,
    )
    model = ScheduledModel(model=Chain(models=[inner, Disturbing()]), start=2, stop=3)
    ones = np.ones((3, 3), dtype=np.float32)
    nothing = Links(sends=ones > 0)
    something = Links(
        sends=ones > 0,
        capacity=0.75 * ones,
        lost=np.eye(3, dtype=bool),
        delay=ones.astype(np.int32),
        in_order=np.eye(3, dtype=bool),
        expiry=(20 * ones).astype(np.int32),
        noise=3 * ones,
        interference=5 * ones,
        hears=np.eye(3, dtype=bool),
    )
    unsaid = Links(True, np.inf, False, False, 0, False, NEVER, 0.0, 0.0, True)
    worse = {
        "sends": False,
        "capacity": 0.5,
        "lost": True,
        "in_order": True,
        "expiry": 9,
        "hears": False,
    }
    added = {"delay": 2, "noise": 0.25, "interference": 2.0}
    for links in (nothing, something):
        random = NumpyStream(0)
        parameters = model.prepare(context_of())
        state = model.init(parameters, context_of(), random)
        for number in range(4):
            context = context_of(number=number)
            state, after = model.step(parameters, state, links, context, random)
            assert after.rejected is None
            for name in worse | added:
                before = getattr(links, name)
                before = getattr(unsaid, name) if before is None else before
                then = worse[name] if name in worse else before + added[name]
                expected = np.broadcast_to(then if number == 2 else before, (3, 3))
                np.testing.assert_array_equal(getattr(after, name), expected, err_msg=name)
            assert after.delay.dtype == after.expiry.dtype == np.int32
            assert after.lost.dtype == after.hears.dtype == after.sends.dtype == np.bool_


def test_links_are_in_order_where_the_other_model_acts():
    in_order = ScheduledModel(
        model=DelayBasedModel(max_delay=3, delivery="fifo"), start=1, severity=0.5
    )
    assert in_order.traits.in_order
    ones, random = np.ones((6, 6), dtype=bool), NumpyStream(0)
    before = np.eye(6, dtype=bool)
    parameters = in_order.prepare(context_of(6))
    for earlier in (None, before):
        state = in_order.init(parameters, context_of(6), random)
        links = Links(ones, in_order=earlier)
        state, links_before = in_order.step(
            parameters, state, links, context_of(6, number=0), random
        )
        expected = np.zeros_like(before) if earlier is None else earlier
        np.testing.assert_array_equal(links_before.in_order, expected)
        _, links_after = in_order.step(parameters, state, links, context_of(6, number=1), random)
        assert 0 < off_diagonal(links_after.in_order).sum() < 30


def test_fractions_come_through_exactly():
    narrow = ProbabilisticModel(failure_prob=0.0, max_bandwidth=0.1)
    capacity = off_diagonal(play(ScheduledModel(model=narrow, severity=0.5), rounds=50).capacity)
    assert set(np.unique(capacity)) == {np.float32(0.1), np.float32(np.inf)}


def test_outside_of_its_window_a_scheduled_capacity_is_nominal_and_what_waits_stays():
    slow = BandwidthModel(capacity=0.25)
    model = ScheduledModel(model=slow, start=0, stop=3)
    # Three quarters of message 0 are carried in rounds 0 to 2, and one message a round from then.
    played = play(model, rounds=7, agents=2)
    assert played.sent[:, 0, 1].tolist() == [-1, -1, -1, 0, 1, 2, 3]
    # What nobody has said is as infinite as before: other capacities count there.
    half = ProbabilisticModel(failure_prob=0.0, max_bandwidth=0.5)
    played = play(model, half, rounds=7, agents=2)
    assert played.sent[:, 0, 1].tolist() == [-1, -1, -1, 0, -1, 1, -1]


def test_one_draw_a_round_says_where_a_model_of_several_stages_acts():
    """The loss before the queue and the capacity of one link act in the same rounds."""
    inner = ProbabilisticModel(failure_prob=1.0, max_bandwidth=0.0)
    model = ScheduledModel(model=inner, severity=0.5)
    queue = BandwidthModel(capacity=1.0)
    acts = off_diagonal(play(ScheduledModel(model=OUTAGE, severity=0.5), rounds=60).lost)
    played = play(model, queue, rounds=60)
    np.testing.assert_array_equal(off_diagonal(played.capacity) == 0, acts)
    np.testing.assert_array_equal(off_diagonal(played.arrived), ~acts)


def test_a_message_sent_in_the_window_arrives_after_it():
    late = DelayBasedModel(min_delay=3, max_delay=3)
    played = play(ScheduledModel(model=late, stop=1), rounds=5)
    assert played.arrived[:, 0, 1].tolist() == [False, True, True, True, True]


def test_it_says_of_itself_what_the_other_model_says():
    chain = Chain(models=[LATE, Disturbing(), replace(LATE, max_delay=7)])
    model = ScheduledModel(model=chain)
    assert model.traits.longest_delay == 10
    assert model.traits.queue == QUEUE
    assert model.components == chain.parts
    assert not model.traits.in_order
    assert model.traits.narrows
    assert not model.traits.steady
    # Narrow links may come from elsewhere in the chain that this model is in.
    assert ScheduledModel(model=Disturbing(whole=True)).traits.queue == QUEUE
    plain = ScheduledModel(model=LOSSY)
    assert plain.traits == LOSSY.traits
    assert plain.components == (LOSSY,)
    # What acts in a window alone does not lose alike in every round.
    assert plain.traits.steady
    for options in ({"start": 3}, {"stop": 3}, {"ramp": 3}, {"period": 3}):
        window = ScheduledModel(model=LOSSY, **options)
        assert window.traits == replace(LOSSY.traits, steady=False)


@pytest.mark.parametrize(
    ("inner", "queue", "stages"),
    [
        (LOSSY, "later", {Stage.ADMITTED}),
        (LOSSY, "passed", {Stage.ON_AIR}),
        (replace(LOSSY, max_bandwidth=0.5), "later", {Stage.ADMITTED, Stage.SERVED}),
        (replace(LOSSY, max_bandwidth=0.5), "passed", {Stage.ON_AIR, Stage.SERVED}),
        (NEAR, "later", {Stage.ON_AIR}),
        (Chain(models=[LOSSY, Disturbing()]), "here", {Stage.ADMITTED, Stage.ON_AIR}),
        (Chain(models=[Disturbing(), LOSSY]), "here", {Stage.ON_AIR}),
    ],
)
def test_it_is_asked_in_the_stages_of_the_other_model(inner, queue, stages):
    assert ScheduledModel(model=inner).stages(queue) == stages
    assert ScheduledModel(model=ScheduledModel(model=inner)).stages(queue) == stages


def test_it_needs_positions_where_the_other_model_does():
    for model in (NEAR, Chain(models=[LOSSY, NEAR]), ScheduledModel(model=NEAR)):
        assert ScheduledModel(model=model).traits.positions
        assert Chain(models=[ScheduledModel(model=model)]).needing_positions == "ScheduledModel"
    assert not ScheduledModel(model=LOSSY).traits.positions
    chain = Chain(models=[ScheduledModel(model=NEAR)])
    context, random = context_of(), NumpyStream(0)
    channel = Channel(chain=chain)
    parameters = channel.prepare(context)
    with pytest.raises(ModelError, match="ScheduledModel needs the agents' positions"):
        channel.step(parameters, channel.init(parameters, context, random), context, random)


def test_expected_losses():
    def loss(**options):
        return ScheduledModel(model=ProbabilisticModel(failure_prob=0.4), **options).expected_loss()

    assert loss() == pytest.approx(0.4)
    assert loss(start=50, ramp=10, severity=0.5) == pytest.approx(0.2)
    assert loss(period=10, start=5) == pytest.approx(0.2)
    assert loss(period=10, start=2, stop=4, severity=0.5) == pytest.approx(0.04)
    # 0, 1/4, 2/4, 3/4, 1, 1 of ten rounds; and 0, 1/4, 2/4 of five.
    assert loss(period=10, start=2, stop=8, ramp=4) == pytest.approx(0.4 * 3.5 / 10)
    assert loss(period=5, stop=3, ramp=4) == pytest.approx(0.4 * 0.75 / 5)
    assert loss(start=2, stop=4) is None
    pair = ("a", "b")
    assert loss(severity={pair: 0.5}, period=2, stop=1) == pytest.approx({pair: 0.1})
    assert loss(severity=TABLE)[0, 1] == pytest.approx(0.4 * 0.2)
    named = ProbabilisticModel(failure_prob={pair: 0.4}, max_bandwidth=0.5)
    assert ScheduledModel(model=named, severity={pair: 0.5, ("b", "a"): 0.5}).expected_loss() == {
        pair: pytest.approx(0.35)
    }


def test_no_loss_is_expected_where_the_other_model_goes_by_the_round_or_queues():
    """A schedule that fails in every second round, seen in every second round only."""
    schedule = MatrixModel(matrix=[np.ones((3, 3)), np.zeros((3, 3))])
    assert ScheduledModel(model=schedule, period=2, stop=1).expected_loss() is None
    window = ScheduledModel(model=OUTAGE, period=2, stop=1)
    assert ScheduledModel(model=window, period=2, start=1).expected_loss() is None
    assert ScheduledModel(model=window, severity=0.5).expected_loss() == pytest.approx(0.25)
    # Neither what is asked first nor how often makes a difference.
    fresh = replace(window)
    assert [fresh.expected_loss(), fresh.traits.steady, fresh.expected_loss()] == [0.5, False, 0.5]
    assert ScheduledModel(model=schedule, severity=0.5).expected_loss()[0, 1] == pytest.approx(0.25)
    assert ScheduledModel(model=Disturbing()).expected_loss() is None
    assert ScheduledModel(model=Chain(models=[window, schedule])).expected_loss() is None
    assert ScheduledModel(model=Chain(models=[LOSSY, Disturbing()])).expected_loss() is None
    both = Chain(models=[LOSSY, ProbabilisticModel(failure_prob=0.2)])
    assert ScheduledModel(model=both, severity=0.5).expected_loss() == pytest.approx(0.3)
    assert ScheduledModel(model=Chain(models=[OUTAGE])).expected_loss() == 1.0
    for fixed in (MatrixModel(matrix=TABLE), replace(schedule, at_end="hold")):
        expected = ScheduledModel(model=fixed, period=2, stop=1).expected_loss()
        np.testing.assert_allclose(expected, fixed.expected_loss() / 2)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"start": 5, "stop": 5}, "stop must be greater than start=5"),
        ({"start": 5, "stop": 4}, "stop must be greater than start=5"),
        ({"start": 5, "period": 5}, "start must be less than period=5"),
        ({"stop": 6, "period": 5}, "stop must be at most period=5"),
        ({"start": -1}, "start must be a whole number"),
        ({"stop": 1.5}, "stop must be a whole number"),
        ({"period": 0}, "period must be a whole number"),
        ({"ramp": "slow"}, "ramp must be a whole number"),
        ({"severity": 1.5}, "severity must lie in [0, 1]"),
        ({"severity": np.nan}, "severity must lie in [0, 1]"),
        ({"model": "loss"}, "model must be a CommunicationModel"),
        ({"model": ProbabilisticModel}, "model must be a CommunicationModel"),
        ({"model": None}, "model must be a CommunicationModel"),
    ],
    ids=str,
)
def test_wrong_arguments_are_one_sentence(options, word):
    with pytest.raises(InvalidArgumentError) as caught:
        ScheduledModel(**{"model": OUTAGE, **options})
    assert_one_sentence(caught.value, word)


def test_it_is_a_value():
    one, other = (ScheduledModel(model=LATE, period=10, severity=0.5) for _ in range(2))
    play(one, rounds=3)
    assert one == other
    assert hash(one) == hash(other)
    assert repr(one) == repr(other)
    assert replace(one, severity=0.25) != one
    assert eval(repr(one), {**globals()}) == one
    assert_same(play(one, rounds=9), play(other, rounds=9))
