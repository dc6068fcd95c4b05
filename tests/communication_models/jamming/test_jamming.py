"""JammingModel: where jammers are, when they send and what that does."""

import numpy as np
import pytest

from failure_api.communication_models import (
    BandwidthModel,
    JammingModel,
    NodeFailureModel,
    SignalBasedModel,
)
from failure_api.communication_models.jamming import (
    BlockReception,
    BurstyJamming,
    CarriedJammers,
    Detection,
    FixedJammers,
    MovingJammers,
    PeriodicJamming,
    RaiseInterference,
    RandomJamming,
    ScheduledJammers,
)
from failure_api.communication_models.radio import LogDistance, Rayleigh, SnrThreshold
from failure_api.core import Chain, Links, NumpyStream
from failure_api.core.contract import check_heard
from failure_api.errors import InvalidArgumentError
from failure_api.testing import check_model
from helpers import context_of, play

LINE = np.asarray([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]])
BLOCK = BlockReception(radius=0.5)
CENTRE = FixedJammers(positions=[[0.0, 0.0]])
LAWFUL = {
    "fixed": {"jammers": FixedJammers(positions=[[0, 0], [1, 1]]), "effect": BLOCK},
    "moving": {
        "jammers": MovingJammers(positions=[[0, 0]], velocity=[[0.3, 0.1]]),
        "effect": BLOCK,
        "pattern": PeriodicJamming(period=3, active_rounds=1, start=1),
    },
    "bounded": {
        "jammers": MovingJammers(
            positions=[[0, 0]], velocity=[[0.3, -0.2]], bounds=[[-1, -1], [1, 1]]
        ),
        "effect": BLOCK,
        "pattern": RandomJamming(probability=0.5),
    },
    "scheduled": {
        "jammers": ScheduledJammers(positions=[[[0, 0]], [[1, 0]]], at_end="hold"),
        "effect": RaiseInterference(transmit_power=0.0),
        "budget": 4,
    },
    "carried": {
        "jammers": CarriedJammers(agent_ids=["b", "c"]),
        "effect": RaiseInterference(fading=Rayleigh(), metres_per_unit=10.0),
        "pattern": BurstyJamming(mean_on=2.0, mean_off=3.0),
        "detection": Detection(radius=0.9, probability=0.5),
        "budget": 5,
    },
}


def jammed(rounds=1, positions=LINE, **parts):
    """Returns which receivers hear nothing, [T, N]."""
    given = {"jammers": CENTRE, "effect": BLOCK, **parts}
    batch = given.pop("batch", ())
    others = {name: given.pop(name) for name in ("alive", "seed") if name in given}
    where = np.broadcast_to(positions, (rounds, *batch, *np.shape(positions)[-2:]))
    model = JammingModel(**given)
    off = np.eye(3, dtype=bool)
    silent = play(model, rounds=rounds, positions=where, batch=batch, **others).lost | off
    assert (silent == (silent.all(axis=-2, keepdims=True) | off)).all()
    return silent.all(axis=-2)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("parts", LAWFUL.values(), ids=LAWFUL)
def test_it_keeps_the_laws(parts):
    check_model(JammingModel(**parts))


def test_who_is_near_hears_nothing_and_is_heard():
    assert jammed(effect=BlockReception(radius=0.99)).tolist() == [[True, False, False]]
    assert jammed(effect=BlockReception(radius=1.0)).tolist() == [[True, True, False]]
    two = FixedJammers(positions=[[0.0, 0.3], [2.0, -0.3]])
    assert jammed(jammers=two).tolist() == [[True, False, True]]


def test_moving_jammers_go_straight_on_or_back_from_the_walls():
    def places(**parts):
        jammers = MovingJammers(positions=[[0.5, 2.0]], velocity=[[0.25, -0.5]], **parts)
        prepared = jammers.prepare(context_of(positions=LINE))
        found = [
            jammers.positions_now(prepared, context_of(number=n, positions=LINE)) for n in range(8)
        ]
        return np.asarray(found)[:, 0]

    rounds = np.arange(8)
    np.testing.assert_allclose(places(), np.stack([0.5 + rounds / 4, 2 - rounds / 2], axis=1))
    folded = places(bounds=[[0.0, 0.0], [1.0, 2.0]])
    np.testing.assert_allclose(folded[:, 0], [0.5, 0.75, 1.0, 0.75, 0.5, 0.25, 0.0, 0.25])
    np.testing.assert_allclose(folded[:, 1], [2.0, 1.5, 1.0, 0.5, 0.0, 0.5, 1.0, 1.5])


