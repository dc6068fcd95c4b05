"""SignalBasedModel: from power and distance to what is read."""

from dataclasses import replace

import numpy as np
import pytest

from failure_api.communication_models import RandomizedModel, ScheduledModel, SignalBasedModel
from failure_api.communication_models.radio import (
    Friis,
    LogDistance,
    LogisticReception,
    LogNormalShadowing,
    Nakagami,
    NoiseFloor,
    PacketError,
    Rayleigh,
    Rician,
    SnrThreshold,
    TwoRayGround,
)
from failure_api.communication_models.randomized import OneOf
from failure_api.core import Chain, CommunicationModel, NumpyStream, Traits
from failure_api.core.contract import check_heard
from failure_api.errors import InvalidArgumentError
from failure_api.testing import check_model
from helpers import assert_one_sentence, context_of, off_diagonal, play

SHADOWING = LogNormalShadowing(standard_deviation=6.0, decorrelation_distance=20.0)
BPSK = PacketError(modulation="bpsk", message_bits=200)
POSITIONS = np.random.default_rng(0).random((1, 6, 2)) * 300
WALK = np.cumsum(np.random.default_rng(1).normal(size=(30, 6, 2)) * 10, axis=0) + POSITIONS
LAWFUL = {
    "defaults": {},
    "everything": {
        "path_loss": TwoRayGround(frequency=2.4e9),
        "shadowing": SHADOWING,
        "fading": Rayleigh(),
        "reception": BPSK,
        "metres_per_unit": 100.0,
    },
    "one way each": {
        "path_loss": Friis(frequency=5e9),
        "shadowing": replace(SHADOWING, reciprocal=False),
        "fading": Nakagami(shape_parameter=0.7, reciprocal=False),
        "reception": LogisticReception(midpoint=5.0, sensitivity=-85.0),
        "metres_per_unit": 300.0,
    },
    "an array of powers": {"transmit_power": np.full((3, 3), -20.0), "metres_per_unit": 5.0},
    "a mapping of powers": {"transmit_power": {("a", "b"): -30.0}, "fading": Rician(k_factor=3.0)},
    "a noise of its own": {"noise_floor": -60.0, "metres_per_unit": 10.0},
    "packets": {"reception": BPSK, "metres_per_unit": 90.0},
}


class Interfering(CommunicationModel):
    """Puts the same interference on every link."""

    traits = Traits(raises_interference=True)
    power = 0.0

    def step(self, parameters, state, links, context, random):
        xp = context.xp
        return state, links._replace(
            interference=xp.full(context.shape, self.power, dtype=xp.float32)
        )


def interfering(power):
    return type("Interfering", (Interfering,), {"power": power})()


def played(model, positions=WALK, *before, **others):
    return play(*before, model, rounds=len(positions), agents=6, positions=positions, **others)


@pytest.mark.sampled(6)
@pytest.mark.parametrize("parts", LAWFUL.values(), ids=LAWFUL)
def test_it_keeps_the_laws(parts):
    check_model(SignalBasedModel(**parts))


def test_a_power_may_be_drawn_for_each_element_of_a_batch():
    near = SignalBasedModel(noise_floor=-10.0, reception=SnrThreshold(threshold=0.0))
    model = RandomizedModel(model=near, parameters={"transmit_power": OneOf([30.0, 40.0])})
    places = np.broadcast_to([[0.0, 0.0], [1.2, 0.0]], (1, 40, 2, 2))
    arrived = play(model, agents=2, batch=(40,), positions=places).arrived[0]
    context = context_of(2, batch=(40,), positions=places[0])
    state = model.init(model.prepare(context), context, NumpyStream(0).child("RandomizedModel", 0))
    strong = model.drawn(state)["transmit_power"][:, 0, 0] == 40
    assert 5 < strong.sum() < 35
    np.testing.assert_array_equal(arrived[:, 0, 1], strong)


