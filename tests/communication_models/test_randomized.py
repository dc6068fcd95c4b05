"""RandomizedModel: parameters of another model, drawn anew in each episode."""

import copy
import pickle
from dataclasses import replace

import array_api_strict
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from failure_api.communication_models import (
    BandwidthModel,
    Chain,
    DelayBasedModel,
    DistanceModel,
    FourStateModel,
    GilbertElliottModel,
    MatrixModel,
    ProbabilisticModel,
    RandomizedModel,
    ScheduledModel,
)
from failure_api.communication_models.randomized import (
    Descending,
    LogUniform,
    Milder,
    OneOf,
    Uniform,
)
from failure_api.core import Links, NumpyStream, Stage
from failure_api.core.random.numpy_stream import EpisodeStreams
from failure_api.errors import InvalidArgumentError
from failure_api.testing import check_model
from helpers import assert_one_sentence, assert_same, context_of, off_diagonal, play

IID = ProbabilisticModel(failure_prob=0.0)
RANDOM = RandomizedModel(model=IID, parameters={"failure_prob": (0.0, 0.5)})
NEAR = RandomizedModel(
    model=DistanceModel(distance_threshold=1.0, falloff="linear"),
    parameters={"distance_threshold": LogUniform(0.1, 2.0), "failure_prob": (0.0, 0.5)},
)
MODELS = {
    "loss": RANDOM,
    "bandwidth": RandomizedModel(
        model=IID, parameters={"max_bandwidth": OneOf([0.25, 1.0]), "failure_prob": (0, 1)}
    ),
    "distance": NEAR,
    "delay": RandomizedModel(
        model=DelayBasedModel(min_delay=0, max_delay=3),
        parameters={"message_drop_probability": (0.0, 0.9)},
    ),
    "bursts": RandomizedModel(
        model=GilbertElliottModel(p=0.1, r=0.1),
        parameters={"p": (0.0, 0.2), "r": (0.1, 0.4), "loss_bad": (0.5, 1), "loss_good": (0, 0.1)},
    ),
    "four states": RandomizedModel(
        model=FourStateModel(p13=0.1),
        parameters={"p31": (0.2, 0.5), "p32": (0, 0.5), "p14": (0, 0.1)},
    ),
    "severity": RandomizedModel(
        model=ScheduledModel(model=IID, ramp=3), parameters={"severity": (0, 1)}
    ),
    "scheduled": ScheduledModel(model=RANDOM, severity=0.5, stop=9),
    "scoped": replace(RANDOM, agent_ids=("a", "b")),
    "milder": RandomizedModel(
        model=IID,
        parameters={
            "failure_prob": Milder(Uniform(0.0, 0.8), 0.5),
            "max_bandwidth": Descending(OneOf([0.25, 1.0])),
        },
    ),
    "inner scoped": replace(RANDOM, model=replace(IID, agent_ids=("a", "b"))),
}


def drawn(model, batch=(), seed=0, **options):
    context = context_of(batch=batch, **options)
    stream = NumpyStream(seed, xp=context.xp)
    return model.drawn(model.init(model.prepare(context), context, stream))


@pytest.mark.sampled(6)
@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_it_keeps_the_laws(model):
    check_model(model)


FIXED = {
    "loss": (RANDOM, {"failure_prob": 0.3}),
    "bandwidth": (MODELS["bandwidth"], {"max_bandwidth": 0.25, "failure_prob": 0.5}),
    "distance": (NEAR, {"distance_threshold": 0.7, "failure_prob": 0.2}),
    "delay": (MODELS["delay"], {"message_drop_probability": 0.4}),
    "bursts": (MODELS["bursts"], {"p": 0.2, "r": 0.3, "loss_bad": 0.9, "loss_good": 0.1}),
    "four states": (MODELS["four states"], {"p31": 0.3, "p32": 0.2, "p14": 0.1}),
    "severity": (MODELS["severity"], {"severity": 0.6}),
}


@pytest.mark.parametrize(("model", "values"), FIXED.values(), ids=FIXED)
@pytest.mark.parametrize("batch", [(), (2, 3)], ids=str)
def test_a_drawn_value_acts_as_if_it_had_been_given(model, values, batch):
    """The same streams: that of the other model lies below that of the one around it."""
    certain = replace(model, parameters={name: OneOf([v]) for name, v in values.items()})
    generator = np.random.default_rng(0)
    ones = np.ones((*batch, 4, 4), dtype=bool)
    given_model = replace(model.model, **values)
    one, other = NumpyStream(3), NumpyStream(3).child(model.model.name)
    positions = generator.random((*batch, 4, 2))
    context = context_of(4, batch=batch, positions=positions)
    drawing, given = certain.prepare(context), given_model.prepare(context)
    state, own = certain.init(drawing, context, one), given_model.init(given, context, other)
    for number in range(20):
        context = context._replace(round=number)
        links = Links(sends=ones)
        state, found = certain.step(drawing, state, links, context, one)
        own, expected = given_model.step(given, own, links, context, other)
        for name in Links._fields:
            array, right = getattr(found, name), getattr(expected, name)
            if right is None:
                assert array is None, name
            else:
                np.testing.assert_array_equal(array, right, err_msg=name)