@pytest.mark.parametrize(("at_end", "then"), [("repeat", [0, 1]), ("hold", [2, 2])])
def test_scheduled_jammers_are_where_the_schedule_says(at_end, then):
    jammers = ScheduledJammers(positions=LINE[:, None, :], at_end=at_end)
    assert jammed(rounds=5, jammers=jammers).argmax(axis=1).tolist() == [0, 1, 2, *then]


def test_carried_jammers_go_with_their_carrier_and_fall_silent_with_it():
    jammers = CarriedJammers(agent_ids=["agent_1"])
    assert jammed(jammers=jammers).tolist() == [[False, True, False]]
    near = LINE * 0.4
    alive = np.asarray([[True, True, True], [True, False, True]])
    model = JammingModel(jammers=jammers, effect=BLOCK)
    arrived = play(model, rounds=2, alive=alive, positions=np.asarray([near, near])).arrived
    assert not arrived[0].any()
    assert arrived[1, 0, 2]


def test_reactive_jammers_send_only_where_somebody_else_does():
    far = FixedJammers(positions=[[2.0, 0.0]])
    wide = BlockReception(radius=9.0)
    for radius, everywhere in ((0.9, True), (5.0, True)):
        assert jammed(jammers=far, effect=wide, detection=Detection(radius=radius)).all() == (
            everywhere
        )
    alive = np.asarray([[True, True, False]])
    parts = {"jammers": far, "effect": wide}
    model = JammingModel(**parts, detection=Detection(radius=0.99))
    assert play(model, alive=alive, positions=LINE[None]).arrived[0, 0, 1]
    model = JammingModel(**parts, detection=Detection(radius=1.0))
    assert not play(model, alive=alive, positions=LINE[None]).arrived.any()
    own = {"jammers": CarriedJammers(agent_ids=["agent_0"]), "effect": wide}
    assert not jammed(**own, detection=Detection(radius=0.99)).any()
    assert jammed(**own, detection=Detection(radius=1.0)).all()


@pytest.mark.parametrize("mode", ["mute", "crash"])
def test_reactive_jammers_hear_nobody_who_is_silent_wherever_they_stand(mode):
    jammer = JammingModel(
        jammers=FixedJammers(positions=[[2.0, 0.0]]),
        effect=BlockReception(radius=9.0),
        detection=Detection(radius=0.5),
        budget=2,
    )
    # Agent 2 alone is near, and its silence in rounds 0 to 2 costs the jammer none of its budget.
    silent = NodeFailureModel(mode=mode, schedule={"agent_2": [(0, 3)]})
    for models in ((silent, jammer), (jammer, silent)):
        positions = np.broadcast_to(LINE, (7, 3, 2))
        arrived = play(*models, rounds=7, positions=positions).arrived[:, 0, 1]
        assert arrived.tolist() == [True, True, True, False, False, True, True]


def test_reactive_jammers_hear_who_transmits_and_not_whose_messages_wait():
    jammer = JammingModel(
        jammers=FixedJammers(positions=[[2.0, 0.0]]),
        effect=BlockReception(radius=9.0),
        detection=Detection(radius=0.5),
    )
    slow = {("agent_2", "agent_0"): 0.25, ("agent_2", "agent_1"): 0.25}
    queue = BandwidthModel(capacity=slow)
    for models in ((queue, jammer), (jammer, queue)):
        positions = np.broadcast_to(LINE, (8, 3, 2))
        arrived = play(*models, rounds=8, positions=positions).arrived
        # Agent 2 transmits in every fourth round, and is jammed itself each time.
        assert arrived[:, 0, 1].tolist() == [True, True, True, False] * 2
        assert not arrived[:, 2].any()


def test_periodic_jammers_keep_their_period():
    pattern = PeriodicJamming(period=5, active_rounds=2, start=3)
    found = jammed(rounds=12, pattern=pattern)[:, 0]
    assert np.flatnonzero(found).tolist() == [3, 4, 8, 9]
    never = PeriodicJamming(period=2, active_rounds=0)
    assert not jammed(rounds=4, pattern=never).any()


