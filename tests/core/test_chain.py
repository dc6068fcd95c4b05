"""A chain: the smallest capacity counts, delays and noise add, draws are each model's own."""

import dataclasses

import array_api_strict
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from failure_api.communication_models import (
    BandwidthModel,
    DelayBasedModel,
    DistanceModel,
    MatrixModel,
    ProbabilisticModel,
)
from failure_api.core import Chain
from failure_api.errors import InvalidArgumentError
from helpers import Scripted, assert_one_sentence, assert_same, off_diagonal, play

ROUNDS, AGENTS = 30, 4
POSITIONS = np.random.default_rng(1).random((ROUNDS, AGENTS, 2))
LOSSY = ProbabilisticModel(failure_prob=0.3)
LATE = DelayBasedModel(min_delay=0, max_delay=3, message_drop_probability=0.2)
NEAR = DistanceModel(distance_threshold=0.6, failure_prob=0.2)
GIVEN = MatrixModel(matrix=np.random.default_rng(2).random((3, AGENTS, AGENTS)) > 0.3)
QUIET = {
    ProbabilisticModel: ProbabilisticModel(failure_prob=0.0),
    DelayBasedModel: DelayBasedModel(min_delay=0, max_delay=0),
}
HALF = ProbabilisticModel(failure_prob=0.1, max_bandwidth=0.5)


def played(*models, **options):
    return play(*models, rounds=ROUNDS, agents=AGENTS, positions=POSITIONS, **options)


def test_no_models_change_nothing():
    links = played()
    assert off_diagonal(links.sends).all()
    for untouched in (links.capacity, links.lost, links.delay, links.noise, links.hears):
        assert untouched is None


@pytest.mark.parametrize("xp", [np, array_api_strict])
def test_the_smallest_capacity_counts_and_delays_and_noise_add(xp):
    one = Scripted(capacities=[0.5], delays=[2], noises=[0.25])
    other = Scripted(capacities=[0.75], delays=[3], noises=[0.5])
    links = play(one, other, xp=xp)
    assert (off_diagonal(links.capacity) == 0.5).all()
    assert (links.delay == 5).all()
    assert (links.noise == 0.75).all()


@pytest.mark.parametrize(
    "models",
    [(LOSSY, GIVEN), (LOSSY, NEAR, GIVEN), (HALF, LATE, LOSSY), (LATE, LATE, NEAR)],
    ids=lambda models: "+".join(type(model).__name__ for model in models),
)
def test_a_chain_does_all_that_each_model_does_alone(models):
    """What any of them loses is lost, the smallest capacity counts, and delays add."""
    whole = played(*models)
    alone = []
    for place, model in enumerate(models):
        # Earlier models of its class are made harmless, so that it keeps its stream.
        earlier = [QUIET[type(m)] for m in models[:place] if type(m) is type(model)]
        alone.append(played(*earlier, model))
    together = {"lost": np.logical_or, "capacity": np.minimum, "delay": np.add}
    for name, combine in together.items():
        said = [getattr(links, name) for links in alone if getattr(links, name) is not None]
        if said:
            np.testing.assert_array_equal(getattr(whole, name), combine.reduce(said))
        else:
            assert getattr(whole, name) is None


@settings(max_examples=25, deadline=None)
@given(order=st.permutations([LOSSY, GIVEN, NEAR, HALF]))
def test_the_order_of_pure_loss_models_of_different_classes_does_not_matter(order):
    # LOSSY and HALF are of one class: they keep their order so as to keep their streams.
    if order.index(HALF) < order.index(LOSSY):
        first, second = order.index(HALF), order.index(LOSSY)
        order[first], order[second] = LOSSY, HALF
    assert_same(played(*order), played(LOSSY, GIVEN, NEAR, HALF))


@pytest.mark.parametrize("other", [LATE, GIVEN, NEAR], ids=lambda model: model.name)
def test_another_kind_of_model_changes_no_draw_wherever_it_stands(other):
    alone = played(LOSSY).lost
    without_loss = played(other).lost
    for models in ((LOSSY, other), (other, LOSSY)):
        np.testing.assert_array_equal(played(*models).lost, alone | without_loss)


def test_moving_a_model_moves_no_draw_of_a_delay():
    np.testing.assert_array_equal(played(LATE).delay, played(LOSSY, GIVEN, LATE).delay)
    np.testing.assert_array_equal(played(LATE).delay, played(LATE, LOSSY).delay)


def test_two_models_of_one_class_draw_independently():
    both = play(LOSSY, LOSSY, rounds=200, agents=6)
    one = play(LOSSY, rounds=200, agents=6)
    assert (one.lost != both.lost).any()
    assert not (one.lost & ~both.lost).any()


@pytest.mark.parametrize(
    "nested",
    [
        (Chain(models=[LOSSY, LATE, NEAR]),),
        (LOSSY, Chain(models=[LATE, NEAR])),
        (Chain(models=[LOSSY, Chain(models=[LATE, Chain(models=[NEAR])])]), Chain(models=[])),
        (Chain(models=[Chain(models=[LOSSY])]), LATE, NEAR),
    ],
)
def test_a_nested_chain_flattens_and_draws_the_same(nested):
    assert Chain(models=nested) == Chain(models=[LOSSY, LATE, NEAR])
    assert_same(played(*nested), played(LOSSY, LATE, NEAR))