def test_values_lie_within_their_distribution_and_differ_in_the_batch():
    values = drawn(NEAR, batch=(500,))
    assert list(values) == ["distance_threshold", "failure_prob"]
    for name, (low, high) in {"distance_threshold": (0.1, 2.0), "failure_prob": (0, 0.5)}.items():
        array = values[name]
        assert array.shape == (500, 1, 1)
        assert array.dtype == np.float32
        assert ((array >= np.float32(low)) & (array <= np.float32(high))).all()
        assert len(np.unique(array)) > 450
    assert np.median(values["distance_threshold"]) == pytest.approx(np.sqrt(0.2), rel=0.3)
    assert np.median(values["failure_prob"]) == pytest.approx(0.25, abs=0.05)


def test_all_links_of_an_episode_have_the_same_value_throughout():
    model = RandomizedModel(model=IID, parameters={"failure_prob": OneOf([0.0, 1.0])})
    down = off_diagonal(play(model, rounds=10, batch=(40,)).lost)
    assert (down.all(axis=(0, 2)) | ~down.any(axis=(0, 2))).all()
    assert 5 < down.all(axis=(0, 2)).sum() < 35


def test_each_episode_draws_anew_and_the_seed_says_what():
    def episodes(seed):
        streams = EpisodeStreams()
        known = RANDOM.prepare(context_of())
        first = RANDOM.init(known, context_of(), streams.start(seed))
        second = RANDOM.init(known, context_of(), streams.start())
        return [RANDOM.drawn(state)["failure_prob"].item() for state in (first, second)]

    assert episodes(0) == episodes(0)
    assert len({*episodes(0), *episodes(1)}) == 4


def test_a_parameter_draws_the_same_whatever_others_are_drawn():
    alone = replace(NEAR, parameters={"failure_prob": (0.0, 0.5)})
    turned = replace(NEAR, parameters=dict(reversed([*NEAR.parameters.items()])))
    expected = drawn(NEAR)["failure_prob"]
    assert drawn(alone)["failure_prob"] == expected
    assert drawn(turned)["failure_prob"] == expected
    assert turned == NEAR


def test_a_wider_distribution_draws_more_and_nests_the_losses():
    narrow = replace(RANDOM, parameters={"failure_prob": (0.0, 0.3)})
    rare, common = (
        off_diagonal(play(model, rounds=30, batch=(20,)).lost) for model in (narrow, RANDOM)
    )
    assert not (rare & ~common).any()
    assert (common & ~rare).any()


def test_every_namespace_draws_alike():
    model = RandomizedModel(
        model=DistanceModel(distance_threshold=1.0),
        parameters={"distance_threshold": OneOf([0.5, 2, np.inf]), "failure_prob": (0, 0.5)},
    )
    for batch in ((), (4,), (2, 3)):
        expected, strict = drawn(model, batch), drawn(model, batch, xp=array_api_strict)
        for name, array in expected.items():
            np.testing.assert_array_equal(array, np.asarray(strict[name]))
    positions = np.random.default_rng(0).random((9, 4, 3, 2))
    options = {"rounds": 9, "batch": (4,), "positions": positions}
    assert_same(play(model, **options), play(model, xp=array_api_strict, **options))
    assert_same(play(model, **options), play(model, read_only=True, **options))


def test_the_model_says_what_may_come_rather_than_what_is_given():
    assert not IID.traits.narrows
    assert MODELS["bandwidth"].traits.narrows
    assert MODELS["bandwidth"].traits.stages == {Stage.ADMITTED, Stage.SERVED}
    assert not RANDOM.traits.narrows
    assert RANDOM.traits == IID.traits
    assert NEAR.traits.positions
    assert not RANDOM.traits.positions
    assert MODELS["delay"].traits.longest_delay == 3
    assert RANDOM.expected_loss() is None