def test_the_range_of_the_defaults_is_where_the_snr_is_4_db():
    reach = 10 ** ((20 - 46.6777 + 93.9653 - 4) / 30)
    places = np.zeros((1, 3, 2))
    places[0, :, 0] = [0.0, 0.999 * reach, -1.001 * reach]
    assert play(SignalBasedModel(), positions=places).arrived[0, 0].tolist() == [False, True, False]


def test_metres_per_unit_scales_the_positions():
    model = SignalBasedModel(shadowing=SHADOWING, fading=Rayleigh(), reception=BPSK)
    scaled = played(replace(model, metres_per_unit=4.0), WALK / 4)
    np.testing.assert_array_equal(scaled.lost, played(model).lost)
    model = replace(model, reception=LogisticReception(midpoint=9.0))
    assert replace(model, metres_per_unit=4.0).reception_probability(30.0) == pytest.approx(
        model.reception_probability(120.0)
    )


def test_agents_in_one_place_hear_each_other():
    for path_loss in (LogDistance(), Friis(frequency=1e9), TwoRayGround(frequency=1e9)):
        model = SignalBasedModel(path_loss=path_loss)
        assert off_diagonal(play(model, positions=np.zeros((1, 3, 3))).arrived).all()


@pytest.mark.parametrize("parts", [{}, {"fading": Rayleigh()}, {"shadowing": SHADOWING}])
@pytest.mark.parametrize("reception", [SnrThreshold(), BPSK])
def test_what_is_read_at_less_power_is_read_at_more(parts, reception):
    weak, strong = (
        played(SignalBasedModel(transmit_power=power, reception=reception, **parts)).lost
        for power in (12.0, 20.0)
    )
    assert (off_diagonal(weak) >= off_diagonal(strong)).all()
    assert (off_diagonal(weak) > off_diagonal(strong)).any()


def test_leaving_a_part_out_moves_no_draw_of_the_others():
    """Shadowing and fading that change nothing, by their size, leave the receptions alone."""
    bare = SignalBasedModel(reception=LogisticReception(midpoint=0.0, slope=0.2))
    nothing = LogNormalShadowing(standard_deviation=0.0, decorrelation_distance=1.0)
    expected = off_diagonal(played(bare).lost)
    assert 0.2 < expected.mean() < 0.8
    found = played(replace(bare, shadowing=nothing)).lost
    np.testing.assert_array_equal(off_diagonal(found), expected)
    shadowed = replace(bare, shadowing=SHADOWING, reception=SnrThreshold(threshold=14.0))
    faded = replace(shadowed, fading=Rician(k_factor=1000.0))
    differing = played(shadowed).lost != played(faded).lost
    assert off_diagonal(differing).mean() < 0.05


@pytest.mark.parametrize("part", ["shadowing", "fading"])
def test_both_directions_are_alike_where_a_part_is_reciprocal(part):
    kinds = {"shadowing": SHADOWING, "fading": Rayleigh()}
    for reciprocal in (True, False):
        model = SignalBasedModel(**{part: replace(kinds[part], reciprocal=reciprocal)})
        arrived = played(model).arrived
        assert np.array_equal(arrived, np.swapaxes(arrived, -1, -2)) == reciprocal


def test_fading_is_drawn_anew_for_every_round_and_shadowing_is_not():
    still = np.broadcast_to(POSITIONS, (200, 6, 2))
    for part, changes in (({"shadowing": SHADOWING}, False), ({"fading": Rayleigh()}, True)):
        arrived = played(SignalBasedModel(reception=SnrThreshold(threshold=8), **part), still)
        assert (arrived.arrived.std(axis=0) > 0).any() == changes


def test_interference_adds_to_the_noise():
    """As much interference as noise takes 3 dB."""
    model = SignalBasedModel(
        transmit_power=4.0,
        path_loss=LogDistance(reference_loss=0.0),
        noise_floor=0.0,
        reception=SnrThreshold(threshold=0.0),
    )
    places = np.zeros((1, 6, 2))
    for milliwatts, heard in ((0.0, True), (1.0, True), (1.5, True), (1.52, False), (1e30, False)):
        arrived = off_diagonal(played(model, places, interfering(milliwatts)).arrived)
        assert arrived.all() if heard else not arrived.any()
    assert SignalBasedModel().traits.hears_interference