def test_a_budget_ends_for_each_jammer_by_itself():
    jammers = FixedJammers(positions=[[0.0, 0.0], [2.0, 0.0]])
    found = jammed(rounds=200, jammers=jammers, pattern=RandomJamming(probability=0.2), budget=7)
    assert found.sum(axis=0).tolist() == [7, 0, 7]
    assert (found[:, 0] != found[:, 2]).any()
    unlimited = jammed(rounds=200, jammers=jammers, pattern=RandomJamming(probability=0.2))
    first = np.cumsum(unlimited, axis=0) <= 7
    np.testing.assert_array_equal(found, unlimited & first)
    assert not jammed(budget=0).any()


def test_only_the_rounds_it_sends_in_count_against_the_budget():
    pattern = PeriodicJamming(period=4, active_rounds=1)
    found = jammed(rounds=16, pattern=pattern, budget=3)[:, 0]
    assert np.flatnonzero(found).tolist() == [0, 4, 8]


@pytest.mark.parametrize(
    ("less", "more"),
    [
        ({"pattern": RandomJamming(probability=0.2)}, {"pattern": RandomJamming(probability=0.6)}),
        (
            {"pattern": BurstyJamming(mean_on=3.0, mean_off=9.0)},
            {"pattern": BurstyJamming(mean_on=6.0, mean_off=4.0)},
        ),
        (
            {"detection": Detection(radius=5.0, probability=0.3)},
            {"detection": Detection(radius=5.0, probability=0.8)},
        ),
        ({"effect": BlockReception(radius=0.5)}, {"effect": BlockReception(radius=1.5)}),
    ],
)
def test_what_is_jammed_is_jammed_by_a_harder_jammer_too(less, more):
    little, much = (jammed(rounds=300, **parts) for parts in (less, more))
    assert (little <= much).all()
    assert little.sum() < much.sum()


def test_a_detection_moves_no_draw_of_the_pattern():
    pattern = RandomJamming(probability=0.4)
    plain = jammed(rounds=100, pattern=pattern)
    sure = jammed(rounds=100, pattern=pattern, detection=Detection(radius=9.0))
    np.testing.assert_array_equal(plain, sure)


def test_interference_is_the_sum_of_the_powers_received():
    effect = RaiseInterference(
        transmit_power=10.0,
        path_loss=LogDistance(exponent=2.0, reference_loss=0.0),
        metres_per_unit=10.0,
    )
    jammers = FixedJammers(positions=[[1.0, 0.0], [1.0, 0.0], [3.0, 0.0]])
    model = JammingModel(jammers=jammers, effect=effect)
    context, random = context_of(batch=(2,), positions=np.stack([LINE, LINE])), NumpyStream(0)
    links = Links(sends=np.ones((2, 3, 3), dtype=bool))
    parameters = model.prepare(context_of(positions=LINE))
    state = model.init(parameters, context, random)
    found = model.step(parameters, state, links, context, random)[1].interference
    # 10 mW over a squared distance in metres, and within the first metre 10 mW.
    expected = [20 / 100 + 10 / 900, 20 + 10 / 400, 20 / 100 + 10 / 100]
    np.testing.assert_allclose(found, np.broadcast_to(expected, (2, 3, 3)), rtol=1e-5)
    before = np.full((2, 3, 3), 5.0, dtype=np.float32)
    links = links._replace(interference=before)
    more = model.step(parameters, state, links, context, random)[1]
    np.testing.assert_allclose(more.interference, found + 5.0, rtol=1e-6)


def test_a_radio_near_a_jammer_reads_less():
    radio = SignalBasedModel(reception=SnrThreshold(threshold=5.0), metres_per_unit=10.0)
    effect = RaiseInterference(transmit_power=20.0, metres_per_unit=10.0)
    jammer = JammingModel(jammers=FixedJammers(positions=[[-0.5, 0.0]]), effect=effect)
    assert jammer.traits.raises_interference
    assert not JammingModel(jammers=CENTRE, effect=BLOCK).traits.raises_interference
    check_heard(Chain(models=[jammer, radio]))
    with pytest.raises(InvalidArgumentError, match="JammingModel"):
        check_heard(Chain(models=[radio, jammer]))
    arrived = play(jammer, radio, positions=LINE[None]).arrived[0]
    # Agent 0 is nearer to the jammer than to anybody; agent 2 is far from it, and near agent 1.
    assert not arrived[:, 0].any()
    assert arrived[1, 2]