def test_the_other_model_stays_as_it_was_and_keeps_its_scope():
    pair = ("agent_0", "agent_1")
    scoped = replace(IID, agent_ids=pair)
    model = RandomizedModel(model=scoped, parameters={"failure_prob": OneOf([1.0])})
    down = play(model, rounds=3).lost
    assert down[:, [0, 1], [1, 0]].all()
    assert off_diagonal(down).sum() == 6
    assert model.model == ProbabilisticModel(failure_prob=0.0, agent_ids=pair)


def test_what_the_other_model_has_kept_of_its_parameters_is_not_taken_along():
    inner = ScheduledModel(model=IID, severity=0.5)
    assert inner.inner is inner.inner
    model = RandomizedModel(model=inner, parameters={"severity": OneOf([1.0])})
    (twin,) = model.inner.parts
    assert twin.inner is not inner.inner
    assert "inner" in vars(inner)
    wide = BandwidthModel(capacity=2.0)
    assert not wide.traits.narrows
    model = RandomizedModel(model=wide, parameters={"capacity": OneOf([0.5, 2.0])})
    assert model.traits.narrows
    assert not wide.traits.narrows


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_it_is_a_value(model):
    play(NEAR, positions=np.zeros((1, 3, 2)))
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), replace(model)):
        assert twin == model
        assert hash(twin) == hash(model)
        assert repr(twin) == repr(model)
    assert eval(repr(model), {**globals()}) == model


def test_pairs_are_uniform_distributions_and_cannot_be_changed():
    given_pairs = {"failure_prob": [0, 0.5]}
    model = RandomizedModel(model=IID, parameters=given_pairs)
    given_pairs["failure_prob"] = [0, 1]
    assert model == RANDOM
    assert model.parameters == {"failure_prob": Uniform(0.0, 0.5)}
    with pytest.raises(TypeError):
        model.parameters["failure_prob"] = (0, 1)
    assert model != replace(model, parameters={"failure_prob": LogUniform(0.1, 0.5)})


@pytest.mark.parametrize(
    ("model", "parameters", "word"),
    [
        (IID, {"failure_prob": (0.0, 1.5)}, "parameters['failure_prob'] must lie in [0, 1]"),
        (IID, {"failure_prob": Uniform(-0.1, 0.5)}, "parameters['failure_prob'] must lie"),
        (IID, {"failure_prob": OneOf([0.1, 2.0, 0.2])}, "parameters['failure_prob'] must lie"),
        (IID, {"failure_prob": (0.5, 0.1)}, "high must be at least low=0.5"),
        (IID, {"failure_prob": 0.5}, "must be a distribution or a pair"),
        (IID, {"failure_prob": (0.1, 0.2, 0.3)}, "must be a distribution or a pair"),
        (IID, {"failure_prob": "much"}, "must be a distribution or a pair"),
        (IID, {"failure_prob": (0.0, np.nan)}, "high must be finite"),
        (IID, {"failure_prop": (0.0, 0.5)}, "did you mean 'failure_prob'?"),
        (IID, {3: (0.0, 0.5)}, "parameters must name parameters of ProbabilisticModel"),
        (IID, {"agent_ids": (0.0, 0.5)}, "choose from failure_prob, max_bandwidth"),
        (NEAR.model, {"falloff": (0.0, 0.5)}, "choose from distance_threshold, failure_prob"),
        (MODELS["delay"].model, {"max_delay": (1, 3)}, "choose from message_drop_probability"),
        (MatrixModel(matrix=np.ones((3, 3))), {"matrix": (0, 1)}, "MatrixModel has none"),
        (Chain(models=[IID]), {"failure_prob": (0, 1)}, "Chain has none"),
        (RANDOM, {"failure_prob": (0, 1)}, "RandomizedModel has none"),
        (
            FourStateModel(p13=0.1),
            {"p13": (0, 0.7), "p14": (0, 0.5)},
            "p13 + p14 must be at most 1",
        ),
        (FourStateModel(p13=0.1), {"p13": (0, 0.7), "p32": (0, 0.1)}, "with p31 = 1 - p13"),
        (IID, {}, "parameters must be {parameter: distribution}"),
        (IID, [("failure_prob", (0, 1))], "parameters must be {parameter: distribution}"),
        (IID, None, "parameters must be {parameter: distribution}"),
        ("loss", {"failure_prob": (0, 1)}, "model must be a CommunicationModel"),
    ],
)
def test_wrong_arguments_are_one_sentence(model, parameters, word):
    with pytest.raises(InvalidArgumentError) as caught:
        RandomizedModel(model=model, parameters=parameters)
    assert_one_sentence(caught.value, word)


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: Uniform(0, np.inf), "high must be finite"),
        (lambda: Uniform(0, 1e39), "high must be finite"),
        (lambda: Uniform("a", 1), "low must be finite"),
        (lambda: Uniform(2, 1), "high must be at least"),
        (lambda: LogUniform(0, 1), "low must be finite and greater than 0"),
        (lambda: LogUniform(1, np.nan), "high must be finite and greater than 0"),
        (lambda: LogUniform(2, 1), "high must be at least"),
        (lambda: OneOf([]), "values must be a list of numbers"),
        (lambda: OneOf(3), "values must be a list of numbers"),
        (lambda: OneOf(["a"]), "values must be a list of numbers"),
        (lambda: OneOf([0.1, np.nan]), "values must be a list of numbers"),
    ],
)
def test_wrong_distributions_are_one_sentence(make, word):
    with pytest.raises(InvalidArgumentError) as caught:
        make()
    assert_one_sentence(caught.value, word)