def test_a_sensitivity_is_a_limit_of_its_own():
    reception = SnrThreshold(threshold=-30.0, sensitivity=-80.0)
    model = SignalBasedModel(reception=reception)
    reach = 10 ** ((20 - 46.6777 + 80) / 30)
    assert model.reception_probability([0.999 * reach, 1.001 * reach]).tolist() == [1.0, 0.0]
    places = np.zeros((1, 3, 2))
    places[0, :, 0] = [0.0, 0.999 * reach, -1.001 * reach]
    assert play(model, positions=places).arrived[0, 0].tolist() == [False, True, False]
    # It is about the signal alone: interference has no part in it.
    assert play(interfering(1e-8), model, positions=places).arrived[0, 0, 1]


def wall(positions):
    """Cuts what lies on two sides of x = 150."""
    side = positions[..., 0] > 150
    return side[..., :, None] != side[..., None, :]


def test_obstacles_cut_or_weaken_links():
    near = SignalBasedModel(transmit_power=60.0)
    cut = wall(WALK)
    arrived = played(replace(near, obstacles=wall)).arrived
    np.testing.assert_array_equal(off_diagonal(arrived), off_diagonal(~cut))
    for decibels in (20.0, 30.0):
        expected = played(replace(near, transmit_power=60.0 - decibels)).arrived
        weak = replace(near, obstacles=lambda p, d=decibels: np.full((6, 6), d))
        np.testing.assert_array_equal(played(weak).arrived, expected)
    unknown = replace(near, obstacles=lambda p: np.full((6, 6), np.nan))
    assert not played(unknown).arrived.any()


@pytest.mark.parametrize(
    "returned",
    [None, 3.0, [[0.0]], np.zeros((5, 5)), np.zeros(6), np.full((6, 6), "wall"), np.eye(6) * 1j],
)
def test_obstacles_that_return_something_else_are_refused(returned):
    with pytest.raises(InvalidArgumentError) as caught:
        played(SignalBasedModel(obstacles=lambda p: returned))
    assert_one_sentence(caught.value, "obstacles", "(6, 6)")


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("transmit_power", np.nan),
        ("transmit_power", [[0.0, np.inf], [0.0, 0.0]]),
        ("transmit_power", "20 dBm"),
        ("path_loss", LogDistance),
        ("path_loss", Rayleigh()),
        ("shadowing", 4.0),
        ("fading", "rayleigh"),
        ("noise_floor", np.nan),
        ("noise_floor", None),
        ("noise_floor", [-90.0]),
        ("noise_floor", NoiseFloor),
        ("reception", 4.0),
        ("metres_per_unit", 0.0),
        ("metres_per_unit", -1.0),
        ("obstacles", 3),
    ],
)
def test_wrong_arguments_are_refused(argument, value):
    with pytest.raises(InvalidArgumentError) as caught:
        SignalBasedModel(**{argument: value})
    assert_one_sentence(caught.value, argument)


def test_interference_that_nobody_hears_is_refused():
    radio, jammer = SignalBasedModel(), interfering(1.0)
    both = Chain(models=[jammer, radio])
    for models in (both, [jammer, jammer, radio], [radio], [ScheduledModel(model=both)]):
        check_heard(Chain(models=models))
    check_heard(Chain(models=[ScheduledModel(model=jammer), ScheduledModel(model=radio)]))
    backwards = ScheduledModel(model=Chain(models=[radio, jammer]))
    for models in ([jammer], [radio, jammer], [jammer, radio, jammer], [backwards]):
        with pytest.raises(InvalidArgumentError) as caught:
            check_heard(Chain(models=models))
        assert_one_sentence(caught.value, "failure_models", "Interfering")