def test_a_chain_of_models_of_one_class_flattens_without_repeating_a_stream():
    nested = played(Chain(models=[LOSSY]), Chain(models=[LOSSY]))
    assert_same(nested, played(LOSSY, LOSSY))


def test_one_model_stands_for_a_list_of_one():
    assert Chain(models=LOSSY) == Chain(models=[LOSSY])


def test_a_chain_knows_what_its_models_need():
    chain = Chain(models=[LOSSY, LATE, NEAR, LATE])
    assert chain.traits.longest_delay == 6
    assert chain.traits.positions
    assert chain.needing_positions == "DistanceModel"
    assert not chain.traits.narrows
    assert Chain(models=[LOSSY, HALF]).traits.narrows
    assert not Chain(models=[LOSSY]).traits.positions
    assert Chain(models=[LOSSY]).needing_positions is None


@pytest.mark.parametrize("models", ["ab", None, 3, {"a": 3}, [3], [LOSSY, None], ["LOSSY"]])
def test_a_chain_holds_nothing_but_models(models):
    with pytest.raises(InvalidArgumentError) as caught:
        Chain(models=models)
    assert_one_sentence(caught.value, "failure_models")


def test_a_model_class_in_place_of_a_model_is_refused():
    with pytest.raises(InvalidArgumentError) as caught:
        Chain(models=[ProbabilisticModel])
    assert_one_sentence(caught.value, "failure_models")


def test_a_chain_has_no_scope_of_its_own():
    with pytest.raises(InvalidArgumentError) as caught:
        Chain(models=[LOSSY], agent_ids=["agent_0"])
    assert_one_sentence(caught.value, "agent_ids")


def test_a_named_model_draws_from_the_stream_of_its_name():
    named = Chain(models={"first": LOSSY, "second": LOSSY})
    assert named["second"] == LOSSY
    assert (played(named).lost != played(LOSSY, LOSSY).lost).any()
    # The name says where the stream is, so what stands before it does not.
    second = Chain(models={"second": LOSSY})
    alone = played(second).lost
    first = played(Chain(models={"first": LOSSY})).lost
    np.testing.assert_array_equal(played(named).lost, first | alone)


def test_names_survive_nesting_and_replacement():
    named = Chain(models=[Chain(models={"loss": LOSSY}), LATE])
    assert named.names == ("loss", None)
    assert dataclasses.replace(named) == named
    assert dataclasses.replace(named)["loss"] == LOSSY


@pytest.mark.parametrize(
    "make",
    [
        lambda: Chain(models={"": LOSSY}),
        lambda: Chain(models={3: LOSSY}),
        lambda: Chain(models=[LOSSY], names=("a", "b")),
        lambda: Chain(models=[LOSSY, LATE], names=("a", "a")),
        lambda: Chain(models={"loss": LOSSY})["lose"],
    ],
)
def test_a_name_that_cannot_be_is_one_sentence(make):
    with pytest.raises(InvalidArgumentError) as caught:
        make()
    assert_one_sentence(caught.value, "name")


def test_names_come_with_a_mapping_and_go_with_a_list():
    named = Chain(models={"loss": LOSSY})
    other = dataclasses.replace(named, models={"more": LOSSY})
    assert other.names == ("more",)
    unnamed = Chain(models=[LOSSY])
    assert unnamed.names is None
    assert len(dataclasses.replace(unnamed, models=[LOSSY, LOSSY]).parts) == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"models": {"radio": Chain(models=[LOSSY])}}, ["names", "'radio' for a chain"]),
        ({"models": [LOSSY], "names": 5}, ["names", "5"]),
        ({"models": [LOSSY], "names": {"a"}}, ["names"]),
        ({"models": [LOSSY], "names": ["a", "b"]}, ["names", "must be 1"]),
    ],
)
def test_names_that_would_be_lost_are_refused(arguments, words):
    with pytest.raises(InvalidArgumentError) as caught:
        Chain(**arguments)
    assert_one_sentence(caught.value, *words)


def test_a_chain_of_one_model_knows_what_that_knows():
    assert Chain(models=[LOSSY]).expected_loss() == LOSSY.expected_loss()
    assert Chain(models=[LOSSY]).expected_age() == LOSSY.expected_age()


def test_a_chain_of_independent_losses_knows_what_they_come_to():
    both = Chain(models=[LOSSY, ProbabilisticModel(failure_prob=0.5)])
    assert both.expected_loss() == pytest.approx(0.65)
    assert both.expected_burst_length() == pytest.approx(1 / 0.35)
    assert both.expected_age() == pytest.approx(0.65 / 0.35)
    later = Chain(models=[LOSSY, DelayBasedModel(min_delay=4, max_delay=4)])
    assert later.expected_loss() == pytest.approx(0.3)
    assert later.expected_age() == pytest.approx(4 + 0.3 / 0.7)


@pytest.mark.parametrize(
    "models",
    [
        # Two that go by the round may always meet, or never.
        [GIVEN, MatrixModel(matrix=[np.ones((4, 4)), np.zeros((4, 4))])],
        # What is lost before a queue makes room in it.
        [LOSSY, BandwidthModel(capacity=0.5)],
        # Other agents may be another team.
        [LOSSY, dataclasses.replace(LOSSY, agent_ids=["agent_0", "agent_1"])],
        [LOSSY, NEAR],
    ],
)
def test_a_chain_says_nothing_of_losses_that_concern_each_other(models):
    assert Chain(models=models).expected_loss() is None