@given(
    st.floats(-1e6, 1e6),
    st.floats(0, 1e6),
    st.sampled_from([0.0, 2.0**-24, 0.3, 0.5, 1 - 2.0**-24]),
)
def test_quantiles_stay_within_the_ends_whatever_their_rounding(low, width, share):
    share = np.asarray([[share]], dtype=np.float32)
    high = low + width
    value = Uniform(low, high).quantile(share, np)
    assert np.float32(low) <= value <= np.float32(high)
    assert value.dtype == np.float32
    assert value == pytest.approx(low + width * share.item(), rel=1e-5, abs=1e-5 * (1 + abs(low)))
    if low > 1e-30:
        value = LogUniform(low, high).quantile(share, np)
        assert np.float32(low) <= value <= np.float32(high)


def test_one_of_several_numbers_has_its_equal_part():
    share = np.linspace(0, 1, 12, endpoint=False, dtype=np.float32).reshape(2, 6)
    values = OneOf((1.0, 2.0, 5.0)).quantile(share, np)
    np.testing.assert_array_equal(values.ravel(), np.repeat([1, 2, 5], 4))
    largest = np.full((1, 1), 1 - 2.0**-24, dtype=np.float32)
    for count in (1, 3, 7, 1000, 3_000_001):
        assert OneOf(np.arange(float(count))).quantile(largest, np) == count - 1


def test_messages_wait_for_a_capacity_that_is_drawn_as_long_as_for_one_that_is_given():
    slow = BandwidthModel(capacity=0.1, queue_length=50)
    drawn = RandomizedModel(
        model=replace(slow, capacity=1.0), parameters={"capacity": OneOf(values=[0.1])}
    )
    assert drawn.traits.queue == slow.traits.queue
    np.testing.assert_array_equal(play(drawn, rounds=700).sent, play(slow, rounds=700).sent)


@pytest.mark.parametrize("other", [Uniform(-1, 3), LogUniform(0.5, 4), OneOf([3.0, 1.0, 2.0])])
def test_descending_is_the_same_distribution_from_its_other_end(other):
    shares = (np.arange(2**12, dtype=np.float32) + 0.5) / 2**12
    ends = np.array([0, 1 - 2.0**-24], dtype=np.float32)
    up, down = other.quantile(shares, np), Descending(other).quantile(shares, np)
    assert np.allclose(np.sort(up), np.sort(down), atol=2e-3)
    assert np.allclose(other.quantile(ends, np), Descending(other).quantile(ends[::-1], np))


@pytest.mark.parametrize("severity", [0.0, 0.3, 1.0])
def test_milder_is_the_first_share_of_a_distribution(severity):
    shares = np.arange(2**12, dtype=np.float32) / 2**12
    milder = Milder(Uniform(1, 3), severity).quantile(shares, np)
    assert np.allclose(milder, 1 + 2 * severity * shares)
    assert set(Milder(OneOf([5.0, 1.0, 2.0, 0.0]), 0.5).quantile(shares, np)) == {5.0, 1.0}
    with pytest.raises(InvalidArgumentError, match="severity must lie"):
        Milder(Uniform(0, 1), 1.2)


def test_settings_of_an_episode_leave_what_is_said_beforehand():
    model = MODELS["bandwidth"]
    for settings in ({"severity": 0.2}, {"max_bandwidth": 0.5}, {"failure_prob": (0.1, 0.2)}):
        assert model.with_settings(settings).traits == model.traits
        assert model.with_settings(settings).name == model.name
    assert model.with_settings({"unknown": 3}) == model
    assert MODELS["scheduled"].with_settings({"severity": 0.5}).severity == 0.25
    mild = drawn(model.with_settings({"severity": 0.0}))
    assert (mild["max_bandwidth"].item(), mild["failure_prob"].item()) == (0.25, 0.0)
